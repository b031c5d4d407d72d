// Greedy decoding with drafts, told in token ids: what is accepted, and what it gains.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/own_session.hpp"
#include "core/clock.hpp"
#include "core/json.hpp"
#include "core/text.hpp"
#include "kernels/speculation/make_drafter.hpp"
#include "kernels/speculation/speculation.hpp"

namespace oldiron {

namespace {

struct Generated {
  std::vector<std::int32_t> tokens;
  std::vector<Round> rounds;
  double seconds = 0;

  double tokens_per_s() const { return static_cast<double>(tokens.size() - 1) / seconds; }
};

Generated generate(Decoder& decoder, Drafter* drafter, const std::vector<std::int32_t>& prompt, int count,
                   const Config& config) {
  Speculation speculation(decoder, drafter, config.draft_len, config.decode_threads);
  speculation.begin(prompt, config.ubatch, config.prefill_threads);
  Generated out;
  const double start_s = now_s();
  // The first token comes from the prompt's own step.
  for (int left = count - 1; left > 0; left -= out.rounds.back().tokens())
    out.rounds.push_back(speculation.round(left));
  out.seconds = now_s() - start_s;
  out.tokens.assign(speculation.text().begin() + static_cast<std::ptrdiff_t>(prompt.size()),
                    speculation.text().end());
  return out;
}

std::string draft_text(const Generated& made, const Config& config, const ModelSpec& model) {
  double draft_s = 0;
  for (const Round& round : made.rounds) draft_s += round.draft_s;
  std::string accepted;
  std::string text =
      fmt::format("drafts   {}, up to {} a round", lever("draft_kind").get(config), config.draft_len);
  for (const Measurement& m : draft_measurements(made.rounds)) {
    if (m.name == kDraftRoundTokens)
      text += fmt::format(": {:.2f} tokens a round, {} of the time for drafting", m.median,
                          percent_text(draft_s / made.seconds));
    if (m.name.starts_with(kDraftAcceptance))
      accepted += fmt::format("{}{} ({} to {})", accepted.empty() ? "" : ", ", percent_text(m.median),
                              percent_text(m.low), percent_text(m.high));
  }
  text +=
      "\naccepted " +
      (accepted.empty() ? "nothing was proposed" : "at position 1 and on, of those proposed: " + accepted) +
      "\n";
  if (model.synthetic)
    text += "         the weights are generated: what they accept says nothing of a real model\n";
  return text;
}

}  // namespace

int cmd_generate(const Options& options) {
  OwnSession session(options);
  const Config& config = session.config();
  const ModelSpec& model = session.model();
  std::vector<std::int32_t> prompt = options.tokens.empty() ? known_tokens(options.model, model).begin
                                                            : parse_tokens(options.tokens, model.vocab_size);
  if (prompt.empty())
    throw Error(
        fmt::format("{} names no token that begins a text; give a prompt with --tokens 1,2,3", model.id));
  if (const int end = static_cast<int>(prompt.size()) + options.generate_tokens;
      model.context_length > 0 && end > model.context_length)
    throw Error(fmt::format("{} tokens and the prompt's {} are more than the {} of context of {}; generate fewer",
                            options.generate_tokens, prompt.size(), model.context_length, model.id));
  const ModelRequest draft{.model = options.draft_model, .type = {}, .head_type = {}};
  const bool drafts_by_model = config.draft_len > 0 && needs_draft_model(config.draft_kind);
  if (drafts_by_model) {
    const ModelSpec other = options.draft_model.empty() ? ModelSpec{} : describe_model(draft, cards_dir());
    if (const std::string reason =
            why_no_draft(config.draft_kind, model, options.draft_model.empty() ? nullptr : &other);
        !reason.empty())
      throw Error(reason);
  }
  const int context = static_cast<int>(prompt.size()) + options.generate_tokens + config.draft_len + 1;
  Decoder decoder(session.load(), config,
                  {.max_sequences = 1,
                   .max_context = context,
                   .max_step_tokens = std::max(config.ubatch, config.draft_len + 1),
                   .n_experts = config.n_experts},
                  session.team());
  const auto drafter =
      make_drafter(config, decoder, drafts_by_model ? session.load(draft) : nullptr, context, session.team());
  const Generated made = generate(decoder, drafter.get(), prompt, options.generate_tokens, config);
  Json json = {{"prompt", prompt},
               {"tokens", made.tokens},
               {"tokens_per_s", made.tokens_per_s()},
               {"config", to_json(config)}};
  fmt::print("tokens   {}\n", fmt::join(made.tokens, ","));
  fmt::print("speed    {} tokens, {} t/s\n", made.tokens.size(), rate_text(made.tokens_per_s()));
  if (drafter) {
    json["measurements"] = Json::array();
    for (const Measurement& m : draft_measurements(made.rounds)) json["measurements"].push_back(to_json(m));
    fmt::print("{}", draft_text(made, config, model));
  }
  bool same = true;
  if (options.check) {
    const Generated plain = generate(decoder, nullptr, prompt, options.generate_tokens, config);
    same = plain.tokens == made.tokens;
    json["plain_tokens_per_s"] = plain.tokens_per_s();
    json["same_tokens"] = same;
    fmt::print("check    without drafts {} t/s, {}\n", rate_text(plain.tokens_per_s()),
               same ? "the same tokens" : "OTHER TOKENS: a defect of oldiron");
  }
  if (!options.json_path.empty()) write_file(options.json_path, dump_json(json, 1) + "\n");
  return same ? 0 : 1;
}

}  // namespace oldiron
