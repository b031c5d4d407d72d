#include "runner/meter.hpp"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "core/text.hpp"
#include "probes/files.hpp"

namespace oldiron {
namespace {

// The library behind likwid's tools may hang for seconds where its daemon is missing; a controller answers
// within one.
constexpr double kMeterPatience_s = 10;

}  // namespace

CommandMeter::CommandMeter(std::string name, Command command,
                           Available<double> (*parse)(std::string_view out), RunShort run)
    : name_(std::move(name)),
      command_(std::move(command)),
      parse_(parse),
      run_(run ? std::move(run)
               : [](const Command& c, double timeout_s) { return run_command(c, timeout_s); }) {}

Available<double> CommandMeter::read() {
  const auto none = [](std::string reason) { return Available<double>::not_available(std::move(reason)); };
  const CommandResult result = run_(command_, kMeterPatience_s);
  if (result.timed_out) return none(fmt::format("gave no answer within {}", seconds_text(kMeterPatience_s)));
  if (!result.end.ok()) {
    const std::string words(trim(result.err.text()));
    return none(how_it_ended(result.end) + (words.empty() ? "" : ": " + words.substr(0, words.find('\n'))));
  }
  return parse_(result.out.text());
}

std::optional<double> first_number(std::string_view text) {
  const std::size_t at = text.find_first_of("0123456789");
  if (at == text.npos) return std::nullopt;
  double number = 0;
  if (std::from_chars(text.data() + at, text.data() + text.size(), number).ec != std::errc())
    return std::nullopt;
  return at > 0 && text[at - 1] == '-' ? -number : number;
}

}  // namespace oldiron
