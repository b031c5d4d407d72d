#include "core/json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "core/text.hpp"

namespace oldiron::json_test {
namespace {

Config other_config() {
  Config config;
  for (const Lever& lever : levers()) {
    const auto& names = lever.domain.names;
    lever.set(config, names.empty() ? std::to_string(lever.domain.high) : names.back());
  }
  return config;
}

Machine a_machine() {
  return {
      .cpu_model = "Xeon E5-2620 v4",
      .hypervisor = "kvm",
      .packages = 2,
      .nodes = 2,
      .cores = {{.id = 0, .cpus = {0, 16}}, {.id = 1, .node = 1, .package = 1, .cpus = {1}, .efficiency = 2}},
      .caches = {{.level = 3, .bytes = 20 << 20, .cores = 8, .instances = 2}},
      .isas = {"scalar", "avx2"},
      .memory_bytes = 64ll << 30,
      .modules = MemoryModules{.type = "DDR4", .populated = 8, .slots = 16, .transfers_per_s = 2133e6},
      .kernel = "6.1.0",
      .transparent_huge_pages = "madvise"};
}

std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

/// Through text, as files and pipes do.
Json sent(const Json& json) { return parse_json(dump_json(json), "test"); }

TEST(Json, ConfigsRoundTrip) {
  for (const Config& config : {Config{}, other_config()})
    EXPECT_EQ(config_from_json(sent(to_json(config))), config);
  EXPECT_EQ(to_json(Config{})["ubatch"], 512);
  EXPECT_EQ(to_json(Config{})["kv_type"], "f16");
}

TEST(Json, WhatDisturbedIsKeptAndAbsentWhereNothingDid) {
  Measurement quiet = summarise("x", "s", {1, 2, 3});
  EXPECT_FALSE(to_json(quiet).contains("disturbed"));
  EXPECT_EQ(measurement_from_json(sent(to_json(quiet))), quiet);
  label(quiet, {{.by = "paused", .what = "paused: our process was stopped for 300 ms", .samples = {1}}});
  EXPECT_EQ(measurement_from_json(sent(to_json(quiet))), quiet);
  BandwidthPoint point{.threads = 2, .bytes_per_s = quiet};
  EXPECT_EQ(profile_from_json(sent(to_json(Profile{.read = {point}}))).read[0].bytes_per_s.disturbed, quiet.disturbed);
}

TEST(Json, PowerRoundTrips) {
  const Available<PowerMeter> none = Available<PowerMeter>::not_available("no RAPL");
  EXPECT_EQ(power_meter_from_json(sent(to_json(none))), none);
  const Available<PowerMeter> meter = PowerMeter{.source = "RAPL: 1 package", .idle_w = average("idle_power_w", "W", {60, 61})};
  EXPECT_EQ(power_meter_from_json(sent(to_json(meter))), meter);
}

TEST(Json, MemoryLeftToOthersIsKept) {
  EXPECT_FALSE(to_json(MachineState{}).contains("leave_memory_bytes"));
  const MachineState state{.leave_memory_bytes = 8'000'000'000};
  EXPECT_EQ(machine_state_from_json(sent(to_json(state))), state);
}

TEST(Json, ALeverThatIsMissingTakesItsDefault) {
  Json json = to_json(other_config());
  json.erase("repack");
  EXPECT_EQ(config_from_json(json).repack, Switch::automatic);
  EXPECT_EQ(config_from_json(json).ubatch, other_config().ubatch);
}

TEST(Json, MachinesRoundTrip) {
  Machine machine = a_machine();
  EXPECT_EQ(machine_from_json(sent(to_json(machine))), machine);
  machine.modules = Available<MemoryModules>::not_available("needs root");
  EXPECT_EQ(machine_from_json(sent(to_json(machine))), machine);
  EXPECT_EQ(to_json(machine)["modules"]["not_available"], "needs root");
  EXPECT_EQ(machine_from_json(sent(to_json(Machine{}))), Machine{});
}

TEST(Json, ModulesWrittenBeforeTheirTableWasKeptAreRead) {
  Machine machine = a_machine();
  Json json = to_json(machine);
  for (const char* key : {"table", "source", "channels", "all_channels", "full_bytes_per_s", "rated_transfers_per_s"})
    json["modules"].erase(key);
  EXPECT_EQ(machine_from_json(sent(json)), machine);
  (*machine.modules).table = {{.slot = "A1", .channel = "A", .bytes = 1ll << 34, .type = "DDR4", .ranks = 2, .part = "M393"}};
  EXPECT_EQ(machine_from_json(sent(to_json(machine))), machine);
}

TEST(Json, FactsRoundTripAndMayBeOlderThanAFact) {
  Facts facts;
  facts.governor = Fact<std::string>::known("powersave", "/sys/x");
  facts.turbo = Fact<bool>::known(false, "/sys/y");
  facts.max_hz = Fact<double>::known(3.2e9, "/sys/z");
  facts.memlock_bytes = Fact<std::int64_t>::known(-1, "/proc/self/limits");
  facts.prefetchers = Fact<std::string>::unknown("no /dev/cpu/0/msr", "modprobe msr");
  EXPECT_EQ(facts_from_json(sent(to_json(facts))), facts);
  EXPECT_EQ(to_json(facts)["governor"]["value"], "powersave");
  EXPECT_EQ(to_json(facts)["prefetchers"]["how_to_get"], "modprobe msr");
  Json older = to_json(facts);
  older.erase("steal");
  EXPECT_EQ(facts_from_json(older), facts);
  older["governer"] = older["governor"];
  EXPECT_THAT(error_of([&] { facts_from_json(older); }), testing::HasSubstr("governer"));
}

TEST(Json, StatesAndBudgetsRoundTrip) {
  const MachineState state = {.allowed_cpus = 2,
                              .cpu_quota = 1.5,
                              .memory_available_bytes = 1ll << 40,
                              .cgroup_memory_free_bytes = 7,
                              .node_free_bytes = 8,
                              .load_1min = 0.25,
                              .steal_fraction = 0.01,
                              .other_cpu_fraction = 0.5};
  EXPECT_EQ(machine_state_from_json(sent(to_json(state))), state);
  const Budget budget = {.seconds = 2.5, .min_samples = 1, .max_samples = 2};
  EXPECT_EQ(budget_from_json(sent(to_json(budget))), budget);
  const Budget cold = {.min_samples = 2, .warm_up = false};
  EXPECT_EQ(budget_from_json(sent(to_json(cold))), cold);
}

TEST(Json, ProfilesRoundTripAndShowTheKeysThatScriptsRead) {
  Profile profile{.read = {{.threads = 2,
                            .bytes_per_s = summarise(kReadBandwidth, "bytes/s", {27e9, 26e9, 28e9}),
                            .buffer_bytes = 1 << 28,
                            .isa = "avx2",
                            .prefetch_bytes = 2048,
                            .page_size = "small",
                            .huge_page_bytes = 0,
                            .tried = {{"avx2", 2048, "small", 27e9}, {"avx2", 0, "huge", 0, "none are free"}},
                            .own_pages = true}},
                  .read_saturated = true,
                  .compute = {{.isa = "avx512_vnni",
                               .type = ComputeType::bf16,
                               .instruction = "vdpbf16ps",
                               .threads = 2,
                               .ops_per_s = summarise("compute_peak", "operations/s", {9e11, 1e12, 8e11}),
                               .clock_hz = 4.1e9,
                               .per_cycle = 2,
                               .built_ops_per_s = 1.01e12}},
                  .abilities = {.latency = {{1 << 20, "small", 0, summarise("latency", "s", {9e-8, 8e-8})}},
                                .loaded_latency = {{3, 1e-6, summarise("background", "bytes/s", {1e10}), summarise("latency", "s", {2e-7})}},
                                .blocks = {{1 << 16, 4, summarise("block_read", "bytes/s", {2e10})}},
                                .hand_overs = {{0, 5, summarise("hand_over", "s", {6e-8})}},
                                .barriers = {{8, summarise("barrier", "s", {1e-6})}},
                                .streams = {{"copy", "avx2", 8, 3 << 20, summarise("copy", "bytes/s", {2e10}), 1.5}},
                                .node_pairs = {{1, 0, 4, summarise("node_read", "bytes/s", {9e9}),
                                                summarise("node_latency", "s", {2e-7})}}}};
  Json json = sent(to_json(profile));
  EXPECT_EQ(profile_from_json(json), profile);
  EXPECT_EQ(json["compute"][0]["ops_per_s"], 9e11);
  EXPECT_EQ(json["compute"][0]["type"], "bf16");
  EXPECT_EQ(json["abilities"]["latency"][0]["s"]["samples"], Json::array({9e-8, 8e-8}));
  json["compute"][0]["type"] = "int3";
  EXPECT_THROW(profile_from_json(json), Error);
  json.erase("compute");
  json.erase("abilities");
  EXPECT_TRUE(profile_from_json(json).compute.empty()) << "of a tune before there were peaks";
  EXPECT_EQ(json["bandwidth"]["read"][0]["threads"], 2);
  EXPECT_EQ(json["bandwidth"]["read"][0]["bytes_per_s"], 27e9);
  EXPECT_EQ(json["bandwidth"]["read"][0]["interval"], Json::array({26e9, 28e9}));
  EXPECT_EQ(profile_from_json(sent(to_json(Profile{}))), Profile{});
}

TEST(Json, PointsOfOldTunesAreRead) {
  Json json = to_json(Profile{.read = {{.threads = 2, .isa = "avx2", .page_size = "small"}}});
  for (const char* key : {"prefetch_bytes", "page_size", "huge_page_bytes", "own_pages", "tried"})
    json["bandwidth"]["read"][0].erase(key);
  EXPECT_EQ(profile_from_json(json).read[0].isa, "avx2");
}

TEST(Json, CyclicReadsRoundTrip) {
  const CyclicRead read{.token_bytes = 7,
                        .large_bytes = 28,
                        .bytes_per_s = summarise("cyclic_read", "bytes/s", {3e9, 4e9}),
                        .large_bytes_per_s = summarise("large_read", "bytes/s", {2e9, 3e9}),
                        .speedup = {1.4, {1.2, 1.6}}};
  EXPECT_EQ(*cyclic_read_from_json(sent(to_json(Available<CyclicRead>(read)))), read);
  const auto none = Available<CyclicRead>::not_available("why");
  EXPECT_EQ(cyclic_read_from_json(sent(to_json(none))), none);
}

TEST(Json, TheGoldenTrialRoundTripsByteForByte) {
  const std::string text = read_file(OLDIRON_TEST_DATA "/trial.json");
  const Trial trial = trial_from_json(parse_json(text, "trial.json"));
  EXPECT_EQ(dump_json(to_json(trial), 2) + "\n", text) << "the JSON of a trial is frozen: docs/trial.md";
  EXPECT_EQ(trial.spec.engine, Engine::ik_llama);
  EXPECT_EQ(trial.spec.config.repack, Switch::on);
  EXPECT_EQ(trial.spec.config.n_experts, 8);
  EXPECT_EQ(trial.status, Status::noisy);
  ASSERT_NE(trial.find(kDecode), nullptr);
  EXPECT_EQ(trial.find(kDecode)->median, 7.83);
  EXPECT_EQ(trial.provenance.cpus, (std::vector<int>{0, 1}));
  EXPECT_EQ(trial.provenance.before.allowed_cpus, 2);
}

TEST(Json, EveryKeyOfATrialIsInItsDocument) {
  const std::string document = read_file(OLDIRON_SOURCE_DIR "/docs/trial.md");
  const std::function<void(const Json&)> look = [&](const Json& json) {
    if (json.is_array() && !json.empty()) look(json[0]);
    if (!json.is_object()) return;
    for (const auto& [key, value] : json.items()) {
      EXPECT_NE(document.find("`" + key + "`"), std::string::npos) << key;
      if (key != "config") look(value);
    }
  };
  look(parse_json(read_file(OLDIRON_TEST_DATA "/trial.json"), "trial.json"));
}

TEST(Json, TrialsOfEveryStatusRoundTrip) {
  for (Status status : {Status::ok, Status::noisy, Status::failed, Status::timed_out, Status::unsupported}) {
    Trial trial;
    trial.status = status;
    trial.reason = "because \"of\"\nthis";
    trial.spec.config = other_config();
    trial.spec.workload.seed = ~0ull;
    trial.spec.workload.quality_texts = 4;
    trial.spec.workload.quality_tokens = 64;
    trial.spec.draft_model = "small.gguf";
    trial.spec.cold = true;
    trial.spec.more_front = {"OMP_PROC_BIND=close"};
    trial.spec.more_flags = {"-muge", "1"};
    trial.provenance.places = {.file_system = "ext4", .file_bytes = 9, .cached_before_bytes = 0, .cached_after_bytes = 9, .swap_before_bytes = 3, .swap_after_bytes = 4, .node_bytes = {5, 6}};
    trial.provenance.pages = {{.use = "weights", .bytes = 14'400'000'000, .huge_page_bytes = 14'200'000'000}};
    EXPECT_EQ(trial_from_json(sent(to_json(trial))), trial);
  }
}

TEST(Json, BadTrialsAreRefusedInASentence) {
  const Json good = to_json(Trial{});
  const auto refusal = [&](const char* pointer, const Json& value) {
    Json bad = good;
    bad[Json::json_pointer(pointer)] = value;
    return error_of([&] { trial_from_json(bad); });
  };
  EXPECT_EQ(refusal("/spec/config/ubach", 5), "config: there is no key `ubach` (did you mean `ubatch`?)");
  EXPECT_EQ(refusal("/spec/config/ubatch", 0),
            "ubatch cannot be `0`: it takes a whole number from 1 to 2048");
  EXPECT_EQ(refusal("/spec/config/ubatch", "512"), "config: ubatch must be a whole number, but is \"512\"");
  EXPECT_EQ(refusal("/spec/config/ubatch", 5e10),
            "config: ubatch must be a whole number, but is 50000000000.0");
  EXPECT_EQ(refusal("/spec/config/ubatch", 5000000000),
            "config: ubatch must be a whole number, but is 5000000000");
  EXPECT_EQ(refusal("/spec/engine", "vllm"),
            "there is no engine `vllm`; known are oldiron, llama_cpp and ik_llama");
  EXPECT_EQ(refusal("/spec/workload/seed", -1), "workload: seed must be a whole number from 0, but is -1");
  EXPECT_EQ(refusal("/spec/workload/prompt_tokens", -1), "workload: no count may be below 0");
  EXPECT_EQ(refusal("/status", "fine"),
            "trial: status cannot be `fine`: it is ok, noisy, failed, timed_out or unsupported");
  EXPECT_EQ(refusal("/schema", 2), "trial: schema 2 is not one this program reads; it reads 1");
  EXPECT_EQ(refusal("/measurements", "none"), "trial: measurements must be a list");
  EXPECT_EQ(refusal("/provenance/cpus", Json::array({"a"})),
            "trial.provenance: cpus must be a list of whole numbers, but is [\"a\"]");
  EXPECT_EQ(refusal("/provenance", 3), "trial.provenance must be a JSON object");
  Json bad = good;
  bad["provenance"].erase("wall_s");
  EXPECT_EQ(error_of([&] { trial_from_json(bad); }), "trial.provenance: the key `wall_s` is missing");
}

TEST(Json, TextThatIsNoJson) {
  EXPECT_EQ(error_of([] { parse_json("{\"a\": ", "the answer"); }),
            "the answer is no JSON: it stops making sense at byte 6 of 6");
  EXPECT_EQ(dump_json(Json("caf\xe9")), "\"caf\xef\xbf\xbd\"") << "a byte that is no UTF-8 is replaced";
}

}  // namespace
}  // namespace oldiron::json_test
