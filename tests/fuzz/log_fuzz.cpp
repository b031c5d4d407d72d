// Any bytes as what an engine prints: every reader of logs, answers and help texts returns, and what it returns is sane. Run by
// libFuzzer (preset fuzz) and, over tests/data/fuzz_logs and all recorded outputs, by every build's tests.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/audit/audit.hpp"
#include "core/check.hpp"
#include "runner/audit/evidence.hpp"
#include "runner/audit/run_log.hpp"
#include "runner/discover.hpp"
#include "runner/engine_builds.hpp"
#include "runner/kept_answers.hpp"
#include "runner/engines/engine_end.hpp"
#include "runner/engines/llama_bench.hpp"
#include "runner/engines/llama_perplexity.hpp"
#include "runner/engines/server_answer.hpp"

namespace {

using namespace oldiron;

void require(bool condition) {
  if (!condition) std::abort();
}

void require_sane(const WorkTimes& times) {
  for (const double rate : {times.prefill_tokens_per_s, times.decode_tokens_per_s}) require(std::isfinite(rate) && rate >= 0);
  for (const int count : {times.prompt_tokens, times.generated_tokens, times.drafted_tokens, times.accepted_tokens}) require(count >= 0);
}

/// The traces of one record, which the input's first bytes choose: what is held for inert never takes effect.
void weigh_one(std::string_view log) {
  const auto byte = [&](std::size_t i) { return i < log.size() ? static_cast<unsigned char>(log[i]) : 0u; };
  const FlagRecord& record = flag_records()[(byte(0) * 256 + byte(1)) % flag_records().size()];
  for (const FlagVerdict verdict : {FlagVerdict::inert, FlagVerdict::can_act}) {
    FlagRow row{.flag = {.word = std::string(record.name()), .values = {"q8_0"}, .record = &record}, .verdict = verdict};
    weigh(row, {.log = log, .seen = {.times = times_of_log(log)}}, false);
    require(verdict != FlagVerdict::inert || row.verdict != FlagVerdict::took_effect);
  }
}

void read_bench_of(const std::string& text) {
  CommandResult result;
  result.end.exit_code = 0;
  result.out.append(text);
  result.err.append(text);
  Trial trial;
  FoundEngine found;
  found.engine = text.size() % 2 == 0 ? Engine::ik_llama : Engine::llama_cpp;
  read_bench(result, found, trial);
}

void read_answer_of(const std::string& text) {
  HttpReader raw;
  raw.feed(text, 1);
  raw.close(2);
  for (const HttpAnswer& answer : {raw.answer(), HttpAnswer{.status = 200, .events = {{.data = text, .at_s = 1}}}}) {
    try {
      const Completion read = read_completion(answer);
      require(std::isfinite(read.prefill_tokens_per_s()) && read.prompt_tokens > 0);
    } catch (const Error&) {
    }
  }
}

void read_divergence_of(const std::string& text) {
  try {
    const KlFigures read = read_kl_divergence(text);
    for (const Figure& each : {read.kl, read.top1, read.perplexity, read.base_perplexity}) require(std::isfinite(each.value) && std::isfinite(each.error));
    require(!read.running_kl.empty() && read.running_kl.size() == read.running_top1.size());
  } catch (const Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  require_sane(times_of_log(text));
  read_answer_of(text);
  read_divergence_of(text);
  require_sane(times_of_bench(text));
  for (const std::int64_t nodes : graph_of_log(text).nodes) require(nodes >= 0);
  features_of_log(text);
  std::string commit;
  require(build_of_version(text, commit) >= 0);
  version_of_footer(Engine::ik_llama, text);
  const auto flags = flags_of_help(text);
  engine_of_flags(flags);
  libraries_of_listing(text);
  complaint_of(text);
  refusal_of(text);
  // A pattern of the records, and one that the input brings along.
  matching_line(text, "K ({value}): {+}", "q8_0");
  const auto half = text.find('\n');
  if (half != std::string::npos && half < 64) matching_line(std::string_view(text).substr(half), text.substr(0, half), "8");
  weigh_one(text);
  read_bench_of(text);
  return 0;
}
