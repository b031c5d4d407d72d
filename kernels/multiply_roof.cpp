#include "kernels/multiply_roof.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/clock.hpp"

namespace oldiron {

namespace {

constexpr std::int64_t kColumns = 48;
// Enough to make laying out the columns cheap; their weights, fetched ahead, stay in an L3.
constexpr std::int64_t kRows = 512;

const Matrix& largest_of_layers(const Weights& weights) {
  const Matrix* largest = nullptr;
  for (const auto& [name, matrix] : weights.matrices()) {
    const auto bytes = [](const Matrix& m) { return m.expert_bytes * m.experts; };
    if (name.starts_with("blk.") && (largest == nullptr || bytes(matrix) > bytes(*largest))) largest = &matrix;
  }
  if (largest == nullptr) throw Error(fmt::format("{}: no layer has a matrix", weights.model().id));
  return *largest;
}

}  // namespace

MultiplyRoof::MultiplyRoof(const Weights& weights, Team& team) : matrix_(largest_of_layers(weights)), team_(team) {
  const std::int64_t k = matrix_.k;
  rows_ = std::min(kRows, matrix_.m / matrix_.parts);
  const auto size = [](std::int64_t n) { return static_cast<std::size_t>(n); };
  x_.resize(size(kColumns * k));
  for (std::size_t i = 0; i < x_.size(); ++i) x_[i] = static_cast<float>(i * 37 % 251) / 125 - 1;
  if (matrix_.quantised_input) {
    quantised_.resize(kColumns, k);
    for (std::int64_t c = 0; c < kColumns; ++c) quantised_.set(weights.kernels().quantize, c, x_.data() + c * k);
  }
  lanes_.resize(size(team.size()));
  for (Lane& lane : lanes_) lane.y.resize(size(kColumns * rows_));
}

double MultiplyRoof::ops_per_s(int threads, double seconds) {
  const std::int64_t k = matrix_.k;
  team_.run(threads, [&](int rank, int) {
    Lane& lane = lanes_[static_cast<std::size_t>(rank)];
    const MatmulArgs product = {.type = matrix_.type, .layout = matrix_.layout, .w = matrix_.data, .m = matrix_.m, .k = k, .n = kColumns,
                                .row_begin = 0, .row_end = rows_,
                                .x = quantised_.view(x_.data(), k), .y = lane.y.data(), .y_stride = rows_};
    matrix_.matmul(product);  // its operands come into the caches
    team_.barrier(rank);
    const double start_s = now_s();
    double ops = 0, passed_s = 0;
    do {
      matrix_.matmul(product);
      ops += product.flops();
      passed_s = now_s() - start_s;
    } while (passed_s < seconds);
    lane.ops_per_s = ops / passed_s;
  });
  return std::accumulate(lanes_.begin(), lanes_.begin() + threads, 0.0, [](double sum, const Lane& lane) { return sum + lane.ops_per_s; });
}

}  // namespace oldiron
