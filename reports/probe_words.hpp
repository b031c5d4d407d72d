// Choices and short words that the screen and the charts of a probe share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/machine.hpp"

namespace oldiron::reports {

std::string size_text(std::int64_t bytes);                     ///< of powers of two: "32 KiB"
std::string wait_text(double seconds);                         ///< "3.47 ns", "2.50 us"
std::string count_text(std::size_t n, std::string_view what);  ///< "1 thread", "2 threads"
std::string threads_text(int threads);

/// Something else ran on the machine meanwhile, in so many samples that the median is touched.
bool is_noisy(const Measurement& measurement);

/// The thread count that read fastest; nullptr if none was measured.
const BandwidthPoint* best_read(const Profile& profile);

/// Ascending working sets with 4 KiB pages, or with the larger ones.
std::vector<const LatencyPoint*> latency_points(const Abilities& abilities, bool small_pages);

/// Ascending bandwidth; the first is alone.
std::vector<const LoadedLatencyPoint*> loaded_points(const Abilities& abilities);

/// One way of storing, of the ISA that is fastest with all threads.
struct StreamRow {
  std::string kind = {};                        ///< "write"
  bool past = false;                            ///< past the caches
  double moved = 1;                             ///< as StreamPoint has it
  std::vector<const StreamPoint*> points = {};  ///< ascending threads

  std::string name() const { return past ? kind + " past" : kind; }
};

/// In the order of their first points.
std::vector<StreamRow> stream_rows(const Abilities& abilities);

/// "avx2"; "avx2 or scalar, the faster of each" where rows differ.
std::string isas_text(const std::vector<StreamRow>& rows);

/// One peak per ISA and type, of the most threads.
std::vector<const ComputePeak*> peaks_of_all_threads(const Profile& profile);

/// The caches whose size shows as a step in the latencies: a working set of half of it waits under 0.8 times
/// as long as the largest one. A virtual machine's claim that it does not have fails that.
std::vector<Cache> caches_that_show(const Machine& machine, const Abilities& abilities);

}  // namespace oldiron::reports
