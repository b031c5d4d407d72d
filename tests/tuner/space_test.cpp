// What is searched by itself, what the command line changes, and what each lever is worth a trial of.
#include "tuner/space.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tuner/surface.hpp"

namespace oldiron::space_test {
namespace {

using testing::ElementsAre;

std::vector<std::string> values(const SearchSpace& space, std::string_view lever) {
  for (const Axis& axis : space.axes)
    if (axis.lever == lever) return axis.values;
  return {};
}

SearchSpace own_space(int cores = 2, int threads_per_core = 1, int limit = 0, bool generated = true) {
  return default_space(Engine::oldiron, machine_of(cores, threads_per_core), limit, moe_model(), generated);
}

std::string why_refused(SearchSpace space, std::string_view name, std::string_view list) {
  try {
    override_axis(space, name, list);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(SpaceTest, OurEngineOnTwoCores) {
  const SearchSpace space = own_space();
  EXPECT_THAT(values(space, "decode_threads"), ElementsAre("2", "1"));
  EXPECT_THAT(values(space, "prefill_threads"), ElementsAre("2", "1"));
  EXPECT_THAT(values(space, "ubatch"), ElementsAre("512", "256", "128"));
  EXPECT_THAT(values(space, "n_experts"), ElementsAre("8", "6", "4"));
  EXPECT_THAT(values(space, "head_type"), ElementsAre("as_is", "q4_0", "q8_0"));
}

TEST(SpaceTest, ThreadsAreCoresHardwareThreadsAndPowersOfTwo) {
  EXPECT_THAT(values(own_space(12, 2), "decode_threads"), ElementsAre("12", "24", "8", "4", "2", "1"));
  EXPECT_THAT(values(own_space(16), "decode_threads"), ElementsAre("16", "8", "4", "2", "1"));
}

TEST(SpaceTest, AQuotaLimitsThreads) {
  EXPECT_THAT(values(own_space(12, 2, 3), "decode_threads"), ElementsAre("3", "2", "1"));
}

TEST(SpaceTest, OneCoreLeavesNothingToChoose) {
  const SearchSpace space = own_space(1);
  EXPECT_TRUE(values(space, "decode_threads").empty());
  EXPECT_THAT(space.fixed, testing::Contains(Setting{"decode_threads", "1"}));
}

TEST(SpaceTest, AGgufKeepsItsHeadAndSaysWhy) {
  const SearchSpace space = own_space(2, 1, 0, false);
  EXPECT_TRUE(values(space, "head_type").empty());
  const auto left = std::find_if(space.left_out.begin(), space.left_out.end(),
                                 [](const LeftOut& lever) { return lever.lever == "head_type"; });
  ASSERT_NE(left, space.left_out.end());
  EXPECT_THAT(left->reason, testing::HasSubstr("--engine DIR llama-quantize does"));
}

TEST(SpaceTest, ADenseModelHasNoExpertsToLeaveOut) {
  ModelSpec model = moe_model();
  model.expert_count = model.expert_used_count = 0;
  EXPECT_TRUE(values(default_space(Engine::oldiron, machine_of(2), 0, model, true), "n_experts").empty());
}

TEST(SpaceTest, EverySpaceOfEveryEngineIsLegal) {
  for (Engine engine : {Engine::oldiron, Engine::llama_cpp, Engine::ik_llama}) {
    const SearchSpace space =
        default_space(engine, machine_of(4, 2), 0, moe_model(), engine == Engine::oldiron);
    EXPECT_FALSE(space.axes.empty());
    for (const Axis& axis : space.axes) {
      EXPECT_GT(axis.values.size(), 1U) << axis.lever;
      EXPECT_TRUE(lever(axis.lever).searched) << axis.lever;
      Config config;
      for (const std::string& value : axis.values) lever(axis.lever).set(config, value);
      for (const auto& [lacks, reason] : lever(axis.lever).lacking) EXPECT_NE(lacks, engine) << axis.lever;
    }
  }
}

TEST(SpaceTest, MainlineHasOneThreadCountForBothPhases) {
  const Machine machine = machine_of(4);
  const ModelSpec model = moe_model();
  const SearchSpace space = default_space(Engine::llama_cpp, machine, 0, model, false);
  EXPECT_EQ(affects(space, lever("decode_threads")), Phase::both);
  const Config config = with(space, start(space, machine, model), "decode_threads", "2", machine, model);
  EXPECT_EQ(config.prefill_threads, 2);
  const SearchSpace ik = default_space(Engine::ik_llama, machine, 0, model, false);
  EXPECT_EQ(affects(ik, lever("decode_threads")), Phase::decode);
  EXPECT_EQ(with(ik, start(ik, machine, model), "decode_threads", "2", machine, model).prefill_threads, 4);
}

TEST(SpaceTest, WhatOnlyAServerCanSayIsSetBySettingsAlone) {
  const Machine machine = machine_of(4);
  const ModelSpec model = moe_model();
  SearchSpace space = default_space(Engine::llama_cpp, machine, 0, model, false);
  for (const char* lever : {"prefill_threads", "n_experts", "repack"}) {
    EXPECT_TRUE(values(space, lever).empty()) << lever;
    EXPECT_THAT(space.left_out, testing::Contains(testing::Field(&LeftOut::reason, testing::HasSubstr("--" + std::string(lever) + " VALUES has llama-server"))));
  }
  override_axis(space, "prefill_threads", "1,4");
  EXPECT_EQ(affects(space, lever("decode_threads")), Phase::decode) << "no longer tied";
  EXPECT_EQ(with(space, start(space, machine, model), "decode_threads", "2", machine, model).prefill_threads, 4);
  override_axis(space, "n_experts", "8,6");
  override_axis(space, "draft_len", "0,4");
  override_axis(space, "kv_type", "f16,q8_0");
  override_axis(space, "parallel", "2");
  EXPECT_EQ(start(space, machine, model).parallel, 2);
  for (const LeftOut& left : space.left_out) EXPECT_NE(left.lever, "n_experts");
}

TEST(SpaceTest, WhatIsAppliedOutsideIsOfferedWhereItCanChangeSomething) {
  const auto space = [](int nodes, const char* huge_pages) {
    Machine machine = machine_of(4);
    machine.nodes = nodes;
    machine.transparent_huge_pages = huge_pages;
    return default_space(Engine::ik_llama, machine, 0, moe_model(), false);
  };
  EXPECT_THAT(values(space(1, "madvise"), "malloc_pages"), ElementsAre("automatic", "transparent"));
  EXPECT_THAT(values(space(1, "madvise"), "node_policy"), testing::IsEmpty());
  EXPECT_THAT(values(space(2, "always"), "node_policy"), ElementsAre("automatic", "interleave"));
  EXPECT_THAT(values(space(2, "always"), "malloc_pages"), testing::IsEmpty());
  EXPECT_THAT(values(space(2, "never"), "malloc_pages"), testing::IsEmpty());
  EXPECT_THAT(space(1, "never").left_out, testing::IsSupersetOf({LeftOut{"node_policy", "one NUMA node: memory lies there whoever asks for it"},
                                                                 LeftOut{"malloc_pages", "transparent huge pages are off on this system: oldiron "
                                                                                         "doctor says how to turn them on"}}));
  for (const LeftOut& left : own_space().left_out) EXPECT_NE(left.lever, "malloc_pages") << "our own engine is not asked";
}

TEST(SpaceTest, AListIsAnAxisAndAValueIsFixed) {
  SearchSpace space = own_space();
  override_axis(space, "ubatch", "64,32,64");
  EXPECT_THAT(values(space, "ubatch"), ElementsAre("64", "32"));
  override_axis(space, "decode_threads", "1");
  EXPECT_TRUE(values(space, "decode_threads").empty());
  override_axis(space, "kv_type", "f16,q8_0");
  EXPECT_THAT(values(space, "kv_type"), ElementsAre("f16", "q8_0"));
  const Config config = start(space, machine_of(2), moe_model());
  EXPECT_EQ(config.decode_threads, 1);
  EXPECT_EQ(config.ubatch, 64);
}

TEST(SpaceTest, TheSearchStartsAtTheEnginesOwnValue) {
  SearchSpace space = own_space(4);
  override_axis(space, "ubatch", "128,512");
  override_axis(space, "decode_threads", "1,4");
  override_axis(space, "n_experts", "3,0");
  const Config config = start(space, machine_of(4), moe_model());
  EXPECT_EQ(config.ubatch, 512);
  EXPECT_EQ(config.decode_threads, 4);
  EXPECT_EQ(config.n_experts, 8);
}

TEST(SpaceTest, BadOverridesAreRefusedInOneSentence) {
  EXPECT_THAT(why_refused(own_space(), "decode_thread", "1"), testing::HasSubstr("decode_threads"));
  EXPECT_THAT(why_refused(own_space(), "ubatch", "64,many"), testing::HasSubstr("many"));
  EXPECT_FALSE(why_refused(own_space(), "ubatch", "").empty());
  const SearchSpace mainline = default_space(Engine::llama_cpp, machine_of(2), 0, moe_model(), false);
  EXPECT_THAT(why_refused(mainline, "row_split", "pieces,shares"), testing::HasSubstr("llama.cpp"));
  EXPECT_EQ(why_refused(mainline, "head_type", "as_is,q4_0"), "") << "the same line on another file";
}

TEST(SpaceTest, LossyIsWhatChangesWeightsExpertsOrKv) {
  const Machine machine = machine_of(2);
  const ModelSpec model = moe_model();
  Config config;
  EXPECT_TRUE(is_lossless(config, machine, model));
  config.ubatch = 64;
  config.n_experts = 8;
  EXPECT_TRUE(is_lossless(config, machine, model));
  config.n_experts = 7;
  EXPECT_FALSE(is_lossless(config, machine, model));
}

TEST(SpaceTest, ReloadIsTheLargestOfTheChangedLevers) {
  Config a, b;
  const Machine machine = machine_of(2);
  EXPECT_EQ(reload_due(a, b, machine), Reload::none);
  b.decode_threads = 1;
  EXPECT_EQ(reload_due(a, b, machine), Reload::none);
  b.head_type = HeadType::q4_0;
  EXPECT_EQ(reload_due(a, b, machine), Reload::head);
  b.page_size = PageSize::small;
  EXPECT_EQ(reload_due(a, b, machine), Reload::all);
  Machine numa = machine;
  numa.nodes = 2;
  Config c;
  c.decode_threads = 1;
  EXPECT_EQ(reload_due(a, c, numa), Reload::all);
}

}  // namespace
}  // namespace oldiron::space_test
