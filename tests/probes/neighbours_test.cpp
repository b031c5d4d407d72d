#include "probes/neighbours.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace oldiron::neighbours_test {
namespace {

TEST(Neighbours, reads_a_line_with_a_name_full_of_brackets) {
  const ProcessTime process = parse_process(
      "4121 (tmux: (a) b) S 1 4121 4121 0 -1 4194560 2108 1 2 3 250 50 7 8 20 0 1 0 3023 13709312 1196 1844 "
      "1 2 3 4 5\n");
  EXPECT_EQ(process.pid, 4121);
  EXPECT_EQ(process.name, "tmux: (a) b");
  EXPECT_DOUBLE_EQ(process.cpu_s, 300.0 / static_cast<double>(sysconf(_SC_CLK_TCK)));
  EXPECT_EQ(process.resident_bytes, 1196 * sysconf(_SC_PAGESIZE));
}

TEST(Neighbours, what_is_no_line_is_nobody) {
  EXPECT_EQ(parse_process(""), ProcessTime{});
  EXPECT_EQ(parse_process("12 (cut"), ProcessTime{});
  EXPECT_EQ(parse_process("12 (cut) S 1 2"), ProcessTime{});
}

TEST(Neighbours, the_busiest_of_an_interval) {
  const std::vector<ProcessTime> before = {{.pid = 1, .name = "init", .cpu_s = 500},
                                           {.pid = 2, .name = "spinner", .cpu_s = 3}};
  std::vector<ProcessTime> after = {{.pid = 1, .name = "init", .cpu_s = 500.01},
                                    {.pid = 2, .name = "spinner", .cpu_s = 4.6, .resident_bytes = 4096},
                                    {.pid = 3, .name = "new", .cpu_s = 1.2}};
  const Neighbour busiest = busiest_between(before, after, 2);
  EXPECT_EQ(busiest.name, "spinner");
  EXPECT_EQ(busiest.pid, 2);
  EXPECT_NEAR(busiest.cpus, 0.8, 1e-9);
  EXPECT_EQ(busiest.resident_bytes, 4096);
  after[2].resident_bytes = kHog_bytes;
  EXPECT_EQ(busiest_between(before, after, 2).name, "new")
      << "who holds much disturbs more than who runs more";
  after.resize(1);
  EXPECT_EQ(busiest_between(before, after, 2), Neighbour{}) << "a hundredth of a CPU is nobody";
}

TEST(Neighbours, this_process_is_not_its_own_neighbour) {
  const auto ours = [](const ProcessTime& process) { return process.pid == getpid(); };
  const std::vector<ProcessTime> processes = read_processes();
  EXPECT_TRUE(std::none_of(processes.begin(), processes.end(), ours));
}

}  // namespace
}  // namespace oldiron::neighbours_test
