#include "reports/svg.hpp"

#include <algorithm>

#include "reports/layout.hpp"
#include "reports/svg_canvas.hpp"
#include "reports/svg_panels.hpp"

namespace oldiron::reports {
namespace {

constexpr double kWidth = 860, kMargin = 28, kGap = 44;

/// Broken into lines of at most `width` pixels.
std::vector<std::string> set_lines(const std::string& text, double width, double size, bool bold = false) {
  int room = static_cast<int>(width / (0.4 * size));
  std::vector<std::string> lines = wrap(text, room);
  const auto too_wide = [&](const std::string& line) { return text_width(line, size, bold) > width; };
  while (room > 8 && std::any_of(lines.begin(), lines.end(), too_wide)) lines = wrap(text, --room);
  return lines;
}

bool has_bars(const ChartPanel& panel) {
  return std::any_of(panel.series.begin(), panel.series.end(),
                     [](const ChartSeries& s) { return s.style == SeriesStyle::bar || s.style == SeriesStyle::span; });
}

}  // namespace

std::string svg(const Chart& chart) {
  Canvas canvas;
  double y = 16;
  for (const std::string& line : set_lines(one_line(chart.title), kWidth - 2 * kMargin, 18, true))
    canvas.text(kMargin, y += 22, line,
                {.size = 18, .colour = "#1a1a1a", .anchor = Anchor::start, .bold = true});
  for (const std::string& line : set_lines(one_line(chart.subtitle), kWidth - 2 * kMargin, 12.5))
    canvas.text(kMargin, y += 19, line, {.size = 12.5, .colour = "#666666"});
  y += 28;
  double bottom = y;
  const auto n = static_cast<double>(chart.panels.size());
  const double width = (kWidth - 2 * kMargin - (n - 1) * kGap) / std::max(1.0, n);
  for (std::size_t i = 0; i < chart.panels.size(); ++i) {
    const double x = kMargin + static_cast<double>(i) * (width + kGap);
    const ChartPanel& panel = chart.panels[i];
    const double height =
        has_bars(panel) ? draw_bars(canvas, panel, x, y, width) : draw_lines(canvas, panel, x, y, width);
    bottom = std::max(bottom, y + height);
  }
  y = bottom + 8;
  for (const std::string& note : chart.notes)
    for (const std::string& line : set_lines(one_line(note), kWidth - 2 * kMargin, 11))
      canvas.text(kMargin, y += 16, line, {.size = 11, .colour = "#666666"});
  return canvas.file(kWidth, y + 18, chart.title);
}

}  // namespace oldiron::reports
