// The packed layout of weights. Frozen: ids never change meaning.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/tensor_type.hpp"

namespace oldiron {

/// rows: plain GGUF rows, for the scalar reference and for look-up of one row.
/// r16:  16 rows interleaved so that 16 rows x 4 k of int8 (or 16 x 4 quantised fields) are 64 consecutive bytes: one zmm,
///       two ymm, four xmm, one row of an AMX tile, and no product needs a horizontal sum. A row group holds exactly the
///       bytes of its 16 GGUF rows in planes, each plane over the whole k:
///         q4_0        words  [k/32][4][16 rows][4 B]  low nibbles k = 4w.., high nibbles k = 16 + 4w..;  d [k/32][16] f16
///         q5_0        words  as q4_0;  qh [k/32][16][4 B], bit w of byte b for k = 4w + b;              d [k/32][16] f16
///         q4_1, q5_1  as q4_0 and q5_0, with                                                       d, m [k/32][2][16] f16
///         mxfp4       words  as q4_0;                                                                    e [k/32][16] u8
///         q8_0        words  [k/32][8][16][4 B]  k = 4w..;                                               d [k/32][16] f16
///         q4_k        qs [k/256][32][16][4 B], scales [k/256][3][16][4 B],                          d, dmin [k/256][2][16] f16
///         q5_k        qs [k/256][32][16][4 B], qh [k/256][8][16][4 B], scales [k/256][3][16][4 B],  d, dmin [k/256][2][16] f16
///         q6_k        ql [k/256][32][16][4 B], qh [k/256][16][16][4 B], scales [k/256][16][16] i8,       d [k/256][16] f16
///         f32         [k][16] f32       f16, bf16   [k][16] 16-bit
///       The last group of a matrix is padded with zero rows if rows % 16 != 0.
enum class Layout : std::uint8_t { rows = 0, r16 = 1 };

inline constexpr std::int64_t kGroupRows = 16;

/// The layout our kernels use for a type: r16 where a packed kernel exists, else rows.
Layout layout_of(TensorType type);

/// Bytes of `rows` rows of `k` weights in a layout (r16 counts padding rows).
std::int64_t packed_bytes(TensorType type, Layout layout, std::int64_t rows, std::int64_t k);

/// Packs 16 plain rows (row_bytes apart) into one group. Needs: layout_of(type) == r16.
void pack_group(TensorType type, const std::byte* rows, std::int64_t k, std::byte* group);

/// The inverse: one plain GGUF row out of a group (row in 0..15).
void unpack_row(TensorType type, const std::byte* group, std::int64_t k, int row, std::byte* out);

}  // namespace oldiron
