// Chart: a drawing as data. Values are base SI; the drawing scales and names units.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace oldiron::reports {

enum class Quantity : std::uint8_t { count, bytes, tokens_per_s };

/// points: markers with intervals, joined in order. ceiling: a dashed line that nothing may pass. bar: a bar
/// from zero.
enum class SeriesStyle : std::uint8_t { points, ceiling, bar };

struct ChartPoint {
  double x = 0;  ///< a value, or the position in ChartAxis::names
  double y = 0;
  double low = 0, high = 0;  ///< 95 % interval of y; equal: none is drawn
  std::string label;         ///< written at the mark
  bool doubtful = false;     ///< measured in noise: drawn hollow
  bool operator==(const ChartPoint&) const = default;
};

struct ChartSeries {
  std::string name;
  SeriesStyle style = SeriesStyle::points;
  int colour = 0;  ///< index into the palette
  std::vector<ChartPoint> points;
  bool operator==(const ChartSeries&) const = default;
};

struct ChartAxis {
  std::string title;
  Quantity quantity = Quantity::count;
  std::vector<std::string> names;  ///< positions 0, 1, …; empty: a scale of numbers
  bool operator==(const ChartAxis&) const = default;
};

/// One plot: y over x; with bar series, bars lie and x names the rows from the top.
struct ChartPanel {
  std::string title;
  ChartAxis x, y;
  std::vector<ChartSeries> series;
  bool operator==(const ChartPanel&) const = default;
};

struct Chart {
  std::string title;               ///< what the drawing shows, as a sentence where it has a finding
  std::string subtitle;            ///< of what, on which machine
  std::vector<ChartPanel> panels;  ///< side by side
  std::vector<std::string> notes;  ///< below: what is measured, what is not
  bool operator==(const Chart&) const = default;
};

}  // namespace oldiron::reports
