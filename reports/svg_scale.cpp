#include "reports/svg_scale.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "core/text.hpp"

namespace oldiron::reports {
namespace {

// Markers are not drawn on the frame.
constexpr double kInset = 26;

/// "2.5 GB/s", "50 ns": the prefix that leaves one to three digits before the point.
std::string prefixed(double value, std::string_view unit) {
  constexpr std::string_view kPrefixes[] = {"p", "n", "u", "m", "", "k", "M", "G", "T", "P"};
  constexpr int kNone = 4, kMost = static_cast<int>(std::size(kPrefixes)) - 1;
  // A hair of slack: a thousandth computed in another way may fall short of one.
  const int power = static_cast<int>(std::floor(std::log10(std::abs(value)) / 3 + 1e-9));
  const int index = std::clamp(kNone + power, 0, kMost);
  return fmt::format("{:g} {}{}", value / std::pow(1000.0, index - kNone), kPrefixes[index], unit);
}

std::string binary_text(double bytes) {
  const char* const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t step = 0;
  for (; bytes >= 1024 && step + 1 < std::size(units); ++step) bytes /= 1024;
  return fmt::format("{:g} {}", bytes, units[step]);
}

/// The powers of `base` whose exponents `step` divides, each times every one of `factors`, from `low` to
/// `high`.
std::vector<double> powers(double base, int step, const std::vector<double>& factors, double low,
                           double high) {
  std::vector<double> found;
  const int first = static_cast<int>(std::floor(std::log(low) / std::log(base) / step)) * step;
  for (int exponent = first; std::pow(base, exponent) <= high * (1 + 1e-9); exponent += step)
    for (const double factor : factors) {
      const double value = factor * std::pow(base, exponent);
      if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)) found.push_back(value);
    }
  return found;
}

}  // namespace

std::vector<double> round_ticks(double high, int count) {
  if (!std::isfinite(high) || high <= 0) high = 1;
  const double rough = high / std::max(1, count);
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 2.5, 5.0})
    // A hair of slack, so that 0.3 / 3 is a step of 0.1.
    if (factor * power >= rough * (1 - 1e-9)) {
      step = factor * power;
      break;
    }
  std::vector<double> ticks = {0};
  while (ticks.back() < high * (1 - 1e-9)) ticks.push_back(static_cast<double>(ticks.size()) * step);
  return ticks;
}

std::vector<double> log_ticks(double low, double high, int count, bool binary) {
  std::vector<double> ticks =
      powers(binary ? 2 : 10, 1, binary ? std::vector<double>{1} : std::vector<double>{1, 2, 5}, low, high);
  for (int step = binary ? 2 : 1; static_cast<int>(ticks.size()) > count; ++step) {
    std::vector<double> fewer = powers(binary ? 2 : 10, step, {1}, low, high);
    if (fewer.size() < 2) break;
    ticks = std::move(fewer);
  }
  return ticks;
}

std::string tick_text(Quantity quantity, double value) {
  if (value == 0) return "0";
  switch (quantity) {
    case Quantity::bytes:
      return bytes_text(value);
    case Quantity::binary_bytes:
      return binary_text(value);
    case Quantity::bytes_per_s:
      return prefixed(value, "B/s");
    case Quantity::seconds:
      return prefixed(value, "s");
    case Quantity::ops_per_s:
      return prefixed(value, "OP/s");
    case Quantity::count:
    case Quantity::tokens_per_s:
    case Quantity::ops_per_byte:
      break;
  }
  return fmt::format("{:g}", value);
}

AxisScale AxisScale::linear(std::vector<double> values, double from, double to, int count) {
  AxisScale scale;
  double most = 0;
  for (const double value : values) most = std::max(most, value);
  scale.ticks_ = round_ticks(most * 1.04, count);
  scale.high_ = scale.ticks_.back();
  scale.from_ = from;
  scale.to_ = to;
  return scale;
}

AxisScale AxisScale::logarithmic(std::vector<double> values, double from, double to, int count, bool binary) {
  AxisScale scale;
  scale.logarithmic_ = true;
  std::erase_if(values, [](double value) { return !(value > 0) || !std::isfinite(value); });
  if (values.empty()) values.push_back(1);
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  constexpr double kBelow = 1.25, kAbove = 1.5;
  scale.low_ = *low / kBelow;
  scale.high_ = *high * kAbove;
  scale.ticks_ = log_ticks(scale.low_, scale.high_, count, binary);
  scale.from_ = from;
  scale.to_ = to;
  return scale;
}

AxisScale AxisScale::at_values(std::vector<double> values, double from, double to, bool may_be_logarithmic) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  if (values.empty()) values.push_back(0);
  AxisScale scale;
  scale.low_ = values.front();
  scale.high_ = values.back();
  scale.logarithmic_ = may_be_logarithmic && scale.low_ > 0 && scale.high_ >= 4 * scale.low_;
  scale.from_ = from + kInset;
  scale.to_ = to - kInset;
  scale.ticks_ = std::move(values);
  return scale;
}

double AxisScale::scaled(double value) const { return logarithmic_ ? std::log2(value) : value; }

double AxisScale::at(double value) const {
  const double low = scaled(low_), high = scaled(high_);
  if (!(high > low)) return (from_ + to_) / 2;
  return from_ + (to_ - from_) * (scaled(std::clamp(value, low_, high_)) - low) / (high - low);
}

}  // namespace oldiron::reports
