#include "app/your_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "core/audit/audit.hpp"
#include "core/audit/line_settings.hpp"
#include "runner/engines/llama_server.hpp"

namespace oldiron {

namespace {

using Knows = std::function<bool(std::string_view)>;

Knows listed_in(const std::vector<std::string>& flags) {
  return [&flags](std::string_view flag) { return std::find(flags.begin(), flags.end(), flag) != flags.end(); };
}

/// The line as llama-bench can run it: what that cannot say stays as the engine has it, and is told.
LineSettings as_bench(const PastedLine& line, const Candidate& candidate, const ModelSpec& model) {
  const Knows knows = listed_in(candidate.flags);
  LineSettings settings = settings_of_line(line, candidate.engine, model, knows);
  const auto why_unsaid = [&](const Config& config) {
    const Flags flags = flags_for(config, candidate.engine, Tool::bench, knows, false, &model);
    return flags.unsupported.empty() ? "" : flags.unsupported.front();
  };
  for (const Lever& lever : levers()) {
    if (lever.get(settings.config) == lever.get(Config{}) || lever.name.ends_with("_threads")) continue;
    Config alone;
    lever.set(alone, lever.get(settings.config));
    const std::string why = why_unsaid(alone);
    if (why.empty()) continue;
    settings.left_out.push_back(why);
    lever.set(settings.config, lever.get(Config{}));
  }
  // One thread count in two levers is not two settings.
  const Config threads = {.decode_threads = settings.config.decode_threads, .prefill_threads = settings.config.prefill_threads};
  if (const std::string why = why_unsaid(threads); !why.empty()) {
    settings.left_out.push_back(fmt::format("-tb {}: {}", settings.config.prefill_threads, why.substr(why.find(": ") + 2)));
    settings.config.prefill_threads = settings.config.decode_threads;
  }
  return settings;
}

/// What llama-server can say of the line, llama-bench cannot, and a speed may hang on; empty: nothing.
std::string needs_server(const PastedLine& line, const Candidate& candidate, const ModelSpec& model, const Machine& machine, const LineSettings& bench,
                         const LineSettings& server) {
  for (const Lever& lever : levers())
    if (lever.get(bench.config) != lever.get(server.config)) return fmt::format("{}={}", lever.name, lever.get(server.config));
  const Audit audit = judge(line, {.engine = candidate.engine, .machine = machine, .model = model});
  const auto has = [](const std::vector<std::string>& words, const GivenFlag& flag) {
    return std::any_of(words.begin(), words.end(), [&](const std::string& word) { return word == flag.word || (flag.record != nullptr && flag.record->spells(word)); });
  };
  for (const FlagRow& row : audit.rows)
    if (row.verdict == FlagVerdict::can_act && has(server.more_flags, row.flag) && !has(bench.more_flags, row.flag)) return row.flag.text();
  return "";
}

}  // namespace

YourLineRead add_yours(const TuneRecord& record, const Candidate& candidate, const ModelSpec& model, TuneRequest& request) {
  if (record.baseline.empty() || candidate.engine == Engine::oldiron) return {};
  const PastedLine line = read_pasted_line(record.baseline);
  YourLineRead read;
  LineSettings settings = as_bench(line, candidate, model);
  if (!candidate.server.empty()) {
    LineSettings server = settings_of_line(line, candidate.engine, model, listed_in(candidate.server_flags), Tool::server);
    read.by_server = needs_server(line, candidate, model, record.machine, settings, server);
    if (!read.by_server.empty()) request.base.engine_dir = candidate.server;
    if (is_for_server(request.base)) settings = std::move(server);
  }
  TrialSpec yours = request.base;
  yours.config = resolve(settings.config, record.machine, record.state, model);
  yours.more_front = std::move(settings.more_front);
  yours.more_flags = std::move(settings.more_flags);
  request.yours = std::move(yours);
  if (!settings.model.empty() && settings.model != candidate.request.model)
    settings.left_out.push_back(fmt::format("-m {}: it runs with the model that is tuned, {}", settings.model, candidate.request.model));
  read.not_compared = std::move(settings.left_out);
  return read;
}

std::string model_of_line(const std::vector<std::string>& words) {
  const PastedLine line = read_pasted_line(words);
  std::string reason;
  return settings_of_line(line, engine_of_line(line, reason), {}, [](std::string_view) { return false; }).model;
}

}  // namespace oldiron
