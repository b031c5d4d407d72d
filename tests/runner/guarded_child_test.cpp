// The guard protocol, both sides, with real processes: whatever happens to a trial or to us, nothing stays
// behind.
#include "runner/guarded_child.hpp"

#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>

#include "core/clock.hpp"
#include "runner/signals.hpp"
#include "tests/runner/roles.hpp"

namespace oldiron::guarded_child_test {
namespace {

using test::kMark;

constexpr double kPatience_s = 20;

Command engine(const std::string& fail, std::vector<std::string> more = {}) {
  Command command;
  command.argv = {OLDIRON_FAKE_ENGINE, "-o", "json", "--fake-fail=" + fail};
  command.argv.insert(command.argv.end(), more.begin(), more.end());
  return command;
}

Command shell(const std::string& script) {
  Command command;
  command.argv = {"/bin/sh", "-c", script};
  return command;
}

int open_descriptors() {
  int count = 0;
  DIR* folder = opendir("/proc/self/fd");
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count;
}

TEST(GuardedChild, TellsHowItWent) {
  const CommandResult result = run_command(engine("none"), kPatience_s);
  EXPECT_TRUE(result.end.ok()) << how_it_ended(result.end);
  EXPECT_FALSE(result.timed_out);
  EXPECT_EQ(result.out.text().substr(0, 2), "[\n");
  EXPECT_EQ(result.err.text(), "fake_engine: model loaded\n");
  EXPECT_GT(result.end.max_rss_bytes, 100000);
  EXPECT_GT(result.end.wall_s, 0);
  EXPECT_EQ(how_it_ended(result.end), "exited with code 0");
}

TEST(GuardedChild, EveryEndHasASentence) {
  const std::pair<const char*, const char*> ends[] = {
      {"segv", "died by SIGSEGV: it crashed"},
      {"ill", "died by SIGILL: it uses an instruction that this CPU or hypervisor lacks"},
      {"abort", "died by SIGABRT: it gave up by itself"},
      {"kill", "died by SIGKILL: killed from outside, as the kernel does when memory runs out"},
      {"exit", "exited with code 1"}};
  for (const auto& [fail, sentence] : ends) {
    const CommandResult result = run_command(engine(fail), kPatience_s);
    EXPECT_FALSE(result.end.ok());
    EXPECT_EQ(how_it_ended(result.end), sentence);
  }
  EXPECT_EQ(how_it_ended(run_command(shell("exit 137"), kPatience_s).end),
            "exited with code 137, as after SIGKILL, which the kernel sends when memory runs out");
}

TEST(GuardedChild, SaysWhatCannotBeStarted) {
  Command command;
  command.argv = {"/no/such/engine"};
  const CommandResult result = run_command(command, kPatience_s);
  EXPECT_EQ(how_it_ended(result.end), "did not run: cannot start /no/such/engine: No such file or directory");
}

TEST(GuardedChild, DeadlineKillsAHangingEngineAndItsOffspring) {
  Command command = engine("ignore_term,fork,setsid,hang");
  const std::string mark = test::new_mark();
  command.env = {{kMark, mark}};
  const CommandResult result = run_command(command, 0.2);
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(how_it_ended(result.end), "was stopped by us");
  EXPECT_EQ(test::marked_processes(mark).size(), 0u);
}

TEST(GuardedChild, AChildThatEndsLeavesNothingBehind) {
  for (const char* fail : {"fork", "setsid", "fork,setsid,segv"}) {
    Command command = engine(fail);
    const std::string mark = test::new_mark();
    command.env = {{kMark, mark}};
    const CommandResult result = run_command(command, kPatience_s);
    EXPECT_FALSE(result.timed_out) << fail;
    EXPECT_EQ(test::marked_processes(mark).size(), 0u) << fail;
  }
}

TEST(GuardedChild, GenerationsOfOrphansAreFound) {
  // Each generation makes the next in a session of its own and ends; the last sleeps, an orphan of orphans.
  Command command = shell("setsid sh -c 'setsid sh -c \"echo deep; exec sleep 1000\" & exit 0' & sleep 1000");
  const std::string mark = test::new_mark();
  command.env = {{kMark, mark}};
  {
    GuardedChild child(command);
    EXPECT_EQ(child.read_line(now_s() + kPatience_s), "deep");
    EXPECT_GE(test::marked_processes(mark).size(),
              3u);  // the guard, the first shell or its sleep, the orphan
  }
  EXPECT_EQ(test::marked_processes(mark).size(), 0u);
}

TEST(GuardedChild, FloodsDoNotBlockAndAreCapped) {
  const CommandResult result =
      run_command(engine("babble,babble_out", {"--fake-bytes=30000000"}), kPatience_s);
  EXPECT_TRUE(result.end.ok()) << how_it_ended(result.end);
  for (const Output* each : {&result.out, &result.err}) {
    EXPECT_GT(each->dropped_bytes(), 20000000);
    EXPECT_LT(each->text().size(), 3000000u);
  }
  EXPECT_NE(result.out.text().find("samples_ts"), std::string::npos);  // the tail is kept
}

TEST(GuardedChild, SpeaksByLines) {
  Command command = shell("while read line; do echo \"<$line>\"; echo noise >&2; done; echo end");
  command.in = {Redirect::Kind::pipe};
  GuardedChild child(command);
  for (const char* word : {"one", "two", "three"}) {
    EXPECT_TRUE(child.write_line(word, now_s() + kPatience_s));
    EXPECT_EQ(child.read_line(now_s() + kPatience_s), "<" + std::string(word) + ">");
  }
  EXPECT_EQ(child.read_line(now_s() + 0.02), std::nullopt);
  EXPECT_FALSE(child.end());
  child.close_input();
  EXPECT_EQ(child.read_line(now_s() + kPatience_s), "end");
  EXPECT_EQ(child.read_line(now_s() + kPatience_s), std::nullopt);
  ASSERT_TRUE(child.end());
  EXPECT_TRUE(child.end()->ok());
}

TEST(GuardedChild, ALongLineToADeafOrDeadChildIsNotTaken) {
  Command command = shell("sleep 1000");
  command.in = {Redirect::Kind::pipe};
  GuardedChild deaf(command);
  EXPECT_FALSE(deaf.write_line(std::string(10 << 20, 'x'), now_s() + 0.1));
  command.argv = {"/bin/true"};
  GuardedChild dead(command);
  EXPECT_FALSE(dead.write_line(std::string(10 << 20, 'x'), now_s() + kPatience_s));
}

TEST(GuardedChild, ALineWithoutEndIsStopped) {
  GuardedChild child(shell("exec tr '\\0' x < /dev/zero"));
  EXPECT_EQ(child.read_line(now_s() + kPatience_s), std::nullopt);
  ASSERT_TRUE(child.end());
  EXPECT_EQ(how_it_ended(*child.end()), "did not run: it wrote a line without an end");
}

TEST(GuardedChild, LeavesNoDescriptorAndNoZombie) {
  run_command(engine("none"), kPatience_s);
  const int before = open_descriptors();
  for (const char* fail : {"none", "fork", "segv", "hang"}) run_command(engine(fail), 0.3);
  Command nowhere;
  nowhere.argv = {"/no/such/engine"};
  run_command(nowhere, kPatience_s);
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST(GuardedChild, ALostGuardTakesItsChildAlong) {
  Command command = engine("hang");
  const std::string mark = test::new_mark();
  command.env = {{kMark, mark}};
  GuardedChild child(command);
  ASSERT_EQ(test::wait_for_marked(mark, 2, kPatience_s), 2);
  for (const int pid : test::marked_processes(mark))
    if (getpgid(pid) == getsid(pid)) ::kill(pid, SIGKILL);  // the session's leader is the guard
  const auto end = child.wait(now_s() + kPatience_s);
  ASSERT_TRUE(end);
  EXPECT_EQ(how_it_ended(*end), "did not run: its guard process was killed");
  EXPECT_EQ(test::wait_for_marked(mark, 0, kPatience_s), 0);
}

/// Starts ourselves as the owner of an engine with offspring, lets `signal_number` end the owner, and returns
/// how it ended.
ProcessEnd end_of_holder(int signal_number, const std::string& mark, const char* role = "holder") {
  Command command;
  command.argv = {"/proc/self/exe", role, OLDIRON_FAKE_ENGINE, "--fake-fail=ignore_term,fork,setsid,hang"};
  command.env = {{kMark, mark}};
  Process holder(command);
  // The holder, the guard, the engine and its two children.
  EXPECT_EQ(test::wait_for_marked(mark, 5, kPatience_s), 5);
  ::kill(holder.pid(), signal_number);
  const auto end = holder.wait(now_s() + kPatience_s);
  EXPECT_TRUE(end);
  return end.value_or(ProcessEnd{});
}

TEST(GuardedChild, NothingSurvivesItsParentKilled) {
  const std::string mark = test::new_mark();
  EXPECT_EQ(end_of_holder(SIGKILL, mark).signal, SIGKILL);
  EXPECT_EQ(test::wait_for_marked(mark, 0, kPatience_s), 0);
}

TEST(GuardedChild, NothingSurvivesItsParentInterrupted) {
  for (const int each : {SIGINT, SIGHUP, SIGTERM}) {
    const std::string mark = test::new_mark();
    EXPECT_EQ(end_of_holder(each, mark).exit_code, kExitInterrupted);
    EXPECT_EQ(test::wait_for_marked(mark, 0, kPatience_s), 0);
  }
}

TEST(GuardedChild, AnInterruptedCommandThatDoesNotListenEndsAllTheSame) {
  const std::string mark = test::new_mark();
  EXPECT_EQ(end_of_holder(SIGINT, mark, "deaf holder").exit_code, kExitInterrupted);
  EXPECT_EQ(test::wait_for_marked(mark, 0, kPatience_s), 0);
}

}  // namespace
}  // namespace oldiron::guarded_child_test
