#include "reports/endpoint_screen.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reports/layout.hpp"

namespace oldiron::reports::endpoint_test {
namespace {

using testing::HasSubstr;
using testing::Not;

EndpointSpeed speed() {
  return {.url = "http://127.0.0.1:11434/v1",
          .model = "small:1b",
          .prompt_tokens = 512,
          .short_prompt_tokens = 30,
          .first_request_s = 14,
          .first_token_s = summarise("first_token_s", "s", {8.4, 8.5, 8.6}),
          .short_first_token_s = summarise("short_first_token_s", "s", {0.5}),
          .decode_tokens_per_s = summarise("decode_tokens_per_s", "tokens/s", {9.0, 9.1, 9.2}),
          .prefill_tokens_per_s = 60.25};
}

TEST(EndpointScreen, SaysWhatAClientSees) {
  const std::string text = endpoint_text(speed(), {});
  EXPECT_THAT(text, HasSubstr("small:1b · http://127.0.0.1:11434/v1\n"));
  EXPECT_THAT(text, HasSubstr("8.5 s (8.4 s .. 8.6 s) behind 512 tokens; 500 ms behind 30"));
  EXPECT_THAT(text, HasSubstr("60.2 t/s by the difference"));
  EXPECT_THAT(text, HasSubstr("9.10 t/s (9.00 .. 9.20)"));
  EXPECT_THAT(text, Not(HasSubstr("tuned")));
}

TEST(EndpointScreen, BesideATunedLine) {
  TunedSpeed tuned{.decode_tokens_per_s = summarise("d", "tokens/s", {14.2}), .prefill_tokens_per_s = summarise("p", "tokens/s", {80}), .line = "llama-bench -t 8"};
  tuned.decode_ratio = {1.56, {1.5, 1.62}};
  const std::string text = endpoint_text(speed(), tuned);
  EXPECT_THAT(text, HasSubstr("this server: 9.10, tuned: 14.2 t/s, 1.56x (1.50–1.62)\n"));
  EXPECT_THAT(text, HasSubstr("llama-bench -t 8"));
  EXPECT_THAT(text, Not(HasSubstr("no significant")));
  tuned.decode_ratio = {1.01, {0.97, 1.04}};
  EXPECT_THAT(endpoint_text(speed(), tuned), HasSubstr("no significant winner"));
}

TEST(EndpointScreen, AServersNamesAreHarmless) {
  EndpointSpeed hostile = speed();
  hostile.model = "a\nb\x1b[31m";
  EXPECT_THAT(endpoint_text(hostile, {}), Not(HasSubstr("\x1b")));
  EXPECT_THAT(endpoint_json(hostile, {}), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace oldiron::reports::endpoint_test
