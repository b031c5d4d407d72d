// A tune on an engine of known speeds: killed, interrupted, and given trials that fail.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "core/machine.hpp"
#include "tests/app/program.hpp"
#include "tuner/journal.hpp"

namespace oldiron::test::resume_test {
namespace {

using testing::HasSubstr;

/// A folder with a llama-bench of known speeds, and the tunes made with it.
class FakeEngine {
 public:
  explicit FakeEngine(const std::string& settings = "") {
    fs::create_directory(folder_ / "engine");
    fs::create_symlink(OLDIRON_FAKE_ENGINE, folder_ / "engine/llama-bench");
    set(settings);
  }

  void set(const std::string& settings) const {
    write_file(folder_ / "engine/fake_engine.conf", "log=" + folder_ / "log" + "\n" + settings);
  }

  /// The arguments of every run of a test so far.
  std::vector<std::string> launches() const {
    std::vector<std::string> lines;
    std::istringstream log(fs::exists(folder_ / "log") ? read_file(folder_ / "log") : "");
    for (std::string line; std::getline(log, line);) lines.push_back(line);
    return lines;
  }

  std::string out() const { return folder_ / "out"; }

  std::vector<std::string> tune(std::vector<std::string> more = {"--max-trials", "12"}) const {
    more.insert(more.begin(),
                {"tune", kTinyModel, "--engine", folder_ / "engine", "--out", out(), "--budget", "20h", "--quiet-wait", "0"});
    return more;
  }

  Json report() const { return read_json(out() + "/report.json"); }

 private:
  Folder folder_;
};

/// What of a report must not depend on when it was made: the answers and all that was measured. (The wall is:
/// memory is read again after the last trial.)
Json findings(const Json& report) {
  Json found = {{"answer", report.at("answer")},
                {"effects", report.at("effects")},
                {"not_tried", report.at("not_tried")}};
  for (const char* which : {"lossless", "lossy", "default"}) {
    Json& answer = found["answer"][which];
    if (answer.is_null()) continue;
    for (const char* key : {"load_s", "memory_bytes", "flags", "wall"}) answer.erase(key);
    for (const char* key : {"decode_tokens_per_s", "prefill_tokens_per_s", "turn_s"})
      answer[key].erase("tags");
  }
  for (const Json& trial : report.at("trials")) {
    Json samples;
    for (const Json& measurement : trial.at("measurements")) samples.push_back(measurement.at("samples"));
    found["trials"].push_back({trial.at("spec").at("config"), trial.at("spec").at("workload"), samples});
  }
  return found;
}

/// The tune that nobody disturbs, which all others must equal.
const FakeEngine& calm() {
  static const FakeEngine engine;
  static const Ran ran = run(engine.tune());
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  return engine;
}

/// Bandwidth measured once, so that every tune here is decided by the same figures.
void know_the_memory(const FakeEngine& engine) {
  const std::string record = calm().out() + "/tune.json";
  fs::create_directories(engine.out());
  fs::copy_file(record, engine.out() + "/tune.json");
}

/// Tunes with trials that fail. They run while other tests do: a trial that hangs takes most of a minute to
/// be given up.
struct FailingTunes : testing::Environment {
  struct One {
    One(const std::string& settings, const std::vector<std::string>& arguments)
        : engine(settings), tune(engine.tune(arguments)) {}

    FakeEngine engine;
    Running tune;
  };

  void SetUp() override {
    hang = std::make_unique<One>(
        "speed=1000\nload_s=0.2\nfail=hang\nfail_flag=256\n",
        std::vector<std::string>{"--decode_threads", "1", "--set", "load_mode=read", "--set",
                                 "ubatch=512,256", "--set", "flash_attention=on"});
    const std::vector<std::string> few = {"--max-trials", "14"};
    crash = std::make_unique<One>("fail_flag=-fa\nfail=segv\n", few);
    half_json = std::make_unique<One>("fail_flag=-fa\nfail=half_json\n", few);
  }

  void TearDown() override {
    for (auto* one : {&hang, &crash, &half_json}) one->reset();
  }

  std::unique_ptr<One> hang, crash, half_json;
};

auto* const failing = dynamic_cast<FailingTunes*>(testing::AddGlobalTestEnvironment(new FailingTunes));

TEST(Resume, TheAnswerIsTheConfirmedLineOfThisEngine) {
  const Json lossless = calm().report().at("answer").at("lossless");
  EXPECT_EQ(lossless.at("config").at("load_mode"), "read");
  EXPECT_EQ(lossless.at("flags").at("llama_cpp").at("basis"), "confirmed");
  EXPECT_THAT(lossless.at("flags").at("llama_cpp").at("line").get<std::string>(), HasSubstr("-lm none"));
  EXPECT_EQ(lossless.at("flags").at("ik_llama_cpp").at("basis"), "untested");
  EXPECT_THAT(lossless.at("flags").at("ik_llama_cpp").at("reason").get<std::string>(),
              HasSubstr("found with llama.cpp"));
  EXPECT_EQ(lossless.at("pairs"), 2);
  EXPECT_EQ(calm().launches().size(), calm().report().at("trials").size());
}

TEST(Resume, OneThreadCountForBothPhasesIsJudgedByTheTurn) {
  const Json effects = calm().report().at("effects");
  const auto of_threads = std::find_if(effects.begin(), effects.end(), [](const Json& effect) { return effect.at("lever") == "decode_threads"; });
  ASSERT_NE(of_threads, effects.end());
  EXPECT_EQ(of_threads->at("speed"), "turn");
}

TEST(Resume, KilledInEachTrialItEndsWithTheSameAnswerAndRepeatsNothing) {
  const std::vector<std::string> launches = calm().launches();
  const FakeEngine engine;
  know_the_memory(engine);
  std::vector<std::string> expected;
  for (std::size_t finished = 1; finished < launches.size(); ++finished) {
    // One trial ends, the next one hangs in its load and is killed there.
    engine.set("fail=hang\nfail_from=" + std::to_string(expected.size() + 1) + "\n");
    expected.insert(expected.end(), {launches[finished - 1], launches[finished]});
    Running tune(engine.tune());
    ASSERT_TRUE(wait_until([&] { return engine.launches().size() >= expected.size(); })) << tune.err();
    tune.kill(SIGKILL);
    EXPECT_EQ(tune.wait().signal, SIGKILL);
    EXPECT_EQ(wait_for_marked(tune.mark(), 0, kPatience_s), 0) << "something outlived trial " << finished + 1;
    EXPECT_EQ(Journal(engine.out() + "/journal.sqlite").all().size(), finished);
  }
  expected.push_back(launches.back());
  engine.set("");
  const Ran last = run(engine.tune());
  EXPECT_EQ(last.exit_code, 0) << last.err;
  EXPECT_EQ(engine.launches(), expected);
  EXPECT_EQ(findings(engine.report()), findings(calm().report()));
  EXPECT_EQ(engine.report().at("budget").at("remembered"), launches.size() - 1);

  const std::string report = read_file(engine.out() + "/report.json");
  EXPECT_EQ(run({"report", engine.out()}).exit_code, 0);
  EXPECT_EQ(read_file(engine.out() + "/report.json"), report);
  EXPECT_EQ(engine.launches(), expected);
}

TEST(Resume, InterruptedItEndsWith130AndTheSameCommandGoesOn) {
  const FakeEngine engine;
  know_the_memory(engine);
  std::size_t finished = 0;
  for (const int signal_number : {SIGINT, SIGHUP, SIGTERM}) {
    const std::size_t before = engine.launches().size();
    engine.set("fail=hang\nfail_from=" + std::to_string(before + 1) + "\n");
    Running tune(engine.tune());
    ASSERT_TRUE(wait_until([&] { return engine.launches().size() == before + 2; })) << tune.err();
    tune.kill(signal_number);
    const Ran ran = tune.wait();
    EXPECT_EQ(ran.exit_code, 130) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr("the same command goes on"));
    EXPECT_EQ(wait_for_marked(tune.mark(), 0, kPatience_s), 0);
    EXPECT_EQ(Journal(engine.out() + "/journal.sqlite").all().size(), ++finished);
  }
  engine.set("");
  const Ran last = run(engine.tune());
  EXPECT_EQ(last.exit_code, 0) << last.err;
  EXPECT_EQ(engine.launches().size(), calm().launches().size() + finished);
  EXPECT_EQ(findings(engine.report()), findings(calm().report()));
}

// Flash attention fails; all else goes on, and what failed is on record with its reason.
void expect_recorded(FailingTunes::One& one, const std::string& reason) {
  const Ran ran = one.tune.wait();
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const Json report = one.engine.report();
  EXPECT_EQ(report.at("answer").at("lossless").at("config").at("load_mode"), "read");
  int failed = 0;
  for (const Json& trial : report.at("trials")) {
    const bool attention = trial.at("spec").at("config").at("flash_attention") != "automatic";
    if (!attention) {
      EXPECT_THAT(trial.at("status"), testing::AnyOf("ok", "noisy"));
      continue;
    }
    ++failed;
    EXPECT_EQ(trial.at("status"), "failed");
    EXPECT_THAT(trial.at("reason").get<std::string>(), HasSubstr(reason));
  }
  EXPECT_GE(failed, 2);
  EXPECT_EQ(one.engine.launches().size(), report.at("trials").size());
}

TEST(TrialsThatFail, ByCrashingAreRecordedAndTheTuneGoesOn) { expect_recorded(*failing->crash, "crash"); }

TEST(TrialsThatFail, ByStoppingInTheirJsonAreRecordedAndTheTuneGoesOn) {
  expect_recorded(*failing->half_json, "JSON");
}

TEST(TrialsThatFail, ByHangingAreEndedAtTheirDeadlineAndTheTuneGoesOn) {
  const Ran ran = failing->hang->tune.wait();
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const Json report = failing->hang->engine.report();
  EXPECT_EQ(report.at("answer").at("lossless").at("config").at("ubatch"), 512);
  int hung = 0;
  for (const Json& trial : report.at("trials"))
    if (trial.at("status") == "timed_out") ++hung;
  EXPECT_EQ(hung, 1);
  EXPECT_EQ(wait_for_marked(failing->hang->tune.mark(), 0, kPatience_s), 0);
}

}  // namespace
}  // namespace oldiron::test::resume_test
