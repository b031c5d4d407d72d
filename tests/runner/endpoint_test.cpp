// A client's view of a server: exact where the times are given, and whole against a server of this test.
#include "runner/endpoint.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/check.hpp"
#include "runner/descriptor.hpp"
#include "tests/runner/listener.hpp"

namespace oldiron::endpoint_test {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

std::string piece(const char* text) { return fmt::format(R"({{"choices":[{{"delta":{{"content":"{}"}},"finish_reason":null}}]}})", text); }

TEST(ReadStream, TimesAreFromTheRequestToPiecesOfText) {
  HttpAnswer answer;
  answer.status = 200;
  answer.sent_s = 100;
  answer.events = {{R"({"choices":[{"delta":{"role":"assistant","content":null}}]})", 100.1},
                   {piece("Once"), 101.5},
                   {R"({"choices":[{"delta":{"reasoning_content":"hm"}}]})", 102},
                   {piece(" upon"), 103.5},
                   {R"({"choices":[{"delta":{},"finish_reason":"length"}],"timings":{"x":1}})", 103.6},
                   {R"({"choices":[],"usage":{"prompt_tokens":40,"completion_tokens":3,"more":null}})", 103.7},
                   {"[DONE]", 103.8}};
  const StreamReading reading = read_stream(answer);
  EXPECT_EQ(reading.error, "");
  EXPECT_DOUBLE_EQ(reading.first_s, 1.5);
  EXPECT_DOUBLE_EQ(reading.last_s, 3.5);
  EXPECT_EQ(reading.pieces, 3);
  EXPECT_EQ(reading.prompt_tokens, 40);
  EXPECT_EQ(reading.completion_tokens, 3);
  EXPECT_EQ(reading.finish_reason, "length");
}

TEST(ReadStream, WhatIsNoAnswerSaysWhy) {
  HttpAnswer answer;
  answer.status = 200;
  EXPECT_THAT(read_stream(answer).error, HasSubstr("no event stream"));
  answer.events = {{R"({"error":{"message":"out of memory"}})", 1}};
  EXPECT_THAT(read_stream(answer).error, HasSubstr("out of memory"));
  answer.events = {{"[DONE]", 1}, {"half {", 2}, {R"({"choices":[3]})", 3}, {R"({"choices":[{"delta":null}]})", 4}};
  EXPECT_THAT(read_stream(answer).error, HasSubstr("no text"));
  answer.events = {{piece("x"), 1}};
  answer.error = "closed the connection";
  EXPECT_THAT(read_stream(answer).error, HasSubstr("cut short"));
}

/// Answers every request by `answer`, one connection after the other.
class FakeServer {
 public:
  explicit FakeServer(std::function<std::string(const std::string& head, const Json& body)> answer)
      : answer_(std::move(answer)) {
    url = fmt::format("http://127.0.0.1:{}", listener_.port());
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeServer() {
    over_ = true;
    thread_.join();
  }
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  std::string url;

 private:
  void serve() {
    while (!over_) {
      pollfd waiting = {listener_.descriptor(), POLLIN, 0};
      if (poll(&waiting, 1, 10) <= 0) continue;
      const Descriptor peer = listener_.next();
      std::string request;
      while (!whole(request)) {
        char bytes[65536];
        const ssize_t got = recv(peer.get(), bytes, sizeof bytes, 0);
        if (got <= 0) break;
        request.append(bytes, static_cast<std::size_t>(got));
      }
      const std::size_t end = request.find("\r\n\r\n");
      if (end == std::string::npos) continue;
      const std::string text = answer_(request.substr(0, end), Json::parse(request.substr(end + 4), nullptr, false));
      // An event at a time, so that a first and a last one differ.
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t next = std::min(text.find("\n\n", at), text.size() - 2) + 2;
        send(peer.get(), text.data() + at, next - at, MSG_NOSIGNAL);
        at = next;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      }
    }
  }

  static bool whole(const std::string& request) {
    const std::size_t end = request.find("\r\n\r\n"), length = request.find("Content-Length: ");
    if (end == std::string::npos) return false;
    return length == std::string::npos || length > end || request.size() >= end + 4 + std::stoul(request.substr(length + 16));
  }

  test::Listener listener_;
  std::function<std::string(const std::string&, const Json&)> answer_;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

std::string answered(int status, const std::string& body) {
  return fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\n\r\n{}", status, body.size(), body);
}

const std::string kModels = R"({"object":"list","data":[{"id":"small:1b","object":"model"}]})";

/// A token per word and for the template; as many events as tokens are asked for.
std::string streamed(const Json& body, bool usage) {
  const std::string prompt = body["messages"][0]["content"];
  const auto prompt_tokens = std::count(prompt.begin(), prompt.end(), ' ') + 5;
  const int tokens = body["max_tokens"];
  std::string text = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
  for (int i = 0; i < tokens; ++i) text += "data: " + piece("x") + "\n\n";
  if (usage) text += fmt::format("data: {{\"choices\":[],\"usage\":{{\"prompt_tokens\":{},\"completion_tokens\":{}}}}}\n\n", prompt_tokens, tokens);
  return text + "data: [DONE]\n\n";
}

TEST(Endpoint, MeasuresAServerByItsOwnCount) {
  std::vector<std::string> prompts;
  const FakeServer server([&](const std::string& head, const Json& body) {
    if (head.starts_with("GET /v1/models ")) return answered(200, kModels);
    EXPECT_THAT(head, HasSubstr("POST /v1/chat/completions "));
    EXPECT_THAT(head, HasSubstr("Authorization: Bearer k3y"));
    EXPECT_EQ(body["model"], "small:1b");
    EXPECT_EQ(body["stream"], true);
    prompts.push_back(body["messages"][0]["content"].get<std::string>().substr(0, 12));
    return streamed(body, true);
  });
  const EndpointSpeed speed =
      measure_endpoint({.url = server.url, .api_key = "k3y", .prompt_tokens = 60, .generate_tokens = 12, .repetitions = 3, .patience_s = 60});
  EXPECT_EQ(speed.model, "small:1b");
  EXPECT_EQ(speed.prompt_tokens, 60);
  EXPECT_LT(speed.short_prompt_tokens, 60);
  EXPECT_EQ(speed.decode_tokens_per_s.samples.size(), 3U);
  EXPECT_GT(speed.decode_tokens_per_s.median, 0);
  EXPECT_FALSE(speed.tokens_estimated);
  EXPECT_FALSE(speed.stopped_early);
  std::sort(prompts.begin(), prompts.end());
  EXPECT_EQ(std::unique(prompts.begin(), prompts.end()), prompts.end()) << "no prompt begins as another, so that no cache answers";
}

TEST(Endpoint, AShortPromptIsHelpedByALongerOneForThePrefill) {
  int longest = 0;
  bool takes_long_ones = true;
  const FakeServer server([&](const std::string&, const Json& body) {
    const std::string prompt = body["messages"][0]["content"];
    const auto words = static_cast<int>(std::count(prompt.begin(), prompt.end(), ' '));
    if (words > 200 && !takes_long_ones) return answered(400, R"({"error":{"message":"exceeds the context"}})");
    longest = std::max(longest, words);
    EXPECT_EQ(body.contains("ignore_eos"), true);
    return streamed(body, true);
  });
  const EndpointRequest request{.url = server.url, .model = "m", .prompt_tokens = 30, .generate_tokens = 12, .repetitions = 1, .patience_s = 60};
  EXPECT_EQ(measure_endpoint(request).prompt_tokens, 30);
  EXPECT_GT(longest, 256 + 30);
  takes_long_ones = false;
  longest = 0;
  EXPECT_EQ(measure_endpoint(request).prompt_tokens, 30);
  EXPECT_LT(longest, 40);
}

TEST(Endpoint, PlainCompletionsAreAskedWhereTheUrlSaysSo) {
  const FakeServer server([&](const std::string& head, const Json& body) {
    if (head.starts_with("GET /v1/models ")) return answered(200, kModels);
    EXPECT_THAT(head, HasSubstr("POST /v1/completions "));
    EXPECT_FALSE(body.contains("messages"));
    std::string text = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
    for (int i = 0; i < body["max_tokens"]; ++i) text += "data: {\"choices\":[{\"text\":\"x\"}]}\n\n";
    return text + fmt::format("data: {{\"choices\":[],\"usage\":{{\"prompt_tokens\":{},\"completion_tokens\":{}}}}}\n\ndata: [DONE]\n\n",
                              body["prompt"].get<std::string>().size() / 4, body["max_tokens"].get<int>());
  });
  const EndpointSpeed speed = measure_endpoint({.url = server.url + "/v1/completions", .prompt_tokens = 400, .generate_tokens = 12, .repetitions = 1, .patience_s = 60});
  EXPECT_EQ(speed.model, "small:1b");
  EXPECT_NEAR(speed.prompt_tokens, 400, 20);
}

TEST(Endpoint, WithoutUsageTokensAreSaidToBeEstimated) {
  const FakeServer server([&](const std::string& head, const Json& body) { return head.starts_with("GET") ? answered(200, kModels) : streamed(body, false); });
  const EndpointSpeed speed = measure_endpoint({.url = server.url, .prompt_tokens = 60, .generate_tokens = 12, .repetitions = 1, .patience_s = 60});
  EXPECT_TRUE(speed.tokens_estimated);
  EXPECT_GT(speed.decode_tokens_per_s.median, 0);
}

TEST(Endpoint, AStrictServerIsAskedInPlainWords) {
  const FakeServer server([&](const std::string&, const Json& body) {
    if (body.contains("ignore_eos")) return answered(400, R"({"error":{"message":"unknown field ignore_eos"}})");
    return streamed(body, true);
  });
  EXPECT_EQ(measure_endpoint({.url = server.url, .model = "m", .prompt_tokens = 60, .generate_tokens = 12, .repetitions = 1, .patience_s = 60}).model, "m");
}

TEST(Endpoint, WhatIsNoSuchServerIsToldInASentence) {
  const auto why = [](const FakeServer& server, const std::string& model) -> std::string {
    try {
      measure_endpoint({.url = server.url, .model = model, .patience_s = 60});
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  const FakeServer other([](const std::string&, const Json&) { return answered(404, "<html>not here</html>"); });
  EXPECT_THAT(why(other, ""), HasSubstr("/v1/models answers with 404, which is no list of models"));
  EXPECT_THAT(why(other, "m"), HasSubstr("it answers 404: <html>not here"));
  const FakeServer several([](const std::string&, const Json&) { return answered(200, R"({"data":[{"id":"a"},{"id":"b"}]})"); });
  EXPECT_THAT(why(several, ""), HasSubstr("it has 2 models; name one with --model: a, b"));
  const FakeServer failing([](const std::string&, const Json&) { return answered(500, R"({"error":{"message":"no memory left"}})"); });
  EXPECT_THAT(why(failing, "m"), HasSubstr("it answers 500: no memory left"));
  const FakeServer silent([](const std::string&, const Json&) { return answered(200, "{}"); });
  EXPECT_THAT(why(silent, "m"), HasSubstr("no event stream"));
}

}  // namespace
}  // namespace oldiron::endpoint_test
