// Quality figures against logits of the real engines and against figures worked out by hand.
#include "kernels/quality/quality.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/json.hpp"
#include "core/text.hpp"
#include "core/trial.hpp"
#include "kernels/quality/divergence.hpp"
#include "kernels/quality/loops.hpp"
#include "kernels/quality/sampling.hpp"

namespace oldiron::quality_test {
namespace {

std::string golden(const std::string& name) {
  return std::string(OLDIRON_TEST_DATA) + "/golden/models/" + name;
}

struct Golden {
  std::vector<std::int32_t> tokens;
  std::vector<std::vector<float>> logits;
};

Golden read_golden(const std::string& name) {
  const Json json = parse_json(read_file(golden(name)), name);
  return {json.at("tokens").get<std::vector<std::int32_t>>(),
          json.at("logits").get<std::vector<std::vector<float>>>()};
}

/// The definition, one sum after the other.
Divergence plainly(const std::vector<float>& reference, const std::vector<float>& candidate) {
  const auto log_softmax = [](const std::vector<float>& row) {
    long double sum = 0;
    for (const float x : row) sum += std::exp(static_cast<long double>(x));
    std::vector<long double> out;
    for (const float x : row) out.push_back(static_cast<long double>(x) - std::log(sum));
    return out;
  };
  const auto p = log_softmax(reference), q = log_softmax(candidate);
  long double kl = 0;
  for (std::size_t i = 0; i < p.size(); ++i) kl += std::exp(p[i]) * (p[i] - q[i]);
  return {static_cast<double>(kl), std::max_element(p.begin(), p.end()) - p.begin() ==
                                       std::max_element(q.begin(), q.end()) - q.begin()};
}

struct Session {
  Team team{std::vector<int>{0, 0}};
  Config config;
  std::shared_ptr<Weights> weights;

  explicit Session(const std::string& name) {
    config.page_size = PageSize::small;
    weights = std::make_shared<Weights>(*open_gguf(golden(name)), kernel_set(best_isa()),
                                        config.activation_type, config.page_size, team);
  }

  Decoder decoder(int n_experts, KvType kv_type = KvType::f16, int texts = 4) {
    config.kv_type = kv_type;
    return Decoder(weights, config,
                   {.max_sequences = texts,
                    .max_context = 64,
                    .max_step_tokens = kQualityStepTokens,
                    .n_experts = n_experts},
                   team);
  }
};

TEST(Divergence, IsTheDefinitionOnTheEnginesOwnLogits) {
  const Golden reference = read_golden("gemma4-moe.Q8_0.logits.json"),
               candidate = read_golden("gemma4-moe.Q8_0.experts1.logits.json");
  for (std::size_t i = 0; i < reference.logits.size(); ++i) {
    const Divergence ours = divergence(reference.logits[i], candidate.logits[i]),
                     truth = plainly(reference.logits[i], candidate.logits[i]);
    EXPECT_NEAR(ours.kl, truth.kl, 1e-12) << i;
    EXPECT_EQ(ours.same_top, truth.same_top) << i;
    EXPECT_EQ(divergence(reference.logits[i], reference.logits[i]).kl, 0);
  }
}

TEST(Divergence, OfTwoCoinsIsKnown) {
  const float even[] = {3, 3}, skewed[] = {0, std::log(3.0F)};
  EXPECT_NEAR(divergence(even, skewed).kl, 0.5 * std::log(0.5 / 0.25) + 0.5 * std::log(0.5 / 0.75), 1e-7);
  EXPECT_FALSE(divergence(even, skewed).same_top);
  const float far[] = {-3000, 3000, 0}, other[] = {3000, -3000, 0};
  EXPECT_NEAR(divergence(far, other).kl, 6000, 1e-9) << "nothing overflows";
}

class GoldenQuality : public testing::TestWithParam<int> {};

// Fewer and more experts than the model's two, on the golden tokens: our decoder's figures beside those of
// the engines' logits.
TEST_P(GoldenQuality, AgreesWithTheEngines) {
  const Golden reference = read_golden("gemma4-moe.Q8_0.logits.json");
  const Golden candidate = read_golden(fmt::format("gemma4-moe.Q8_0.experts{}.logits.json", GetParam()));
  double kl = 0, same = 0;
  for (std::size_t i = 0; i < reference.logits.size(); ++i) {
    const Divergence each = plainly(reference.logits[i], candidate.logits[i]);
    kl += each.kl / static_cast<double>(reference.logits.size());
    same += each.same_top ? 1.0 / static_cast<double>(reference.logits.size()) : 0;
  }
  Session session("gemma4-moe.Q8_0.gguf");
  Decoder own = session.decoder(0), other = session.decoder(GetParam());
  const TextQuality ours = compare_on_text(own, other, reference.tokens, session.team, 2);
  std::printf("%d experts: KL %.5f, engines %.5f; top-1 %.3f, engines %.3f\n", GetParam(), ours.kl, kl,
              ours.top1, same);
  EXPECT_NEAR(ours.kl, kl, 0.1 * kl);
  EXPECT_NEAR(ours.top1, same, 2.5 / static_cast<double>(reference.tokens.size()));
}

INSTANTIATE_TEST_SUITE_P(Experts, GoldenQuality, testing::Values(1, 4));

TEST(Quality, OfAConfigurationBesideItselfIsPerfect) {
  Session session("gemma4-moe.Q8_0.gguf");
  Decoder own = session.decoder(0), same = session.decoder(2);
  const auto measured =
      quality_on_own_texts(own, same, {}, {.texts = 3, .tokens = 40, .seed = 5, .threads = 2}, session.team);
  ASSERT_EQ(measured.size(), 4u);
  EXPECT_EQ(measured[0].name, kQualityKl);
  EXPECT_EQ(measured[0].samples, std::vector<double>(3, 0.0));
  EXPECT_EQ(measured[1].samples, std::vector<double>(3, 1.0));
  EXPECT_EQ(measured[2].samples, measured[3].samples) << "it writes the same texts";
}

TEST(Quality, FallsWithWhatIsLeftOut) {
  Session session("gemma4-moe.Q8_0.gguf");
  Decoder own = session.decoder(0), one = session.decoder(1), f32 = session.decoder(0, KvType::f32);
  const OwnTextOptions options{.texts = 4, .tokens = 40, .seed = 1, .threads = 2};
  const auto fewer = quality_on_own_texts(own, one, {}, options, session.team);
  const auto finer = quality_on_own_texts(own, f32, {}, options, session.team);
  EXPECT_GT(fewer[0].median, 10 * finer[0].median);
  EXPECT_GT(finer[0].median, 0) << "the type of the cache was used";
  EXPECT_LT(fewer[0].low, fewer[0].median);
  EXPECT_GT(fewer[0].high, fewer[0].median);
  EXPECT_GE(fewer[0].low, 0);
  EXPECT_LE(finer[1].high, 1);
}

TEST(OwnTexts, DependOnNothingButTheirSeed) {
  Session session("gemma4-moe.Q8_0.gguf");
  Decoder decoder = session.decoder(0);
  const TextTokens known{.begin = {2, 9}, .turn = {}, .end = {7}};
  const auto together = own_texts(decoder, known, {.texts = 4, .tokens = 40, .seed = 10, .threads = 2});
  for (std::size_t i = 0; i < together.size(); ++i) {
    EXPECT_EQ(together[i].size(), 40u);
    EXPECT_THAT(std::vector<std::int32_t>(together[i].begin(), together[i].begin() + 2),
                testing::ElementsAre(2, 9));
    EXPECT_THAT(together[i], testing::Not(testing::Contains(7))) << "an end is never drawn";
    EXPECT_EQ(own_texts(decoder, known, {.texts = 1, .tokens = 40, .seed = 10 + i, .threads = 1}).front(),
              together[i]);
  }
  EXPECT_NE(together[0], together[1]);
}

TEST(OwnTexts, BeginAsTextsAndAsTurnsOfAChat) {
  Session session("gemma4-moe.Q8_0.gguf");
  Decoder decoder = session.decoder(0);
  const TextTokens known{.begin = {2}, .turn = {2, 5, 6}, .end = {}};
  const auto texts = own_texts(decoder, known, {.texts = 4, .tokens = 12, .seed = 1, .threads = 2});
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::vector<std::int32_t>& begin = i % 2 == 0 ? known.begin : known.turn;
    EXPECT_TRUE(std::equal(begin.begin(), begin.end(), texts[i].begin())) << i;
    EXPECT_EQ(texts[i].size(), 12u);
  }
  EXPECT_EQ(own_texts(decoder, known, {.texts = 4, .tokens = 2, .seed = 1, .threads = 2})[1],
            (std::vector<std::int32_t>{2, 5}))
      << "cut where the beginning alone is longer";
}

TEST(Sampling, FollowsTheProbabilities) {
  const float logits[] = {0, std::log(2.0F), std::log(5.0F), std::log(2.0F)};
  UniformStream stream(1);
  std::vector<int> counts(4, 0), without(4, 0);
  constexpr int kDraws = 20000;
  const std::int32_t never[] = {2};
  for (int i = 0; i < kDraws; ++i) {
    const double uniform = stream.next();
    ASSERT_GE(uniform, 0);
    ASSERT_LT(uniform, 1);
    ++counts[static_cast<std::size_t>(draw(logits, uniform, {}))];
    ++without[static_cast<std::size_t>(draw(logits, uniform, never))];
  }
  // Five standard deviations of a share are below 0.018.
  const double expected[] = {0.1, 0.2, 0.5, 0.2}, expected_without[] = {0.2, 0.4, 0, 0.4};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(static_cast<double>(counts[i]) / kDraws, expected[i], 0.018) << i;
    EXPECT_NEAR(static_cast<double>(without[i]) / kDraws, expected_without[i], 0.018) << i;
  }
  EXPECT_EQ(without[2], 0);
  EXPECT_EQ(draw(logits, 0, {}), 0);
  EXPECT_EQ(draw(logits, 0.9999999999999999, {}), 3);
  const float forbidden_first[] = {900, 1, 1, -900};
  const std::int32_t first[] = {0};
  EXPECT_EQ(draw(forbidden_first, 0.4, first), 1) << "however likely what is forbidden is";
  EXPECT_EQ(draw(forbidden_first, 0.6, first), 2);
}

TEST(Loops, AreFoundAtTheEndOnly) {
  std::vector<std::int32_t> text;
  for (int i = 0; i < 30; ++i) text.push_back(i * i % 97);
  EXPECT_EQ(loop_at_end(text).period, 0u);
  for (int i = 0; i < 20; ++i) text.push_back(5 + i % 4);
  EXPECT_EQ(loop_at_end(text).period, 4u);
  EXPECT_EQ(loop_at_end(text).begin, 30u);
  EXPECT_EQ(loop_at_end(std::span(text).first(45)).period, 0u) << "fifteen tokens are a verse";
  text.push_back(99);
  EXPECT_EQ(loop_at_end(text).period, 0u) << "it went on";
  EXPECT_EQ(loop_at_end(std::vector<std::int32_t>(16, 3)).period, 1u);
  EXPECT_EQ(loop_at_end({}).period, 0u);
}

}  // namespace
}  // namespace oldiron::quality_test
