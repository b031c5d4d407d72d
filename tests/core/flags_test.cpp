#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/config.hpp"
#include "core/machine.hpp"
#include "core/model.hpp"

namespace oldiron::flags_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

bool knows_all(std::string_view) { return true; }

ModelSpec gemma() { return {.architecture = "gemma4", .expert_count = 128, .expert_used_count = 8}; }

/// As resolve() leaves it on two cores.
Config resolved() { return {.decode_threads = 2, .prefill_threads = 2, .n_experts = 8}; }

Flags flags(const Config& config, Engine engine, Tool tool, bool all = false) {
  const ModelSpec model = gemma();
  return flags_for(config, engine, tool, knows_all, all, &model);
}

TEST(Flags, TheLineThatAPersonFindsForIk) {
  Config config = resolved();
  config.repack = Switch::on;
  config.load_mode = LoadMode::read;
  const Flags bench = flags(config, Engine::ik_llama, Tool::bench);
  EXPECT_THAT(bench.argv, ElementsAre("-t", "2", "-rtr", "1", "-mmp", "0"));
  EXPECT_THAT(bench.unsupported, IsEmpty());
  EXPECT_THAT(flags(config, Engine::ik_llama, Tool::server).argv,
              ElementsAre("-t", "2", "-tb", "2", "-rtr", "--no-mmap"));
}

TEST(Flags, IkBenchTakesUnequalThreadsInOneFlag) {
  Config config = resolved();
  config.prefill_threads = 4;
  EXPECT_THAT(flags(config, Engine::ik_llama, Tool::bench).argv, ElementsAre("-tgb", "2,4"));
}

TEST(Flags, LlamaBenchHasOneThreadCount) {
  Config config = resolved();
  EXPECT_THAT(flags(config, Engine::llama_cpp, Tool::bench).argv, ElementsAre("-t", "2"));
  EXPECT_THAT(flags(config, Engine::llama_cpp, Tool::bench).unsupported, IsEmpty());
  config.prefill_threads = 4;
  EXPECT_THAT(flags(config, Engine::llama_cpp, Tool::bench).unsupported,
              ElementsAre("prefill_threads=4: llama-bench has one thread count for both phases"));
  EXPECT_THAT(flags(config, Engine::llama_cpp, Tool::server).argv, ElementsAre("-t", "2", "-tb", "4"));
}

TEST(Flags, ExpertsNeedTheModel) {
  Config config = resolved();
  config.n_experts = 3;
  EXPECT_THAT(flags(config, Engine::llama_cpp, Tool::bench).unsupported,
              ElementsAre("n_experts=3: llama-bench has no --override-kv"));
  EXPECT_THAT(flags(config, Engine::llama_cpp, Tool::server).argv,
              ElementsAre("-t", "2", "-tb", "2", "--override-kv", "gemma4.expert_used_count=int:3"));
  EXPECT_THAT(flags_for(config, Engine::ik_llama, Tool::server, knows_all).unsupported,
              ElementsAre("n_experts=3: the model is not known"));
}

TEST(Flags, OfTheAlternativesTheNewestThatHelpListsIsTaken) {
  Config config = resolved();
  config.load_mode = LoadMode::read;
  const auto line = [&](std::string_view listed, Tool tool) {
    const auto knows = [&](std::string_view flag) { return flag != "-lm" || listed == "-lm"; };
    return flags_for(config, Engine::llama_cpp, tool, knows).argv;
  };
  EXPECT_THAT(line("-lm", Tool::bench), testing::IsSupersetOf({"-lm", "none"}));
  EXPECT_THAT(line("-mmp", Tool::bench), testing::IsSupersetOf({"-mmp", "0"}));
  EXPECT_THAT(line("--no-mmap", Tool::server), testing::Contains("--no-mmap"));
}

TEST(Flags, WhatHelpDoesNotListIsUnsupported) {
  Config config;
  config.repack = Switch::on;
  const auto knows = [](std::string_view flag) { return flag != "-rtr"; };
  const Flags result = flags_for(config, Engine::ik_llama, Tool::bench, knows);
  EXPECT_THAT(result.argv, IsEmpty());
  EXPECT_THAT(result.unsupported, ElementsAre("repack=on: its --help lists no -rtr"));
}

TEST(Flags, AValueWithoutAnEntryIsUnsupported) {
  Config config;
  config.kv_type = KvType::f32;
  EXPECT_THAT(flags(config, Engine::llama_cpp, Tool::bench).unsupported,
              ElementsAre("kv_type=f32: llama-bench keeps no keys and values as F32"));
  EXPECT_THAT(flags(config, Engine::llama_cpp, Tool::server).argv, ElementsAre("-ctk", "f32", "-ctv", "f32"));
}

TEST(Flags, WhatNoFlagReachesIsUnsupportedOnlyWhenItDiffers) {
  EXPECT_THAT(flags(Config{}, Engine::ik_llama, Tool::bench).argv, IsEmpty());
  EXPECT_THAT(flags(Config{}, Engine::ik_llama, Tool::bench, true).unsupported, IsEmpty());
  Config config;
  config.page_size = PageSize::huge;
  config.head_type = HeadType::q6_k;
  EXPECT_THAT(flags(config, Engine::llama_cpp, Tool::server).unsupported,
              ElementsAre("head_type=q6_k: it needs a file with that head",
                          "page_size=huge: no flag; malloc_pages asks for what it allocates"));
}

TEST(Flags, AllSpellsDefaultsToo) {
  EXPECT_THAT(flags(resolved(), Engine::ik_llama, Tool::bench, true).argv,
              ElementsAre("-t", "2", "-ub", "512", "-ctk", "f16", "-ctv", "f16"));
  EXPECT_THAT(flags(resolved(), Engine::llama_cpp, Tool::server, true).argv,
              ElementsAre("-t", "2", "-tb", "2", "-ub", "512", "-np", "1", "-ctk", "f16", "-ctv", "f16"));
}

TEST(Flags, WhatStandsInFrontIsNoFlagOfAnyProgram) {
  const Machine machine{.cores = {{.cpus = {0, 4}}, {.cpus = {1, 5}}}};
  Config config = resolved();
  EXPECT_THAT(words_in_front(config, Engine::ik_llama, machine), IsEmpty());
  config.cpu_set = CpuSet::cores;
  config.node_policy = NodePolicy::interleave;
  config.malloc_pages = MallocPages::transparent;
  for (const Engine engine : {Engine::llama_cpp, Engine::ik_llama}) {
    EXPECT_THAT(words_in_front(config, engine, machine),
                ElementsAre("GLIBC_TUNABLES=glibc.malloc.hugetlb=1", "numactl", "--interleave=all", "taskset", "-c", "0,1"));
    EXPECT_EQ(flags(config, engine, Tool::bench).argv, flags(resolved(), engine, Tool::bench).argv);
    EXPECT_THAT(flags(config, engine, Tool::bench).unsupported, IsEmpty());
  }
  EXPECT_THAT(words_in_front(config, Engine::oldiron, machine), IsEmpty());
}

TEST(Flags, OurOwnEngineTakesSettings) {
  EXPECT_THAT(flags_for({.n_experts = 3}, Engine::oldiron, Tool::bench, knows_all).argv,
              ElementsAre("--set", "n_experts=3"));
}

/// Every value of every lever, one at a time: spelled, or said to be unsupported, but never dropped; and no
/// reference is left unexpanded.
TEST(Flags, NothingIsDroppedInSilence) {
  for (Engine engine : {Engine::llama_cpp, Engine::ik_llama}) {
    for (Tool tool : {Tool::bench, Tool::server}) {
      for (const Lever& lever : levers()) {
        if (lever.domain.names.empty()) continue;
        for (const std::string& value : lever.domain.names) {
          Config config = resolved();
          lever.set(config, value);
          const Flags result = flags(config, engine, tool, true);
          for (const std::string& word : result.argv)
            EXPECT_EQ(word.find_first_of("{};|"), std::string::npos) << word;
          EXPECT_LE(result.unsupported.size(), 1u);
        }
      }
    }
  }
}

}  // namespace
}  // namespace oldiron::flags_test
