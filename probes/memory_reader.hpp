// A team that reads memory which each rank touched first: what every probe of the memory stands on.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/buffer.hpp"
#include "core/machine.hpp"
#include "core/team.hpp"
#include "kernels/ops/stream.hpp"

namespace oldiron {

/// The loop of one ISA.
struct StreamReader {
  std::string isa;
  StreamReadFn read = nullptr;
};

/// Those that run here, fastest first.
std::vector<StreamReader> stream_readers();

/// Seconds of `passes` over the first `part_bytes` of `bytes` that the team shares out, counted in every NUMA node's own
/// share, of which ranks take pieces as they come: one that loses its CPU for a while keeps nobody waiting. `f` gets each
/// piece, on the rank that took it.
double passes_s(Team& team, std::int64_t bytes, std::int64_t part_bytes, int passes, const std::function<void(Range)>& f);

/// Calls f(range) on every rank with what it owns of `bytes`: for the first touch.
void for_each_share(Team& team, std::int64_t bytes, const std::function<void(Range)>& f);

/// Bytes per second of what moves `bytes` a pass: as many passes as last 30 ms, which `passes` remembers from call to call.
double sampled_rate(std::int64_t bytes, int& passes, const std::function<double(int passes)>& seconds_of);

class MemoryReader {
 public:
  /// `bytes` of fresh memory, shared out to one rank per CPU; `nodes` as Team has them. Throws Error if there is none of
  /// these pages.
  MemoryReader(std::vector<int> cpus, std::vector<int> nodes, std::int64_t bytes, PageSize pages);

  /// Whole passes over the memory, at least one and at least 30 ms; bytes per second.
  double sample(StreamReadFn read, std::size_t prefetch_bytes);

  /// Seconds of `passes` over the first `part_bytes` of the memory, as passes_s().
  double pass_s(StreamReadFn read, std::size_t prefetch_bytes, std::int64_t part_bytes, int passes);

  /// Bytes per second of whole blocks in random order for at least 30 ms, each block shared by all ranks, as the rows of an
  /// expert are. `block_bytes` must be a multiple of 512 for each rank's share.
  double sample_blocks(StreamReadFn read, std::size_t prefetch_bytes, std::int64_t block_bytes);

  std::int64_t bytes() const { return static_cast<std::int64_t>(buffer_.size()); }

  std::int64_t huge_page_bytes() const { return buffer_.huge_page_bytes(); }

 private:
  Team team_;
  Buffer buffer_;
  int passes_ = 1;
  std::uint64_t random_ = 1;
  std::atomic<std::uint64_t> checksum_{0};
};

/// "small", "transparent", "huge", as the lever page_size has it.
std::string page_size_text(PageSize pages);

/// The kind of that name; transparent if there is none.
PageSize page_size_of(std::string_view text);

}  // namespace oldiron
