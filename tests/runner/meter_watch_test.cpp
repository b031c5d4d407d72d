#include "runner/meter_watch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>

namespace oldiron::meter_watch_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(MeterWatch, ReadingsBelongToThePhaseTheyLieIn) {
  const std::vector<PhaseMark> marks = {{1, kPrefill}, {3, kPrefill}, {4, kDecode},
                                        {5, kDecode},  {7, kDecode},  {8, "verify_s/1"}};
  const std::vector<MeterReading> readings = {{0, 1, 10},       // before the first mark: who knows
                                              {1, 2, 150},      // prompt
                                              {2.5, 3.5, 140},  // astride
                                              {3.2, 3.8, 135},  // between two phases
                                              {4.5, 5.5, 120},  // astride two samples of decode
                                              {6, 7, 121},      // decode
                                              {7, 7.5, 99}};    // another metric's
  EXPECT_THAT(figures_between(readings, marks, kPrefill), ElementsAre(150));
  EXPECT_THAT(figures_between(readings, marks, kDecode), ElementsAre(120, 121));
  EXPECT_THAT(figures_between(readings, {}, kDecode), IsEmpty());
}

TEST(MeterWatch, PhasesOfASilentEngineAreReckonedFromItsEnd) {
  Trial trial;
  trial.spec.workload = {.prompt_tokens = 100, .generate_tokens = 50};
  trial.measurements = {summarise(kPrefill, "tokens/s", {50, 50}), summarise(kDecode, "tokens/s", {10, 10})};
  const std::vector<PhaseMark> marks = reckoned_marks(trial, 100);  // prompts took 4 s, tokens 10 s
  ASSERT_EQ(marks.size(), 4u);
  EXPECT_NEAR(marks[0].time_s, 86, 1e-9);
  EXPECT_NEAR(marks[1].time_s, 89.6, 1e-9);
  EXPECT_NEAR(marks[2].time_s, 90, 1e-9);
  EXPECT_NEAR(marks[3].time_s, 99, 1e-9);
  EXPECT_THAT(figures_between({{91, 92, 7}, {99, 100, 3}}, marks, kDecode), ElementsAre(7));
}

class Steps : public Meter {
 public:
  std::string name() const override { return "steps"; }

  double interval_s() const override { return 0.001; }

  Available<double> read() override {
    if (++readings_ % 2 == 0) return Available<double>::not_available("it stutters");
    return 42.0;
  }

  int readings() const { return readings_; }

 private:
  std::atomic<int> readings_{0};
};

TEST(MeterWatch, ReadsWhileATrialRuns) {
  Steps steps;
  MeterWatch watch(steps, kPrefillPower, kDecodePower, "W");
  Trial trial;
  watch.start();
  watch.mark(kDecode);
  for (const int before = steps.readings(); steps.readings() < before + 8;) std::this_thread::yield();
  watch.mark(kDecode);
  watch.finish(trial);
  ASSERT_NE(trial.find(kDecodePower), nullptr);
  EXPECT_EQ(trial.find(kDecodePower)->median, 42);
  EXPECT_EQ(trial.find(kDecodePower)->unit, "W");
  EXPECT_EQ(trial.find(kPrefillPower), nullptr);
}

TEST(MeterWatch, AnIdleMachine) {
  Steps steps;
  EXPECT_EQ(MeterWatch(steps, "", "", "W").idle("idle_power_w", 0.1).median, 42);
}

}  // namespace
}  // namespace oldiron::meter_watch_test
