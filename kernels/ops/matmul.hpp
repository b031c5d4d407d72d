// Matrix products: y = w x for n columns at once. MatmulArgs, the layout ids and the contracts are frozen.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/layout.hpp"

namespace oldiron {

/// n columns of activations as a kernel reads them. Column c: f32 + c * f32_stride, q + c * q_stride, and so on.
/// Shapes: f32 [n][k]; q [n][k] int8 in -127..127; scale [n][k/32]; sum [n][k/16], exact sums of q per 16.
/// Pointers that the format does not need may be null (f32 kernels read f32 only; quantised ones q, scale, sum only).
struct Activations {
  const float* f32 = nullptr;
  const std::int8_t* q = nullptr;
  const float* scale = nullptr;
  const std::int32_t* sum = nullptr;
  std::int64_t f32_stride = 0, q_stride = 0, scale_stride = 0, sum_stride = 0;  ///< in elements
};

/// What a kernel's result may be compared with, and how closely.
enum class Contract : std::uint8_t {
  exact_integer,  ///< NMSE <= 1e-10 against the reference on the same quantised activations; integer parts exact
  f32,            ///< NMSE <= 1e-10 against a double product of the same F32 activations
  requantised,    ///< NMSE <= 1e-5 against F32 activations (bf16, or weights quantised again); gated: of each of its products
};

/// Multiplies rows [row_begin, row_end) of a matrix by n columns: y[c][r] = sum over k of w[r][k] x[c][k].
///
/// Shapes: w [m, k] in `layout` of `type`; y column c starts at y + c * y_stride, rows indexed from 0 (not row_begin).
/// Needs:  r16: row_begin % 16 == 0, row_end % 16 == 0 or row_end == m; k % 32 == 0 for quantised types; w 2-byte aligned
///         (64 for full speed); a group of r16 is readable to its end, nothing beyond is touched.
/// Units:  bytes() counts the rows' weights once; flops() = 2 rows k n.
/// Exact:  column c's result depends on w and on column c alone, bit for bit, for every n, range and thread count.
struct MatmulArgs {
  TensorType type = TensorType::f32;
  Layout layout = Layout::r16;
  const std::byte* w = nullptr;
  std::int64_t m = 0, k = 0, n = 0;
  std::int64_t row_begin = 0, row_end = 0;
  Activations x;
  const std::int32_t* x_column = nullptr;  ///< null: column c reads x column c; else x column x_column[c]
  const std::int32_t* y_column = nullptr;  ///< null: column c writes y column c; else y column y_column[c]
  float* y = nullptr;
  std::int64_t y_stride = 0;

  double bytes() const {
    return static_cast<double>(row_bytes(type, k)) * static_cast<double>(row_end - row_begin);
  }

  double flops() const {
    return 2.0 * static_cast<double>(row_end - row_begin) * static_cast<double>(k) * static_cast<double>(n);
  }
};

/// A product of many columns lays them out on the stack of its thread: less than this.
inline constexpr std::int64_t kProductStackBytes = 512 << 10;

using MatmulFn = void (*)(const MatmulArgs&);

/// The obvious version, in double, on either layout; with_f32 multiplies F32 activations even for quantised types.
void matmul_reference(const MatmulArgs& args, bool with_f32);

}  // namespace oldiron
