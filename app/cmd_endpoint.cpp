// `oldiron endpoint URL`: how fast a server answers, as its client sees it, beside a tuned line.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <optional>

#include "app/commands.hpp"
#include "app/make_report.hpp"
#include "app/replay_tunes.hpp"
#include "core/text.hpp"
#include "reports/endpoint_screen.hpp"
#include "runner/endpoint.hpp"
#include "runner/signals.hpp"
#include "tuner/objective.hpp"

namespace oldiron {
namespace {

TuneRecord record_of(const std::string& dir) {
  auto record = load_record(dir);
  if (!record) throw Error(fmt::format("--compare {}: no tune was made in this folder; run oldiron tune --out {} first", dir, dir));
  return std::move(*record);
}

TunedSpeed tuned_speed(const TuneRecord& record, const std::string& dir) {
  Journal journal(dir + "/journal.sqlite");
  const reports::Report report = make_report(record, replay_tunes(record, journal), dir);
  if (!report.lossless) throw Error(fmt::format("--compare {}: this tune has no answer: {}", dir, report.lossless.reason()));
  const reports::Answer& answer = *report.lossless;
  TunedSpeed tuned{.decode_tokens_per_s = answer.decode, .prefill_tokens_per_s = answer.prefill};
  if (answer.engine != Engine::oldiron) tuned.line = reports::command_line((answer.engine == Engine::ik_llama ? answer.ik_llama : answer.llama_cpp).argv);
  return tuned;
}

}  // namespace

int cmd_endpoint(const Options& options) {
  install_interrupt_handlers();
  EndpointRequest request{.url = options.url, .model = options.endpoint_model};
  request.prompt_tokens = options.prompt_tokens;
  request.generate_tokens = options.generate_tokens;
  request.repetitions = options.repetitions;
  if (const char* key = std::getenv("OLDIRON_API_KEY")) request.api_key = key;
  std::optional<TunedSpeed> tuned;
  if (!options.compare_dir.empty()) {
    const TuneRecord record = record_of(options.compare_dir);
    tuned = tuned_speed(record, options.compare_dir);
    if (!options.workload_given) {
      request.prompt_tokens = record.workload.prompt_tokens;
      request.generate_tokens = record.workload.generate_tokens;
    }
  }
  const EndpointSpeed speed = measure_endpoint(request, [](const std::string& line) { fmt::print(stderr, "{}\n", line); });
  if (tuned) tuned->decode_ratio = quotient(tuned->decode_tokens_per_s, speed.decode_tokens_per_s);
  if (!options.json_path.empty()) write_file(options.json_path, reports::endpoint_json(speed, tuned));
  fmt::print("{}", reports::endpoint_text(speed, tuned));
  return 0;
}

}  // namespace oldiron
