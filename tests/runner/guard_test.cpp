// The bytes of the guard protocol (docs/guard.md), spoken by hand.
#include "runner/guard.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "core/clock.hpp"
#include "core/json.hpp"
#include "runner/process.hpp"
#include "tests/runner/roles.hpp"

namespace oldiron::guard_test {
namespace {

constexpr double kPatience_s = 20;

/// A guard, and the two pipes that its parent holds.
struct Guard {
  explicit Guard(const std::vector<std::string>& argv, const std::string& mark = "none") {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const Descriptor lifeline_end(fcntl(ends[0], F_DUPFD_CLOEXEC, 10));
    close(ends[0]);
    lifeline = Descriptor(ends[1]);
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const Descriptor report_end(fcntl(ends[1], F_DUPFD_CLOEXEC, 10));
    close(ends[1]);
    report = Descriptor(ends[0]);
    Command command;
    command.argv = {"/proc/self/exe", "guard", "--"};
    command.argv.insert(command.argv.end(), argv.begin(), argv.end());
    command.env = {{test::kMark, mark}};
    process.emplace(command, std::vector<Process::Passed>{{lifeline_end.get(), 3}, {report_end.get(), 4}});
  }

  void say(char word) const { EXPECT_EQ(write(lifeline.get(), &word, 1), 1); }

  Json told() {
    std::string text;
    char bytes[4096];
    for (ssize_t got = 0; (got = read(report.get(), bytes, sizeof bytes)) > 0;)
      text.append(bytes, static_cast<std::size_t>(got));
    EXPECT_EQ(text.back(), '\n');
    return parse_json(text, "the report");
  }

  int exit_code() { return process->wait(now_s() + kPatience_s).value_or(ProcessEnd{}).exit_code; }

  Descriptor lifeline, report;
  std::optional<Process> process;
};

std::vector<std::string> shell(const std::string& script) { return {"/bin/sh", "-c", script}; }

TEST(Guard, ReportsOneLine) {
  Guard guard(shell("exit 3"));
  const Json report = guard.told();
  EXPECT_EQ(report.size(), 7u);
  EXPECT_GT(report.at("pid").get<int>(), 1);
  EXPECT_EQ(report.at("exit"), 3);
  EXPECT_EQ(report.at("signal"), 0);
  EXPECT_GT(report.at("max_rss_bytes").get<double>(), 100000);
  for (const char* time : {"user_s", "system_s", "wall_s"})
    EXPECT_GE(report.at(time).get<double>(), 0) << time;
  EXPECT_EQ(guard.exit_code(), 0);
}

TEST(Guard, TheChildHasDefaultSignals) {
  for (const auto& [name, number] :
       {std::pair("TERM", SIGTERM), {"INT", SIGINT}, {"HUP", SIGHUP}, {"PIPE", SIGPIPE}}) {
    Guard guard(shell(std::string("kill -") + name + " $$; exit 1"));
    const Json report = guard.told();
    EXPECT_EQ(report.at("exit"), -1) << name;
    EXPECT_EQ(report.at("signal"), number) << name;
  }
}

TEST(Guard, ALetterKills) {
  Guard guard(shell("sleep 1000"));
  guard.say('x');
  guard.say('\n');
  pollfd quiet = {guard.report.get(), POLLIN, 0};
  EXPECT_EQ(poll(&quiet, 1, 100), 0);  // other letters mean nothing
  guard.say('k');
  EXPECT_EQ(guard.told().at("signal"), SIGKILL);
  EXPECT_EQ(guard.exit_code(), 0);
}

TEST(Guard, TheEndOfTheLifelineKills) {
  Guard guard(shell("trap '' TERM HUP INT; sleep 1000 & sleep 1000"));
  guard.lifeline.close();
  EXPECT_EQ(guard.told().at("signal"), SIGKILL);
  EXPECT_EQ(guard.exit_code(), 0);
}

TEST(Guard, NobodyNeedsToHearTheReport) {
  const std::string mark = test::new_mark();
  Guard guard(shell("sleep 1000"), mark);
  guard.report.close();
  guard.lifeline.close();
  EXPECT_EQ(guard.exit_code(), 0);
  EXPECT_EQ(test::wait_for_marked(mark, 0, kPatience_s), 0);
}

TEST(Guard, SignalsDoNotMoveIt) {
  Guard guard(shell("echo up; sleep 0.3; exit 5"));
  pollfd started = {guard.process->out.get(), POLLIN, 0};
  EXPECT_EQ(poll(&started, 1, static_cast<int>(1e3 * kPatience_s)), 1);
  for (const int each : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) kill(guard.process->pid(), each);
  EXPECT_EQ(guard.told().at("exit"), 5);
}

TEST(Guard, LetsGoOfTheChildsStreams) {
  Guard guard(shell("exec >&- 2>&-; exec sleep 1000"));
  for (const Descriptor* each : {&guard.process->out, &guard.process->err}) {
    pollfd closed = {each->get(), POLLIN, 0};
    EXPECT_EQ(poll(&closed, 1, static_cast<int>(1e3 * kPatience_s)), 1);
    EXPECT_TRUE(closed.revents & POLLHUP);
  }
}

TEST(Guard, TheChildHasNeitherPipeOfTheProtocol) {
  Guard guard(shell("ls /proc/self/fd | tr '\\n' ' '"));
  guard.told();
  char bytes[256];
  const ssize_t got = read(guard.process->out.get(), bytes, sizeof bytes);
  ASSERT_GT(got, 0);
  EXPECT_EQ(std::string(bytes, static_cast<std::size_t>(got)), "0 1 2 3 ");  // 3 is the listing itself
}

TEST(Guard, TheTrialIsTheFirstToGoWhenMemoryRunsOut) {
  Guard guard(shell("exit $(($(cat /proc/self/oom_score_adj) / 10))"));
  EXPECT_EQ(guard.told().at("exit"), 50);
}

TEST(Guard, SaysWhyTheChildDidNotStart) {
  Guard guard({"/no/such/program"});
  EXPECT_EQ(guard.told(), Json({{"error", "cannot start /no/such/program: No such file or directory"}}));
  EXPECT_EQ(guard.exit_code(), 127);
}

TEST(Guard, StartedByHandItExplainsItself) {
  Command command;
  command.argv = {"/proc/self/exe", "guard", "--", "true"};
  EXPECT_EQ(Process(command).wait(now_s() + kPatience_s)->exit_code, 2);
}

}  // namespace
}  // namespace oldiron::guard_test
