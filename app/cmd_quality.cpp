// What a configuration, or another file of the same model, loses: divergence and agreement of its next
// tokens.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/own_session.hpp"
#include "core/json.hpp"
#include "core/text.hpp"
#include "kernels/quality/quality.hpp"
#include "runner/quality_trial.hpp"

namespace oldiron {

namespace {

std::string lossy_settings(const Config& config, const Config& own) {
  std::string text;
  for (const Lever& each : levers())
    if (each.get(config) != each.get(own))
      text += fmt::format("{}{}={}", text.empty() ? "" : ", ", each.name, each.get(config));
  return text;
}

std::string lossy_levers() {
  std::vector<std::string> names;
  for (const Lever& each : levers())
    if (each.loss == Loss::lossy) names.emplace_back(each.name);
  return list_text(names, "or");
}

std::string row(const Measurement& m) {
  const auto interval = [&](const std::string& low, const std::string& high) {
    return m.samples.size() > 1 ? fmt::format("  ({} to {}, 95 %)", low, high) : std::string();
  };
  if (m.name == kQualityKl)
    return fmt::format("KL       {} nats a token{}\n", kl_text(m.median),
                       interval(kl_text(m.low), kl_text(m.high)));
  if (m.name == kQualityTop1)
    return fmt::format("top-1    {}{}\n", fine_percent_text(m.median),
                       interval(fine_percent_text(m.low), fine_percent_text(m.high)));
  const double loops = m.median * static_cast<double>(m.samples.size());
  return fmt::format("loops    {:.0f} of {} texts of the {} end in one\n", loops, m.samples.size(),
                     m.name == kQualityLoops ? "candidate" : "reference");
}

}  // namespace

int cmd_quality(const Options& options) {
  OwnSession session(options);
  const Config& config = session.config();
  const ModelSpec& model = session.model();
  const bool other_file = !options.against.empty();
  const ModelRequest against{.model = options.against, .type = {}, .head_type = {}};
  const ModelSpec reference_model = other_file ? describe_model(against, cards_dir()) : model;
  for (const ModelSpec* each : {&model, &reference_model})
    if (const std::string reason = why_no_quality(*each); !reason.empty())
      throw Error(reason + "; give a real file");
  if (reference_model.vocab_size != model.vocab_size)
    throw Error(fmt::format("--against {}: it has {} tokens and {} has {}; compare files of one model",
                            options.against, reference_model.vocab_size, model.id, model.vocab_size));
  const Config own = without_losses(config, reference_model);
  const std::string settings = lossy_settings(config, without_losses(config, model));
  if (!other_file && settings.empty())
    throw Error(
        fmt::format("nothing to compare: set {}, or name another file with --against F", lossy_levers()));
  std::vector<std::vector<std::int32_t>> texts;
  if (!options.tokens.empty()) texts.push_back(parse_tokens(options.tokens, model.vocab_size));
  const int tokens = texts.empty() ? options.text_tokens : static_cast<int>(texts.front().size());
  const int sequences = texts.empty() ? options.texts : 1;

  const auto candidate_weights = session.load();
  const auto reference_weights = other_file ? session.load(against) : candidate_weights;
  Decoder reference(reference_weights, own, quality_decoder_options(sequences, tokens, own.n_experts),
                    session.team());
  Decoder candidate(candidate_weights, config, quality_decoder_options(sequences, tokens, config.n_experts),
                    session.team());
  const std::vector<Measurement> measured =
      texts.empty()
          ? quality_on_own_texts(reference, candidate,
                                 known_tokens(other_file ? against : options.model, reference_model),
                                 {.texts = sequences,
                                  .tokens = tokens,
                                  .seed = options.seed,
                                  .threads = config.decode_threads},
                                 session.team())
          : quality_on_texts(reference, candidate, texts, session.team(), config.decode_threads);
  fmt::print("{}{} beside {}, on {}\n", model.id, settings.empty() ? "" : " with " + settings,
             other_file ? reference_model.id : "its own configuration",
             texts.empty() ? fmt::format("{} texts of {} tokens that the latter wrote at temperature 1",
                                         sequences, tokens)
                           : fmt::format("the {} tokens given", tokens));
  Json json = {{"candidate", model.id},
               {"reference", reference_model.id},
               {"config", to_json(config)},
               {"measurements", Json::array()}};
  for (const Measurement& m : measured) {
    fmt::print("{}", row(m));
    json["measurements"].push_back(to_json(m));
  }
  if (!options.json_path.empty()) write_file(options.json_path, dump_json(json, 1) + "\n");
  return 0;
}

}  // namespace oldiron
