// Canvas: SVG elements in the order they are drawn, and the boxes that text may not cover.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace oldiron::reports {

struct Box {
  double x = 0, y = 0, width = 0, height = 0;

  bool overlaps(const Box& other) const {
    return x < other.x + other.width && other.x < x + width && y < other.y + other.height &&
           other.y < y + height;
  }
};

enum class Anchor { start, middle, end };

/// How text is set; size in pixels.
struct TextStyle {
  double size = 12;
  std::string_view colour = "#333333";
  Anchor anchor = Anchor::start;
  bool bold = false;
};

/// Width in pixels, a little more than DejaVu Sans needs, which is wider than Helvetica.
double text_width(std::string_view text, double size, bool bold = false);

Box text_box(double x, double y, std::string_view text, const TextStyle& style);

class Canvas {
 public:
  void line(double x1, double y1, double x2, double y2, std::string_view colour, double width = 1);
  void dashed(const std::vector<std::pair<double, double>>& points, std::string_view colour, double width);
  void polyline(const std::vector<std::pair<double, double>>& points, std::string_view colour, double width);
  void rect(const Box& box, std::string_view colour, double radius = 0);
  void circle(double x, double y, double radius, std::string_view fill, std::string_view stroke);
  /// Baseline at y; escaped; its box is kept free afterwards.
  void text(double x, double y, std::string_view text, const TextStyle& style);
  /// The same on a white ground, for labels within a plot.
  void label(double x, double y, std::string_view text, const TextStyle& style);

  void occupy(const Box& box) { occupied_.push_back(box); }

  /// Keeps a line free of text, by boxes along it.
  void occupy_line(double x1, double y1, double x2, double y2);
  bool is_free(const Box& box) const;

  /// The file: everything drawn, on white.
  std::string file(double width, double height, std::string_view title) const;

 private:
  std::string body_;
  std::vector<Box> occupied_;
};

}  // namespace oldiron::reports
