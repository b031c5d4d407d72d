#include "runner/noise_gate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace oldiron::noise_gate_test {
namespace {

using testing::HasSubstr;

/// Time that passes only while the gate sleeps; others use so many CPUs until `quiet_s`.
struct NoiseGateTest : testing::Test {
  NoiseGate gate(double patience_s) {
    return NoiseGate(patience_s, {.noise = [this] { return now; },
                                  .processes = [this] { return processes; },
                                  .sleep =
                                      [this](double seconds) {
                                        now.time_s += seconds;
                                        if (now.time_s >= quiet_s) return;
                                        now.busy_s += 0.9 * seconds;
                                        processes[0].cpu_s += 0.9 * seconds;
                                      }});
  }

  NoiseSnapshot now;
  std::vector<ProcessTime> processes = {{.pid = 7, .name = "compiler"}};
  double quiet_s = 0;
};

TEST_F(NoiseGateTest, a_quiet_machine_costs_one_look) {
  NoiseGate open = gate(30);
  const NoiseGate::Look look = open.wait();
  EXPECT_LT(look.waited_s, 1);
  EXPECT_EQ(look.load, "");
}

TEST_F(NoiseGateTest, waits_until_it_is_quiet) {
  quiet_s = 12;
  NoiseGate closed = gate(30);
  const NoiseGate::Look look = closed.wait();
  EXPECT_GE(look.waited_s, 12);
  EXPECT_LT(look.waited_s, 13);
  EXPECT_EQ(look.load, "");
}

TEST_F(NoiseGateTest, goes_on_after_its_patience_and_says_under_which_load) {
  quiet_s = 1000;
  NoiseGate busy = gate(30);
  const NoiseGate::Look look = busy.wait();
  EXPECT_GT(look.waited_s, 29);
  EXPECT_LE(look.waited_s, 30);
  EXPECT_EQ(look.load, "neighbour: other processes used 0.9 CPUs, most of it compiler (pid 7)");
  EXPECT_EQ(load_tag(look), "under this load: " + look.load + "; it was not quiet within 30.0 s");
}

TEST_F(NoiseGateTest, does_not_wait_long_again_and_again_for_what_never_ends) {
  quiet_s = 1000;
  NoiseGate busy = gate(30);
  busy.wait();
  EXPECT_LE(busy.wait().waited_s, 1);
  quiet_s = now.time_s;
  EXPECT_EQ(busy.wait().load, "");
  quiet_s = now.time_s + 10;
  EXPECT_GE(busy.wait().waited_s, 10) << "once it was quiet it may be so again";
}

TEST_F(NoiseGateTest, what_our_own_worker_does_is_no_load) {
  quiet_s = 1000;
  NoiseGate own = gate(30);
  EXPECT_EQ(own.wait([this] { return now.busy_s; }).load, "");
}

}  // namespace
}  // namespace oldiron::noise_gate_test
