#include "runner/run_trial.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/text.hpp"

namespace oldiron::run_trial_test {
namespace {

/// Answers at once, and remembers what was asked of it.
class QuickEngine : public TrialEngine {
 public:
  Trial run(const TrialSpec& spec) override {
    ++runs;
    Trial trial;
    trial.spec = spec;
    trial.status = status;
    trial.provenance.load_s = load_s;
    trial.measurements = {summarise(kDecode, "tokens/s", {7.5, 7.6, 7.4})};
    cpu_s += 10;
    return trial;
  }

  std::string version() override { return "quick 1"; }

  std::int64_t held_bytes(const TrialSpec&) const override { return held; }

  double running_cpu_s() const override { return cpu_s; }

  bool watches_samples() const override { return watches; }

  void retire() override { ++retired; }

  int runs = 0, retired = 0;
  std::int64_t held = 0;
  double cpu_s = 0, load_s = 0;
  Status status = Status::ok;
  bool watches = false;
};

struct RunTrial : testing::Test {
  RunTrial() {
    auto owned = std::make_unique<QuickEngine>();
    engine = owned.get();
    engines.add(Engine::oldiron, "", std::move(owned));
    context.machine_fingerprint = "machine";
    context.model_fingerprint = "model";
    context.read_state = [this] { return state; };
    context.read_noise = [this] {
      NoiseSnapshot now = noise;
      if (snapshots++ > 0) now = noise_after;
      return now;
    };
    state.memory_available_bytes = 10'000'000'000;
    noise_after.time_s = 10;
    noise_after.busy_s = 10;  // all of it the engine's
  }

  Trial run() { return run_trial(spec, engines, context); }

  EngineSet engines;
  QuickEngine* engine = nullptr;
  TrialContext context;
  TrialSpec spec;
  MachineState state;
  NoiseSnapshot noise, noise_after;
  int snapshots = 0;
};

TEST_F(RunTrial, FillsProvenance) {
  const Trial trial = run();
  EXPECT_EQ(trial.status, Status::ok) << trial.reason;
  EXPECT_EQ(trial.spec, spec);
  EXPECT_EQ(trial.provenance.engine_version, "quick 1");
  EXPECT_EQ(trial.provenance.machine_fingerprint, "machine");
  EXPECT_EQ(trial.provenance.model_fingerprint, "model");
  EXPECT_EQ(trial.provenance.before.memory_available_bytes, 10'000'000'000);
  EXPECT_EQ(trial.provenance.started.size(), std::string("2026-11-20T18:53:10Z").size());
  EXPECT_GE(trial.provenance.wall_s, 0);
}

TEST_F(RunTrial, MoreThreadsThanTheQuotaAreNotStarted) {
  spec.config.decode_threads = 4;
  state.cpu_quota = 4;
  EXPECT_EQ(run().status, Status::ok);
  state.cpu_quota = 2.5;  // lowered between two trials
  const Trial trial = run();
  EXPECT_EQ(trial.status, Status::unsupported);
  EXPECT_EQ(trial.reason,
            "4 threads are more than the cgroup's CPU quota of 2.5 lets run at once: use 2, or raise the quota "
            "(cpu.max, in version 1 cpu.cfs_quota_us)");
  EXPECT_EQ(engine->runs, 1);
}

TEST_F(RunTrial, WhatDoesNotFitIsNotStarted) {
  context.needs_bytes = 14'000'000'000;
  const Trial trial = run();
  EXPECT_EQ(trial.status, Status::unsupported);
  EXPECT_EQ(trial.reason, "it needs 14.0 GB of memory and has " +
                              bytes_text(static_cast<double>(usable_memory_bytes(state))));
  EXPECT_EQ(engine->runs, 0);
  EXPECT_EQ(trial.provenance.machine_fingerprint, "machine");
}

TEST_F(RunTrial, WhatTheEngineHoldsCountsAsFree) {
  context.needs_bytes = 14'000'000'000;
  engine->held = 5'000'000'000;
  EXPECT_EQ(run().status, Status::ok);
}

TEST_F(RunTrial, TheLeastMemoryDecides) {
  context.needs_bytes = 5'000'000'000;
  state.cgroup_memory_free_bytes = 4'000'000'000;
  EXPECT_EQ(run().status, Status::unsupported);
  state.cgroup_memory_free_bytes = -1;
  EXPECT_EQ(run().status, Status::ok);
}

TEST_F(RunTrial, AnEngineThatIsNotThereIsUnsupported) {
  spec.engine = Engine::ik_llama;
  spec.engine_dir = "/opt/engines";
  const Trial trial = run();
  EXPECT_EQ(trial.status, Status::unsupported);
  EXPECT_EQ(trial.reason, "ik_llama.cpp was not found in `/opt/engines`: name its folder with --engine");
}

TEST_F(RunTrial, OnlyOneEngineHoldsMemory) {
  auto owned = std::make_unique<QuickEngine>();
  QuickEngine* foreign = owned.get();
  engines.add(Engine::ik_llama, "/opt/engines", std::move(owned));
  spec.engine = Engine::ik_llama;
  spec.engine_dir = "/opt/engines";
  EXPECT_EQ(run().status, Status::ok);
  EXPECT_EQ(engine->retired, 1);
  EXPECT_EQ(foreign->retired, 0);
  EXPECT_EQ(foreign->runs, 1);
}

TEST_F(RunTrial, ADisturbedTrialIsNoisyAndSaysWhy) {
  noise_after.steal_s = 1;
  noise_after.busy_s = 15;  // 5 s in 10 s of others
  const Trial trial = run();
  EXPECT_EQ(trial.status, Status::noisy);
  EXPECT_THAT(trial.reason, testing::HasSubstr("steal"));
  EXPECT_THAT(trial.reason, testing::HasSubstr("0.5 CPUs"));
  EXPECT_THAT(trial.measurements[0].tags, testing::Contains(testing::HasSubstr("steal")));
  EXPECT_EQ(trial.measurements[0].median, 7.5);
  EXPECT_NEAR(trial.provenance.after.other_cpu_fraction, 0.5, 1e-9);
  EXPECT_GT(trial.provenance.after.steal_fraction, 0.05);
}

TEST_F(RunTrial, AFailedTrialStaysFailedThoughTheMachineWasNoisy) {
  noise_after.steal_s = 1;
  engine->status = Status::failed;
  const Trial trial = run();
  EXPECT_EQ(trial.status, Status::failed);
  EXPECT_THAT(trial.measurements[0].tags, testing::Contains(testing::HasSubstr("steal")));
}

TEST_F(RunTrial, WhoWatchesItsSamplesIsNotJudgedAsAWhole) {
  noise_after.steal_s = 1;
  engine->watches = true;
  EXPECT_EQ(run().status, Status::ok);
}

TEST_F(RunTrial, WaitsForQuietAndSaysUnderWhichLoadItRan) {
  NoiseSnapshot busy;
  NoiseGate gate(1, {.noise = [&] { return busy; },
                     .processes = [] { return std::vector<ProcessTime>{}; },
                     .sleep = [&](double seconds) { busy.time_s += seconds, busy.busy_s += seconds; }});
  context.gate = &gate;
  const Trial trial = run();
  EXPECT_EQ(trial.status, Status::ok);
  EXPECT_THAT(trial.measurements[0].tags, testing::Contains(testing::StartsWith("under this load: neighbour: other processes")));
}

TEST_F(RunTrial, PagesReadByTheLoadAreNoNoise) {
  noise_after.major_faults = 100000;
  engine->load_s = 3;
  EXPECT_EQ(run().status, Status::ok);
  engine->load_s = 0;
  snapshots = 0;
  noise.own_s = -10;  // the engine's clock goes on from the first run
  EXPECT_EQ(run().status, Status::noisy);
}

TEST_F(RunTrial, ReadsThisMachineIfNotTold) {
  context.read_state = nullptr;
  context.read_noise = nullptr;
  const Trial trial = run();
  EXPECT_GT(trial.provenance.before.memory_available_bytes, 0);
}

}  // namespace
}  // namespace oldiron::run_trial_test
