#include "runner/draft_timer.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/clock.hpp"
#include "kernels/quality/loops.hpp"
#include "kernels/quality/own_text.hpp"
#include "kernels/speculation/make_drafter.hpp"
#include "kernels/speculation/speculation.hpp"

namespace oldiron {

namespace {

// A sample is at least this many tokens: rounds differ by what they accept, not only by the clock.
constexpr int kTokensPerSample = 16;

struct Continued {
  std::vector<std::int32_t> text;
  std::vector<Round> rounds;
  std::vector<double> rates;  ///< tokens/s
  std::vector<Disturbed> disturbed;
};

Continued continue_text(Decoder& decoder, Drafter* drafter, const std::vector<std::int32_t>& prompt,
                        const TrialSpec& spec, TrialWatch& watch,
                        const std::function<void(double)>& on_rate) {
  Speculation speculation(decoder, drafter, spec.config.draft_len, spec.config.decode_threads);
  speculation.begin(prompt, spec.config.ubatch, spec.config.prefill_threads);
  watch.look();
  Continued out;
  int left = spec.workload.generate_tokens, tokens = 0;
  double seconds = 0;
  watch.begin_samples();
  while (left > 0) {
    watch.begin_step();
    const double start_s = now_s();
    out.rounds.push_back(speculation.round(left));
    seconds += now_s() - start_s;
    watch.end_step();
    left -= out.rounds.back().tokens();
    tokens += out.rounds.back().tokens();
    if (tokens < kTokensPerSample && left > 0) continue;
    out.rates.push_back(tokens / seconds);
    watch.end_sample();
    on_rate(out.rates.back());
    tokens = 0;
    seconds = 0;
  }
  out.disturbed = watch.end_samples();
  out.text.assign(speculation.text().begin(), speculation.text().end());
  return out;
}

}  // namespace

DecoderOptions draft_decoder_options(const TrialSpec& spec) {
  DecoderOptions options;
  options.max_context = kDraftPromptTokens + spec.workload.generate_tokens + spec.config.draft_len + 1;
  options.max_step_tokens =
      std::max(spec.config.draft_len + 1, std::min(spec.config.ubatch, kDraftPromptTokens));
  options.n_experts = spec.config.n_experts;
  return options;
}

std::vector<Measurement> time_drafts(
    Decoder& decoder, const DraftParts& parts, const TrialSpec& spec, Team& team, TrialWatch& watch,
    const std::function<void(const std::string& name, double value)>& on_sample) {
  const auto drafter =
      make_drafter(spec.config, decoder, parts.model, draft_decoder_options(spec).max_context, team);
  const std::vector<std::int32_t> prompt = own_texts(decoder, parts.known,
                                                     {.texts = 1,
                                                      .tokens = kDraftPromptTokens,
                                                      .seed = spec.workload.seed,
                                                      .threads = spec.config.decode_threads})
                                               .front();
  const Continued plain = continue_text(decoder, nullptr, prompt, spec, watch,
                                        [&](double rate) { on_sample(kPlainDecode, rate); });
  const Continued drafted = continue_text(decoder, drafter.get(), prompt, spec, watch,
                                          [&](double rate) { on_sample(kDecode, rate); });
  if (drafted.text != plain.text)
    throw Error(
        fmt::format("{}: the text with drafts is not the text without; this is a defect of oldiron, and no "
                    "speed of it counts",
                    decoder.model().id));
  std::vector<Measurement> all = {summarise(kDecode, "tokens/s", drafted.rates),
                                  summarise(kPlainDecode, "tokens/s", plain.rates)};
  label(all[0], drafted.disturbed);
  label(all[1], plain.disturbed);
  for (Measurement& each : draft_measurements(drafted.rounds)) all.push_back(std::move(each));
  std::vector<std::string> tags;
  if (decoder.model().synthetic)
    tags.emplace_back("generated weights: what they accept says nothing of a real model");
  if (const Loop loop = loop_at_end(plain.text); loop.period > 0)
    tags.push_back(
        fmt::format("the text repeats {} token{} from its {}th on: more is accepted than in other text",
                    loop.period, loop.period == 1 ? "" : "s", loop.begin + 1));
  for (Measurement& each : all)
    if (each.name != kPlainDecode) each.tags.insert(each.tags.end(), tags.begin(), tags.end());
  return all;
}

}  // namespace oldiron
