// The sentences on watts, money and counted events.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/json.hpp"
#include "reports/formats.hpp"
#include "reports/sentences.hpp"
#include "tests/reports/sample.hpp"

namespace oldiron::reports::power_test {
namespace {

using testing::HasSubstr;
using testing::Not;

Measurement watts(double w) { return average("watts", "W", {w - 1, w, w + 1}); }

/// An answer at 10 tokens/s that draws 120 W, and 150 W in its prompts of 5 s.
Report powered() {
  Report report = sample_report();
  report.workload.prompt_tokens = 500;
  report.workload.generate_tokens = 100;
  report.power = PowerMeter{.source = "RAPL: 2 packages", .whole_machine = false, .idle_w = watts(60)};
  (*report.lossless).prefill.median = 100;
  (*report.lossless).decode.median = 10;
  (*report.lossless).prefill_power_w = watts(150);
  (*report.lossless).decode_power_w = watts(120);
  return report;
}

TEST(PowerText, SaysWattsJoulesAndHowToGetACost) {
  EXPECT_EQ(power_text(powered()),
            "120 W decoding, 150 W reading a prompt, 60.0 W idle (RAPL: 2 packages; not the whole machine); "
            "12.0 J per token, "
            "1950 J per turn; no price was given; add --price with what a kWh costs");
}

TEST(PowerText, SaysTheCostOfAMillionTokens) {
  Report report = powered();
  report.tariff = {.price_per_kwh = 0.3};
  EXPECT_THAT(power_text(report), HasSubstr("; 1.62 per million tokens at 0.3 a kWh, prompts counted"));
  report.tariff.hours_per_day = 8;
  EXPECT_THAT(
      power_text(report),
      HasSubstr(
          "3.12 per million tokens at 0.3 a kWh, prompts counted, busy 8 hours a day and idle the others"));
  (*report.power).idle_w = {};
  EXPECT_THAT(power_text(report), HasSubstr("cost not available: the power of its idle hours is not known"));
}

TEST(PowerText, SaysWhyThereIsNone) {
  Report report = sample_report();
  EXPECT_EQ(power_text(report), "") << "a report of before there was any power";
  report.power = Available<PowerMeter>::not_available("no RAPL");
  EXPECT_EQ(power_text(report), "not available: no RAPL");
  report = powered();
  (*report.lossless).decode_power_w = {};
  EXPECT_EQ(power_text(report), "no reading fell into the answer's decode");
}

TEST(PowerText, IsInEveryDocument) {
  Report report = powered();
  report.tariff = {.price_per_kwh = 0.3};
  EXPECT_THAT(terminal_report(report), HasSubstr("power        120 W decoding"));
  EXPECT_THAT(markdown_report(report), HasSubstr("## Power\n\n120 W decoding"));
  const Json json = parse_json(json_report(report), "report");
  EXPECT_NEAR(json.at("power").at("decode_j_per_token").get<double>(), 12, 1e-9);
  EXPECT_NEAR(json.at("power").at("cost_per_million_tokens").get<double>(), 1950 / 3.6e6 * 0.3 * 1e4, 1e-9);
}

Report counted() {
  Report report = sample_report();
  (*report.lossless).counted = {summarise("counted/cycles", "per token", {2e8}),
                                summarise("counted/instructions", "per token", {3e8}),
                                summarise("counted/page_faults", "per token", {0.5})};
  return report;
}

TEST(CountersText, SaysWhatWasCountedAndWhatNot) {
  EXPECT_EQ(counters_text(sample_report()), "");
  Report report = counted();
  EXPECT_EQ(counters_text(report),
            "per decoded token 300 million instructions, 200 million cycles (1.50 instructions each), 0.500 "
            "page faults");
  (*report.lossless)
      .counted.erase((*report.lossless).counted.begin(), (*report.lossless).counted.begin() + 2);
  (*report.lossless).no_counters = "no PMU";
  EXPECT_EQ(counters_text(report),
            "per decoded token 0.500 page faults; cycles, instructions and cache misses not counted: no PMU");
}

TEST(CountersText, SaysWhereCountersAndClockDisagree) {
  Report report = counted();
  report.traffic = std::string("likwid-perfctr");
  (*report.lossless).wall.bytes_per_s = 30e9;
  (*report.lossless).dram_read = average(kDramRead, "bytes/s", {32e9, 32e9});
  EXPECT_THAT(
      counters_text(report),
      HasSubstr("counted 32.0 GB/s where the bytes of a token over its time are 30.0 GB/s: they agree"));
  (*report.lossless).dram_read = average(kDramRead, "bytes/s", {39e9, 39e9});
  EXPECT_THAT(counters_text(report), HasSubstr(": 30 % apart, so more is read than the model needs"));
  (*report.lossless).dram_read = average(kDramRead, "bytes/s", {15e9, 15e9});
  EXPECT_THAT(counters_text(report), HasSubstr(": 50 % apart, so caches serve a part"));
  report.traffic = Available<std::string>::not_available("likwid-perfctr exited with code 1");
  EXPECT_THAT(counters_text(report),
              HasSubstr("memory traffic not counted: likwid-perfctr exited with code 1"));
}

}  // namespace
}  // namespace oldiron::reports::power_test
