// The decoder against logits of the real engines, and against itself: the same token gives the same bits however it comes.
#include "kernels/decoder.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "tests/kernels/decoder_session.hpp"

namespace oldiron::decoder_test {
namespace {

struct Case {
  std::string gguf, logits;
  int n_experts;
  double limit;
  bool same_top;
};

class GoldenLogits : public testing::TestWithParam<Case> {};

TEST_P(GoldenLogits, AgreeWithTheEngines) {
  const Case& c = GetParam();
  const Golden truth = read_golden(c.logits);
  Config config = f32_cache();
  config.n_experts = c.n_experts;
  Session run(*open_gguf(golden(c.gguf)), config);
  const std::vector<float> ours = run.logits(truth.tokens, 512);
  const double error = nmse(ours, truth.logits);
  std::printf("%s: NMSE %.3g\n", c.logits.c_str(), error);
  EXPECT_LE(error, c.limit);
  if (!c.same_top) return;
  const auto vocab = static_cast<std::size_t>(truth.n_vocab);
  for (std::size_t i = 0; i < truth.tokens.size(); ++i)
    EXPECT_EQ(top(std::span(ours).subspan(i * vocab, vocab)), top(std::span(truth.logits).subspan(i * vocab, vocab))) << i;
}

INSTANTIATE_TEST_SUITE_P(
    Files, GoldenLogits,
    testing::Values(Case{"gemma4-moe.F32.gguf", "gemma4-moe.F32.logits.json", 0, 5e-6, true},
                    Case{"gemma4-dense.F32.gguf", "gemma4-dense.F32.logits.json", 0, 5e-6, true},
                    Case{"gemma4-moe.Q8_0.gguf", "gemma4-moe.Q8_0.logits.json", 0, 0.05, false},
                    Case{"llama.F32.gguf", "llama.F32.logits.json", 0, 5e-6, true},
                    Case{"llama.Q4_K_M.gguf", "llama.Q4_K_M.logits.json", 0, 0.005, false},
                    Case{"qwen3moe.F32.gguf", "qwen3moe.F32.logits.json", 0, 5e-6, true},
                    Case{"gpt-oss.F32.gguf", "gpt-oss.F32.logits.json", 0, 5e-6, true},
                    Case{"gemma4-moe.Q8_0.gguf", "gemma4-moe.Q8_0.experts1.logits.json", 1, 0.05, false},
                    Case{"gemma4-moe.Q8_0.gguf", "gemma4-moe.Q8_0.experts4.logits.json", 4, 0.05, false}));

class LossyCache : public testing::TestWithParam<std::tuple<std::string, KvType, double>> {};

// The price of a smaller cache, beside the logits with an F32 one; limits are a few times what was seen.
TEST_P(LossyCache, CostsNoMoreThanItsPrecision) {
  const auto& [file, type, limit] = GetParam();
  const std::vector<std::int32_t> tokens = read_golden("gemma4-moe.F32.logits.json").tokens;
  const std::shared_ptr<const WeightSource> source = open(file);
  Config config = f32_cache();
  Session exact(*source, config);
  config.kv_type = type;
  Session lossy(*source, config);
  const double error = nmse(lossy.logits(tokens, 512), exact.logits(tokens, 512));
  std::printf("%s, kv_type=%s: NMSE %.3g\n", file.c_str(), lever("kv_type").get(config).c_str(), error);
  EXPECT_LE(error, limit);
  EXPECT_GT(error, 0) << "the type was used at all";
}

INSTANTIATE_TEST_SUITE_P(Files, LossyCache,
                         testing::Values(std::tuple{"gemma4-moe.F32.gguf", KvType::f16, 1e-6},
                                         std::tuple{"gemma4-dense.F32.gguf", KvType::f16, 1e-6},
                                         std::tuple{"gemma4-moe.F32.gguf", KvType::bf16, 2e-4},
                                         std::tuple{"gemma4-dense.F32.gguf", KvType::bf16, 2e-4},
                                         std::tuple{kGeneratedWide, KvType::f16, 1e-5},
                                         std::tuple{kGeneratedWide, KvType::bf16, 1e-3},
                                         std::tuple{kGeneratedWide, KvType::q8_0, 2e-3},
                                         std::tuple{kGeneratedWide, KvType::q4_0, 0.4}));

TEST(Decoder, RefusesBlocksThatDoNotFitItsHeads) {
  Config config = f32_cache();
  config.kv_type = KvType::q8_0;
  Session run(*open("gemma4-dense.F32.gguf"), config);  // heads of 16
  EXPECT_THROW(run.logits({1, 2, 3}, 3), Error);
}

class DequantisedWeights : public testing::TestWithParam<std::string> {};

// Hides nothing: what is left of the error above is the int8 of the activations, not our reading of the weights.
TEST_P(DequantisedWeights, GiveTheSameLogitsWithF32Activations) {
  Config config = f32_cache();
  config.activation_type = ActivationType::f32;
  const std::shared_ptr<const WeightSource> file = open(GetParam());
  const std::vector<std::int32_t> tokens = read_golden("gemma4-moe.F32.logits.json").tokens;
  Session quantised(*file, config);
  Session plain(*dequantised(file), config);
  const double error = nmse(quantised.logits(tokens, 512), plain.logits(tokens, 512));
  std::printf("%s: NMSE %.3g\n", GetParam().c_str(), error);
  EXPECT_LE(error, 1e-9);
}

INSTANTIATE_TEST_SUITE_P(Files, DequantisedWeights,
                         testing::Values("gemma4-moe.Q8_0.gguf", "llama.Q4_K_M.gguf", "tiny-gpt-oss:MXFP4_MOE", kGeneratedQ4, kGeneratedQ4K));

class SameBits : public testing::TestWithParam<std::string> {};

TEST_P(SameBits, InAnyUbatchOnAnyThreads) {
  const std::vector<std::int32_t> tokens = read_golden("gemma4-moe.F32.logits.json").tokens;
  Config config;
  config.page_size = PageSize::small;
  Session run(*open(GetParam()), config, 5);
  const std::vector<float> whole = run.logits(tokens, 40, 1);
  for (const RowShares rows : {RowShares::fixed, RowShares::pieces}) {
    run.config.row_split = rows;
    for (const int ubatch : {1, 3, 16, 17, 40})
      for (const int threads : {1, 2, 3, 5}) EXPECT_EQ(whole, run.logits(tokens, ubatch, threads)) << ubatch << " " << threads;
  }
}

TEST_P(SameBits, AfterRejectedDraftsAndBesideOtherSequences) {
  const std::vector<std::int32_t> tokens = read_golden("gemma4-moe.F32.logits.json").tokens;
  const auto n = static_cast<int>(tokens.size());
  Config config;
  config.page_size = PageSize::small;
  Session run(*open(GetParam()), config);
  const std::vector<float> whole = run.logits(tokens, 40);
  const auto vocab = static_cast<std::size_t>(run.weights->model().vocab_size);
  Decoder d = run.decoder({.max_sequences = 3, .max_context = 64, .max_step_tokens = 12});
  std::vector<float> out(12 * vocab);
  for (int i = 0; i < n; ++i) {
    // Sequence 1 carries the real tokens and two drafts that are always rejected; the others carry their own text.
    std::vector<StepToken> step;
    for (int s = 0; s < 3; ++s) {
      step.push_back({s == 1 ? tokens[static_cast<std::size_t>(i)] : (i * 7 + s) % 256, s, i, true});
      if (s == 1)
        for (int draft = 1; draft <= 2 && i + draft < 64; ++draft) step.push_back({(i * 31 + draft) % 256, s, i + draft, true});
    }
    d.step(step, 2, out.data());
    EXPECT_TRUE(std::equal(out.begin() + static_cast<std::ptrdiff_t>(vocab), out.begin() + static_cast<std::ptrdiff_t>(2 * vocab),
                           whole.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(i) * vocab)))
        << "position " << i;
  }
}

// Long enough for several chunks and for rings that wrap, with every type of cache.
class SameBitsInLongContexts : public testing::TestWithParam<std::tuple<std::string, KvType>> {};

TEST_P(SameBitsInLongContexts, InAnyUbatchOnAnyThreads) {
  std::vector<std::int32_t> tokens;
  for (int i = 0; i < 700; ++i) tokens.push_back((i * 7919 + 13) % 256);
  Config config;
  config.page_size = PageSize::small;
  config.kv_type = std::get<KvType>(GetParam());
  Session run(*open(std::get<std::string>(GetParam())), config, 5);
  const std::vector<float> whole = run.logits(tokens, 300, 1);
  for (const auto& [ubatch, threads] : {std::pair{300, 5}, {300, 3}, {97, 2}, {16, 5}, {5, 4}}) {
    EXPECT_EQ(whole, run.logits(tokens, ubatch, threads)) << ubatch << " " << threads;
  }
}

INSTANTIATE_TEST_SUITE_P(Types, SameBitsInLongContexts,
                         testing::Values(std::tuple{kGeneratedWide, KvType::f16}, std::tuple{kGeneratedWide, KvType::f32},
                                         std::tuple{kGeneratedWide, KvType::bf16}, std::tuple{kGeneratedWide, KvType::q8_0},
                                         std::tuple{kGeneratedWide, KvType::q4_0}, std::tuple{"tiny-gpt-oss:q8_0", KvType::f16},
                                         std::tuple{"tiny-gemma4-e:q8_0", KvType::f16}));

// The same integers in another order of adding.
TEST(Decoder, PlainRowsGiveTheLogitsOfPackedOnes) {
  for (const char* file : {"gemma4-moe.Q8_0.gguf", "llama.Q4_K_M.gguf", kGeneratedQ4, kGeneratedQ4K}) {
    const auto source = open(file);
    Config config = f32_cache();
    const std::vector<std::int32_t> tokens = {2, 9, 4, 31, 17, 5};
    Session packed(*source, config);
    config.repack = Switch::off;
    Session plain(*source, config);
    const auto is_plain = [](const auto& entry) { return entry.second.layout == Layout::rows; };
    EXPECT_TRUE(std::any_of(plain.weights->matrices().begin(), plain.weights->matrices().end(), is_plain)) << file;
    EXPECT_TRUE(std::none_of(packed.weights->matrices().begin(), packed.weights->matrices().end(), is_plain)) << file;
    const std::vector<float> wanted = packed.logits(tokens, 512);
    const std::vector<float> got = plain.logits(tokens, 512);
    EXPECT_LE(nmse(got, wanted), 1e-4) << file;
    EXPECT_EQ(got, plain.logits(tokens, 1, 1)) << file;
  }
}

INSTANTIATE_TEST_SUITE_P(Files, SameBits, testing::Values("gemma4-moe.Q8_0.gguf", "gemma4-dense.F32.gguf", kGeneratedQ4, kGeneratedQ4K,
                                                          "llama.Q4_K_M.gguf", "llama.F32.gguf", "qwen3moe.F32.gguf", "gpt-oss.F32.gguf",
                                                          "tiny-gemma4-e:q8_0", "tiny-llama:q5_1", "tiny-mixtral:q4_1", "tiny-qwen3moe:q8_0",
                                                          "tiny-gpt-oss:MXFP4_MOE"));

TEST(Decoder, RefusesWeightsThatAreNotFinite) {
  class Damaged : public WeightSource {
   public:
    explicit Damaged(std::shared_ptr<const WeightSource> inner) : inner_(std::move(inner)) {}

    const ModelSpec& model() const override { return inner_->model(); }

    void read_rows(const TensorSpec& tensor, std::int64_t begin, std::int64_t end, std::byte* out) const override {
      inner_->read_rows(tensor, begin, end, out);
      if (tensor.name == "blk.2.attn_norm.weight") reinterpret_cast<float*>(out)[5] = NAN;
    }

   private:
    std::shared_ptr<const WeightSource> inner_;
  };

  for (const char* file : {"gemma4-moe.Q8_0.gguf", "gemma4-dense.F32.gguf"}) {
    Session run(Damaged(open_gguf(golden(file))), f32_cache());
    EXPECT_THROW(run.logits({1, 2, 3}, 3), Error) << file;
  }
}

// A cut of the real shapes: if routing collapsed, every token would go to the same few experts and the byte count,
// and with it every prediction, would be wrong.
TEST(Decoder, SyntheticWeightsSpreadTheRouting) {
  const std::string card = std::string(OLDIRON_SOURCE_DIR) + "/configs/models/gemma-4-26b-a4b-it.json";
  ModelSpec model = cut_layers(model_from_card(card, "q4_0", "q6_k"), 3);
  Config config;
  config.page_size = PageSize::small;
  Session run(*generate_weights(model, 7), config);
  Decoder d = run.decoder({.max_sequences = 1, .max_context = 16, .max_step_tokens = 16});
  std::vector<StepToken> step;
  for (int i = 0; i < 16; ++i) step.push_back({(i * 104729 + 12345) % model.vocab_size, 0, i, i == 15});
  std::vector<float> logits(static_cast<std::size_t>(model.vocab_size));
  d.step(step, 2, logits.data());
  for (const int distinct : d.distinct_experts()) EXPECT_GE(distinct, 65);
  const std::span<const float> hidden = d.hidden();
  const auto width = static_cast<std::size_t>(model.embedding_length);
  double cosines = 0;
  int pairs = 0;
  for (std::size_t a = 0; a < 16; ++a)
    for (std::size_t b = 0; b < a; ++b, ++pairs) {
      double dot = 0, na = 0, nb = 0;
      for (std::size_t i = 0; i < width; ++i) {
        const double x = hidden[a * width + i], y = hidden[b * width + i];
        dot += x * y;
        na += x * x;
        nb += y * y;
      }
      cosines += dot / std::sqrt(na * nb);
    }
  std::printf("mean cosine %.3f\n", cosines / pairs);
  EXPECT_LT(cosines / pairs, 0.3);
}

}  // namespace
}  // namespace oldiron::decoder_test
