// How fast memory can be read, per number of threads: the denominator of every decode.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/abilities.hpp"
#include "core/machine.hpp"
#include "probes/memory_reader.hpp"

namespace oldiron {

struct BandwidthPlan {
  std::vector<int> cpus;              ///< one per thread of the largest count
  std::vector<int> nodes = {};        ///< of each; empty: all on one
  std::vector<int> thread_counts;     ///< ascending
  std::vector<StreamReader> readers;  ///< fastest first
  std::vector<std::size_t> prefetch_bytes = {kStreamPrefetchBytes, 0, 2048, 16384};  ///< likeliest first
  std::vector<PageSize> page_sizes = {PageSize::transparent, PageSize::small, PageSize::huge};
  std::int64_t least_bytes = 64 << 20;  ///< 4 x the largest believable cache
  std::int64_t most_bytes = 64 << 20;   ///< what memory allows
  double budget_s = 8;
  std::function<void(const std::string&)> progress = [](const std::string&) {};
};

/// Powers of two up to `usable`, `usable` itself, and the cores of the first node and half of them: the last
/// doubling inside one node tells whether memory or the cores' own parallelism is the limit.
std::vector<int> bandwidth_thread_counts(const Machine& machine, int usable);

/// Cores of the first node that `usable` threads fill.
int first_node_cores(const Machine& machine, int usable);

/// Bytes of all last-level caches, each cut to what one core can plausibly own: guests are often shown the
/// host's cache.
std::int64_t believable_cache_bytes(const Machine& machine);

/// Everything from the machine, its state and the ISAs that run here; about 4 s and 2 s more per thread
/// count.
BandwidthPlan plan_bandwidth(const Machine& machine, const MachineState& state);

/// Grows the buffer until the bandwidth of all threads stands still; on that size every page kind races with
/// all threads, each on fresh pages, and every loop and prefetch distance races with each thread count. The
/// best way of each count is then sampled on fresh pages.
///
/// Pages are touched first by the rank that reads them. Each point is tagged with the noise of its interval.
/// When the budget runs out the likeliest ways have been tried.
std::vector<BandwidthPoint> read_bandwidth(const BandwidthPlan& plan);

/// Samples of every point once more, some time after the first: a guest's memory is not the same from one moment to another, which a
/// single look cannot show.
void look_again(const BandwidthPlan& plan, std::vector<BandwidthPoint>& points);

/// With the largest thread count of `points` as it read fastest: blocks of 16 KiB to 4 MiB from a buffer of the same
/// size. The matrices of one expert have 0.3 to 3 MB.
std::vector<BlockReadPoint> read_blocks(const BandwidthPlan& plan, const std::vector<BandwidthPoint>& points);

/// The size from which on `bytes_per_s(size)` changes under 3 % when doubled; the last one tried if it never
/// stands still up to `most` or until `keep_looking` says no (on a busy machine it may never).
std::int64_t plateau_bytes(std::int64_t least, std::int64_t most,
                           const std::function<double(std::int64_t)>& bytes_per_s,
                           const std::function<bool()>& keep_looking);

/// Whether the last doubling of threads among counts up to `node_cores` gained under 15 %. Points with
/// a "noisy" tag prove nothing: neighbours, too, keep a second thread from gaining.
bool is_saturated(const std::vector<BandwidthPoint>& points, int node_cores);

}  // namespace oldiron
