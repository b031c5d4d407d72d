// Chart: a drawing as data. Values are base SI; the drawing scales and names units.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace oldiron::reports {

/// binary_bytes: sizes that are powers of two, "32 KiB".
enum class Quantity : std::uint8_t {
  count,
  bytes,
  tokens_per_s,
  binary_bytes,
  bytes_per_s,
  seconds,
  ops_per_s,
  ops_per_byte,
};

/// automatic: of x ticks at the values, by powers of two if they span two doublings or more; of y as linear.
/// linear: from zero. logarithmic: over the values, all of which are positive.
enum class Scale : std::uint8_t { automatic, linear, logarithmic };

/// points: markers with intervals, joined in order. ceiling: a dashed line that nothing may pass. line: joined, without
/// markers. mark: an upright line at each x, whatever its y, with the point's label. bar: a bar from zero. span: a bar from low to
/// high, all series of a row in one place.
enum class SeriesStyle : std::uint8_t { points, ceiling, line, mark, bar, span };

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
  int colour = 0;       ///< index into the palette
  bool dashed = false;  ///< of points: how they are joined
  std::vector<ChartPoint> points;
  bool operator==(const ChartSeries&) const = default;
};

struct ChartAxis {
  std::string title;
  Quantity quantity = Quantity::count;
  std::vector<std::string> names;  ///< positions 0, 1, …; empty: a scale of numbers
  Scale scale = Scale::automatic;
  bool operator==(const ChartAxis&) const = default;
};

/// One plot: y over x; with series of bars or spans, these lie and x names the rows from the top. Two or more series of points get a
/// legend, a single one is named by the title.
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
