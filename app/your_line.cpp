#include "app/your_line.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/audit/audit.hpp"
#include "core/audit/line_settings.hpp"

namespace oldiron {

std::vector<std::string> add_yours(const TuneRecord& record, const Candidate& candidate, const ModelSpec& model, TuneRequest& request) {
  if (record.baseline.empty() || candidate.engine == Engine::oldiron) return {};
  const auto knows = [&](std::string_view flag) { return std::find(candidate.flags.begin(), candidate.flags.end(), flag) != candidate.flags.end(); };
  LineSettings settings = settings_of_line(read_pasted_line(record.baseline), candidate.engine, model, knows);
  // What the bench cannot say stays as the engine has it, and is told.
  for (const Lever& lever : levers()) {
    if (lever.get(settings.config) == lever.get(Config{})) continue;
    Config alone;
    lever.set(alone, lever.get(settings.config));
    // One thread count in two levers is not two settings.
    if (lever.name.ends_with("_threads")) alone.decode_threads = alone.prefill_threads = std::max(alone.decode_threads, alone.prefill_threads);
    const Flags flags = flags_for(alone, candidate.engine, Tool::bench, knows, false, &model);
    if (flags.unsupported.empty()) continue;
    settings.left_out.push_back(flags.unsupported.front());
    lever.set(settings.config, lever.get(Config{}));
  }
  const auto lacks = [&](const char* name) {
    const auto& lacking = lever(name).lacking;
    return std::any_of(lacking.begin(), lacking.end(), [&](const auto& each) { return each.first == candidate.engine; });
  };
  if (lacks("prefill_threads") && settings.config.prefill_threads != settings.config.decode_threads) {
    settings.left_out.push_back(fmt::format("-tb {}: llama-bench has one thread count for both phases", settings.config.prefill_threads));
    settings.config.prefill_threads = settings.config.decode_threads;
  }
  TrialSpec yours = request.base;
  yours.config = resolve(settings.config, record.machine, record.state, model);
  yours.more_front = std::move(settings.more_front);
  yours.more_flags = std::move(settings.more_flags);
  request.yours = std::move(yours);
  if (!settings.model.empty() && settings.model != candidate.request.model)
    settings.left_out.push_back(fmt::format("-m {}: it runs with the model that is tuned, {}", settings.model, candidate.request.model));
  return settings.left_out;
}

std::string model_of_line(const std::vector<std::string>& words) {
  const PastedLine line = read_pasted_line(words);
  std::string reason;
  return settings_of_line(line, engine_of_line(line, reason), {}, [](std::string_view) { return false; }).model;
}

}  // namespace oldiron
