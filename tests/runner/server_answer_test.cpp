#include "runner/engines/server_answer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <random>

#include "core/json.hpp"
#include "core/text.hpp"

namespace oldiron::server_answer_test {
namespace {

using testing::HasSubstr;

constexpr const char* kRecorded[] = {"llama_cpp-10587", "ik_llama-4840", "llama_cpp-6482"};

std::string recorded(const std::string& build) { return read_file(std::string(OLDIRON_TEST_DATA "/engines/") + build + "/completion.json"); }

HttpAnswer stream(const std::string& last) {
  return {.status = 200, .events = {{R"({"content":"a","stop":false})", 2.5}, {last, 4}}, .sent_s = 2, .ended_s = 4};
}

std::string refusal(const std::string& last) {
  try {
    read_completion(stream(last));
  } catch (const Error& error) {
    return error.what();
  }
  return "read";
}

std::string changed(const std::string& build, const std::function<void(Json&)>& change) {
  Json json = Json::parse(recorded(build));
  change(json);
  return json.dump();
}

TEST(Completion, OfBothEnginesAsRecorded) {
  const Completion ml = read_completion(stream(recorded("llama_cpp-10587"))), ik = read_completion(stream(recorded("ik_llama-4840")));
  EXPECT_EQ(ml.prompt_tokens, 8);
  EXPECT_DOUBLE_EQ(ml.prompt_s, 3.696015);
  EXPECT_EQ(ik.predicted_tokens, 4);
  // The engine prints 1.999, which is its own 3 / 1.500645; ik_llama.cpp prints 4 / 0.001124.
  EXPECT_DOUBLE_EQ(ml.decode_tokens_per_s(), 3 / 1.500645);
  EXPECT_DOUBLE_EQ(ik.decode_tokens_per_s(), 3 / 0.001124);
  EXPECT_DOUBLE_EQ(ik.prefill_tokens_per_s(), 8 / 0.011037);
  EXPECT_DOUBLE_EQ(ml.first_token_s, 0.5);
  EXPECT_EQ(ml.drafted_tokens, 0);
}

TEST(Completion, OfAYearBack) {
  const Completion old = read_completion(stream(recorded("llama_cpp-6482")));
  EXPECT_EQ(old.prompt_tokens, 8);
  EXPECT_DOUBLE_EQ(old.decode_tokens_per_s(), 3 / 0.001862);
  EXPECT_DOUBLE_EQ(old.prefill_tokens_per_s(), 8 / 0.001206);
}

TEST(Completion, DraftsAreReadWhereThereAreAny) {
  const std::string text = changed("ik_llama-4840", [](Json& json) { json["timings"]["draft_n"] = 12, json["timings"]["draft_n_accepted"] = 0; });
  EXPECT_EQ(read_completion(stream(text)).drafted_tokens, 12);
  EXPECT_EQ(read_completion(stream(text)).accepted_tokens, 0);
}

TEST(Completion, AMissingFieldIsNamedAndAnUnknownOneIsNot) {
  for (const char* build : kRecorded) {
    for (const char* field : {"prompt_n", "prompt_ms", "predicted_n", "predicted_ms"}) {
      EXPECT_THAT(refusal(changed(build, [&](Json& json) { json["timings"].erase(field); })), HasSubstr(std::string("no field ") + field));
      for (const Json& bad : {Json(), Json("1"), Json(0), Json(-1), Json(1e300)})
        EXPECT_THAT(refusal(changed(build, [&](Json& json) { json["timings"][field] = bad; })), HasSubstr(field));
    }
    EXPECT_THAT(refusal(changed(build, [](Json& json) { json.erase("timings"); })), HasSubstr("no field timings"));
    EXPECT_EQ(refusal(changed(build, [](Json& json) { json["timings"]["new"] = {1}, json["newer"] = "x"; })), "read");
  }
}

TEST(Completion, WhatIsNoAnswerIsNamed) {
  const std::string whole = recorded("ik_llama-4840");
  EXPECT_THAT(refusal(whole.substr(0, whole.size() / 2)), HasSubstr("stops early"));
  EXPECT_THAT(refusal(R"({"content":"a","stop":false})"), HasSubstr("without its last event"));
  EXPECT_THAT(refusal(R"({"error":{"message":"context is full","code":500}})"), HasSubstr("context is full"));
  EXPECT_THAT(refusal("[]"), HasSubstr("without its last event"));
  EXPECT_THAT(refusal(R"({"stop":true,"timings":{"prompt_n":8,"prompt_ms":nan}})"), HasSubstr("broken"));
}

TEST(Completion, DamagedOnesEndInAnErrorOrInNumbersAboveZero) {
  std::mt19937 random(3);
  const std::string whole[] = {recorded(kRecorded[0]), recorded(kRecorded[1])};
  for (int round = 0; round < 20000; ++round) {
    std::string text = whole[round % 2];
    for (int changes = 1 + static_cast<int>(random() % 5); changes > 0; --changes) {
      const std::size_t at = text.size() - 1 - random() % std::min<std::size_t>(text.size() - 1, 400);  // where the timings are
      if (random() % 2 == 0) text[at] = static_cast<char>(random() % 127);
      else text.erase(at, 1 + random() % 4);
    }
    try {
      const Completion read = read_completion(stream(text));
      EXPECT_GT(read.prefill_tokens_per_s(), 0);
      EXPECT_GT(read.predicted_s, 0);
    } catch (const Error&) {
    }
  }
}

}  // namespace
}  // namespace oldiron::server_answer_test
