#include "kernels/speculation/speculation.hpp"

#include <algorithm>
#include <map>
#include <string>

#include "core/clock.hpp"
#include "core/trial.hpp"

namespace oldiron {

double mean_experts(const Decoder& decoder) {
  const std::vector<int> distinct = decoder.distinct_experts();
  double sum = 0;
  int layers = 0;
  for (const int used : distinct) {
    sum += used;
    layers += used > 0 ? 1 : 0;
  }
  return layers > 0 ? sum / layers : 0;
}

std::int32_t greedy(std::span<const float> logits) {
  return static_cast<std::int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

Speculation::Speculation(Decoder& decoder, Drafter* drafter, int draft_length, int threads)
    : decoder_(decoder),
      drafter_(drafter),
      draft_length_(drafter != nullptr ? draft_length : 0),
      threads_(threads),
      hidden_(static_cast<std::size_t>(decoder.model().embedding_length)),
      logits_(static_cast<std::size_t>(draft_length_ + 1) *
              static_cast<std::size_t>(decoder.model().vocab_size)) {}

void Speculation::begin(std::span<const std::int32_t> prompt, int ubatch, int threads) {
  CHECK(!prompt.empty(), "a prompt of one token or more");
  decoder_.rewind(0, 0);
  text_.assign(prompt.begin(), prompt.end());
  const auto n = static_cast<int>(prompt.size());
  std::vector<StepToken> step;
  for (int begin = 0; begin < n; begin += ubatch) {
    step.clear();
    for (int i = begin; i < std::min(n, begin + ubatch); ++i)
      step.push_back(
          {.token = prompt[static_cast<std::size_t>(i)], .sequence = 0, .position = i, .logits = i + 1 == n});
    decoder_.step(step, threads, logits_.data());
  }
  decoder_.output_row(static_cast<std::int64_t>(step.size()) - 1, hidden_);
  text_.push_back(greedy(std::span(logits_).first(static_cast<std::size_t>(decoder_.model().vocab_size))));
}

Round Speculation::round(int most) {
  CHECK(!text_.empty() && most > 0, "a text that was begun, and room for a token");
  Round round;
  const double start_s = now_s();
  std::vector<std::int32_t> draft;
  if (const int wanted = std::min(draft_length_, most - 1); wanted > 0)
    draft = drafter_->propose({.text = text_, .hidden = hidden_}, wanted);
  const double drafted_s = now_s();
  const auto position = static_cast<std::int32_t>(text_.size()) - 1;
  std::vector<StepToken> step = {
      {.token = text_.back(), .sequence = 0, .position = position, .logits = true}};
  for (const std::int32_t token : draft)
    step.push_back({.token = token,
                    .sequence = 0,
                    .position = position + static_cast<std::int32_t>(step.size()),
                    .logits = true});
  decoder_.step(step, threads_, logits_.data());

  const auto vocab = static_cast<std::size_t>(decoder_.model().vocab_size);
  const auto chosen = [&](std::size_t row) { return greedy(std::span(logits_).subspan(row * vocab, vocab)); };
  std::size_t accepted = 0;
  std::int32_t own = chosen(0);
  while (accepted < draft.size() && draft[accepted] == own) {
    text_.push_back(own);
    own = chosen(++accepted);
  }
  text_.push_back(own);
  decoder_.output_row(static_cast<std::int64_t>(accepted), hidden_);
  decoder_.rewind(0, static_cast<int>(text_.size()) - 1);
  round.proposed = static_cast<int>(draft.size());
  round.accepted = static_cast<int>(accepted);
  round.draft_s = drafted_s - start_s;
  round.verify_s = now_s() - drafted_s;
  round.experts = mean_experts(decoder_);
  return round;
}

std::vector<Measurement> draft_measurements(std::span<const Round> rounds) {
  std::vector<Measurement> all;
  if (rounds.empty()) return all;
  std::map<int, std::vector<double>> kept, experts;
  std::vector<double> tokens, draft_s, verify_s;
  for (const Round& round : rounds) {
    for (int i = 1; i <= round.proposed; ++i) kept[i].push_back(i <= round.accepted ? 1 : 0);
    if (round.experts > 0) experts[round.proposed + 1].push_back(round.experts);
    tokens.push_back(round.tokens());
    draft_s.push_back(round.draft_s);
    verify_s.push_back(round.verify_s);
  }
  for (auto& [position, outcomes] : kept)
    all.push_back(share_of_outcomes(kDraftAcceptance + std::to_string(position), "of those proposed",
                                    std::move(outcomes)));
  all.push_back(average(kDraftRoundTokens, "tokens", std::move(tokens)));
  all.push_back(average(kDraftSeconds, "s", std::move(draft_s)));
  all.push_back(average(kDraftVerifySeconds, "s", std::move(verify_s)));
  for (auto& [n, used] : experts)
    all.push_back(average(kDraftExperts + std::to_string(n), "experts a layer", std::move(used)));
  return all;
}

}  // namespace oldiron
