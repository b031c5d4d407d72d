#include "reports/formats/model_words.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/text.hpp"
#include "reports/layout.hpp"
#include "reports/sentences.hpp"

namespace oldiron::reports {
namespace {

std::string gb(std::int64_t bytes) { return bytes_text(static_cast<double>(bytes)); }

/// "14.9 GB", "14.9 to 15.6 GB".
std::string span_text(std::int64_t low, std::int64_t high) {
  const std::string a = gb(low), b = gb(high);
  if (a == b) return a;
  const bool same_unit = a.substr(a.find(' ')) == b.substr(b.find(' '));
  return (same_unit ? a.substr(0, a.find(' ')) : a) + " to " + b;
}

/// The least and the most that the three engines need at one of the screen's contexts.
std::pair<std::int64_t, std::int64_t> needs(const ModelAnswers& a, std::size_t context) {
  std::int64_t low = a.memory.front().plans[context].total(), high = low;
  for (const EngineMemory& memory : a.memory) {
    low = std::min(low, memory.plans[context].total());
    high = std::max(high, memory.plans[context].total());
  }
  return {low, high};
}

}  // namespace

std::string machine_words(const ModelScreen& s) {
  std::string text = cpu_text(s.machine);
  if (!s.machine.cores.empty()) text += fmt::format(", {} cores", s.machine.cores.size());
  if (s.machine.memory_bytes > 0) text += ", " + gb(s.machine.memory_bytes);
  return text;
}

std::string range_text(const Estimate& r) {
  if (r.high <= 0) return "-";
  const std::string ends = rate_text(r.low) + " .. " + rate_text(r.high);
  return r.likely > 0 ? fmt::format("{} ({})", rate_text(r.likely), ends) : ends;
}

std::string speed_range_text(const Estimate& r) {
  const std::string ends = rate_text(r.low) + " .. " + rate_text(r.high);
  return r.likely > 0 ? fmt::format("{} t/s ({})", rate_text(r.likely), ends) : ends + " t/s";
}

std::string routing_words(const Routing& routing) {
  switch (routing.kind) {
    case Routing::Kind::independent:
      return "independent";
    case Routing::Kind::zipf:
      return fmt::format("zipf {:g}", routing.exponent);
    case Routing::Kind::sticky:
      return fmt::format("{} kept", percent_text(routing.kept));
    case Routing::Kind::measured:
      return "measured";
  }
  return "";
}

bool fits(const ModelScreen& s, const MemoryPlan& plan) {
  return !s.usable_memory_bytes || plan.total() <= *s.usable_memory_bytes;
}

std::string fit_sentence(const ModelScreen& s, const ModelAnswers& a) {
  const std::int64_t context = a.depths.front().context;
  const auto [low, high] = needs(a, 0);
  const std::string users = s.parallel > 1 ? fmt::format(" for each of {} users", s.parallel) : "";
  const std::string needed = fmt::format("{} at {} tokens{}, by engine", span_text(low, high), context, users);
  if (!s.usable_memory_bytes) return needed;
  const std::int64_t usable = *s.usable_memory_bytes;
  if (high <= usable) return fmt::format("yes: {}; {} usable", needed, gb(usable));
  if (low <= usable) return fmt::format("in some engines: {}; {} usable", needed, gb(usable));
  std::int64_t largest = 0;
  for (const EngineMemory& memory : a.memory)
    if (memory.largest_context) largest = std::max(largest, *memory.largest_context);
  return fmt::format("no: {}; {} usable; {}", needed, gb(usable),
                     largest > 0 ? fmt::format("{} tokens would", largest)
                                 : fmt::format("its weights alone are {}", gb(s.model.bytes())));
}

std::string decode_sentence(const ModelAnswers& a) {
  const Forecast& f = a.forecast;
  if (f.decode_tokens_per_s.high <= 0)
    return "not predicted: no read bandwidth is known; `oldiron probe` measures it";
  return fmt::format("{}, {}: a token reads {}", speed_range_text(f.decode_tokens_per_s),
                     glued("held by " + f.decode_wall), bytes_text(f.token_bytes));
}

std::string first_token_sentence(const ModelScreen& s, const ModelAnswers& a) {
  const Forecast& f = a.forecast;
  if (f.prefill_tokens_per_s.high <= 0) return "not predicted: no rate of int8 arithmetic is known";
  const Estimate& wait = f.first_token_s;
  const std::string seconds = wait.likely > 0 ? seconds_text(wait.likely)
                                              : seconds_text(wait.low) + " to " + seconds_text(wait.high);
  return fmt::format("{} for a prompt of {}: {}, {}", seconds, s.workload.prompt_tokens,
                     speed_range_text(f.prefill_tokens_per_s), glued("held by " + f.prefill_wall));
}

std::vector<std::string> basis_notes(const ModelScreen& s) {
  std::vector<std::string> notes;
  const std::int64_t after =
      s.context > 0 ? s.context : std::int64_t{s.workload.prompt_tokens} + s.workload.generate_tokens / 2;
  notes.push_back(fmt::format("a decode with {} tokens of context, a prompt of {} into an empty one", after,
                              s.workload.prompt_tokens));
  if (s.described) notes.emplace_back("a file that describes the machine; nothing was measured on it");
  const Ability& ability = s.ability;
  const Estimate& read = ability.read_bytes_per_s;
  if (read.high > 0) {
    std::string text = ability.measured ? fmt::format("{} read here just now", bytes_per_s_text(read.likely))
                       : read.low == read.high
                           ? fmt::format("{} of reading, a public figure", bytes_per_s_text(read.high))
                           : fmt::format("{} to {} of reading", bytes_per_s_text(read.low), bytes_per_s_text(read.high));
    if (ability.paper_bytes_per_s > 0)
      text += fmt::format(" ({} on paper)", bytes_per_s_text(ability.paper_bytes_per_s));
    text += fmt::format("; decodes moved {} to {} of what reading reached, {} in the middle",
                        percent_text(kDecodeOfRead.low), percent_text(kDecodeOfRead.high),
                        percent_text(kDecodeOfRead.likely));
    notes.push_back(text);
  }
  if (ability.ops_per_s.high > 0)
    notes.push_back(fmt::format("{} of {} at most; prefills of ours reached {} to {} of it, other engines less",
                                ops_per_s_text(ability.ops_per_s.high), ability.instruction,
                                percent_text(kPrefillOfPeak.low), percent_text(kPrefillOfPeak.high)));
  if (s.model.expert_count > 0 && s.routing.kind != Routing::Kind::measured)
    notes.push_back(fmt::format("how tokens share experts is assumed, not measured: independent, and {}",
                                routing_words(s.routing)));
  return notes;
}

std::string claim_text(const ModelScreen& s) {
  const Claim claim = answer(s).claim;
  const std::string asked = rate_text(claim.tokens_per_s) + " t/s";
  const std::string token = fmt::format("{:.2f} GB", claim.token_bytes / 1e9);
  const std::string takes = bytes_per_s_text(claim.bytes_per_s);
  const std::string limit = bytes_per_s_text(claim.limit_bytes_per_s) + (claim.limit_is_paper ? " on paper" : " read here");
  const std::string most = rate_text(claim.limit_tokens_per_s()) + " t/s";
  switch (claim.verdict) {
    case Claim::Verdict::unknown:
      return fmt::format("{}: cannot be told, no read bandwidth is known ({} a token)\n", asked, token);
    case Claim::Verdict::impossible:
      return fmt::format("{}: impossible, {} a token and {} allow {}\n", asked, token, limit, most);
    case Claim::Verdict::doubtful:
      return fmt::format("{}: doubtful, it takes {}; reading reaches {}\n", asked, takes,
                         bytes_per_s_text(s.ability.read_bytes_per_s.high));
    case Claim::Verdict::stretched:
      return fmt::format("{}: just possible, it takes {:.1f} of the {} that reading reaches\n", asked,
                         claim.bytes_per_s / 1e9, bytes_per_s_text(s.ability.read_bytes_per_s.high));
    case Claim::Verdict::possible:
      return fmt::format("{}: possible, it takes {} and reading reaches {}\n", asked, takes,
                         bytes_per_s_text(s.ability.read_bytes_per_s.high));
  }
  return "";
}

}  // namespace oldiron::reports
