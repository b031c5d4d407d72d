#include "probes/memory_reader.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/clock.hpp"
#include "kernels/registry.hpp"

namespace oldiron {
namespace {

// Shares are whole small pages; a multiple of the 512 bytes that StreamReadFn asks for.
constexpr std::int64_t kStep = 4096;

// The shortest piece: 10 to 20 us of one core, a hundred times what it costs to begin one.
constexpr std::int64_t kPiece = 64 * kStep;

// A sample lasts at least this long: a thousand times the barriers around it, three ticks of a scheduler at
// 100 Hz.
constexpr double kSample_s = 0.03;

}  // namespace

std::vector<StreamReader> stream_readers() {
  std::vector<StreamReader> readers;
  for (const Isa isa : isas_here()) {
    const StreamReadFn read = kernel_set(isa).stream_read;
    // An ISA without a loop of its own has that of the one below.
    const bool known = std::any_of(readers.begin(), readers.end(),
                                   [&](const StreamReader& other) { return other.read == read; });
    if (!known) readers.insert(readers.begin(), {std::string(to_string(isa)), read});
  }
  return readers;
}

MemoryReader::MemoryReader(std::vector<int> cpus, std::vector<int> nodes, std::int64_t bytes, PageSize pages)
    : team_(std::move(cpus), Wait::automatic, std::move(nodes)), buffer_(static_cast<std::size_t>(bytes), pages) {
  // Numbers, not zeros: hosts merge pages that are alike.
  team_.run(team_.size(), [&](int rank, int active) {
    const Range range = share(bytes, kStep, rank, active);
    for (std::int64_t at = range.begin; at < range.end; at += static_cast<std::int64_t>(sizeof at))
      std::memcpy(buffer_.data() + at, &at, sizeof at);
  });
}

double MemoryReader::sample(StreamReadFn read, std::size_t prefetch_bytes) {
  const int passes = passes_;
  const double elapsed_s = pass_s(read, prefetch_bytes, bytes(), passes);
  if (elapsed_s < kSample_s) passes_ = static_cast<int>(passes * kSample_s / elapsed_s) + 1;
  return static_cast<double>(bytes()) * passes / elapsed_s;
}

double MemoryReader::pass_s(StreamReadFn read, std::size_t prefetch_bytes, std::int64_t part_bytes,
                            int passes) {
  double start_s = 0, end_s = 0;
  std::vector<std::atomic<std::int64_t>> next(static_cast<std::size_t>(passes * team_.nodes()));
  team_.run(team_.size(), [&](int rank, int active) {
    const Range ranks = team_.node_ranks(rank);
    const Range all = share_of(bytes(), kStep, ranks, active);
    const Range part = share_of(part_bytes, kStep, ranks, active);
    const Range own{all.begin, std::min(all.end, all.begin + part.end - part.begin)};
    team_.barrier(rank);
    if (rank == 0) start_s = now_s();
    std::uint64_t sum = 0;
    for (int pass = 0; pass < passes; ++pass) {
      std::atomic<std::int64_t>& piece = next[static_cast<std::size_t>(pass * team_.nodes() + team_.node(rank))];
      for (Range r; (r = halving_piece(own, ranks.end - ranks.begin, piece++, kPiece)).begin < r.end;)
        sum += read(buffer_.data() + r.begin, static_cast<std::size_t>(r.end - r.begin), prefetch_bytes);
    }
    team_.barrier(rank);
    if (rank == 0) end_s = now_s();
    checksum_ += sum;
  });
  return std::max(end_s - start_s, 1e-9);
}

std::string page_size_text(PageSize pages) {
  Config config;
  config.page_size = pages;
  return lever("page_size").get(config);
}

}  // namespace oldiron
