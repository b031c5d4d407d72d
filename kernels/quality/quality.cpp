#include "kernels/quality/quality.hpp"

#include <algorithm>

#include "core/stats.hpp"
#include "core/trial.hpp"
#include "kernels/quality/divergence.hpp"
#include "kernels/quality/loops.hpp"

namespace oldiron {

namespace {

Measurement loops(const char* name, const std::vector<std::vector<std::int32_t>>& texts) {
  std::vector<double> outcomes;
  for (const auto& text : texts) outcomes.push_back(loop_at_end(text).period > 0 ? 1 : 0);
  return share_of_outcomes(name, "of texts", std::move(outcomes));
}

}  // namespace

TextQuality compare_on_text(Decoder& reference, Decoder& candidate, std::span<const std::int32_t> text,
                            Team& team, int threads) {
  CHECK(!text.empty(), "a text");
  CHECK(reference.model().vocab_size == candidate.model().vocab_size, "models of one vocabulary");
  reference.rewind(0, 0);
  candidate.rewind(0, 0);
  const auto vocab = static_cast<std::size_t>(reference.model().vocab_size);
  const std::size_t most = std::min<std::size_t>(kQualityStepTokens, text.size());
  std::vector<float> p(most * vocab), q(most * vocab);
  std::vector<Divergence> rows(text.size());
  std::vector<StepToken> step;
  for (std::size_t begin = 0; begin < text.size(); begin += most) {
    const std::size_t n = std::min(most, text.size() - begin);
    step.clear();
    for (std::size_t i = begin; i < begin + n; ++i)
      step.push_back(
          {.token = text[i], .sequence = 0, .position = static_cast<std::int32_t>(i), .logits = true});
    reference.step(step, threads, p.data());
    candidate.step(step, threads, q.data());
    team.run(std::clamp(threads, 1, team.size()), [&](int rank, int active) {
      const Range mine = share(static_cast<std::int64_t>(n), 1, rank, active);
      for (auto i = static_cast<std::size_t>(mine.begin); i < static_cast<std::size_t>(mine.end); ++i)
        rows[begin + i] =
            divergence(std::span(p).subspan(i * vocab, vocab), std::span(q).subspan(i * vocab, vocab));
    });
  }
  std::vector<double> kl, same;
  for (const Divergence& row : rows) {
    kl.push_back(row.kl);
    same.push_back(row.same_top ? 1 : 0);
  }
  return {mean(kl), mean(same)};
}

std::vector<Measurement> quality_on_texts(Decoder& reference, Decoder& candidate,
                                          const std::vector<std::vector<std::int32_t>>& texts, Team& team,
                                          int threads) {
  std::vector<double> kl, top1;
  for (const auto& text : texts) {
    const TextQuality one = compare_on_text(reference, candidate, text, team, threads);
    kl.push_back(one.kl);
    top1.push_back(one.top1);
  }
  std::vector<Measurement> both = {average(kQualityKl, "nats per token", kl),
                                   average(kQualityTop1, "of tokens", top1)};
  // An interval of a mean knows nothing of what cannot be.
  for (Measurement& each : both) each.low = std::max(0.0, each.low);
  both[1].high = std::min(1.0, both[1].high);
  return both;
}

std::vector<Measurement> quality_on_own_texts(Decoder& reference, Decoder& candidate, const TextTokens& known,
                                              const OwnTextOptions& options, Team& team) {
  const auto texts = own_texts(reference, known, options);
  std::vector<Measurement> all = quality_on_texts(reference, candidate, texts, team, options.threads);
  all.push_back(loops(kQualityOwnLoops, texts));
  all.push_back(loops(kQualityLoops, own_texts(candidate, known, options)));
  return all;
}

}  // namespace oldiron
