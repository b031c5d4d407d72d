// What stands in front of a program, and what the program then finds around itself.
#include "runner/command_words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/resource.h>
#include <unistd.h>

#include "core/check.hpp"
#include "runner/guarded_child.hpp"

namespace oldiron::command_words_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string why_refused(const std::vector<std::string>& words) {
  try {
    command_of(words);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(CommandWords, VariablesAndStartersAreNotWords) {
  const Command command = command_of({"A=1", "GLIBC_TUNABLES=glibc.malloc.hugetlb=1", "numactl", "--interleave=0,1", "taskset", "-c", "0-2",
                                      "llama-bench", "B=2", "numactl"});
  EXPECT_THAT(command.argv, ElementsAre("llama-bench", "B=2", "numactl"));
  EXPECT_THAT(command.env, ElementsAre(testing::Pair("A", testing::Optional(std::string("1"))),
                                       testing::Pair("GLIBC_TUNABLES", testing::Optional(std::string("glibc.malloc.hugetlb=1")))));
  EXPECT_EQ(command.memory.kind, MemoryPolicy::Kind::interleave);
  EXPECT_THAT(command.memory.nodes, ElementsAre(0, 1));
  EXPECT_THAT(command.cpus, ElementsAre(0, 1, 2));
}

TEST(CommandWords, APathWithAnEqualsSignIsAProgram) {
  EXPECT_THAT(command_of({"/opt/x=1/llama-bench"}).argv, ElementsAre("/opt/x=1/llama-bench"));
  EXPECT_THAT(command_of({"1x=2"}).argv, ElementsAre("1x=2"));
}

TEST(CommandWords, WhatIsNotKnownIsRefused) {
  EXPECT_THAT(why_refused({"numactl", "--preferred=1", "x"}), HasSubstr("--preferred=1: only --interleave="));
  EXPECT_THAT(why_refused({"numactl", "--membind=", "x"}), HasSubstr("no list of nodes"));
  EXPECT_THAT(why_refused({"A=1"}), HasSubstr("without a program"));
}

TEST(CommandWords, NiceIsPlacedAsNumactlAndTasksetAre) {
  Command command;
  place({"nice", {"-n", "5"}}, command);
  place({"taskset", {"0x3"}}, command);
  place({"numactl", {"-m", "0"}}, command);
  EXPECT_EQ(command.nice, 5);
  EXPECT_THAT(command.cpus, ElementsAre(0, 1));
  EXPECT_EQ(command.memory.kind, MemoryPolicy::Kind::bind);
  EXPECT_THROW(place({"nice", {"-n", "x"}}, command), Error);
  command = {.argv = {"/bin/sh", "-c", "sleep 0.1; nice"}, .nice = 5};
  EXPECT_EQ(run_command(command, 20, OLDIRON_BINARY).out.text(), std::to_string(5 + getpriority(PRIO_PROCESS, 0)) + "\n");
}

/// By the kernel's own words: neither numactl nor taskset is asked, and they need not be there.
TEST(CommandWords, TheProgramFindsThemDone) {
  const auto told = [](std::vector<std::string> front, const char* script) {
    front.insert(front.end(), {"/bin/sh", "-c", script});
    const CommandResult result = run_command(command_of(front), 20, OLDIRON_BINARY);
    return result.out.text() + result.err.text();
  };
  EXPECT_EQ(told({"OLDIRON_SAID=so"}, "echo $OLDIRON_SAID"), "so\n");
  EXPECT_EQ(told({"taskset", "-c", "0"}, "grep -o 'Cpus_allowed_list.*' /proc/self/status"), "Cpus_allowed_list:\t0\n");
  if (access("/proc/self/numa_maps", F_OK) != 0) GTEST_SKIP() << "this kernel has no NUMA";
  EXPECT_THAT(told({"numactl", "--interleave=all"}, "grep heap /proc/self/numa_maps"), HasSubstr(" interleave:0"));
  EXPECT_THAT(told({"numactl", "--membind=0"}, "grep heap /proc/self/numa_maps"), HasSubstr(" bind:0"));
  EXPECT_THAT(told({}, "grep heap /proc/self/numa_maps"), HasSubstr(" default"));
}

}  // namespace
}  // namespace oldiron::command_words_test
