#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/json.hpp"
#include "core/text.hpp"
#include "reports/endpoint_screen.hpp"
#include "reports/layout.hpp"
#include "reports/sentences.hpp"

namespace oldiron::reports {
namespace {

std::string interval_of(const Measurement& m) {
  return m.samples.size() < 2 ? "" : fmt::format(" ({} .. {})", seconds_text(m.low), seconds_text(m.high));
}

std::string compared(const EndpointSpeed& speed, const TunedSpeed& tuned) {
  const Ratio& r = tuned.decode_ratio;
  std::string text = fmt::format("this server: {}, tuned: {}, {:.2f}x ({:.2f}–{:.2f})", rate_text(speed.decode_tokens_per_s.median),
                                 speed_text(tuned.decode_tokens_per_s.median), r.median, r.interval.low, r.interval.high);
  if (r.interval.low <= 1 && r.interval.high >= 1) text += ": no significant winner";
  return text;
}

}  // namespace

std::string endpoint_text(const EndpointSpeed& speed, const std::optional<TunedSpeed>& tuned) {
  std::string out = fit(one_line(fmt::format("{} · {}", speed.model, speed.url)), kScreenColumns) + "\n";
  if (tuned)
    for (const std::string& line : wrap(compared(speed, *tuned), kScreenColumns)) out += line + "\n";
  out += "\n" + labelled("first token", fmt::format("{}{} behind {} tokens; {} behind {}", seconds_text(speed.first_token_s.median), interval_of(speed.first_token_s),
                                                    speed.prompt_tokens, seconds_text(speed.short_first_token_s.median), speed.short_prompt_tokens));
  if (speed.prefill_tokens_per_s > 0) {
    std::string prefill = speed_text(speed.prefill_tokens_per_s) + " by the difference of the two prompts";
    if (tuned && tuned->prefill_tokens_per_s.median > 0) prefill += fmt::format("; tuned: {}", speed_text(tuned->prefill_tokens_per_s.median));
    out += labelled("prefill", prefill);
  }
  const Measurement& decode = speed.decode_tokens_per_s;
  out += labelled("decode", fmt::format("{} ({}), from the first token to the last", speed_text(decode.median), interval_text(decode.low, decode.high)));
  out += labelled("at first", fmt::format("{} to the very first token: with a load, if the server loads on demand", seconds_text(speed.first_request_s)));
  out += labelled("tokens", speed.tokens_estimated ? "estimated, one per event and four bytes of a prompt: the server's answers have no `usage`"
                                                   : "as the server counts them");
  if (speed.stopped_early) out += labelled("", "some answers ended before the tokens that were asked for");
  if (!tuned) return out;
  out += labelled("beside", "the tuned figures are of another day and of llama-bench, whose decode starts in an empty context; here it starts behind the prompt");
  if (!tuned->line.empty()) out += "\n    " + tuned->line + "\n";
  return out;
}

std::string endpoint_json(const EndpointSpeed& speed, const std::optional<TunedSpeed>& tuned) {
  Json json = {{"schema", 1},
               {"url", speed.url},
               {"model", speed.model},
               {"prompt_tokens", speed.prompt_tokens},
               {"short_prompt_tokens", speed.short_prompt_tokens},
               {"tokens_estimated", speed.tokens_estimated},
               {"stopped_early", speed.stopped_early},
               {"first_request_s", speed.first_request_s},
               {"first_token_s", to_json(speed.first_token_s)},
               {"short_first_token_s", to_json(speed.short_first_token_s)},
               {"decode_tokens_per_s", to_json(speed.decode_tokens_per_s)},
               {"prefill_tokens_per_s", speed.prefill_tokens_per_s > 0 ? Json(speed.prefill_tokens_per_s) : Json(nullptr)},
               {"tuned", nullptr}};
  if (tuned)
    json["tuned"] = {{"decode_tokens_per_s", to_json(tuned->decode_tokens_per_s)},
                     {"prefill_tokens_per_s", to_json(tuned->prefill_tokens_per_s)},
                     {"line", tuned->line},
                     {"decode_ratio", {{"median", tuned->decode_ratio.median}, {"low", tuned->decode_ratio.interval.low}, {"high", tuned->decode_ratio.interval.high}}}};
  return dump_json(json, 1) + "\n";
}

}  // namespace oldiron::reports
