// Every architecture of the decoder against a naive forward pass, and what it refuses to run.
#include "kernels/architecture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/merged_experts.hpp"
#include "kernels/mtp_decoder.hpp"
#include "tests/kernels/decoder_session.hpp"
#include "tests/kernels/naive_model.hpp"

namespace oldiron::architectures_test {
namespace {

using testing::HasSubstr;

std::vector<std::int32_t> some_tokens(int n) {
  std::vector<std::int32_t> tokens;
  for (int i = 0; i < n; ++i) tokens.push_back((i * 7919 + 13) % 320);
  return tokens;
}

template <class F>
std::string message(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was refused";
}

/// Experts' matrices as tensors of their own, as in the first files of Mixtral.
class ExpertsApart final : public WeightSource {
 public:
  explicit ExpertsApart(std::shared_ptr<const WeightSource> inner) : model_(inner->model()), inner_(std::move(inner)) {
    model_.tensors.clear();
    for (const TensorSpec& tensor : inner_->model().tensors) {
      const std::size_t at = tensor.name.find("_exps.weight");
      for (int e = 0; e < (at == std::string::npos ? 1 : model_.expert_count); ++e) {
        model_.tensors.push_back(tensor);
        if (at == std::string::npos) continue;
        model_.tensors.back().name = fmt::format("{}.{}.weight", tensor.name.substr(0, at), e);
        model_.tensors.back().ne[2] = 1;
      }
    }
  }

  const ModelSpec& model() const override { return model_; }

  void read_rows(const TensorSpec& tensor, std::int64_t begin, std::int64_t end, std::byte* out) const override {
    std::string name = tensor.name;
    std::int64_t expert = 0;
    if (inner_->model().find(name) == nullptr) {  // blk.0.ffn_gate.3.weight
      const std::size_t stop = name.size() - std::string(".weight").size(), dot = name.rfind('.', stop - 1);
      expert = std::stoi(name.substr(dot + 1, stop - dot - 1));
      name = name.substr(0, dot) + "_exps.weight";
    }
    const TensorSpec& whole = *inner_->model().find(name);
    inner_->read_rows(whole, expert * whole.ne[1] + begin, expert * whole.ne[1] + end, out);
  }

  ModelSpec model_;

 private:
  std::shared_ptr<const WeightSource> inner_;
};

TEST(MergedExperts, AreTheTensorsThatFilesHaveSince) {
  const std::shared_ptr<const WeightSource> whole = open("tiny-mixtral:q4_0");
  const auto merged = merged_experts(std::make_unique<ExpertsApart>(whole));
  EXPECT_EQ(merged->model(), whole->model());
  for (const TensorSpec& tensor : whole->model().tensors) {
    std::vector<std::byte> wanted(static_cast<std::size_t>(tensor.bytes())), got(wanted.size());
    whole->read_rows(tensor, 0, tensor.rows(), wanted.data());
    merged->read_rows(tensor, 0, tensor.rows(), got.data());
    EXPECT_EQ(got, wanted) << tensor.name;
  }
}

TEST(MergedExperts, MustBeThereAndAlike) {
  const auto apart = [] { return std::make_unique<ExpertsApart>(open("tiny-mixtral:q4_0")); };
  auto partial = apart();
  std::erase_if(partial->model_.tensors, [](const TensorSpec& t) { return t.name == "blk.1.ffn_up.2.weight"; });
  EXPECT_THAT(message([&] { merged_experts(std::move(partial)); }), HasSubstr("blk.1.ffn_up_exps.weight lacks"));
  auto odd = apart();
  for (TensorSpec& t : odd->model_.tensors)
    if (t.name == "blk.1.ffn_up.2.weight") t.type = TensorType::q8_0;
  EXPECT_THAT(message([&] { merged_experts(std::move(odd)); }), HasSubstr("blk.1.ffn_up.2.weight does not go with"));
}

class NaiveForwardPass : public testing::TestWithParam<std::string> {};

TEST_P(NaiveForwardPass, GivesTheSameLogits) {
  const std::shared_ptr<const WeightSource> source = open(GetParam() + ":f32");
  const std::vector<std::int32_t> tokens = some_tokens(40);
  NaiveModel naive(*source);
  std::vector<float> wanted;
  for (const std::int32_t token : tokens)
    for (const double v : naive.next(token)) wanted.push_back(static_cast<float>(v));
  Session run(*source, f32_cache());
  const double error = nmse(run.logits(tokens, 7), wanted);
  std::printf("%s: NMSE %.3g\n", GetParam().c_str(), error);
  EXPECT_LE(error, 1e-9);
}

INSTANTIATE_TEST_SUITE_P(Cards, NaiveForwardPass,
                         testing::Values("tiny-gemma4-e", "tiny-llama", "tiny-mixtral", "tiny-qwen3moe", "tiny-gpt-oss"));

/// A target that has read a text, and its drafter.
struct Pair {
  Session target, own;
  Decoder decoder;
  MtpDecoder drafter;
  std::vector<float> hidden;  ///< the target's last row

  explicit Pair(const std::string& type, const std::vector<std::int32_t>& tokens, int sequences = 1)
      : target(*open("tiny-gemma4-e:" + type), f32_cache(), 3),
        own(*open("tiny-gemma4-assistant:" + type), f32_cache(), 3),
        decoder(target.decoder({.max_sequences = sequences, .max_context = 64, .max_step_tokens = 16})),
        drafter(own.weights, own.config, decoder, 4, own.team),
        hidden(64) {
    std::vector<float> logits(16 * 320);
    for (int s = 0; s < sequences; ++s) {
      for (std::size_t i = 0; i < tokens.size(); ++i) {
        const StepToken step{tokens[i], s, static_cast<int>(i), true};
        decoder.step({&step, 1}, 3, logits.data());
      }
    }
    decoder.output_row(0, hidden);
  }

  /// Four draft steps of one sequence: all logits.
  std::vector<float> draft(int position, int threads) {
    std::vector<float> logits(4 * 320), h = hidden;
    for (int i = 0; i < 4; ++i) {
      const StepToken step{(i * 31 + 7) % 320, 0, position, true};
      drafter.step({&step, 1}, h, threads, logits.data() + i * 320, h);
    }
    return logits;
  }
};

TEST(MtpDecoder, DraftsAsANaiveForwardPassDoes) {
  const std::vector<std::int32_t> tokens = some_tokens(30);
  Pair pair("f32", tokens);
  NaiveModel target(*open("tiny-gemma4-e:f32")), drafter(*open("tiny-gemma4-assistant:f32"));
  for (const std::int32_t token : tokens) target.next(token);
  NaiveModel::Vec h = target.hidden;
  std::vector<float> wanted;
  for (int i = 0; i < 4; ++i) {
    for (const double v : drafter.draft(target, (i * 31 + 7) % 320, h, 30)) wanted.push_back(static_cast<float>(v));
    h = drafter.hidden;
  }
  const double error = nmse(pair.draft(30, 2), wanted);
  std::printf("NMSE %.3g\n", error);
  EXPECT_LE(error, 1e-8);  // the target's hidden row is rounded, too
}

TEST(MtpDecoder, GivesTheSameBitsOnAnyThreadsAndBesideOtherSequences) {
  Pair pair("q8_0", some_tokens(30), 3);
  const std::vector<float> alone = pair.draft(30, 1);
  for (const int threads : {2, 3}) EXPECT_EQ(pair.draft(30, threads), alone) << threads;
  std::vector<float> h, logits(3 * 320);
  for (int s = 0; s < 3; ++s) h.insert(h.end(), pair.hidden.begin(), pair.hidden.end());
  for (int i = 0; i < 4; ++i) {
    std::vector<StepToken> step;
    for (int s = 0; s < 3; ++s) step.push_back({s == 1 ? (i * 31 + 7) % 320 : s + i, s, s == 1 ? 30 : 25 + s, true});
    pair.drafter.step(step, h, 2, logits.data(), h);
    EXPECT_TRUE(std::equal(alone.begin() + i * 320, alone.begin() + (i + 1) * 320, logits.begin() + 320)) << i;
  }
}

TEST(MtpDecoder, RefusesATargetThatItDoesNotFit) {
  Session target(*open("tiny-qwen3moe:f32"), f32_cache()), own(*open("tiny-gemma4-assistant:f32"), f32_cache());
  Decoder decoder = target.decoder({.max_sequences = 1, .max_context = 64, .max_step_tokens = 16});
  EXPECT_THAT(message([&] { MtpDecoder(own.weights, own.config, decoder, 1, own.team); }), HasSubstr("could read"));
  EXPECT_THAT(message([&] { MtpDecoder(target.weights, own.config, decoder, 1, own.team); }), HasSubstr("no drafter"));
}

TEST(GgufKeys, KeysOfOtherArchitecturesBecomeFactsOfTheModel) {
  const ModelSpec oss = open("gpt-oss.F32.gguf")->model();
  EXPECT_EQ(oss.rope_scaling, (RopeScaling{.factor = 32, .yarn = true, .original_context_length = 4096}));
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(oss.layers[i].sliding, i % 2 == 0) << i;
    EXPECT_EQ(oss.layers[i].window, i % 2 == 0 ? 16 : 0) << i;
  }
  EXPECT_EQ(oss.attention_scale, 0.25);
  EXPECT_EQ(oss.embedding_scale, 1);
  const ModelSpec llama = open("llama.F32.gguf")->model();
  EXPECT_EQ(llama.layers[0].key_length, 16);
  EXPECT_FALSE(llama.layers[0].value_is_key);
  EXPECT_EQ(llama.rope_scaling, RopeScaling{});
}

std::string refusal(const ModelSpec& model) {
  Session run(*generate_weights(model, 1), f32_cache());
  return message([&] { run.decoder({}); });
}

TEST(Decoder, NamesWhatItCannotRun) {
  ModelSpec linear = cut_layers(model_from_card(std::string(OLDIRON_SOURCE_DIR) + "/configs/models/qwen3.6-35b-a3b.json", "q4_0"), 1);
  std::erase_if(linear.tensors, [](const TensorSpec& t) { return t.rows() * t.k() > 100000; });
  EXPECT_THAT(refusal(linear), HasSubstr("'qwen35moe', whose attention is linear, can be accounted for"));
  EXPECT_THAT(refusal(tiny("tiny-gemma4-assistant:f32")), HasSubstr("is a drafter"));

  ModelSpec model = tiny("tiny-qwen3moe:f32");
  model.tensors.push_back({.name = "blk.1.ffn_gate_shexp.weight", .layer = 1, .ne = {64, 32, 1, 1}, .role = Role::shexp});
  EXPECT_THAT(refusal(model), HasSubstr("blk.1.ffn_gate_shexp.weight is nothing that our decoder computes"));
  for (const char* name : {"blk.2.attn_k_norm.weight", "blk.0.ffn_gate_inp.weight", "output_norm.weight", "blk.1.ffn_up_exps.weight"}) {
    ModelSpec partial = tiny("tiny-qwen3moe:f32");
    std::erase_if(partial.tensors, [&](const TensorSpec& t) { return t.name == name; });
    EXPECT_THAT(refusal(partial), HasSubstr(name));
  }
}

}  // namespace
}  // namespace oldiron::architectures_test
