// A tune with our own kernels on a tiny file: the report's fixed keys, its files, and what a killed tune
// leaves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/app/program.hpp"
#include "tuner/journal.hpp"

namespace oldiron::test::own_tune_test {
namespace {

using testing::HasSubstr;
using testing::UnorderedElementsAre;

class OwnTune : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new Folder;
    ran_ = new Ran(
        run({"tune", kTinyModel, "--max-trials", "3", "--budget", "60s", "--out", "out"}, folder_->path()));
    ASSERT_EQ(ran_->exit_code, 0) << ran_->err;
  }

  static void TearDownTestSuite() {
    delete ran_;
    delete folder_;
  }

  static std::string out(const std::string& name) { return *folder_ / ("out/" + name); }

  static inline Folder* folder_ = nullptr;
  static inline Ran* ran_ = nullptr;
};

void expect_interval(const Json& json) {
  EXPECT_GT(json.at("median").get<double>(), 0);
  EXPECT_LE(json.at("low").get<double>(), json.at("median").get<double>());
  EXPECT_GE(json.at("high").get<double>(), json.at("median").get<double>());
}

TEST_F(OwnTune, TellsHowLongEachRankWaitedAndWhichPagesItGot) {
  const Json report = read_json(out("report.json"));
  const Json& answer = report.at("answer").at("lossless");
  const auto threads = answer.at("config").at("decode_threads").get<std::size_t>();
  if (threads > 1) {
    const Json& waits = answer.at("waits");
    ASSERT_EQ(waits.at("share_per_rank").size(), threads);
    for (const Json& share : waits.at("share_per_rank")) {
      expect_interval(share);
      EXPECT_LT(share.at("high").get<double>(), 1.01) << "a part of the step";
    }
    const int layers = report.at("model").at("block_count").get<int>();
    EXPECT_GE(waits.at("barriers_per_step").get<double>(), 5 * layers);
    EXPECT_LE(waits.at("barriers_per_step").get<double>(), 8 * layers + 8);
    EXPECT_GT(waits.at("barrier_s").get<double>(), 0);
  }
  std::vector<std::string> uses;
  for (const Json& each : answer.at("pages")) {
    uses.push_back(each.at("use"));
    EXPECT_GT(each.at("bytes").get<std::int64_t>(), 0);
  }
  EXPECT_THAT(uses, testing::IsSupersetOf({"weights", "keys and values"}));
}

TEST_F(OwnTune, ReportHasTheKeysThatScriptsRelyOn) {
  const Json report = read_json(out("report.json"));
  const Json& answers = report.at("answer");
  EXPECT_TRUE(answers.contains("lossy"));
  const Json& lossless = answers.at("lossless");
  EXPECT_TRUE(lossless.at("config").contains("decode_threads"));
  expect_interval(lossless.at("decode_tokens_per_s"));
  expect_interval(lossless.at("prefill_tokens_per_s"));
  EXPECT_TRUE(lossless.at("wall").at("name").is_string());
  EXPECT_GT(lossless.at("wall").at("fraction").get<double>(), 0);
  for (const char* engine : {"llama_cpp", "ik_llama_cpp"}) {
    const Json& flags = lossless.at("flags").at(engine);
    EXPECT_TRUE(flags.contains("line"));
    EXPECT_EQ(flags.at("basis"), "untested");
    EXPECT_FALSE(flags.contains("turn_s")) << "a speed beside a line that did not run";
    EXPECT_THAT(flags.at("reason").get<std::string>(), HasSubstr("was not run"));
  }
  EXPECT_EQ(report.at("trials").size(), 3u);
  for (const Json& trial : report.at("trials"))
    EXPECT_THAT(trial.at("status"), testing::AnyOf("ok", "noisy"));
  EXPECT_TRUE(report.at("machine").is_object());
  EXPECT_EQ(report.at("model").at("architecture"), "gemma4");
}

TEST_F(OwnTune, NothingIsSaidToHaveAlternatedThatDidNot) {
  EXPECT_EQ(read_json(out("report.json")).at("answer").at("default").at("pairs"), 0);
}

TEST_F(OwnTune, ScreenReportAndChartsAreThere) {
  EXPECT_THAT(ran_->out, HasSubstr("no engine was given"));
  EXPECT_EQ(ran_->out, read_file(out("report.txt")));
  EXPECT_THAT(read_file(out("report.md")), HasSubstr("gemma4-moe.Q8_0"));
  for (const char* chart : {"bytes_per_token.svg", "lever_effect.svg"})
    EXPECT_THAT(read_file(out(chart)), HasSubstr("<svg"));
}

TEST_F(OwnTune, ReportWritesTheSameFilesAgain) {
  std::map<std::string, std::string> before;
  for (const auto& file : fs::directory_iterator(out("")))
    if (file.path().filename().string().find("journal") != 0)
      before[file.path().string()] = read_file(file.path());
  for (const auto& [path, text] : before)
    if (path.find("tune.json") == std::string::npos) fs::remove(path);
  const Ran ran = run({"report", "out"}, folder_->path());
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out, ran_->out);
  for (const auto& [path, text] : before) EXPECT_EQ(read_file(path), text) << path;
}

TEST_F(OwnTune, KilledDuringATrialLeavesNoWorker) {
  const Folder folder;
  fs::create_directory(folder / "out");
  fs::copy_file(out("tune.json"), folder / "out/tune.json");
  // A turn so long that it cannot end by itself meanwhile.
  Running tune(
      {"tune", kTinyModel, "--generate", "4000", "--prompt", "30000", "--out", "out", "--max-trials", "3"},
      folder.path());
  // The tune, its guard and the worker.
  ASSERT_TRUE(wait_until([&] { return tune.err().find("trial 1") != std::string::npos; })) << tune.err();
  ASSERT_EQ(wait_for_marked(tune.mark(), 3, kPatience_s), 3) << tune.err();
  tune.kill(SIGKILL);
  EXPECT_EQ(tune.wait().signal, SIGKILL);
  EXPECT_EQ(wait_for_marked(tune.mark(), 0, kPatience_s), 0);
  EXPECT_EQ(Journal(folder / "out/journal.sqlite").all().size(), 0u);
}

}  // namespace
}  // namespace oldiron::test::own_tune_test
