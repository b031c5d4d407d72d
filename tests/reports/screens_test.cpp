#include "reports/screens.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "core/json.hpp"
#include "reports/layout.hpp"
#include "tests/reports/sample.hpp"

namespace oldiron::reports {
namespace {

using testing::HasSubstr;
using testing::Not;

ModelScreen model_screen() {
  ModelScreen s;
  s.model = sample_model();
  s.config = sample_config(8, 8, Switch::automatic);
  s.config.n_experts = 3;
  s.context = 512;
  s.profile = sample_profile();
  s.usable_memory_bytes = std::int64_t{16000000000};
  return s;
}

ProbeScreen probe_screen() {
  ProbeScreen s;
  s.machine = sample_machine();
  s.state.memory_available_bytes = 61000000000;
  s.profile = sample_profile();
  return s;
}

TEST(Golden, ModelAndProbe) {
  EXPECT_EQ(golden_difference("model.txt", model_text(model_screen())), "");
  EXPECT_EQ(golden_difference("probe.txt", probe_text(probe_screen())), "");
}

TEST(Screens, FitEightyColumns) {
  for (const std::string& text : {model_text(model_screen()), probe_text(probe_screen())}) {
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

TEST(ModelScreen, FewerExpertsAreCalledLossyAndWhatDoesNotFitIsSaid) {
  const std::string text = model_text(model_screen());
  EXPECT_THAT(text, HasSubstr("3 of 128 experts"));
  EXPECT_THAT(text, HasSubstr("lossy"));
  EXPECT_THAT(text, HasSubstr("does not fit here"));
}

TEST(ModelScreen, WithoutBandwidthPredictsNothing) {
  ModelScreen s = model_screen();
  s.profile = {};
  EXPECT_THAT(model_text(s), HasSubstr("not available: no read bandwidth is known here"));
  EXPECT_THAT(model_text(s), Not(HasSubstr("t/s")));
  EXPECT_TRUE(parse_json(model_json(s), "model")["predicted"].is_null());
}

TEST(ProbeScreen, MemoryWallOnlyIfSaturated) {
  ProbeScreen s = probe_screen();
  EXPECT_THAT(probe_text(s), HasSubstr("memory wall"));
  s.profile.read.resize(2);
  s.profile.read_saturated = false;
  EXPECT_THAT(probe_text(s), Not(HasSubstr("memory wall")));
  EXPECT_THAT(probe_text(s), HasSubstr("per-core memory parallelism"));
  s.profile.read.resize(1);
  EXPECT_THAT(probe_text(s), HasSubstr("cannot be told"));
}

TEST(ProbeScreen, APeakThatIsNoneIsNoted) {
  ProbeScreen s = probe_screen();
  s.profile.compute[1].ops_per_s.tags = {"noisy: 1.6 vpmaddubsw a cycle"};
  EXPECT_THAT(probe_text(s), HasSubstr("vpmaddubsw with 8 threads: noisy: 1.6"));
  s.profile.compute.clear();
  EXPECT_THAT(probe_text(s), HasSubstr("not available: no peak was measured"));
}

TEST(ProbeScreen, WhatIsNotAvailableSaysWhyAndHowToGetIt) {
  ProbeScreen s = probe_screen();
  s.machine.modules = Available<MemoryModules>::not_available("reading the DIMM table needs root");
  s.profile = {};
  const std::string text = probe_text(s);
  EXPECT_THAT(text, HasSubstr("reading the DIMM table needs root"));
  EXPECT_THAT(text, HasSubstr("sudo oldiron probe"));
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
  for (const std::string& text : {model_text(m), probe_text(p)})
    for (const char c : text) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
  parse_json(model_json(m), "model");
  parse_json(probe_json(p), "probe");
}

}  // namespace
}  // namespace oldiron::reports
