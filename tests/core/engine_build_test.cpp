#include "core/engine_build.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace oldiron::engine_build_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(BuildAdvice, IkOnlyWhereItBuilds) {
  const auto old = build_advice({.isas = {"scalar"}});
  ASSERT_EQ(old.size(), 1u);
  EXPECT_EQ(old[0].engine, Engine::llama_cpp);
  EXPECT_THAT(old[0].why, HasSubstr("needs AVX2"));
  const auto newer = build_advice({.isas = {"scalar", "avx2"}});
  ASSERT_EQ(newer.size(), 2u);
  EXPECT_EQ(newer[0].engine, Engine::ik_llama);
  for (const BuildAdvice& advice : newer) {
    ASSERT_EQ(advice.lines.size(), 3u);
    EXPECT_THAT(advice.lines[0], HasSubstr("git clone"));
    EXPECT_THAT(advice.lines[1], HasSubstr("-DGGML_NATIVE=ON"));
  }
}

TEST(BuildFindings, WhatTheBuildLeavesUnused) {
  EngineBuild build{.engine = Engine::ik_llama};
  build.features = std::vector<std::string>{"AVX", "F16C"};
  EXPECT_THAT(build_findings(build, {.isas = {"scalar", "avx2"}}), ElementsAre(HasSubstr("this CPU has AVX2 and FMA, and the build does not use it")));
  build.features = std::vector<std::string>{"AVX2", "FMA", "F16C", "AVX512_VNNI"};
  EXPECT_THAT(build_findings(build, {.isas = {"scalar", "avx2"}}), ElementsAre(HasSubstr("built for AVX512_VNNI, which this CPU does not offer")));
  EXPECT_THAT(build_findings({}, {.isas = {"avx2"}}), IsEmpty()) << "nothing is known of the build";
}

TEST(BuildFindings, AmxIsLlamasAlone) {
  const Machine machine{.isas = {"scalar", "avx2", "avx512_vnni", "avx512_bf16", "amx"}};
  EngineBuild build{.engine = Engine::ik_llama};
  build.features = std::vector<std::string>{"AVX2", "FMA", "F16C", "AVX512_VNNI", "AVX512_BF16"};
  EXPECT_THAT(build_findings(build, machine), IsEmpty());
  build.engine = Engine::llama_cpp;
  EXPECT_THAT(build_findings(build, machine), ElementsAre(HasSubstr("this CPU has AMX_INT8")));
}

}  // namespace
}  // namespace oldiron::engine_build_test
