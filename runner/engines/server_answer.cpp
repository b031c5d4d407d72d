#include "runner/engines/server_answer.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/check.hpp"
#include "core/json.hpp"

namespace oldiron {
namespace {

double number(const Json& timings, const char* name) {
  if (!timings.contains(name)) throw Error(fmt::format("llama-server's timings have no field {}; this build is not known yet", name));
  const Json& value = timings[name];
  const double number = value.is_number() ? value.get<double>() : std::nan("");
  if (!std::isfinite(number) || number <= 0 || number > 1e12)
    throw Error(fmt::format("llama-server's field timings.{} is not a number above 0 ({})", name, value.dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 40)));
  return number;
}

int count(const Json& timings, const char* name) {
  const double value = number(timings, name);
  if (value > 1e9 || value != std::floor(value)) throw Error(fmt::format("llama-server's field timings.{} is no number of tokens", name));
  return static_cast<int>(value);
}

/// The same of a field that may be absent or 0.
int count_if_any(const Json& timings, const char* name) {
  return timings.contains(name) && timings[name] != 0 ? count(timings, name) : 0;
}

}  // namespace

Completion read_completion(const HttpAnswer& answer) {
  const bool is_stream = !answer.events.empty();
  // OpenAI's closing word stands behind the last object.
  std::size_t last = answer.events.size();
  while (last > 1 && answer.events[last - 1].data == "[DONE]") --last;
  const std::string& text = is_stream ? answer.events[last - 1].data : answer.body;
  if (text.empty()) throw Error("llama-server answered with nothing");
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) throw Error(fmt::format("llama-server's JSON is broken or stops early ({} bytes)", text.size()));
  if (json.is_object() && json.contains("error")) {
    const Json& error = json["error"];
    const Json message = error.is_object() ? error.value("message", Json("")) : error;
    throw Error("llama-server gave up in the middle: " + (message.is_string() ? message.get<std::string>().substr(0, 200) : "it did not say why"));
  }
  if (is_stream && !(json.is_object() && json.value("stop", Json(false)) == true)) throw Error("llama-server's stream ended without its last event");
  if (!json.is_object() || !json.contains("timings") || !json["timings"].is_object())
    throw Error("llama-server's answer has no field timings; this build is not known yet");
  const Json& timings = json["timings"];
  constexpr double kMilli = 1e-3;
  Completion read;
  read.prompt_tokens = count(timings, "prompt_n");
  read.prompt_s = kMilli * number(timings, "prompt_ms");
  read.predicted_tokens = count(timings, "predicted_n");
  read.predicted_s = kMilli * number(timings, "predicted_ms");
  read.drafted_tokens = count_if_any(timings, "draft_n");
  read.accepted_tokens = count_if_any(timings, "draft_n_accepted");
  if (is_stream) read.first_token_s = answer.events.front().at_s - answer.sent_s;
  return read;
}

}  // namespace oldiron
