#include "reports/svg_canvas.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/text.hpp"
#include "reports/layout.hpp"

namespace oldiron::reports {
namespace {

std::string path(const std::vector<std::pair<double, double>>& points) {
  std::string out;
  for (const auto& [x, y] : points) out += fmt::format("{}{:.1f},{:.1f}", out.empty() ? "" : " ", x, y);
  return out;
}

}  // namespace

double text_width(std::string_view text, double size, bool bold) {
  // Advance widths of DejaVu Sans in em, by class of character, rounded up.
  double em = 0;
  double latin = 0;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) continue;
    latin += 1;
    if (std::strchr("iIjlft.,:;|'!()[]/ -", c) != nullptr) em += 0.39;
    else if (std::strchr("mMwW@%", c) != nullptr) em += 0.98;
    else if (c >= 'A' && c <= 'Z') em += 0.74;
    else em += 0.64;
  }
  em += 0.7 * (columns(text) - latin);
  return em * size * (bold ? 1.12 : 1.0);
}

Box text_box(double x, double y, std::string_view text, const TextStyle& style) {
  const double width = text_width(text, style.size, style.bold);
  const double start = style.anchor == Anchor::start ? x
                       : style.anchor == Anchor::end ? x - width
                                                     : x - width / 2;
  return {start, y - 0.82 * style.size, width, 1.06 * style.size};
}

void Canvas::line(double x1, double y1, double x2, double y2, std::string_view colour, double width) {
  body_ += fmt::format(
      "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" stroke-width=\"{:g}\"/>\n",
      x1, y1, x2, y2, colour, width);
}

void Canvas::dashed(const std::vector<std::pair<double, double>>& points, std::string_view colour,
                    double width) {
  body_ += fmt::format(
      "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{:g}\" stroke-dasharray=\"6 "
      "4\"/>\n",
      path(points), colour, width);
}

void Canvas::polyline(const std::vector<std::pair<double, double>>& points, std::string_view colour,
                      double width) {
  body_ += fmt::format(
      "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{:g}\" "
      "stroke-linejoin=\"round\"/>\n",
      path(points), colour, width);
}

void Canvas::rect(const Box& box, std::string_view colour, double radius) {
  body_ += fmt::format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"{:g}\" fill=\"{}\"/>\n", box.x,
      box.y, box.width, box.height, radius, colour);
}

void Canvas::circle(double x, double y, double radius, std::string_view fill, std::string_view stroke) {
  body_ += fmt::format(
      "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:g}\" fill=\"{}\" stroke=\"{}\" stroke-width=\"2\"/>\n", x, y,
      radius, fill, stroke);
}

void Canvas::text(double x, double y, std::string_view text, const TextStyle& style) {
  constexpr std::string_view kAnchors[] = {"start", "middle", "end"};
  occupy(text_box(x, y, text, style));
  body_ += fmt::format(
      "<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"{:g}\" text-anchor=\"{}\" fill=\"{}\"{}>{}</text>\n", x, y,
      style.size, kAnchors[static_cast<std::size_t>(style.anchor)], style.colour,
      style.bold ? " font-weight=\"bold\"" : "", html_escape(one_line(text)));
}

void Canvas::label(double x, double y, std::string_view words, const TextStyle& style) {
  rect(text_box(x, y, words, style), "#ffffff");
  text(x, y, words, style);
}

void Canvas::occupy_line(double x1, double y1, double x2, double y2) {
  const int steps = std::max(1, static_cast<int>(std::hypot(x2 - x1, y2 - y1) / 4));
  for (int i = 0; i <= steps; ++i) {
    const double t = static_cast<double>(i) / steps;
    occupy({x1 + t * (x2 - x1) - 2, y1 + t * (y2 - y1) - 2, 4, 4});
  }
}

bool Canvas::is_free(const Box& box) const {
  return std::none_of(occupied_.begin(), occupied_.end(),
                      [&](const Box& other) { return box.overlaps(other); });
}

std::string Canvas::file(double width, double height, std::string_view title) const {
  return fmt::format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
             "height=\"{1:.0f}\" "
             "role=\"img\" font-family=\"DejaVu Sans, Helvetica, Arial, sans-serif\">\n<title>{2}</title>\n"
             "<rect width=\"{0:.0f}\" height=\"{1:.0f}\" fill=\"#ffffff\"/>\n",
             width, height, html_escape(one_line(title))) +
         body_ + "</svg>\n";
}

}  // namespace oldiron::reports
