// Decoding with drafts against decoding without: the same tokens, whatever is drafted, and a true account of
// it.
#include "kernels/speculation/speculation.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "core/trial.hpp"
#include "kernels/speculation/make_drafter.hpp"
#include "kernels/speculation/model_drafter.hpp"
#include "kernels/speculation/mtp_drafter.hpp"
#include "kernels/speculation/ngram_drafter.hpp"

namespace oldiron::speculation_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int kContext = 256;
const std::vector<std::int32_t> kPrompt = {2, 9, 4, 31, 17, 5};

// Not a file: the golden model's shapes with generated Q4_0 weights.
constexpr const char* kGenerated = "generated Q4_0";

std::shared_ptr<const WeightSource> open(const std::string& name) {
  const std::string folder = std::string(OLDIRON_TEST_DATA) + "/golden/models/";
  if (name != kGenerated) return open_gguf(folder + name);
  ModelSpec model = open_gguf(folder + "gemma4-moe.Q8_0.gguf")->model();
  for (TensorSpec& tensor : model.tensors)
    if (tensor.type == TensorType::q8_0) tensor.type = TensorType::q4_0;
  return generate_weights(model, 3);
}

/// A model in memory, with the team that runs it.
struct Session {
  Team team{std::vector<int>{0, 0}};
  Config config;
  std::shared_ptr<Weights> weights;

  explicit Session(const std::string& name) : Session(*open(name)) {}

  explicit Session(const WeightSource& source) {
    config.page_size = PageSize::small;
    config.decode_threads = config.prefill_threads = 2;
    weights = std::make_shared<Weights>(source, kernel_set(best_isa()), config.activation_type,
                                        config.page_size, team);
  }

  Decoder decoder() {
    return Decoder(weights, config, {.max_sequences = 1, .max_context = kContext, .max_step_tokens = 16},
                   team);
  }
};

std::vector<std::int32_t> run(Decoder& decoder, Drafter* drafter, int draft_length, int tokens,
                              std::vector<Round>* rounds = nullptr) {
  Speculation speculation(decoder, drafter, draft_length, draft_length % 2 + 1);
  speculation.begin(kPrompt, 4, 2);
  const std::size_t end = kPrompt.size() + static_cast<std::size_t>(tokens);
  while (speculation.text().size() < end) {
    const Round round = speculation.round(static_cast<int>(end - speculation.text().size()));
    if (rounds != nullptr) rounds->push_back(round);
  }
  EXPECT_EQ(speculation.text().size(), end) << "no more than asked for";
  return {speculation.text().begin(), speculation.text().end()};
}

std::vector<std::int32_t> run(Session& session, Drafter* drafter, int draft_length, int tokens,
                              std::vector<Round>* rounds = nullptr) {
  Decoder decoder = session.decoder();
  return run(decoder, drafter, draft_length, tokens, rounds);
}

/// Knows the text, and errs at every so-many-th place.
class Oracle final : public Drafter {
 public:
  Oracle(std::vector<std::int32_t> text, int wrong_every)
      : text_(std::move(text)), wrong_every_(wrong_every) {}

  std::vector<std::int32_t> propose(const DraftContext& context, int most) override {
    std::vector<std::int32_t> draft;
    for (std::size_t i = context.text.size(); i < text_.size() && static_cast<int>(draft.size()) < most; ++i)
      draft.push_back(static_cast<int>(i) % wrong_every_ == 0 ? (text_[i] + 1) % 256 : text_[i]);
    return draft;
  }

 private:
  std::vector<std::int32_t> text_;
  int wrong_every_;
};

class SameText : public testing::TestWithParam<const char*> {};

TEST_P(SameText, WithEveryDrafterAndDraftLength) {
  constexpr int kTokens = 30;
  Session session(GetParam());
  const std::vector<std::int32_t> plain = run(session, nullptr, 0, kTokens);
  Session small("gemma4-dense.F32.gguf");
  for (int length = 1; length <= 8; ++length) {
    NgramDrafter ngram;
    EXPECT_EQ(run(session, &ngram, length, kTokens), plain) << "ngram " << length;
    ModelDrafter model(small.weights, small.config, kContext, length, small.team);
    EXPECT_EQ(run(session, &model, length, kTokens), plain) << "draft model " << length;
    for (const int wrong_every : {2, 5}) {
      Oracle oracle(plain, wrong_every);
      EXPECT_EQ(run(session, &oracle, length, kTokens), plain) << "oracle " << wrong_every << " " << length;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, SameText,
                         testing::Values("gemma4-moe.Q8_0.gguf", "gemma4-dense.F32.gguf", "llama.Q4_K_M.gguf",
                                         "qwen3moe.F32.gguf", "gpt-oss.F32.gguf", kGenerated));

TEST(Speculation, CountsWhatWasAcceptedAtEachPosition) {
  Session session("gemma4-moe.Q8_0.gguf");
  const std::vector<std::int32_t> plain = run(session, nullptr, 0, 41);
  std::vector<Round> rounds;
  Oracle right(plain, 1000);
  run(session, &right, 3, 41, &rounds);
  for (const Round& round : rounds) EXPECT_EQ(round.accepted, round.proposed);
  EXPECT_EQ(rounds.size(), 10u) << "the first token comes from the prompt, then 4 a round";
  for (const Round& round : rounds) {
    EXPECT_GE(round.experts, 2) << "two experts a token";
    EXPECT_LE(round.experts, 8) << "of eight";
    EXPECT_GT(round.verify_s, 0);
  }
  rounds.clear();
  Oracle wrong(plain, 1);
  run(session, &wrong, 3, 41, &rounds);
  EXPECT_EQ(rounds.size(), 40u);
  std::map<std::string, Measurement> found;
  for (const Measurement& m : draft_measurements(rounds)) found[m.name] = m;
  EXPECT_EQ(found.at("draft_acceptance/1").median, 0);
  EXPECT_GT(found.at("draft_acceptance/1").high, 0);
  EXPECT_EQ(found.at("draft_round_tokens").median, 1);
  EXPECT_EQ(found.at("draft_experts/4").samples.size(), 37u) << "less is proposed where the end is near";
}

TEST(Speculation, AcceptanceIsAShareOfWhatWasProposedThere) {
  const std::vector<Round> rounds = {
      {.proposed = 3, .accepted = 3}, {.proposed = 3, .accepted = 1}, {.proposed = 1, .accepted = 0}, {}};
  std::map<std::string, Measurement> found;
  for (const Measurement& m : draft_measurements(rounds)) found[m.name] = m;
  EXPECT_THAT(found.at("draft_acceptance/1").samples, ElementsAre(1, 1, 0));
  EXPECT_THAT(found.at("draft_acceptance/2").samples, ElementsAre(1, 0));
  EXPECT_THAT(found.at("draft_acceptance/3").samples, ElementsAre(1, 0));
  EXPECT_FALSE(found.contains("draft_acceptance/4"));
  EXPECT_DOUBLE_EQ(found.at("draft_acceptance/1").median, 2.0 / 3);
  EXPECT_THAT(found.at("draft_round_tokens").samples, ElementsAre(4, 2, 1, 1));
  EXPECT_THAT(draft_measurements({}), IsEmpty());
}

TEST(ModelDrafter, ThatIsTheModelItselfIsNeverRejected) {
  Session session("gemma4-moe.Q8_0.gguf");
  std::vector<Round> rounds;
  ModelDrafter itself(session.weights, session.config, kContext, 4, session.team);
  run(session, &itself, 4, 50, &rounds);
  for (const Round& round : rounds) EXPECT_EQ(round.accepted, round.proposed);
  // A text that shares nothing but its length with what it holds, then the first one again.
  const std::vector<std::int32_t> other(120, 7);
  itself.propose({.text = other, .hidden = {}}, 4);
  rounds.clear();
  run(session, &itself, 4, 50, &rounds);
  for (const Round& round : rounds) EXPECT_EQ(round.accepted, round.proposed);
}

// Generated weights for both: nothing is accepted but by chance, and no token changes.
TEST(MtpDrafter, ReadsTheModelsKeysAndChangesNoToken) {
  const auto card = [](const char* name) {
    return model_from_card(fmt::format("{}/cards/{}.json", OLDIRON_TEST_DATA, name), "q8_0");
  };
  Session target(*generate_weights(card("small-gemma4-moe"), 3));
  Session assistant(*generate_weights(card("small-gemma4-assistant"), 4));
  const std::vector<std::int32_t> plain = run(target, nullptr, 0, 40);
  for (int length = 1; length <= 8; ++length) {
    Decoder decoder = target.decoder();
    MtpDrafter drafter(assistant.weights, target.config, decoder, target.team);
    std::vector<Round> rounds;
    EXPECT_EQ(run(decoder, &drafter, length, 40, &rounds), plain) << length;
    EXPECT_EQ(rounds.front().proposed, length);
  }
}

TEST(MakeDrafter, NamesTheKindThatADraftModelIsFor) {
  ModelSpec target, whole, reader;
  target.id = "target";
  whole.id = "whole";
  reader.id = "reader";
  target.vocab_size = whole.vocab_size = reader.vocab_size = 512;
  reader.embedding_length_out = 256;
  EXPECT_EQ(why_no_draft(DraftKind::model, target, &whole), "");
  EXPECT_EQ(why_no_draft(DraftKind::mtp, target, &reader), "");
  EXPECT_THAT(why_no_draft(DraftKind::model, target, &reader), testing::HasSubstr("use draft_kind=mtp"));
  EXPECT_THAT(why_no_draft(DraftKind::mtp, target, &whole), testing::HasSubstr("use draft_kind=model"));
  EXPECT_THAT(why_no_draft(DraftKind::mtp, target, nullptr), testing::HasSubstr("--draft-model F"));
  whole.vocab_size = 511;
  EXPECT_THAT(why_no_draft(DraftKind::model, target, &whole), testing::HasSubstr("512"));
  EXPECT_EQ(why_no_draft(DraftKind::ngram, target, nullptr), "");
}

TEST(NgramDrafter, ProposesWhatFollowedTheLatestLikeness) {
  NgramDrafter ngram;
  const auto propose = [&](std::vector<std::int32_t> text, int most) {
    return ngram.propose({.text = text, .hidden = {}}, most);
  };
  EXPECT_THAT(propose({1, 2, 3, 4, 5, 1, 2, 3}, 2), ElementsAre(4, 5));
  EXPECT_THAT(propose({1, 2, 3, 4, 5, 1, 2, 3}, 8), ElementsAre(4, 5, 1, 2, 3, 4, 5, 1));
  EXPECT_THAT(propose({1, 2, 8, 1, 2, 9, 1, 2}, 1), ElementsAre(9)) << "the latest";
  EXPECT_THAT(propose({0, 1, 2, 8, 1, 2, 9, 0, 1, 2}, 1), ElementsAre(8)) << "three tokens alike before two";
  EXPECT_THAT(propose({7, 7, 7}, 3), ElementsAre(7, 7, 7)) << "a place may overlap the end";
  EXPECT_THAT(propose({1, 2, 3, 4, 5, 6}, 4), IsEmpty());
  EXPECT_THAT(propose({1}, 4), IsEmpty());
}

}  // namespace
}  // namespace oldiron::speculation_test
