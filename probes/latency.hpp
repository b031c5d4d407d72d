// How long a load takes that waits for the one before: over working sets, and beside threads that stream.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/abilities.hpp"
#include "core/buffer.hpp"
#include "probes/bandwidth.hpp"

namespace oldiron {

/// A ring of pointers, one per cache line of 64 bytes, that visits every line of a working set once, in an order
/// that no prefetcher foresees.
class PointerRing {
 public:
  /// `bytes`: a power of two, at least 256. Throws Error if there is none of these pages. Touched by the caller.
  PointerRing(std::int64_t bytes, PageSize pages);

  /// Follows `loads` pointers from where the last call ended; seconds for one. On the calling thread.
  double follow_s(std::int64_t loads);

  /// The line that the next load begins at; at first the first one.
  const void* at() const { return at_; }

  std::int64_t bytes() const { return static_cast<std::int64_t>(buffer_.size()); }

  std::int64_t huge_page_bytes() const { return buffer_.huge_page_bytes(); }

 private:
  Buffer buffer_;
  const void* at_ = nullptr;
};

struct LatencyPlan {
  std::vector<int> cpus;        ///< the first one follows pointers, the others read beside it
  std::vector<int> nodes = {};  ///< of each; empty: all on one
  std::vector<PageSize> page_sizes = {PageSize::small, PageSize::transparent};
  std::int64_t least_bytes = 8 << 10;
  std::int64_t most_bytes = 256 << 20;  ///< both are rounded down to powers of two
  StreamReader reader = {};
  std::int64_t reader_bytes = 64 << 20;  ///< of each
  std::size_t prefetch_bytes = kStreamPrefetchBytes;
  std::vector<double> pauses_s = {0, 2e-6, 5e-6, 1e-5, 3e-5, 1e-4};  ///< of the readers
  double point_s = 0.05;  ///< samples of one working set last at least so long
};

/// The largest working set is 8 times the believable cache, if an eighth of the free memory holds it.
LatencyPlan plan_latency(const Machine& machine, const MachineState& state);

/// Every power of two with every kind of pages that can be had.
std::vector<LatencyPoint> measure_latency(const LatencyPlan& plan);

/// The largest working set alone, then beside all other threads that read memory of their own, with each pause.
/// Empty with a single thread.
std::vector<LoadedLatencyPoint> measure_loaded_latency(const LatencyPlan& plan);

}  // namespace oldiron
