// The shapes that oldiron-kernels measures: every product of every model card, each once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace oldiron {

/// Of a product: k inputs, m rows; of a gated one m is the width of either half.
struct BenchShape {
  std::int64_t k = 0, m = 0;
  auto operator<=>(const BenchShape&) const = default;
};

/// One token's attention: the query heads that share a KV head.
struct BenchHeads {
  std::int64_t heads = 0, head_dim = 0;
  auto operator<=>(const BenchHeads&) const = default;
};

/// Ascending, without repetition.
struct BenchShapes {
  std::vector<BenchShape> matmul, gated;
  std::vector<BenchHeads> attention;
  std::vector<std::int64_t> widths;  ///< of the rows that norms, sums and quantisation work on
};

/// A head has hundreds of thousands of rows that are all alike: so many of them are measured.
inline constexpr std::int64_t kMostBenchRows = 16384;

/// Attention's, the dense layers', one expert's and the head's products of the cards in `dir` whose name
/// contains `model` (empty: of all). Throws Error naming the cards if there is none.
BenchShapes bench_shapes(const std::string& dir, const std::string& model);

}  // namespace oldiron
