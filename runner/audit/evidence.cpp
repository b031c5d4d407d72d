#include "runner/audit/evidence.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>

#include "core/text.hpp"

namespace oldiron {
namespace {

/// Runs of blanks become one.
std::string squeezed(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\t' || c == '\r';
    if (blank && (out.empty() || out.back() == ' ')) continue;
    out += blank ? ' ' : c;
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

/// `text` begins with what `pattern` describes.
bool begins_with(std::string_view text, std::string_view pattern, const std::string& value) {
  while (!pattern.empty()) {
    if (pattern.starts_with("{value}")) {
      pattern.remove_prefix(7);
      if (value.empty() || !text.starts_with(value)) return false;
      text.remove_prefix(value.size());
      if (!text.empty() && is_word(text.front())) return false;  // "8" does not stand for "8192"
    } else if (pattern.starts_with("{}") || pattern.starts_with("{+}")) {
      const bool positive = pattern[1] == '+';
      pattern.remove_prefix(positive ? 3 : 2);
      std::size_t length = 0;
      while (length < text.size() && (is_digit(text[length]) || (text[length] == '.' && length > 0))) ++length;
      if (length == 0 || (positive && std::strtod(std::string(text.substr(0, length)).c_str(), nullptr) <= 0)) return false;
      text.remove_prefix(length);
    } else {
      if (text.empty() || text.front() != pattern.front()) return false;
      text.remove_prefix(1);
      pattern.remove_prefix(1);
    }
  }
  return true;
}

bool holds(const std::string& line, std::string_view pattern, const std::string& value) {
  // What stands before the first brace is found fast.
  const std::string_view text(line), words = pattern.substr(0, pattern.find('{'));
  for (std::size_t at = text.find(words); at < text.size(); at = text.find(words, at + 1))
    if (begins_with(text.substr(at), pattern, value)) return true;
  return false;
}

std::string bytes(std::int64_t count) { return bytes_text(static_cast<double>(count)); }

bool much_more(std::int64_t one, std::int64_t other) {
  constexpr std::int64_t kFew = 64 << 20;  // stacks and heaps have some of their own
  return one > kFew && one > 2 * other;
}

bool is_comparison(Trace::Sign sign) { return sign == Trace::Sign::nodes || sign == Trace::Sign::compute || sign == Trace::Sign::repacked || sign == Trace::Sign::more_huge_pages; }

std::int64_t last_of(const std::vector<std::int64_t>& counts) { return counts.empty() ? 0 : counts.back(); }

/// A sentence if the run differs from the one without the flag.
std::string difference_of(Trace::Sign sign, const RunSeen& seen, const RunSeen& without) {
  if (sign == Trace::Sign::nodes && !seen.graph.nodes.empty() && !without.graph.nodes.empty() && seen.graph.nodes != without.graph.nodes)
    return fmt::format("{} graph nodes, {} without it", last_of(seen.graph.nodes), last_of(without.graph.nodes));
  if (sign == Trace::Sign::compute && seen.graph.compute_mib > 0 && without.graph.compute_mib > 0 && seen.graph.compute_mib != without.graph.compute_mib)
    return fmt::format("compute buffers of {:.2f} MiB, {:.2f} without it", seen.graph.compute_mib, without.graph.compute_mib);
  if (sign == Trace::Sign::repacked && seen.graph.repacked_mib != without.graph.repacked_mib)
    return fmt::format("{:.1f} MiB of weights repacked, {:.1f} without it", seen.graph.repacked_mib, without.graph.repacked_mib);
  if (sign == Trace::Sign::more_huge_pages && seen.looked && without.looked && much_more(seen.huge_page_bytes, without.huge_page_bytes))
    return fmt::format("{} in huge pages, {} without it", bytes(seen.huge_page_bytes), bytes(std::max<std::int64_t>(0, without.huge_page_bytes)));
  return "";
}

std::string nodes_text(const RunSeen& seen) {
  if (seen.node_bytes.size() < 2) return "";
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < seen.node_bytes.size(); ++i) parts.push_back(fmt::format("{} on node {}", bytes(seen.node_bytes[i]), i));
  return "; " + list_text(parts, "and");
}

std::string drafts_text(const WorkTimes& times) {
  return times.drafted_tokens > 0 ? fmt::format("{} tokens drafted, {} of them accepted", times.drafted_tokens, times.accepted_tokens) : "";
}

/// A sentence if the trace is there, else empty.
std::string seen_of(const Trace& trace, const FlagRow& row, const RunProof& proof) {
  constexpr double kNearly = 0.9;  // embeddings and norms may lie apart
  const RunSeen& seen = proof.seen;
  const auto weights = static_cast<double>(proof.weight_bytes);
  switch (trace.sign) {
    case Trace::Sign::log: {
      const std::string line = matching_line(proof.log, trace.text, row.flag.value());
      return line.empty() ? "" : "its log: " + line;
    }
    case Trace::Sign::locked:
      if (!seen.looked || weights <= 0 || static_cast<double>(seen.locked_bytes) < kNearly * weights) return "";
      return fmt::format("VmLck {} of {} weights", bytes(seen.locked_bytes), bytes(proof.weight_bytes));
    case Trace::Sign::huge_pages:
      return seen.looked && seen.huge_page_bytes > 0 ? fmt::format("{} in huge pages", bytes(seen.huge_page_bytes)) : "";
    case Trace::Sign::unmapped:
      return seen.looked && !seen.model_mapped ? "the model's file is not mapped" : "";
    case Trace::Sign::threads:
      return seen.working_threads > 0 && std::to_string(seen.working_threads) == row.flag.value()
                 ? fmt::format("{} threads did the work", seen.working_threads)
                 : "";
    case Trace::Sign::bound:
      return seen.looked && seen.bound ? "its threads may not run on every CPU" + nodes_text(seen) : "";
    case Trace::Sign::policy:
      return seen.looked && !seen.memory_policy.empty() && seen.memory_policy != "default" ? "numa_maps: " + seen.memory_policy + nodes_text(seen) : "";
    case Trace::Sign::priority:
      return seen.looked && seen.nice != 0 ? fmt::format("it runs at a niceness {} {} ours", std::abs(seen.nice), seen.nice > 0 ? "above" : "below") : "";
    case Trace::Sign::drafted:
      return drafts_text(seen.times);
    case Trace::Sign::nodes:
    case Trace::Sign::compute:
    case Trace::Sign::repacked:
    case Trace::Sign::more_huge_pages:
      return proof.without ? difference_of(trace.sign, seen, *proof.without) : "";
  }
  return "";
}

/// What a comparison says that found no difference.
std::string likeness_of(const FlagRow& row, const RunProof& proof) {
  if (!proof.without || row.flag.record == nullptr) return "";
  for (const Trace& trace : row.flag.record->traces)
    if (trace.sign == Trace::Sign::nodes && !proof.seen.graph.nodes.empty() && !proof.without->graph.nodes.empty())
      return fmt::format("{} graph nodes with it and without", last_of(proof.seen.graph.nodes));
  return "";
}

}  // namespace

std::string matching_line(std::string_view log, std::string_view pattern, const std::string& value) {
  constexpr std::size_t kLongest = 4096;  // lines of a log are short; what is longer is text of the model
  const std::string wanted = squeezed(pattern);
  while (!log.empty()) {
    const std::string_view line = log.substr(0, log.find('\n'));
    log.remove_prefix(std::min(log.size(), line.size() + 1));
    if (line.size() > kLongest) continue;
    std::string plain = squeezed(line);
    if (holds(plain, wanted, value)) return plain;
  }
  return "";
}

void weigh(FlagRow& row, const RunProof& proof, bool altered) {
  // What the engine does anyway, and what has no speed, needs no evidence.
  if (row.verdict == FlagVerdict::default_anyway || row.verdict == FlagVerdict::not_speed) return;
  if (row.verdict == FlagVerdict::rejected || row.verdict == FlagVerdict::unknown) {
    row.verdict = FlagVerdict::no_trace;
    row.why = "this build takes it";
    return;
  }
  if (altered || row.flag.record == nullptr) return;
  // What a line prints of a flag that cannot act is an echo.
  const bool idle = row.verdict == FlagVerdict::not_applicable || row.verdict == FlagVerdict::inert || row.verdict == FlagVerdict::echoed_only;
  for (const Trace& trace : row.flag.record->traces) {
    if (idle && (trace.verdict == FlagVerdict::took_effect || trace.verdict == FlagVerdict::changed)) continue;
    const std::string found = seen_of(trace, row, proof);
    if (found.empty()) continue;
    row.verdict = trace.verdict;
    row.evidence = found;
    return;
  }
  if (row.verdict != FlagVerdict::can_act && row.verdict != FlagVerdict::changed) return;
  if (row.flag.record->silence.empty()) {
    row.verdict = FlagVerdict::no_trace;
    row.evidence = likeness_of(row, proof);
    return;
  }
  row.verdict = row.flag.record->silent;
  row.evidence = std::string(row.flag.record->silence);
  const auto& traces = row.flag.record->traces;
  const bool about_locks = std::any_of(traces.begin(), traces.end(), [](const Trace& trace) { return trace.sign == Trace::Sign::locked; });
  if (about_locks && proof.seen.looked && proof.weight_bytes > 0)
    row.evidence = fmt::format("VmLck {} of {} weights", bytes(proof.seen.locked_bytes), bytes(proof.weight_bytes));
}

bool wants_comparison(const FlagRow& row) {
  if (row.verdict != FlagVerdict::can_act || row.flag.record == nullptr) return false;
  const auto& traces = row.flag.record->traces;
  return std::any_of(traces.begin(), traces.end(), [](const Trace& trace) { return is_comparison(trace.sign); });
}

bool look_alike(const RunSeen& one, const RunSeen& other) {
  return one.graph == other.graph && !much_more(one.huge_page_bytes, other.huge_page_bytes) && !much_more(other.huge_page_bytes, one.huge_page_bytes);
}

Complaint complaint_of(std::string_view log) {
  constexpr std::array kWords = {"unknown argument: ", "invalid argument: ", "invalid parameter for argument: ", "legacy speculative option '",
                                 "error while handling argument \""};
  for (const char* words : kWords) {
    const auto at = log.find(words);
    if (at == std::string_view::npos) continue;
    const auto begin = at + std::string_view(words).size();
    const std::string_view rest = log.substr(begin, log.find('\n', begin) - begin);
    const auto line_begin = log.rfind('\n', at) + 1;  // npos + 1 is 0
    return {std::string(rest.substr(0, rest.find_first_of("'\" \r"))), squeezed(log.substr(line_begin, log.find('\n', at) - line_begin))};
  }
  return {};
}

}  // namespace oldiron
