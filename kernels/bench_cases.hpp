// What is measured of a row of the kernel table: one benchmark per shape and number of columns.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "core/buffer.hpp"
#include "kernels/bench_options.hpp"
#include "kernels/bench_roof.hpp"
#include "kernels/bench_shapes.hpp"

namespace oldiron {

/// The memory that all benchmarks read in turns. Filled anew when another format or row length comes:
/// benchmarks in the order of these cost one filling each.
class BenchMemory {
 public:
  explicit BenchMemory(std::int64_t bytes);

  /// Random weights in rows or groups of 16: one group, repeated.
  const std::byte* weights(TensorType type, Layout layout, std::int64_t k);

  /// The same byte everywhere: a small number in every type of a KV cache.
  const std::byte* keys_and_values();

  std::int64_t bytes() const { return static_cast<std::int64_t>(buffer_.size()); }

 private:
  struct Content {
    bool weights = false;
    TensorType type = TensorType::f32;
    Layout layout = Layout::rows;
    std::int64_t k = 0;
    bool operator==(const Content&) const = default;
  };

  Buffer buffer_;
  std::optional<Content> content_;
};

/// Registers with Google Benchmark; what is registered keeps references to all four.
void register_benchmarks(const BenchOptions& options, const BenchShapes& shapes, BenchMemory& memory,
                         const BenchRoof& roof);

}  // namespace oldiron
