#include "runner/process.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "core/check.hpp"
#include "core/clock.hpp"

namespace oldiron::process_test {
namespace {

constexpr double kPatience_s = 20;

std::string all_of(Process& process) {
  std::string text;
  char bytes[4096];
  while (process.wait(now_s() + kPatience_s) && process.out) {
    const ssize_t got = read(process.out.get(), bytes, sizeof bytes);
    if (got <= 0) break;
    text.append(bytes, static_cast<std::size_t>(got));
  }
  return text;
}

Command shell(const std::string& script) {
  Command command;
  command.argv = {"/bin/sh", "-c", script};
  return command;
}

TEST(Process, RunsInASurroundingOfItsOwn) {
  setenv("OLDIRON_GONE", "x", 1);
  Command command = shell("echo $OLDIRON_NEW-$OLDIRON_GONE-; pwd");
  command.env = {{"OLDIRON_NEW", "new"}, {"OLDIRON_GONE", std::nullopt}};
  command.folder = "/proc";
  Process process(command);
  EXPECT_EQ(all_of(process), "new--\n/proc\n");
  EXPECT_EQ(process.wait(0)->exit_code, 0);
}

TEST(Process, LeadsItsOwnSessionWithDefaultSignals) {
  signal(SIGUSR1, SIG_IGN);
  Process process(shell("ps -o sid= -p $$ | tr -d ' '; kill -USR1 $$; echo not reached"));
  signal(SIGUSR1, SIG_DFL);
  EXPECT_EQ(all_of(process), std::to_string(process.pid()) + "\n");
  EXPECT_EQ(process.wait(now_s() + kPatience_s)->signal, SIGUSR1);
}

TEST(Process, StaysOnItsCpusAndLeavesOursAlone) {
  cpu_set_t before, after;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  int last = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(static_cast<unsigned>(cpu), &before)) last = cpu;
  Command command = shell("grep Cpus_allowed_list /proc/self/status");
  command.cpus = {last};
  Process process(command);
  EXPECT_EQ(all_of(process), "Cpus_allowed_list:\t" + std::to_string(last) + "\n");
  ASSERT_EQ(sched_getaffinity(0, sizeof after, &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

TEST(Process, InheritsNoDescriptorButThoseNamed) {
  const std::string path = testing::TempDir() + "oldiron_descriptors";
  const int leaky = dup(1);  // without close-on-exec, as a careless library would
  ASSERT_GE(leaky, 3);
  Process process(shell("ls /proc/self/fd | tr '\\n' ' '"));
  ::close(leaky);
  EXPECT_EQ(all_of(process), "0 1 2 3 ");  // 3 is the listing itself
}

TEST(Process, WritesToFilesAndReadsFromThem) {
  const std::string path = testing::TempDir() + "oldiron_redirect";
  Command command = shell("echo out; echo err >&2");
  command.out = {Redirect::Kind::file, path};
  command.err = {Redirect::Kind::null};
  EXPECT_EQ(Process(command).wait(now_s() + kPatience_s)->exit_code, 0);
  command = shell("cat");
  command.in = {Redirect::Kind::file, path};
  Process reader(command);
  EXPECT_EQ(all_of(reader), "out\n");
  std::filesystem::remove(path);
}

TEST(Process, SaysWhatCannotBeStarted) {
  Command command;
  command.argv = {"/no/such/program"};
  EXPECT_THROW(Process{command}, Error);
  command = shell("true");
  command.out = {Redirect::Kind::file, "/no/such/folder/file"};
  EXPECT_THROW(Process{command}, Error);
}

TEST(Process, DeadlineLeavesItRunningAndTheDestructorKillsTheGroup) {
  pid_t pid = 0;
  {
    Process process(shell("sleep 1000 & wait"));
    pid = process.pid();
    EXPECT_FALSE(process.wait(now_s() + 0.05));
    EXPECT_EQ(kill(-pid, 0), 0);
  }
  EXPECT_NE(kill(pid, 0), 0);
}

TEST(Output, KeepsHeadAndTail) {
  Output output(10, 20);
  for (int i = 0; i < 1000; ++i) output.append("line " + std::to_string(i) + "\n");
  const std::string text = output.text();
  EXPECT_EQ(text.rfind("line 0\nlin\n[", 0), 0u) << text;
  EXPECT_NE(text.find(" bytes left out]\n"), std::string::npos) << text;
  EXPECT_EQ(text.substr(text.size() - 9), "line 999\n");
  EXPECT_LT(text.size(), 100u);
  EXPECT_GT(output.dropped_bytes(), 8000);
}

TEST(Output, IsWholeWhileShort) {
  Output output(10, 20);
  output.append("0123456789");
  output.append("abcdefghijklmnopqrst");
  EXPECT_EQ(output.text(), "0123456789abcdefghijklmnopqrst");
  EXPECT_EQ(output.dropped_bytes(), 0);
}

}  // namespace
}  // namespace oldiron::process_test
