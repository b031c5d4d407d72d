#include "runner/engines/engine_end.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/text.hpp"
#include "runner/discover.hpp"

namespace oldiron {
namespace {

std::string_view line_at(std::string_view text, std::size_t at) {
  const auto begin = text.rfind('\n', at) + 1;  // npos + 1 is 0
  return without_blanks(text.substr(begin, text.find('\n', at) - begin));
}

}  // namespace

std::string_view without_blanks(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n.");
  if (begin == std::string_view::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

Refusal refusal_of(std::string_view log) {
  struct Mark {
    std::string_view text;
    bool unsupported;
  };

  // Most telling first: the programs end with a bare "failed to load model" whatever went wrong.
  constexpr std::array<Mark, 8> kMarks = {{{"invalid ggml type", true},
                                           {"unknown model architecture", true},
                                           {"requires flash_attn", true},
                                           {"invalid parameter for argument", true},
                                           {"is not within the file bounds", false},
                                           {"failed to open", false},
                                           {"failed to allocate", false},
                                           {"error loading model:", false}}};
  for (const auto& mark : kMarks)
    if (const auto at = log.find(mark.text); at != std::string_view::npos)
      return {std::string(line_at(log, at)), mark.unsupported};
  for (const char* word : {"error:", "GGML_ASSERT", "what():"})
    if (const auto at = log.rfind(word); at != std::string_view::npos)
      return {std::string(line_at(log, at)), false};
  return {};
}

std::optional<EndVerdict> bad_end(const CommandResult& result, std::string_view tool) {
  if (!result.timed_out && result.end.ok()) return {};
  const Refusal refusal = refusal_of(result.err.text());
  const std::string said = refusal.line.empty() ? "" : "; it said: " + refusal.line;
  if (result.timed_out)
    return EndVerdict{Status::timed_out, fmt::format("{} was stopped after {}{}", tool, seconds_text(result.end.wall_s), said)};
  if (died_of_illegal_instruction(result.end))
    return EndVerdict{Status::unsupported, fmt::format("{} was built for another CPU (illegal instruction); build it on this machine", tool)};
  if (refusal.unsupported) return EndVerdict{Status::unsupported, fmt::format("{} refused: {}", tool, refusal.line)};
  return EndVerdict{Status::failed, fmt::format("{} {}{}", tool, how_it_ended(result.end), said)};
}

bool ended_well(const CommandResult& result, std::string_view tool, Trial& trial) {
  trial.provenance.peak_rss_bytes = std::max(trial.provenance.peak_rss_bytes, result.end.max_rss_bytes);
  auto verdict = bad_end(result, tool);
  if (!verdict) return true;
  trial.status = verdict->status;
  trial.reason = std::move(verdict->reason);
  return false;
}

void read_into(Trial& trial, const std::function<void()>& read) {
  trial.measurements.clear();
  try {
    read();
    trial.status = Status::ok;
    trial.reason.clear();
  } catch (const Error& error) {
    trial.measurements.clear();
    trial.status = Status::failed;
    trial.reason = error.what();
  }
}

}  // namespace oldiron
