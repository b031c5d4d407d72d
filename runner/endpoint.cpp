#include "runner/endpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <random>
#include <string_view>

#include "core/check.hpp"
#include "core/clock.hpp"
#include "core/stats.hpp"
#include "core/text.hpp"

namespace oldiron {
namespace {

using Json = nlohmann::json;

// One to two tokens each in the usual vocabularies; the server's own count is what is used.
constexpr std::array<std::string_view, 24> kWords = {"river", "stone", "engine", "market", "winter", "copper", "garden", "signal",
                                                     "paper", "window", "harbour", "letter", "forest", "bridge", "summer", "kitchen",
                                                     "pencil", "island", "thunder", "ladder", "mirror", "valley", "basket", "candle"};
constexpr double kBytesPerToken = 4;
constexpr int kShortWords = 1;
constexpr int kFewTokens = 256;  // of difference between two prompts: fewer drown in the rest of an answer's way
constexpr int kShortAnswer = 8;  // one token alone may be half a letter, which is not sent
constexpr double kListPatience_s = 20;
constexpr std::string_view kChat = "/chat/completions", kPlain = "/completions";

/// Words without sense, each time others, then a question whose answer is long.
std::string prompt_of(int words, std::mt19937_64& random) {
  std::string text = fmt::format("Note {:06}:", random() % 1000000);
  for (int i = 0; i < words; ++i) text += fmt::format(" {}", kWords[random() % kWords.size()]);
  return text + ". Tell a very long story.";
}

std::string said(const HttpAnswer& answer) {
  const Json json = Json::parse(answer.body, nullptr, false);
  if (json.is_object() && json.contains("error")) {
    const Json& error = json["error"];
    if (error.is_string()) return error.get<std::string>();
    if (error.is_object() && error.contains("message") && error["message"].is_string()) return error["message"].get<std::string>();
  }
  return answer.body.substr(0, 200);
}

int count_in(const Json& usage, const char* name) {
  return usage.contains(name) && usage[name].is_number_integer() ? usage[name].get<int>() : -1;
}

bool has_text(const Json& choice) {
  const auto filled = [](const Json& object, const char* name) {
    return object.is_object() && object.contains(name) && object[name].is_string() && !object[name].get_ref<const std::string&>().empty();
  };
  if (filled(choice, "text")) return true;
  const Json delta = choice.value("delta", Json::object());
  // Models that think first send that under names of its own; for the clock it is text like any other.
  return filled(delta, "content") || filled(delta, "reasoning_content") || filled(delta, "reasoning");
}

class Client {
 public:
  Client(const EndpointRequest& request, const std::function<void(const std::string&)>& tell)
      : request_(request), tell_(tell), base_(parse_url(request.url)), random_(request.seed) {
    base_.api_key = request.api_key;
    if (base_.path.empty() || base_.path == "/") base_.path = "/v1";
    for (const std::string_view path : {kChat, kPlain}) {
      if (!base_.path.ends_with(path)) continue;
      base_.path.resize(base_.path.size() - path.size());
      ask_ = path;
      break;
    }
  }

  EndpointSpeed measure() {
    speed_.url = request_.url;
    speed_.model = request_.model.empty() ? only_model() : request_.model;
    const StreamReading first = ask(kShortWords, kShortAnswer);
    speed_.first_request_s = first.first_s;
    say(fmt::format("first request: {} to the first token", seconds_text(first.first_s)));
    learn_words();
    const int words = words_for(request_.prompt_tokens);
    const bool farther = request_.prompt_tokens < base_tokens_ + kFewTokens && takes(base_tokens_ + 2 * kFewTokens);
    std::vector<double> long_s, short_s, far_s, decode;
    std::vector<int> long_tokens, short_tokens, far_tokens;
    for (int i = 0; i < request_.repetitions; ++i) {
      const StreamReading brief = ask(kShortWords, kShortAnswer);
      short_s.push_back(brief.first_s);
      short_tokens.push_back(prompt_tokens(brief));
      const StreamReading whole = ask(words, request_.generate_tokens);
      const int tokens = completion_tokens(whole);
      if (tokens < 2 || whole.last_s <= whole.first_s)
        throw Error(fmt::format("{}: it answered with {} token{} at once, which has no speed; ask a server that streams", request_.url, tokens, tokens == 1 ? "" : "s"));
      speed_.stopped_early = speed_.stopped_early || tokens < request_.generate_tokens * 9 / 10;
      long_s.push_back(whole.first_s);
      long_tokens.push_back(prompt_tokens(whole));
      decode.push_back((tokens - 1) / (whole.last_s - whole.first_s));
      const StreamReading far = farther ? ask(words_for(base_tokens_ + 2 * kFewTokens), kShortAnswer) : whole;
      far_s.push_back(far.first_s);
      far_tokens.push_back(prompt_tokens(far));
      say(fmt::format("{} of {}: {} to the first token behind {}, then {} tokens/s", i + 1, request_.repetitions, seconds_text(whole.first_s),
                      long_tokens.back(), rate_text(decode.back())));
    }
    speed_.first_token_s = summarise("first_token_s", "s", long_s);
    speed_.short_first_token_s = summarise("short_first_token_s", "s", short_s);
    speed_.decode_tokens_per_s = summarise("decode_tokens_per_s", "tokens/s", decode);
    speed_.prompt_tokens = middle(long_tokens);
    speed_.short_prompt_tokens = middle(short_tokens);
    const double more_s = median(far_s) - speed_.short_first_token_s.median;
    const int more_tokens = middle(far_tokens) - speed_.short_prompt_tokens;
    if (more_s > 0 && more_tokens > 0) speed_.prefill_tokens_per_s = more_tokens / more_s;
    return speed_;
  }

 private:
  void say(const std::string& text) const {
    if (tell_) tell_(text);
  }

  static int middle(std::vector<int> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
  }

  HttpRequest to(std::string_view path, const Json& body = nullptr) const {
    HttpRequest request = base_;
    request.path += path;
    if (!body.is_null()) {
      request.method = "POST";
      request.json = body.dump(-1, ' ', false, Json::error_handler_t::replace);
    }
    return request;
  }

  std::string only_model() const {
    const HttpAnswer answer = http_exchange(to("/models"), now_s() + kListPatience_s);
    if (!answer.error.empty()) throw Error(fmt::format("{}: {}", request_.url, answer.error));
    const Json json = Json::parse(answer.body, nullptr, false);
    if (answer.status != 200 || !json.is_object() || !json.contains("data") || !json["data"].is_array())
      throw Error(fmt::format("{}: {}/models answers with {}, which is no list of models; is this an OpenAI-compatible server, and its path right?", request_.url, base_.path,
                              answer.status));
    std::vector<std::string> names;
    for (const Json& each : json["data"])
      if (each.is_object() && each.contains("id") && each["id"].is_string()) names.push_back(each["id"].get<std::string>());
    if (names.empty()) throw Error(fmt::format("{}: it lists no model; load one, or name it with --model", request_.url));
    if (names.size() > 1) {
      const std::size_t all = names.size();
      if (all > 8) names.resize(8);
      throw Error(fmt::format("{}: it has {} models; name one with --model: {}{}", request_.url, all, fmt::join(names, ", "), all > 8 ? ", …" : ""));
    }
    return names.front();
  }

  StreamReading ask(int words, int generate) {
    const std::string prompt = prompt_of(words, random_);
    Json body = {{"model", speed_.model}, {"max_tokens", generate}, {"temperature", 0}, {"stream", true}};
    if (ask_ == kChat) body["messages"] = Json::array({{{"role", "user"}, {"content", prompt}}});
    else body["prompt"] = prompt;
    if (extras_) {
      body["stream_options"] = {{"include_usage", true}};
      body["ignore_eos"] = true;     // llama-server and vLLM write on; others pass it over
      body["cache_prompt"] = false;  // llama-server
    }
    bytes_sent_ = prompt.size();
    const HttpAnswer answer = http_exchange(to(ask_, body), now_s() + request_.patience_s);
    if (!answer.error.empty() && answer.events.empty()) throw Error(fmt::format("{}: {}", request_.url, answer.error));
    if (extras_ && (answer.status == 400 || answer.status == 422)) {
      extras_ = false;  // a strict server: only what OpenAI's own knows
      return ask(words, generate);
    }
    if (answer.status != 200) throw Error(fmt::format("{}: it answers {}: {}", request_.url, answer.status, said(answer)));
    StreamReading reading = read_stream(answer);
    if (!reading.error.empty()) throw Error(fmt::format("{}: {}", request_.url, reading.error));
    return reading;
  }

  /// How many tokens the server counts without words, and for each of them.
  void learn_words() {
    const int few = std::max(8, request_.prompt_tokens / 4);
    base_tokens_ = prompt_tokens(ask(kShortWords, kShortAnswer));
    const int more = prompt_tokens(ask(few, kShortAnswer));
    tokens_per_word_ = std::max(0.25, static_cast<double>(more - base_tokens_) / (few - kShortWords));
  }

  int words_for(int tokens) const { return std::max(0, static_cast<int>(std::lround((tokens - base_tokens_) / tokens_per_word_))) + kShortWords; }

  /// Whether it takes a prompt that is longer than what it was asked to measure: its context may be too short.
  bool takes(int tokens) {
    const bool extras = extras_;
    try {
      ask(words_for(tokens), kShortAnswer);
    } catch (const Error&) {
      extras_ = extras;
      return false;
    }
    return true;
  }

  int prompt_tokens(const StreamReading& reading) {
    if (reading.prompt_tokens >= 0) return reading.prompt_tokens;
    speed_.tokens_estimated = true;
    return static_cast<int>(std::lround(static_cast<double>(bytes_sent_) / kBytesPerToken));
  }

  int completion_tokens(const StreamReading& reading) {
    if (reading.completion_tokens >= 0) return reading.completion_tokens;
    speed_.tokens_estimated = true;
    return reading.pieces;
  }

  const EndpointRequest& request_;
  const std::function<void(const std::string&)>& tell_;
  HttpRequest base_;
  std::mt19937_64 random_;
  EndpointSpeed speed_;
  std::string_view ask_ = kChat;
  int base_tokens_ = 0;
  double tokens_per_word_ = 1;
  bool extras_ = true;
  std::size_t bytes_sent_ = 0;
};

}  // namespace

StreamReading read_stream(const HttpAnswer& answer) {
  StreamReading reading;
  for (const ServerEvent& event : answer.events) {
    const Json json = Json::parse(event.data, nullptr, false);
    if (!json.is_object()) continue;  // "[DONE]"
    if (json.contains("error")) reading.error = "it says: " + (json["error"].is_string() ? json["error"].get<std::string>() : json["error"].dump().substr(0, 200));
    if (json.contains("usage") && json["usage"].is_object()) {
      reading.prompt_tokens = std::max(reading.prompt_tokens, count_in(json["usage"], "prompt_tokens"));
      reading.completion_tokens = std::max(reading.completion_tokens, count_in(json["usage"], "completion_tokens"));
    }
    if (!json.contains("choices") || !json["choices"].is_array() || json["choices"].empty() || !json["choices"][0].is_object()) continue;
    const Json& choice = json["choices"][0];
    if (choice.contains("finish_reason") && choice["finish_reason"].is_string()) reading.finish_reason = choice["finish_reason"].get<std::string>();
    if (!has_text(choice)) continue;
    if (reading.pieces++ == 0) reading.first_s = event.at_s - answer.sent_s;
    reading.last_s = event.at_s - answer.sent_s;
  }
  if (reading.error.empty() && !answer.error.empty()) reading.error = "its answer was cut short: " + answer.error;
  if (reading.error.empty() && reading.pieces == 0)
    reading.error = answer.events.empty() ? "its answer is no event stream; it must be able to stream" : "it streamed no text";
  return reading;
}

EndpointSpeed measure_endpoint(const EndpointRequest& request, const std::function<void(const std::string&)>& tell) {
  return Client(request, tell).measure();
}

}  // namespace oldiron
