#include "reports/svg.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <regex>

#include "core/accounting.hpp"
#include "reports/charts.hpp"
#include "reports/svg_canvas.hpp"
#include "tests/reports/sample.hpp"

namespace oldiron::reports {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string unescaped(std::string text) {
  const std::pair<const char*, const char*> entities[] = {
      {"&#39;", "'"}, {"&quot;", "\""}, {"&lt;", "<"}, {"&gt;", ">"}, {"&amp;", "&"}};
  for (const auto& [entity, character] : entities)
    text = std::regex_replace(text, std::regex(entity), character);
  return text;
}

/// The boxes of all texts of a drawing, as the writer estimates them.
std::vector<std::pair<Box, std::string>> texts(const std::string& drawing) {
  static const std::regex kText(
      "<text x=\"([^\"]+)\" y=\"([^\"]+)\" font-size=\"([^\"]+)\" text-anchor=\"([^\"]+)\" fill=\"[^\"]+\"( "
      "font-weight=\"bold\")?>"
      "([^<]*)</text>");
  std::vector<std::pair<Box, std::string>> found;
  for (std::sregex_iterator it(drawing.begin(), drawing.end(), kText), end; it != end; ++it) {
    const Anchor anchor = (*it)[4] == "start" ? Anchor::start
                          : (*it)[4] == "end" ? Anchor::end
                                              : Anchor::middle;
    const TextStyle style{
        .size = std::stod((*it)[3]), .colour = "", .anchor = anchor, .bold = (*it)[5].matched};
    found.emplace_back(text_box(std::stod((*it)[1]), std::stod((*it)[2]), unescaped((*it)[6].str()), style),
                       unescaped((*it)[6].str()));
  }
  return found;
}

void expect_tidy(const std::string& drawing) {
  const auto boxes = texts(drawing);
  EXPECT_FALSE(boxes.empty());
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    EXPECT_GE(boxes[i].first.x, 0) << boxes[i].second;
    EXPECT_LE(boxes[i].first.x + boxes[i].first.width, 860.5) << boxes[i].second;
    for (std::size_t j = i + 1; j < boxes.size(); ++j)
      EXPECT_FALSE(boxes[i].first.overlaps(boxes[j].first))
          << boxes[i].second << " covers " << boxes[j].second;
  }
}

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
}  // namespace oldiron::reports
