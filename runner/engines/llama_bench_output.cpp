// llama-bench of either engine: what its exit, its log and its rows of JSON say.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/stats.hpp"
#include "core/text.hpp"
#include "runner/engines/engine_end.hpp"
#include "runner/engines/llama_bench.hpp"

namespace oldiron {
namespace {

bool holds_no_number(const std::string& text) {
  for (const char* word : {"nan", "inf"})
    for (const char* before : {": ", ": -", "[ ", "[ -", ", ", ", -"})
      if (text.find(std::string(before) + word) != std::string::npos) return true;
  return false;
}

/// The rows, or why there are none. Throws Error where JSON is broken.
Json rows_of(const std::string& out) {
  const auto begin = out.find('[');
  if (without_blanks(out).empty()) throw Error("llama-bench ended without an error and printed nothing");
  if (begin == std::string::npos) throw Error("llama-bench printed no JSON");
  const Json rows = Json::parse(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(), nullptr, false);
  if (!rows.is_discarded() && rows.is_array()) return rows;
  if (holds_no_number(out)) throw Error("llama-bench printed a rate that is not a number");
  throw Error(fmt::format("llama-bench's JSON is broken or stops early ({} bytes)", out.size() - begin));
}

const Json& required(const Json& row, const char* name) {
  if (!row.is_object() || !row.contains(name))
    throw Error(fmt::format("llama-bench's JSON has no field {}; this build is not known yet", name));
  return row[name];
}

int integer(const Json& row, const char* name) {
  const Json& value = required(row, name);
  if (!value.is_number_integer()) throw Error(fmt::format("llama-bench's field {} is no integer", name));
  return value.get<int>();
}

std::vector<double> rates(const Json& row) {
  const Json& samples = required(row, "samples_ts");
  if (!samples.is_array() || samples.empty()) throw Error("llama-bench's field samples_ts holds no samples");
  std::vector<double> result;
  for (const auto& each : samples) {
    const double rate = each.is_number() ? each.get<double>() : std::nan("");
    if (!std::isfinite(rate) || rate <= 0)
      throw Error("llama-bench printed a rate that is not a number above 0");
    result.push_back(rate);
  }
  return result;
}

/// The one row of this test. More than one would be a swept list, and not the trial that was asked.
const Json& row_of(const Json& rows, int prompt, int generate) {
  const Json* found = nullptr;
  for (const auto& row : rows) {
    if (integer(row, "n_prompt") != prompt || integer(row, "n_gen") != generate) continue;
    if (found != nullptr)
      throw Error(
          fmt::format("llama-bench printed two rows for prompt {} and generation {}", prompt, generate));
    found = &row;
  }
  if (found == nullptr)
    throw Error(fmt::format("llama-bench printed no row for prompt {} and generation {}", prompt, generate));
  return *found;
}

std::string kv_name(KvType type) {
  Config config;
  config.kv_type = type;
  return lever("kv_type").get(config);
}

/// What both engines repeat of the command line must be what stood there.
void check_echo(const Json& row, const TrialSpec& spec, int threads, Engine engine) {
  const Config& config = spec.config;
  const auto expect = [](const std::string& disagreement) {
    if (!disagreement.empty()) throw Error("llama-bench did not run what was asked: " + disagreement);
  };
  if (threads > 0) expect(differs(row, "n_threads", std::to_string(threads)));
  expect(differs(row, "n_ubatch", std::to_string(config.ubatch)));
  expect(differs(row, "n_depth", std::to_string(spec.workload.depth_tokens)));
  expect(differs(row, "type_k", kv_name(config.kv_type)));
  expect(differs(row, "type_v", kv_name(config.kv_type)));
  expect(differs(row, "model_filename", spec.model));
  if (config.flash_attention != Switch::automatic)
    expect(differs(row, "flash_attn", config.flash_attention == Switch::on ? "1" : "0"));
  expect(bench_dialect(engine).disagreement(row, config));
}

/// The engine may be rebuilt while we tune; its new rows are then another engine's.
void check_version(const Json& row, const FoundEngine& found) {
  const std::string build =
      fmt::format("{} {} ({})", display_name(found.engine), integer(row, "build_number"),
                  field_text(required(row, "build_commit")));
  if (found.version.find("build unknown") == std::string::npos && build != found.version)
    throw Error(fmt::format("{} is now {}, it was {}; start again", found.bench, build, found.version));
}

/// Measures one test's row into the trial; returns seconds of its samples and of its warm-up.
double take_row(const Json& rows, const FoundEngine& found, bool prefill, Trial& trial) {
  const Workload& workload = trial.spec.workload;
  const Config& config = trial.spec.config;
  const int tokens = prefill ? workload.prompt_tokens : workload.generate_tokens;
  const Json& row = prefill ? row_of(rows, tokens, 0) : row_of(rows, 0, tokens);
  check_version(row, found);
  check_echo(row, trial.spec, prefill ? config.prefill_threads : config.decode_threads, found.engine);
  std::vector<double> samples = rates(row);
  const bool cold = skips_warm_up(trial.spec, found);
  const double warm_up_tokens = cold ? 0 : prefill ? tokens : 1;
  const double computing_s = std::accumulate(samples.begin(), samples.end(), warm_up_tokens / median(samples),
                                             [&](double sum, double rate) { return sum + tokens / rate; });
  if (cold && !prefill && samples.size() > 1 && bench_dialect(found.engine).first_generation_is_cold) samples.erase(samples.begin());
  trial.measurements.push_back(summarise(prefill ? kPrefill : kDecode, "tokens/s", samples));
  return computing_s;
}

}  // namespace

std::string field_text(const Json& value) {
  if (value.is_boolean()) return value.get<bool>() ? "1" : "0";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string differs(const Json& row, const char* field, const std::string& asked) {
  if (!row.contains(field) || field_text(row[field]) == asked) return "";
  return fmt::format("{} was {}, asked was {}", field, field_text(row[field]), asked);
}

void read_bench(const CommandResult& result, const FoundEngine& found, Trial& trial) {
  trial.measurements.clear();
  if (!ended_well(result, "llama-bench", trial)) return;
  read_into(trial, [&] {
    const Json rows = rows_of(result.out.text());
    double computing_s = 0;
    if (trial.spec.workload.prompt_tokens > 0) computing_s += take_row(rows, found, true, trial);
    if (trial.spec.workload.generate_tokens > 0) computing_s += take_row(rows, found, false, trial);
    trial.provenance.load_s = std::max(0.0, result.end.wall_s - computing_s);
    for (const auto& tag : bench_dialect(found.engine).declined(result.err.text(), trial.spec.config))
      for (auto& measurement : trial.measurements) measurement.tags.push_back(tag);
  });
}

}  // namespace oldiron
