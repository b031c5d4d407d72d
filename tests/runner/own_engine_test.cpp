// Trials of our own engine that draft, or that ask for quality, on a tiny file.
#include "runner/own_engine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>

#include "core/quality.hpp"
#include "kernels/gguf.hpp"

namespace oldiron::own_engine_test {
namespace {

using testing::HasSubstr;

const std::string kModels = std::string(OLDIRON_TEST_DATA) + "/golden/models/";

TrialSpec spec_of(const std::string& file) {
  TrialSpec spec;
  spec.model = kModels + file;
  spec.workload = {.prompt_tokens = 0, .generate_tokens = 40};
  spec.config.decode_threads = spec.config.prefill_threads = 1;
  spec.config.n_experts = 2;
  spec.config.page_size = PageSize::small;
  return spec;
}

class OwnEngineTrials : public testing::Test {
 protected:
  Trial run(const TrialSpec& spec) {
    return engine_.run(spec, [](const WorkerEvent&) {});
  }

  std::string refusal(const TrialSpec& spec) {
    try {
      run(spec);
    } catch (const Unsupported& refused) {
      return refused.what();
    }
    return "it ran";
  }

  OwnEngine engine_{std::string(OLDIRON_SOURCE_DIR) + "/configs/models"};
};

TEST_F(OwnEngineTrials, WithDraftsTellWhatWasAccepted) {
  TrialSpec spec = spec_of("gemma4-moe.Q8_0.gguf");
  spec.config.draft_len = 3;
  spec.config.draft_kind = DraftKind::model;
  spec.draft_model = spec.model;  // the model itself: everything is accepted
  const Trial trial = run(spec);
  for (const char* name : {kDecode, kPlainDecode}) {
    ASSERT_NE(trial.find(name), nullptr) << name;
    EXPECT_GT(trial.find(name)->median, 0) << name;
  }
  for (const char* name : {"draft_acceptance/1", "draft_acceptance/2", "draft_acceptance/3"}) {
    ASSERT_NE(trial.find(name), nullptr) << name;
    EXPECT_EQ(trial.find(name)->median, 1) << name;
  }
  EXPECT_EQ(trial.find("draft_acceptance/4"), nullptr);
  EXPECT_EQ(trial.find(kDraftRoundTokens)->samples, std::vector<double>(10, 4.0));
  EXPECT_GE(trial.find("draft_experts/4")->median, 2);
  EXPECT_LE(trial.find("draft_experts/4")->median, 8);

  spec.config.draft_kind = DraftKind::ngram;
  spec.draft_model.clear();
  EXPECT_NE(run(spec).find(kDraftRoundTokens), nullptr) << "and again without loading";
}

TEST_F(OwnEngineTrials, WithoutDraftsSayNothingOfThem) {
  const Trial trial = run(spec_of("gemma4-moe.Q8_0.gguf"));
  EXPECT_NE(trial.find(kDecode), nullptr);
  EXPECT_EQ(trial.find(kPlainDecode), nullptr);
}

TEST_F(OwnEngineTrials, TellHowFastTheCoresMultipliedAroundAPrefill) {
  TrialSpec spec = spec_of("gemma4-moe.Q8_0.gguf");
  spec.workload = {.prompt_tokens = 40, .generate_tokens = 0};
  spec.budget = {.seconds = 0, .min_samples = 3, .max_samples = 3};
  const Trial trial = run(spec);
  ASSERT_NE(trial.find(kMultiplyRate), nullptr);
  EXPECT_EQ(trial.find(kPrefill)->samples.size(), 3U);
  EXPECT_EQ(trial.find(kMultiplyRate)->samples.size(), 4U) << "before each sample and after the last";
  EXPECT_GT(trial.find(kMultiplyRate)->low, 0);

  spec.workload = {.prompt_tokens = 0, .generate_tokens = 8};
  EXPECT_EQ(run(spec).find(kMultiplyRate), nullptr);
}

TEST_F(OwnEngineTrials, TagWhatGeneratedWeightsAccept) {
  const std::string file = testing::TempDir() + "own_engine_test_" + std::to_string(getpid()) + ".gguf";
  write_gguf(
      *generate_weights(model_from_gguf(read_gguf_header(kModels + "gemma4-dense.F32.gguf"), "generated"), 3),
      file);
  TrialSpec spec = spec_of("");
  spec.model = file;
  spec.config.n_experts = 0;
  spec.config.draft_len = 2;
  const Trial trial = run(spec);
  EXPECT_THAT(trial.find(kDecode)->tags, testing::Contains(HasSubstr("generated weights")));
  spec.workload.quality_texts = 2;
  spec.workload.quality_tokens = 8;
  EXPECT_THAT(refusal(spec), HasSubstr("are generated"));
  std::remove(file.c_str());
}

TEST_F(OwnEngineTrials, TellWhatAConfigurationLoses) {
  TrialSpec spec = spec_of("gemma4-moe.Q8_0.gguf");
  spec.workload = {.prompt_tokens = 0, .generate_tokens = 0, .quality_texts = 3, .quality_tokens = 24};
  const auto none = quality_of(run(spec));
  ASSERT_TRUE(none);
  EXPECT_EQ(none->kl.median, 0);
  EXPECT_EQ(none->top1.median, 1);
  spec.config.n_experts = 1;
  const auto half = quality_of(run(spec));
  ASSERT_TRUE(half);
  EXPECT_EQ(half->texts, 3);
  EXPECT_GT(half->kl.median, 0);
  EXPECT_LT(half->top1.median, 1);
}

TEST_F(OwnEngineTrials, RefuseDraftsThatCannotBe) {
  TrialSpec spec = spec_of("gemma4-moe.Q8_0.gguf");
  spec.config.draft_len = 2;
  spec.config.draft_kind = DraftKind::model;
  EXPECT_THAT(refusal(spec), HasSubstr("--draft-model"));
  spec.draft_model = "gemma-4-26b-a4b-it";
  EXPECT_THAT(refusal(spec), HasSubstr("262144 tokens"));
  spec.config.draft_kind = DraftKind::ngram;
  spec.workload.depth_tokens = 10;
  EXPECT_THAT(refusal(spec), HasSubstr("depth_tokens"));
}

}  // namespace
}  // namespace oldiron::own_engine_test
