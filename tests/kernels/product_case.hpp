// One product with random or extreme weights and activations in poisoned buffers, for every row of the table.
#pragma once

#include <cmath>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "kernels/formats/format.hpp"
#include "kernels/registry.hpp"
#include "tests/kernels/poisoned.hpp"
#include "tests/kernels/tile_rows.hpp"

namespace oldiron {

/// Emulators are fifty times slower: OLDIRON_TEST_SIZE=small leaves the most telling shapes.
inline bool small_tests() {
  const char* size = std::getenv("OLDIRON_TEST_SIZE");
  return size != nullptr && std::string_view(size) == "small";
}

/// Mean squared error over mean square.
inline double nmse(std::span<const float> got, std::span<const float> wanted) {
  double error = 0;
  double square = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double w = static_cast<double>(wanted[i]);
    error += (static_cast<double>(got[i]) - w) * (static_cast<double>(got[i]) - w);
    square += w * w;
  }
  return square == 0 ? error : error / square;
}

/// Errors of rounding are random, and so is the square of few results: fewer than this have no error worth a
/// limit.
inline std::size_t fewest_results(const Kernel& kernel) {
  return kernel.contract == Contract::requantised ? 256 : 1;
}

/// Two rounded products meet in a gated result: relative errors add, and the activation's slope counts.
inline double limit(const Kernel& kernel) {
  if (kernel.contract != Contract::requantised) return 1e-10;
  return kernel.op == Op::gated ? 3e-5 : 1e-5;
}

/// A matrix of `rows` random rows (or rows of one byte, scales apart) in `layout`.
class TestMatrix {
 public:
  TestMatrix(TensorType type, Layout layout, std::int64_t rows, std::int64_t k, std::uint64_t key)
      : rows_(rows),
        k_(k),
        type_(type),
        packed_(static_cast<std::size_t>(packed_bytes(type, layout, rows, k))) {
    std::vector<std::byte> plain = plain_rows(key);
    store(plain, layout);
  }

  /// Every byte of a weight is `byte`; the scales stay those of random rows.
  TestMatrix(TensorType type, Layout layout, std::int64_t rows, std::int64_t k, std::byte byte)
      : rows_(rows),
        k_(k),
        type_(type),
        packed_(static_cast<std::size_t>(packed_bytes(type, layout, rows, k))) {
    std::vector<std::byte> plain = plain_rows(1);
    const auto block = static_cast<std::size_t>(info(type).block_bytes);
    for (std::size_t i = 0; i < plain.size(); ++i) {
      if (is_weight_byte(i % block)) plain[i] = byte;
    }
    store(plain, layout);
  }

  const std::byte* data() { return packed_.data(); }

 private:
  bool is_weight_byte(std::size_t at) const {
    switch (type_) {
      case TensorType::q8_0:
      case TensorType::q4_0:
        return at >= 2;
      case TensorType::q5_0:
        return at >= 2;
      case TensorType::q6_k:
        return at < 208;  // the scales of 16 too
      case TensorType::mxfp4:
        return at >= 1;
      case TensorType::q4_1:
      case TensorType::q5_1:
      case TensorType::q4_k:
      case TensorType::q5_k:
        return at >= 4;
      default:
        return false;  // any bytes of a float may make a NaN
    }
  }

  std::vector<std::byte> plain_rows(std::uint64_t key) const {
    const std::int64_t padded = (rows_ + kGroupRows - 1) / kGroupRows * kGroupRows;
    const std::int64_t bytes = row_bytes(type_, k_);
    std::vector<std::byte> plain(static_cast<std::size_t>(padded * bytes));
    for (std::int64_t r = 0; r < rows_; ++r) {
      format(type_)->generate(key * 1000 + static_cast<std::uint64_t>(r), k_, 1.0F, plain.data() + r * bytes);
    }
    return plain;
  }

  void store(const std::vector<std::byte>& plain, Layout layout) {
    if (layout == Layout::rows) {
      std::memcpy(packed_.data(), plain.data(), packed_.size());
      return;
    }
    const std::int64_t bytes = kGroupRows * row_bytes(type_, k_);
    for (std::int64_t at = 0; at < static_cast<std::int64_t>(packed_.size()); at += bytes) {
      pack_group(type_, plain.data() + at, k_, packed_.data() + at);
    }
  }

  std::int64_t rows_, k_;
  TensorType type_;
  Poisoned<std::byte> packed_;
};

/// n columns of activations, F32 and quantised.
class TestActivations {
 public:
  TestActivations(std::int64_t n, std::int64_t k, unsigned seed)
      : f32_(count(n * k)),
        q_(count(n * (k / 32 * 32))),
        scale_(count(n * (k / 32))),
        sum_(count(n * (k / 16))) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    for (float& x : f32_.span()) x = normal(random);
    if (k % 32 != 0) return;
    CHECK(quantize_reference(f32_.data(), n * k, q_.data(), scale_.data(), sum_.data()),
          "test data is finite");
  }

  /// All q at +-127: `signs` gives the sign of position i as bit i % 32.
  void set_extreme(std::uint32_t signs) {
    for (std::size_t i = 0; i < q_.size(); ++i) {
      q_[i] = static_cast<std::int8_t>((signs >> (i % 32) & 1U) != 0 ? -127 : 127);
      f32_[i] = static_cast<float>(q_[i]);
    }
    for (float& s : scale_.span()) s = 1;
    for (std::size_t i = 0; i < sum_.size(); ++i) {
      sum_[i] = 0;
      for (std::size_t j = 0; j < 16; ++j) sum_[i] += q_[16 * i + j];
    }
  }

  Activations view(std::int64_t k) {
    return {.f32 = f32_.data(),
            .q = q_.data(),
            .scale = scale_.data(),
            .sum = sum_.data(),
            .f32_stride = k,
            .q_stride = k,
            .scale_stride = k / 32,
            .sum_stride = k / 16};
  }

 private:
  static std::size_t count(std::int64_t n) { return static_cast<std::size_t>(n); }

  Poisoned<float> f32_;
  Poisoned<std::int8_t> q_;
  Poisoned<float> scale_;
  Poisoned<std::int32_t> sum_;
};

/// The rows of the table that run here and compute a product, and AMX's on emulated tiles.
inline std::vector<Kernel> product_kernels() {
  std::vector<Kernel> rows;
  for (const Kernel& kernel : kernels()) {
    if ((kernel.op == Op::matmul || kernel.op == Op::gated) && runs_here(kernel.isa)) rows.push_back(kernel);
  }
  if (runs_here(Isa::avx512_bf16))
    rows.insert(rows.end(), emulated_tile_rows().begin(), emulated_tile_rows().end());
  return rows;
}

inline bool with_f32(const Kernel& kernel) { return kernel.contract != Contract::exact_integer; }

/// The sum of the sizes of each row's weights.
inline std::vector<double> row_sizes(const Kernel& kernel, const std::byte* w, std::int64_t rows,
                                     std::int64_t k) {
  const std::int64_t bytes = row_bytes(kernel.type, k);
  std::vector<std::byte> plain(static_cast<std::size_t>(bytes));
  std::vector<float> weights(static_cast<std::size_t>(k));
  std::vector<double> sizes;
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::byte* row = w + r * bytes;
    if (kernel.layout == Layout::r16) {
      unpack_row(kernel.type, w + r / kGroupRows * kGroupRows * bytes, k, static_cast<int>(r % kGroupRows),
                 plain.data());
      row = plain.data();
    }
    format(kernel.type)->dequantise(row, k, weights.data());
    double size = 0;
    for (const float weight : weights) size += std::fabs(static_cast<double>(weight));
    sizes.push_back(size);
  }
  return sizes;
}

/// What a product works on, for matmul and gated alike: the gated op has its two matrices in w and up.
struct Product {
  const std::byte* w = nullptr;
  const std::byte* up = nullptr;
  std::int64_t m = 0, k = 0, n = 0, row_begin = 0, row_end = 0;
  Activations x;
  const std::int32_t* x_column = nullptr;
  const std::int32_t* y_column = nullptr;
  float* y = nullptr;
};

inline void run(const Kernel& kernel, const Product& p, bool reference = false) {
  if (kernel.op == Op::matmul) {
    const MatmulArgs args{.type = kernel.type,
                          .layout = kernel.layout,
                          .w = p.w,
                          .m = p.m,
                          .k = p.k,
                          .n = p.n,
                          .row_begin = p.row_begin,
                          .row_end = p.row_end,
                          .x = p.x,
                          .x_column = p.x_column,
                          .y_column = p.y_column,
                          .y = p.y,
                          .y_stride = p.m};
    reference ? matmul_reference(args, with_f32(kernel)) : std::get<MatmulFn>(kernel.fn)(args);
  } else {
    const GatedArgs args{.type = kernel.type,
                         .layout = kernel.layout,
                         .gate = p.w,
                         .up = p.up,
                         .width = p.m,
                         .k = p.k,
                         .n = p.n,
                         .row_begin = p.row_begin,
                         .row_end = p.row_end,
                         .activation = Activation::gelu_tanh,
                         .x = p.x,
                         .x_column = p.x_column,
                         .y_column = p.y_column,
                         .h = p.y,
                         .h_stride = p.m};
    reference ? gated_reference(args, with_f32(kernel)) : std::get<GatedFn>(kernel.fn)(args);
  }
}

}  // namespace oldiron
