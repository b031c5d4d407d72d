#include "reports/probe_charts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/accounting.hpp"
#include "reports/noise_words.hpp"
#include "reports/probe_findings.hpp"
#include "reports/probe_words.hpp"
#include "reports/svg.hpp"
#include "tests/reports/probe_sample.hpp"
#include "tests/reports/svg_checks.hpp"

namespace oldiron::reports::probe_charts_test {
namespace {

using testing::HasSubstr;
using testing::Not;

const ChartSeries* find(const Chart& chart, const std::string& name) {
  for (const ChartSeries& series : chart.panels[0].series)
    if (series.name.starts_with(name)) return &series;
  return nullptr;
}

TEST(ProbeCharts, EveryOneOfEveryMachineIsAWellFormedTidyFile) {
  for (const ProbeScreen& screen : {two_socket_screen(), small_vm_screen()})
    for (const ProbeChart& chart : probe_charts()) {
      const Available<Chart> drawn = chart.draw(screen);
      ASSERT_TRUE(drawn) << chart.name << ": " << drawn.reason();
      const std::string text = svg(*drawn);
      SCOPED_TRACE(chart.name);
      expect_well_formed(text);
      expect_tidy(text);
    }
}

TEST(ProbeCharts, LineNamesAreAllThere) {
  const Available<Chart> roofline = roofline_chart(two_socket_screen());
  const std::string text = svg(*roofline);
  for (const ChartSeries& series : roofline->panels[0].series)
    EXPECT_TRUE(series.name.empty() || text.find(">" + series.name + "<") != std::string::npos) << series.name;
  for (const StepPlace& place : step_places(sample_model()))
    EXPECT_THAT(text, HasSubstr(">" + place.name + "<"));
}

TEST(ProbeCharts, Golden) {
  EXPECT_EQ(golden_difference("probe_bandwidth.svg", svg(*bandwidth_chart(two_socket_screen()))), "");
  EXPECT_EQ(golden_difference("probe_roofline.svg", svg(*roofline_chart(two_socket_screen()))), "");
}

TEST(ProbeCharts, WhatWasNotMeasuredSaysWhy) {
  for (const ProbeChart& chart : probe_charts()) {
    const Available<Chart> drawn = chart.draw(empty_screen());
    EXPECT_FALSE(drawn) << chart.name;
    EXPECT_THAT(drawn.reason(), HasSubstr("measured")) << chart.name;
  }
}

TEST(ProbeCharts, HostileNamesAreHarmless) {
  ProbeScreen s = two_socket_screen();
  s.machine.cpu_model = s.profile.compute[0].isa = kHostile;
  s.model->id = kHostile;
  for (BandwidthPoint& p : s.profile.read) p.isa = kHostile;
  for (StreamPoint& p : s.profile.abilities.streams) p.isa = kHostile;
  s.profile.abilities.streams[0].kind = kHostile;
  s.profile.read[0].bytes_per_s.tags = {kHostile};
  for (const ProbeChart& chart : probe_charts()) {
    const std::string text = svg(*chart.draw(s));
    expect_well_formed(text);
    EXPECT_THAT(text, Not(HasSubstr("<script")));
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  }
}

TEST(BandwidthChart, StandsBesideThePaperOfTheFilledChannelsAndOfAllOfThem) {
  const Available<Chart> chart = bandwidth_chart(two_socket_screen());
  EXPECT_EQ(
      chart->title,
      "24 threads reach 96.7 GB/s, 84 % of what the modules carry on paper; going from 16 to 24 adds 46 %");
  const ChartSeries* paper = find(*chart, "115.2 GB/s on paper, 6 of 8 channels");
  ASSERT_NE(paper, nullptr);
  EXPECT_EQ(paper->style, SeriesStyle::ceiling);
  EXPECT_NE(find(*chart, "153.6 GB/s with all channels filled"), nullptr);
  ProbeScreen full = two_socket_screen();
  (*full.machine.modules).full_bytes_per_s = (*full.machine.modules).bytes_per_s;
  EXPECT_EQ(find(*bandwidth_chart(full), "153.6"), nullptr);
  const Available<Chart> unknown = bandwidth_chart(small_vm_screen());
  EXPECT_THAT(unknown->notes, testing::Contains(HasSubstr("No theoretical line: no /sys/firmware/dmi")));
  for (const ChartSeries& series : unknown->panels[0].series) EXPECT_NE(series.style, SeriesStyle::ceiling);
}

TEST(BandwidthChart, NoisyPointsAreHollowAndStoresOfTheFastestIsaOnly) {
  const Available<Chart> chart = bandwidth_chart(two_socket_screen());
  const ChartSeries* read = find(*chart, "read");
  ASSERT_EQ(read->points.size(), 8u);
  EXPECT_TRUE(read->points[6].doubtful);
  EXPECT_FALSE(read->points[7].doubtful);
  const ChartSeries* write = find(*chart, "write");
  ASSERT_EQ(write->points.size(), 6u) << "those of avx2, not of scalar";
  EXPECT_FALSE(write->dashed);
  EXPECT_TRUE(find(*chart, "write past the caches")->dashed);
  EXPECT_THAT(chart->notes, testing::Contains(HasSubstr(
                                "2 times that of write, 1.5 times that of copy, 1.33 times that of triad")));
}

TEST(BandwidthChart, FindingNamesTheFewestThreadsThatReachIt) {
  ProbeScreen s = small_vm_screen();
  EXPECT_EQ(read_finding(s.machine, s.profile), "2 threads reach 25.3 GB/s; the second adds 60 % (in noise)");
  s.profile.read[1].bytes_per_s.median = 16e9;
  EXPECT_EQ(read_finding(s.machine, s.profile), "1 thread reaches 15.8 GB/s; 2 add nothing (in noise)");
  s.profile.read.resize(1);
  s.profile.read[0].bytes_per_s.tags.clear();
  EXPECT_EQ(read_finding(s.machine, s.profile), "1 thread reaches 15.8 GB/s");
}

TEST(LatencyChart, MarksTheCachesThatShowAndNoClaimOfOne) {
  const Available<Chart> server = latency_chart(two_socket_screen());
  ASSERT_EQ(server->panels[0].series[0].style, SeriesStyle::mark);
  std::vector<std::string> names;
  for (const ChartPoint& p : server->panels[0].series[0].points) names.push_back(p.label);
  EXPECT_EQ(names, (std::vector<std::string>{"L1 32 KiB", "L2 256 KiB", "L3 30 MiB"}));
  // A virtual machine claims 480 MiB, but half of that waits as long as twice of it.
  const Available<Chart> vm = latency_chart(small_vm_screen());
  EXPECT_EQ(vm->panels[0].series[0].points.back().label, "L2 512 KiB");
  EXPECT_EQ(vm->title, "A load from memory waits 138 ns, 110 ns with huge pages (in noise)");
}

TEST(LoadedLatencyChart, GoesFromAloneToTheStrongestLoad) {
  const Available<Chart> chart = loaded_latency_chart(two_socket_screen());
  const std::vector<ChartPoint>& points = chart->panels[0].series[0].points;
  EXPECT_EQ(points.front().x, 0);
  EXPECT_TRUE(std::is_sorted(points.begin(), points.end(),
                             [](const ChartPoint& a, const ChartPoint& b) { return a.x < b.x; }));
  EXPECT_EQ(chart->title, "A load waits 88.0 ns alone, 410 ns while others read 90.4 GB/s");
}

TEST(RooflineChart, RoofsMeetTheSlopeAndStepsLieWhereTheModelPutsThem) {
  const ProbeScreen s = two_socket_screen();
  const Available<Chart> chart = roofline_chart(s);
  const ChartSeries* slope = find(*chart, "reading");
  ASSERT_NE(slope, nullptr);
  const double rate = 96.7e9;
  for (const ChartPoint& p : slope->points) EXPECT_NEAR(p.y / p.x, rate, 1e-3 * rate);
  const ChartSeries* roof = find(*chart, "int8 avx2");
  EXPECT_NEAR(roof->points[0].y / roof->points[0].x, rate, 1e-3 * rate);
  EXPECT_EQ(roof->points[0].y, roof->points[1].y);
  const std::vector<StepPlace> places = step_places(*s.model);
  ASSERT_EQ(places.size(), 4u);
  EXPECT_TRUE(std::is_sorted(places.begin(), places.end(), [](const StepPlace& a, const StepPlace& b) {
    return a.ops_per_byte < b.ops_per_byte;
  }));
  // One sequence is one token: the accounts of a token, which are counted in another way, say the same.
  EXPECT_NEAR(places[0].ops_per_byte,
              flops_per_token(*s.model, 0, kPlacedTokens, true) /
                  bytes_per_token(*s.model, 0, kPlacedTokens, KvType::f16).total(),
              0.01);
  EXPECT_THAT(
      chart->title,
      HasSubstr(
          "Reading is the limit below 34.7 operations a byte; a decode of synthetic-26b-a4b-Q4_0 has 3."));
}

TEST(RooflineChart, WithoutAModelHasRoofsOnly) {
  const Available<Chart> chart = roofline_chart(small_vm_screen());
  for (const ChartSeries& series : chart->panels[0].series) EXPECT_EQ(series.style, SeriesStyle::line);
  EXPECT_EQ(chart->title, "Reading is the limit below 32.7 operations a byte (in noise)");
}

TEST(NoiseLines, SayEveryCauseOnceOnOneLine) {
  const std::vector<std::string> lines = noise_lines(small_vm_screen().profile, 65);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], "neighbour in all reads, all latencies: 1.5 CPUs, mostly cc1plus");
  EXPECT_EQ(lines[1], "neighbour all the while, over all reads: 1.9 CPUs, mostly cc1plus");
  for (const std::string& line : noise_lines(two_socket_screen().profile, 65))
    EXPECT_EQ(line, "neighbour in 1/8 reads: 1.5 CPUs, mostly cc1plus");
  Profile quiet = sample_profile();
  EXPECT_TRUE(noise_lines(quiet, 65).empty());
  quiet.read[0].bytes_per_s.tags = {"noisy: steal 4 %"};
  quiet.read[1].bytes_per_s.tags = {
      "noisy: steal 12 %", "noisy: steal 9 %", "disturbed: paused: our process was stopped for 60 ms, in 1 of 7 samples"};
  EXPECT_EQ(
      noise_lines(quiet, 90),
      (std::vector<std::string>{"steal 4 % in 2/5 reads",
                                "paused in some samples of 1/5 reads: our process was stopped for 60 ms"}));
}

TEST(NoiseLines, SayWhatScattersWithoutACause) {
  Profile profile = sample_profile();
  profile.read[0].bytes_per_s.tags = {
      "noisy: its samples scatter by 7 %, and nothing that this system counts explains it (on a guest, the host's "
      "other guests may)"};
  EXPECT_EQ(noise_lines(profile, 65),
            (std::vector<std::string>{"its samples scatter by 7 %, unexplained, in 1/5 reads"}));
}

TEST(NoiseLines, IntervalsOfFewSamplesAreNoNoise) {
  Profile profile = small_vm_screen().profile;
  for (LatencyPoint& p : profile.abilities.latency)
    p.s.tags = {"interval is smallest to largest of 5 samples"};
  for (const std::string& line : noise_lines(profile, 65)) EXPECT_THAT(line, Not(HasSubstr("smallest")));
  EXPECT_FALSE(is_noisy(profile.abilities.latency[0].s));
}

}  // namespace
}  // namespace oldiron::reports::probe_charts_test
