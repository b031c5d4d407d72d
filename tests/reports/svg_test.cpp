#include "reports/svg.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/accounting.hpp"
#include "reports/charts.hpp"
#include "reports/svg_canvas.hpp"
#include "reports/svg_scale.hpp"
#include "tests/reports/sample.hpp"
#include "tests/reports/svg_checks.hpp"

namespace oldiron::reports::svg_test {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(RoundTicks, AreRoundStartAtZeroAndReachTheTop) {
  EXPECT_EQ(round_ticks(22, 5), (std::vector<double>{0, 5, 10, 15, 20, 25}));
  EXPECT_EQ(round_ticks(0.3, 3).size(), 4u);
  EXPECT_EQ(round_ticks(14.4e9, 6).back(), 15e9);
  for (const double high : {0.0, -1.0, std::nan(""), 1e-12, 7.0, 99.9, 1e15}) {
    const std::vector<double> ticks = round_ticks(high, 5);
    EXPECT_LE(ticks.size(), 12u) << high;
    EXPECT_EQ(ticks.front(), 0);
    if (high > 0) {
      EXPECT_GE(ticks.back(), high * (1 - 1e-9));
    }
  }
}

TEST(LogTicks, AreRoundWithinTheRangeAndNotTooMany) {
  EXPECT_EQ(log_ticks(1, 30, 10, false), (std::vector<double>{1, 2, 5, 10, 20}));
  EXPECT_EQ(log_ticks(0.9, 2e5, 8, false), (std::vector<double>{1, 10, 100, 1000, 1e4, 1e5}));
  EXPECT_EQ(log_ticks(1, 1e12, 8, false), (std::vector<double>{1, 100, 1e4, 1e6, 1e8, 1e10, 1e12}));
  EXPECT_EQ(log_ticks(4096, 65536, 10, true), (std::vector<double>{4096, 8192, 16384, 32768, 65536}));
  EXPECT_EQ(log_ticks(8192, 268435456, 8, true).size(), 8u);
  for (const double tick : log_ticks(7000, 3e8, 8, true)) EXPECT_EQ(std::exp2(std::round(std::log2(tick))), tick);
}

TEST(TickText, NamesUnitsOfEveryQuantity) {
  const std::pair<Quantity, double> values[] = {{Quantity::seconds, 5e-8},      {Quantity::seconds, 1e-9},
                                                {Quantity::bytes_per_s, 2.5e9}, {Quantity::ops_per_s, 1e12},
                                                {Quantity::ops_per_s, 1e9},     {Quantity::binary_bytes, 32768},
                                                {Quantity::ops_per_byte, 0.5},  {Quantity::bytes_per_s, 0}};
  std::string text;
  for (const auto& [quantity, value] : values) text += tick_text(quantity, value) + "; ";
  EXPECT_EQ(text, "50 ns; 1 ns; 2.5 GB/s; 1 TOP/s; 1 GOP/s; 32 KiB; 0.5; 0; ");
}

TEST(AxisScale, PlacesEqualRatiosAtEqualDistancesAndNothingOutside) {
  const AxisScale scale = AxisScale::logarithmic({1, 10, 100}, 0, 1000, 10, false);
  EXPECT_NEAR(scale.at(10) - scale.at(1), scale.at(100) - scale.at(10), 1e-9);
  EXPECT_EQ(scale.at(1e-9), 0);
  EXPECT_EQ(scale.at(1e9), 1000);
  EXPECT_TRUE(std::isfinite(AxisScale::logarithmic({0, -1, std::nan("")}, 0, 1000, 10, false).at(5)));
}

TEST(Golden, BothCharts) {
  for (const ReportChart& chart : report_charts()) {
    const Available<Chart> drawing = chart.draw(sample_report());
    ASSERT_TRUE(drawing) << drawing.reason();
    EXPECT_EQ(golden_difference(std::string(chart.file_name), svg(*drawing)), "");
    expect_tidy(svg(*drawing));
  }
}

TEST(Svg, TextIsEscapedAndNothingIsLoaded) {
  const Report report = hostile_report();
  for (const ReportChart& chart : report_charts()) {
    const Available<Chart> drawing = chart.draw(report);
    ASSERT_TRUE(drawing);
    const std::string text = svg(*drawing);
    EXPECT_THAT(text, Not(HasSubstr("<script")));
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
    EXPECT_THAT(text, Not(HasSubstr("\xff")));
    EXPECT_THAT(text, Not(HasSubstr("href")));
    expect_tidy(text);
  }
}

TEST(Svg, AnEmptyChartIsAFileToo) { EXPECT_THAT(svg(Chart{}), HasSubstr("</svg>")); }

TEST(LeverEffect, WallPassesThroughWhatTheBandwidthAllows) {
  const Report report = sample_report();
  const Available<Chart> chart = lever_effect_chart(report);
  ASSERT_TRUE(chart);
  ASSERT_EQ(chart->panels.size(), 2u);
  const ChartSeries& wall = chart->panels[0].series[0];
  ASSERT_EQ(wall.style, SeriesStyle::ceiling);
  EXPECT_EQ(wall.name, "memory wall");
  ASSERT_EQ(wall.points.size(), 5u);
  const double token = bytes_per_token(report.model, 8, 64, KvType::f16).total();  // half of 128
  EXPECT_NEAR(wall.points[3].y, report.profile.read_bytes_per_s(8) / token, 1e-6);
  // Nothing that was measured may stand above what the memory allows.
  for (std::size_t i = 0; i < 5; ++i) EXPECT_LT(chart->panels[0].series[1].points[i].y, wall.points[i].y);
  EXPECT_EQ(chart->title, "Decode is fastest with 8 threads, prefill is fastest with 16 threads");
}

TEST(LeverEffect, NoisyTrialsAreHollowAndFailedOnesAbsent) {
  const Available<Chart> chart = lever_effect_chart(sample_report());
  const std::vector<ChartPoint>& points = chart->panels[0].series[1].points;
  EXPECT_FALSE(points[3].doubtful);
  EXPECT_TRUE(points[4].doubtful);
  EXPECT_EQ(points.size(), 5u);
}

TEST(LeverEffect, NamesNoBestWhereIntervalsMeet) {
  Report report = sample_report();
  report.trials[4].measurements[1] = measured(kDecode, 15.3, 0.012, 5);
  EXPECT_THAT(lever_effect_chart(report)->title, HasSubstr("Decode has no clear best"));
}

TEST(LeverEffect, TrialsThatDifferInAnotherLeverOfThatSpeedAreNotMixed) {
  Report report = sample_report();
  for (std::size_t i = 0; i < 3; ++i) report.trials[i].spec.config.n_experts = 4;
  const Available<Chart> chart = lever_effect_chart(report);
  ASSERT_TRUE(chart);
  EXPECT_EQ(chart->panels[0].series.back().points.size(), 3u);
}

TEST(LeverEffect, AnotherLeverIsShownIfThreadsWereNotSwept) {
  Report report = sample_report();
  report.trials.clear();
  for (const Switch value : {Switch::off, Switch::on})
    report.trials.push_back(
        trial(Engine::ik_llama, sample_config(8, 8, value), 50, value == Switch::on ? 15.4 : 8.7));
  const Available<Chart> chart = lever_effect_chart(report);
  ASSERT_TRUE(chart);
  EXPECT_EQ(chart->panels[0].x.title, "repack");
  EXPECT_EQ(chart->title, "Decode is fastest with repack on, prefill has no clear best");
  EXPECT_EQ(chart->panels[0].x.names, (std::vector<std::string>{"off", "on"}));
  expect_tidy(svg(*chart));
}

TEST(LeverEffect, NothingSweptIsNotAvailable) {
  EXPECT_FALSE(lever_effect_chart(failed_report()));
  EXPECT_NE(lever_effect_chart(failed_report()).reason(), "");
}

TEST(Svg, ManyPointsAndCloseCeilingsStayTidy) {
  Report report = sample_report();
  report.trials.clear();
  for (int threads = 1; threads <= 48; ++threads)
    report.trials.push_back(trial(Engine::ik_llama, sample_config(threads, threads, Switch::on),
                                  4.0 * threads, std::min(3.4 * threads, 20.0)));
  expect_tidy(svg(*lever_effect_chart(report)));
}

}  // namespace
}  // namespace oldiron::reports::svg_test
