#include "probes/memory_reader.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/check.hpp"
#include "core/clock.hpp"
#include "kernels/registry.hpp"

namespace oldiron {
namespace {

// Shares are whole small pages; a multiple of the 512 bytes that StreamReadFn asks for.
constexpr std::int64_t kStep = 4096;
constexpr std::int64_t kLoop = 512;

// The shortest piece: long beside what it costs to take one, short beside a sample.
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

double passes_s(Team& team, std::int64_t bytes, std::int64_t part_bytes, int passes, const std::function<void(Range)>& f) {
  double start_s = 0, end_s = 0;
  std::vector<std::atomic<std::int64_t>> next(static_cast<std::size_t>(passes * team.nodes()));
  team.run(team.size(), [&](int rank, int active) {
    const Range ranks = team.node_ranks(rank);
    const Range all = share_of(bytes, kStep, ranks, active);
    const Range part = share_of(part_bytes, kStep, ranks, active);
    const Range own{all.begin, std::min(all.end, all.begin + part.end - part.begin)};
    team.barrier(rank);
    if (rank == 0) start_s = now_s();
    for (int pass = 0; pass < passes; ++pass) {
      std::atomic<std::int64_t>& piece = next[static_cast<std::size_t>(pass * team.nodes() + team.node(rank))];
      for (Range r; (r = halving_piece(own, ranks.end - ranks.begin, piece++, kPiece)).begin < r.end;) f(r);
    }
    team.barrier(rank);
    if (rank == 0) end_s = now_s();
  });
  return std::max(end_s - start_s, 1e-9);
}

void for_each_share(Team& team, std::int64_t bytes, const std::function<void(Range)>& f) {
  team.run(team.size(), [&](int rank, int active) { f(share(bytes, kStep, rank, active)); });
}

double sampled_rate(std::int64_t bytes, int& passes, const std::function<double(int passes)>& seconds_of) {
  const int taken = passes;
  const double elapsed_s = seconds_of(taken);
  if (elapsed_s < kSample_s) passes = static_cast<int>(taken * kSample_s / elapsed_s) + 1;
  return static_cast<double>(bytes) * taken / elapsed_s;
}

MemoryReader::MemoryReader(std::vector<int> cpus, std::vector<int> nodes, std::int64_t bytes, PageSize pages)
    : team_(std::move(cpus), Wait::automatic, std::move(nodes)), buffer_(static_cast<std::size_t>(bytes), pages) {
  // Numbers, not zeros: hosts merge pages that are alike.
  for_each_share(team_, bytes, [&](Range range) {
    for (std::int64_t at = range.begin; at < range.end; at += static_cast<std::int64_t>(sizeof at))
      std::memcpy(buffer_.data() + at, &at, sizeof at);
  });
}

double MemoryReader::sample(StreamReadFn read, std::size_t prefetch_bytes) {
  return sampled_rate(bytes(), passes_, [&](int passes) { return pass_s(read, prefetch_bytes, bytes(), passes); });
}

double MemoryReader::pass_s(StreamReadFn read, std::size_t prefetch_bytes, std::int64_t part_bytes, int passes) {
  return passes_s(team_, bytes(), part_bytes, passes, [&](Range r) {
    checksum_ += read(buffer_.data() + r.begin, static_cast<std::size_t>(r.end - r.begin), prefetch_bytes);
  });
}

double MemoryReader::sample_blocks(StreamReadFn read, std::size_t prefetch_bytes, std::int64_t block_bytes) {
  const std::int64_t blocks = bytes() / block_bytes;
  CHECK(blocks > 0, "the memory holds a block");
  double elapsed_s = 0;
  std::int64_t done = 0;
  for (std::int64_t count = 64; elapsed_s < kSample_s; count *= 2) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(count));
    for (std::int64_t& block : order) {
      random_ = random_ * 6364136223846793005 + 1442695040888963407;
      block = static_cast<std::int64_t>((random_ >> 33) % static_cast<std::uint64_t>(blocks));
    }
    const double start_s = now_s();
    team_.run(team_.size(), [&](int rank, int active) {
      const Range part = share(block_bytes, kLoop, rank, active);
      std::uint64_t sum = 0;
      for (const std::int64_t block : order)
        sum += read(buffer_.data() + block * block_bytes + part.begin, static_cast<std::size_t>(part.end - part.begin), prefetch_bytes);
      checksum_ += sum;
    });
    elapsed_s += now_s() - start_s;
    done += count;
  }
  return static_cast<double>(done * block_bytes) / elapsed_s;
}

std::string page_size_text(PageSize pages) {
  Config config;
  config.page_size = pages;
  return lever("page_size").get(config);
}

PageSize page_size_of(std::string_view text) {
  for (const PageSize pages : {PageSize::small, PageSize::huge})
    if (page_size_text(pages) == text) return pages;
  return PageSize::transparent;
}

}  // namespace oldiron
