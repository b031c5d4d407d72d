#include "reports/screens.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "core/json.hpp"
#include "reports/layout.hpp"
#include "reports/probe_sections.hpp"
#include "tests/reports/probe_sample.hpp"
#include "tests/reports/sample.hpp"

namespace oldiron::reports::screens_test {
namespace {

using testing::HasSubstr;
using testing::Not;

ModelScreen model_screen() {
  ModelScreen s;
  s.model = sample_model();
  s.config = sample_config(8, 8, Switch::automatic);
  s.config.n_experts = 3;
  s.context = 512;
  s.machine = sample_machine();
  s.ability = ability_of(s.machine, sample_profile(), s.model, s.config);
  s.usable_memory_bytes = std::int64_t{16000000000};
  return s;
}

ProbeScreen probe_screen() {
  ProbeScreen s;
  s.machine = sample_machine();
  s.state.memory_available_bytes = 61000000000;
  s.facts = sample_facts();
  s.profile = sample_profile();
  return s;
}

TEST(Golden, ModelAndProbe) {
  EXPECT_EQ(golden_difference("model.txt", model_text(model_screen())), "");
  EXPECT_EQ(golden_difference("probe.txt", probe_text(probe_screen())), "");
  EXPECT_EQ(golden_difference("probe_two_sockets.txt", probe_text(two_socket_screen())), "");
  EXPECT_EQ(golden_difference("probe_small_vm.txt", probe_text(small_vm_screen())), "");
  EXPECT_EQ(golden_difference("facts.txt", facts_text({sample_machine(), sample_facts()})), "");
}

TEST(Screens, FitEightyColumns) {
  for (const std::string& text :
       {model_text(model_screen()), models_text(model_screen(), model_screen()), probe_text(probe_screen()),
        probe_text(two_socket_screen()), probe_text(small_vm_screen()), probe_text(empty_screen()), facts_text({sample_machine(), sample_facts()})}) {
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) EXPECT_LE(columns(line), kScreenColumns) << line;
  }
}

TEST(ModelScreen, JsonHasTheKeysThatScriptsRelyOn) {
  const Json json = parse_json(model_json(model_screen()), "model");
  const Json& bytes = json["bytes_per_token"];
  EXPECT_NEAR(bytes["total"].get<double>(),
              bytes["always_on"].get<double>() + bytes["head"].get<double>() +
                  bytes["experts"].get<double>() + bytes["kv"].get<double>(),
              1);
  EXPECT_NEAR(bytes["head"].get<double>(), 605.6e6, 0.05e6);
  EXPECT_NEAR(bytes["experts"].get<double>(), 301.1e6, 0.05e6);
  EXPECT_GT(json["predicted"]["decode_tokens_per_s"].get<double>(), 0);
  EXPECT_GT(json["predicted"]["prefill_tokens_per_s"].get<double>(), 0);
}

TEST(ModelScreen, JsonCarriesEveryAnswer) {
  ModelScreen s = model_screen();
  s.claim_tokens_per_s = 20;
  const Json json = parse_json(model_json(s), "model");
  ASSERT_EQ(json["verify"].size(), 10u) << "five lengths, independent and sticky";
  EXPECT_EQ(json["verify"][0]["routing"], "independent");
  EXPECT_EQ(json["verify"][5]["routing"], "sticky:0.5");
  EXPECT_LT(json["verify"][7]["distinct_experts"].get<double>(), json["verify"][2]["distinct_experts"].get<double>());
  EXPECT_EQ(json["drafts"].size(), 6u);
  EXPECT_EQ(json["batch"].size(), 5u);
  EXPECT_EQ(json["memory"].size(), 9u) << "three engines, three contexts";
  for (const char* engine : {"oldiron", "llama_cpp", "ik_llama"}) EXPECT_TRUE(json["largest_context"].contains(engine));
  EXPECT_FALSE(json["steps"]["decode"].empty());
  for (const Json& part : json["steps"]["prefill"]) EXPECT_NE(part["part"], "head") << "a prompt wants no logits";
  EXPECT_EQ(json["predicted"]["decode_wall"], "memory");
  EXPECT_GT(json["predicted"]["first_token_s"].get<double>(), 0);
  EXPECT_EQ(json["claim"]["verdict"], "possible");
}

TEST(ModelScreen, FirstLinesSayWhetherItFitsHowFastAndWhatLimits) {
  ModelScreen s = model_screen();
  s.usable_memory_bytes = std::int64_t{60000000000};
  std::istringstream in(model_text(s));
  std::string name, fits, decode, first;
  std::getline(in, name);
  std::getline(in, fits);
  std::getline(in, decode);
  EXPECT_THAT(name, HasSubstr(" on "));
  EXPECT_THAT(fits, testing::StartsWith("  fits         yes: "));
  EXPECT_THAT(decode, testing::StartsWith("  decode       "));
  EXPECT_THAT(model_text(s), HasSubstr("held by memory"));
  EXPECT_THAT(model_text(s), HasSubstr("for a prompt of 512"));
}

TEST(ModelScreen, FewerExpertsAreCalledLossyAndWhatDoesNotFitIsSaid) {
  ModelScreen s = model_screen();
  EXPECT_THAT(model_text(s), HasSubstr("3 of 128 experts"));
  EXPECT_THAT(model_text(s), HasSubstr("lossy"));
  s.usable_memory_bytes = std::int64_t{14000000000};
  EXPECT_THAT(model_text(s), HasSubstr("fits         no: "));
  EXPECT_THAT(model_text(s), HasSubstr("its weights alone are 14.4 GB"));
}

TEST(ModelScreen, WithoutBandwidthPredictsNothing) {
  ModelScreen s = model_screen();
  s.ability = {};
  EXPECT_THAT(model_text(s), HasSubstr("no read bandwidth is known"));
  EXPECT_THAT(model_text(s), Not(HasSubstr("t/s")));
  EXPECT_TRUE(parse_json(model_json(s), "model")["predicted"].is_null());
  s.claim_tokens_per_s = 20;
  EXPECT_THAT(claim_text(s), HasSubstr("cannot be told"));
}

TEST(ModelScreen, AClaimIsOneLine) {
  ModelScreen s = model_screen();
  s.context = 0;
  for (const auto& [claim, word] : {std::pair(50.0, "impossible"), std::pair(33.0, "doubtful"),
                                    std::pair(27.0, "just possible"), std::pair(10.0, ": possible")}) {
    s.claim_tokens_per_s = claim;
    const std::string text = claim_text(s);
    EXPECT_THAT(text, HasSubstr(word));
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
    EXPECT_LE(columns(text.substr(0, text.size() - 1)), kScreenColumns) << text;
  }
}

TEST(ModelScreen, TwoModelsStandSideBySide) {
  const ModelScreen a = model_screen();
  ModelScreen b = model_screen();
  b.model.id = "another";
  b.config.n_experts = 8;
  const std::string text = models_text(a, b);
  EXPECT_THAT(text, HasSubstr("synthetic-26b-a4b-Q4_0"));
  EXPECT_THAT(text, HasSubstr("another"));
  EXPECT_THAT(text, HasSubstr("301.1 MB                  802.9 MB"));
  EXPECT_EQ(parse_json(models_json(a, b), "models")["models"].size(), 2u);
}

TEST(ModelScreen, ADescribedMachineSaysWhatIsUnverified) {
  ModelScreen s = model_screen();
  s.described = true;
  s.unverified = {"two sockets"};
  s.ability.measured = false;
  s.ability.read_bytes_per_s = {40e9, 0, 80e9};
  EXPECT_THAT(model_text(s), HasSubstr("nothing was measured on it"));
  EXPECT_THAT(model_text(s), HasSubstr("two sockets"));
  EXPECT_THAT(model_text(s), HasSubstr(" .. "));
}

TEST(ModelScreen, ADrafterCountsIntoARound) {
  ModelScreen s = model_screen();
  s.context = 0;
  s.config.n_experts = 8;
  s.ability = {};
  const auto rounds = [&] { return parse_json(model_json(s), "model")["drafts"][1]; };
  EXPECT_NEAR(rounds()["break_even_tokens"].get<double>(), (5208.0 - 708) / 2380, 0.005);
  s.draft = model_from_card(OLDIRON_SOURCE_DIR "/configs/models/gemma-4-26b-a4b-it-assistant.json", "q4_0");
  EXPECT_NEAR(rounds()["break_even_tokens"].get<double>(), 2.19, 0.005) << "the published break-even";
  EXPECT_NEAR(rounds()["round_bytes"].get<double>(), 5208e6, 8e6);
}

TEST(ProbeScreen, DrawsLatenciesAsSteps) {
  const auto s = [](double median) { return summarise("latency", "s", {median}); };
  const Abilities abilities{.latency = {{8 << 10, "small", 0, s(1.5e-9)}, {1 << 20, "small", 0, s(1e-8)}, {256 << 20, "small", 0, s(1.2e-7)},
                                        {8 << 10, "transparent", 0, s(1.5e-9)}},
                            .loaded_latency = {{0, 0, {}, s(1e-7)}, {63, 0, summarise("background", "bytes/s", {6e10}), s(4e-7)}},
                            .blocks = {{1 << 20, 64, summarise("block_read", "bytes/s", {5e10})}},
                            .hand_overs = {{0, 1, s(5e-8)}, {0, 63, s(2e-7)}},
                            .barriers = {{64, s(2.5e-6)}}};
  const std::string text = abilities_text(abilities);
  for (const char* part : {"256 MiB    120     -", "8 KiB     1.50  1.50", "beside 63 readers", "50.0 ns (CPU 0 and 1) to 200 ns (CPU 0 and 63)",
                           "1 MiB 50.0 GB/s", "2.50 us of 64 threads", "  ns           100     400", "  GB/s       alone    60.0"})
    EXPECT_THAT(text, HasSubstr(part)) << text;
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1)
    EXPECT_LE(columns(text.substr(at, text.find('\n', at) - at)), 80);
  EXPECT_EQ(abilities_text({}), "");
}

TEST(ProbeScreen, StoresSayWhatMemoryMovesForThem) {
  const std::string text = streams_text(two_socket_screen().profile.abilities);
  EXPECT_THAT(text, HasSubstr("memory moves"));
  EXPECT_THAT(text, HasSubstr("22.4      44.0   2 x that"));
  EXPECT_THAT(text, HasSubstr("write past"));
  EXPECT_EQ(streams_text(Abilities{}), "");
}

TEST(ProbeScreen, ManyThreadCountsKeepTheFirstAndTheLast) {
  Abilities abilities;
  add_stream(abilities, "write", "avx2", 2, {{1, 1e9}, {2, 2e9}, {4, 4e9}, {8, 8e9}, {12, 9e9}, {16, 1e10}, {24, 1e10}, {48, 1.1e10}});
  const std::string text = streams_text(abilities);
  EXPECT_THAT(text, HasSubstr("1 thread         4         8        24        48   memory moves"));
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1)
    EXPECT_LE(columns(text.substr(at, text.find('\n', at) - at)), 80);
}

TEST(ProbeScreen, NodesAreAMatrixAndOneNodeIsNone) {
  const std::string text = nodes_text(two_socket_screen().profile.abilities);
  EXPECT_THAT(text, HasSubstr("cores 0         49.3    25.1"));
  EXPECT_THAT(text, HasSubstr("cores 1          139    88.0"));
  EXPECT_EQ(nodes_text(small_vm_screen().profile.abilities), "");
  Abilities many;
  for (int cpu = 0; cpu < 12; ++cpu)
    for (int memory = 0; memory < 12; ++memory) many.node_pairs.push_back({cpu, memory, 4, measured("pair", 1e10, 0.01), seconds(1e-7)});
  const std::string wide = nodes_text(many);
  EXPECT_THAT(wide, HasSubstr("mem 11"));
  for (std::size_t at = 0; at < wide.size(); at = wide.find('\n', at) + 1)
    EXPECT_LE(columns(wide.substr(at, wide.find('\n', at) - at)), 80);
}

TEST(ProbeScreen, ReadsStandBesideThePaper) {
  const std::string text = probe_text(two_socket_screen());
  EXPECT_THAT(text, HasSubstr("┤                115.2 GB/s  6 of 8 chan."));
  EXPECT_THAT(text, HasSubstr("all filled"));
  EXPECT_THAT(probe_text(small_vm_screen()), Not(HasSubstr("on paper")));
}

TEST(ProbeScreen, MemoryWallOnlyIfSaturated) {
  ProbeScreen s = probe_screen();
  EXPECT_THAT(probe_text(s), HasSubstr("memory wall"));
  s.profile.read.resize(2);
  s.profile.read_saturated = false;
  EXPECT_THAT(probe_text(s), Not(HasSubstr("memory wall")));
  EXPECT_THAT(probe_text(s), HasSubstr("per-core memory parallelism"));
  s.profile.read[1].bytes_per_s.median = 1.1 * s.profile.read[0].bytes_per_s.median;
  EXPECT_THAT(probe_text(s), HasSubstr("in this noise"));
  EXPECT_THAT(probe_text(s), Not(HasSubstr("still rising")));
  s.profile.read.resize(1);
  EXPECT_THAT(probe_text(s), HasSubstr("cannot be told"));
}

TEST(ProbeScreen, APeakThatIsNoneIsNoted) {
  ProbeScreen s = probe_screen();
  s.profile.compute[1].ops_per_s.tags = {"noisy: 1.6 vpmaddubsw a cycle"};
  EXPECT_THAT(probe_text(s), HasSubstr("1.6 vpmaddubsw a cycle in 1/4 peaks"));
  s.profile.compute.clear();
  EXPECT_THAT(probe_text(s), HasSubstr("not available: no peak was measured"));
}

TEST(ProbeScreen, WhatIsNotAvailableSaysWhyAndHowToGetIt) {
  ProbeScreen s = probe_screen();
  s.machine.modules = Available<MemoryModules>::not_available("reading the DIMM table needs root");
  s.profile = {};
  const std::string text = probe_text(s);
  EXPECT_THAT(text, HasSubstr("reading the DIMM table needs root"));
  EXPECT_THAT(text, HasSubstr("sudo oldiron facts"));
  EXPECT_THAT(text, HasSubstr("not available: the bandwidth was not measured"));
  s.machine.modules = Available<MemoryModules>::not_available("no DMI table (usual on virtual machines)");
  EXPECT_THAT(probe_text(s), Not(HasSubstr("sudo")));
}

TEST(ProbeScreen, JsonHasTheKeysThatScriptsRelyOn) {
  const Json json = parse_json(probe_json(probe_screen()), "probe");
  ASSERT_EQ(json["bandwidth"]["read"].size(), 5u);
  for (const char* key : {"threads", "bytes_per_s", "interval"})
    EXPECT_TRUE(json["bandwidth"]["read"][0].contains(key)) << key;
  for (const char* key : {"isa", "type", "instruction", "threads", "ops_per_s", "clock_hz", "per_cycle"})
    EXPECT_TRUE(json["compute"][0].contains(key)) << key;
}

TEST(Screens, HostileNamesAreHarmless) {
  ModelScreen m = model_screen();
  m.model.id = m.model.architecture = kHostile;
  ProbeScreen p = probe_screen();
  p.machine.cpu_model = p.machine.kernel = p.machine.hypervisor = p.machine.transparent_huge_pages = kHostile;
  p.machine.isas = {kHostile};
  p.facts.governor = Fact<std::string>::known(kHostile, kHostile);
  p.facts.bios = Fact<std::string>::unknown(kHostile, kHostile);
  (*p.machine.modules).table = {{.slot = kHostile, .channel = kHostile, .bytes = 1, .maker = kHostile, .part = kHostile}};
  for (const std::string& text : {model_text(m), probe_text(p), facts_text({p.machine, p.facts})})
    for (const char c : text) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
  parse_json(model_json(m), "model");
  parse_json(probe_json(p), "probe");
  parse_json(facts_json({p.machine, p.facts}), "facts");
}

}  // namespace
}  // namespace oldiron::reports::screens_test
