#include "core/config.hpp"

#include <gtest/gtest.h>

#include <set>

#include "core/machine.hpp"
#include "core/model.hpp"

namespace oldiron::config_test {
namespace {

Machine machine_of(int cores, int cpus_per_core = 1) {
  Machine machine{.isas = {"scalar", "avx2"}};
  int cpu = 0;
  for (int i = 0; i < cores; ++i) {
    Core core{.id = i};
    for (int j = 0; j < cpus_per_core; ++j) core.cpus.push_back(cpu++);
    machine.cores.push_back(core);
  }
  return machine;
}

ModelSpec moe() {
  ModelSpec model{.id = "moe", .context_length = 4096, .expert_count = 128, .expert_used_count = 8};
  model.tensors.push_back({.name = "output.weight", .ne = {2880, 1000, 1, 1}, .role = Role::head});
  return model;
}

std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

/// Some legal values of a lever: all names, or both ends.
std::vector<std::string> legal_values(const Lever& lever) {
  if (!lever.domain.names.empty()) return lever.domain.names;
  return {std::to_string(lever.domain.low), std::to_string(lever.domain.high)};
}

TEST(Levers, EveryRecordIsWhole) {
  std::set<std::string_view> names;
  for (const Lever& lever : levers()) {
    SCOPED_TRACE(lever.name);
    EXPECT_TRUE(names.insert(lever.name).second);
    EXPECT_TRUE(lever.help.ends_with('.')) << lever.help;
    EXPECT_EQ(lever.help.find(". "), std::string_view::npos) << "one sentence";
    EXPECT_TRUE(!lever.domain.names.empty() || lever.domain.low < lever.domain.high);
    EXPECT_EQ(&oldiron::lever(lever.name), &lever);
  }
}

TEST(Levers, DefaultsAreLegalAndSettingWhatWasGotChangesNothing) {
  for (const Lever& lever : levers()) {
    SCOPED_TRACE(lever.name);
    Config config;
    EXPECT_NO_THROW(lever.set(config, lever.get(config)));
    EXPECT_EQ(config, Config{});
    for (const std::string& value : legal_values(lever)) {
      apply_setting(config, std::string(lever.name) + "=" + value);
      EXPECT_EQ(lever.get(config), value);
      const Config before = config;
      lever.set(config, lever.get(config));
      EXPECT_EQ(config, before);
    }
  }
}

TEST(Levers, EachIsAFieldOfItsOwn) {
  for (const Lever& changed : levers()) {
    Config config;
    for (const std::string& value : legal_values(changed)) changed.set(config, value);
    for (const Lever& other : levers()) {
      if (&other != &changed) {
        EXPECT_EQ(other.get(config), other.get(Config{})) << changed.name << other.name;
      }
    }
  }
}

TEST(Levers, EveryToolOfEveryForeignEngineIsSpelledOrItsLackIsExplained) {
  for (const Lever& lever : levers()) {
    for (Engine engine : {Engine::llama_cpp, Engine::ik_llama}) {
      bool explained = false;
      for (const auto& [lacking, reason] : lever.lacking) {
        explained |= lacking == engine;
        EXPECT_FALSE(reason.empty() || reason.ends_with('.')) << lever.name;
      }
      for (Tool tool : {Tool::bench, Tool::server}) {
        int spelled = 0;
        for (const Spelling& spelling : lever.spellings)
          spelled += spelling.engine == engine && (spelling.tool == tool || spelling.tool == Tool::front);
        EXPECT_LE(spelled, 1) << lever.name;
        EXPECT_TRUE(spelled == 1 || explained) << lever.name << " for " << to_string(engine);
      }
    }
  }
}

TEST(Levers, BadSettingsAreRefusedInASentence) {
  Config config;
  const auto setting = [&](const char* text) { return error_of([&] { apply_setting(config, text); }); };
  EXPECT_EQ(setting("ubatch=0"), "ubatch cannot be `0`: it takes a whole number from 1 to 2048");
  EXPECT_EQ(setting("ubatch=12x"), "ubatch cannot be `12x`: it takes a whole number from 1 to 2048");
  EXPECT_EQ(setting("ubatch="), "ubatch cannot be ``: it takes a whole number from 1 to 2048");
  EXPECT_EQ(setting("ubatch=99999999999999"),
            "ubatch cannot be `99999999999999`: it takes a whole number from 1 to 2048");
  EXPECT_EQ(setting("kv_type=f17"), "kv_type cannot be `f17`: it takes f16, f32, bf16, q8_0 or q4_0");
  EXPECT_EQ(setting("kv_type"), "`kv_type` is no setting: write name=value, as in decode_threads=8");
  EXPECT_TRUE(setting("ubach=1").starts_with(
      "there is no lever `ubach` (did you mean `ubatch`?); the levers are decode_threads, "));
  EXPECT_EQ(config, Config{}) << "nothing half-set";
}

TEST(Config, ResolveFillsInWhatWillRun) {
  const Config resolved = resolve(Config{}, machine_of(6, 2), moe());
  EXPECT_EQ(resolved.decode_threads, 6);
  EXPECT_EQ(resolved.prefill_threads, 6);
  EXPECT_EQ(resolved.n_experts, 8);
  EXPECT_EQ(resolve(resolved, machine_of(2), moe()), resolved) << "what is set stays";
  EXPECT_EQ(resolve(Config{}, Machine{}, ModelSpec{}).decode_threads, 1);
  EXPECT_EQ(resolve(Config{}, Machine{}, ModelSpec{}).n_experts, 0);
}

TEST(Config, ResolveLeavesThreadsToTheQuota) {
  const auto threads = [](const MachineState& state) {
    return resolve(Config{}, machine_of(6, 2), state, moe()).decode_threads;
  };
  EXPECT_EQ(threads({}), 6);
  EXPECT_EQ(threads({.cpu_quota = 3.9}), 3);
  EXPECT_EQ(threads({.cpu_quota = 0.3}), 1);
  EXPECT_EQ(threads({.cpu_quota = 100}), 6);
  EXPECT_EQ(threads({.allowed_cpus = 2, .cpu_quota = 3.9}), 2);
  EXPECT_EQ(resolve({.decode_threads = 5}, machine_of(6), {.cpu_quota = 2}, moe()).decode_threads, 5)
      << "what is set stays, and is refused elsewhere";
}

TEST(Config, WhyInvalid) {
  const auto why = [](Config config, const ModelSpec& model) {
    return why_invalid(config, machine_of(2, 2), model);
  };
  EXPECT_EQ(why(resolve(Config{}, machine_of(2), moe()), moe()), "");
  EXPECT_EQ(why({.decode_threads = 4}, moe()), "");
  EXPECT_EQ(why({.prefill_threads = 5}, moe()), "5 threads do not fit on the 4 CPUs this process may use");
  EXPECT_EQ(why({.n_experts = 129}, moe()), "n_experts=129 is more than the 128 experts of moe");
  EXPECT_EQ(why({.n_experts = 1}, ModelSpec{.id = "dense"}),
            "n_experts=1 means nothing to dense, which has no experts");
  EXPECT_EQ(why({.ubatch = 2048}, ModelSpec{.id = "short", .context_length = 1024}),
            "ubatch=2048 is more than the 1024 tokens of context of short");
  EXPECT_EQ(why({.head_type = HeadType::q8_0}, moe()), "");
  EXPECT_EQ(why({.head_type = HeadType::q6_k}, moe()),
            "head_type=q6_k needs rows in blocks of 256, and the head of moe has rows of 2880");
  EXPECT_EQ(why({.kv_type = KvType::q8_0, .flash_attention = Switch::off}, moe()),
            "kv_type=q8_0 needs flash attention, and flash_attention=off");
  ModelSpec narrow = moe();
  narrow.layers.assign(1, {.key_length = 48, .value_length = 64});
  EXPECT_EQ(why({.kv_type = KvType::q4_0}, narrow), "kv_type=q4_0 keeps blocks of 32, and " + narrow.id + " has heads of 48");
  EXPECT_EQ(why({.kv_type = KvType::bf16}, narrow), "");
  EXPECT_EQ(why({.isa = IsaChoice::avx2}, moe()), "");
  EXPECT_EQ(why({.isa = IsaChoice::avx512_vnni}, moe()),
            "isa=avx512_vnni does not run on this CPU, which has scalar and avx2");
}

TEST(Engines, NamesRoundTrip) {
  for (Engine engine : {Engine::oldiron, Engine::llama_cpp, Engine::ik_llama}) {
    EXPECT_EQ(engine_from_name(to_string(engine)), engine);
  }
  EXPECT_EQ(display_name(Engine::ik_llama), "ik_llama.cpp");
  EXPECT_EQ(error_of([] { engine_from_name("vllm"); }),
            "there is no engine `vllm`; known are oldiron, llama_cpp and ik_llama");
}

TEST(Config, WithoutLossesKeepsWhatLosesNothing) {
  Config config;
  config.n_experts = 4;
  config.kv_type = KvType::q8_0;
  config.head_type = HeadType::q4_0;
  config.decode_threads = 3;
  config.ubatch = 128;
  const Config own = without_losses(config, moe());
  EXPECT_EQ(own.n_experts, 8);
  EXPECT_EQ(own.kv_type, KvType::f16);
  EXPECT_EQ(own.head_type, HeadType::as_is);
  EXPECT_EQ(own.decode_threads, 3);
  EXPECT_EQ(own.ubatch, 128);
  EXPECT_EQ(without_losses(own, moe()), own);
}

}  // namespace
}  // namespace oldiron::config_test
