#include "probes/bandwidth.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <iterator>
#include <set>

#include "core/buffer.hpp"
#include "core/clock.hpp"
#include "core/team.hpp"
#include "core/text.hpp"
#include "kernels/registry.hpp"
#include "probes/noise.hpp"

namespace oldiron {
namespace {

constexpr std::int64_t kMiB = std::int64_t{1} << 20;

// Shares are whole small pages; a multiple of the 512 bytes that StreamReadFn asks for.
constexpr std::int64_t kStep = 4096;

// The largest last-level cache per core on sale is 48 MiB (EPYC 9184X: 768 MiB, 16 cores).
constexpr std::int64_t kCachePerCore = 48 * kMiB;

// Where no cache is shown: the most that one reader is likely to share (Granite Rapids: 504 MiB per socket).
constexpr std::int64_t kUnknownCache = 512 * kMiB;

constexpr double kStandsStill = 0.03;
constexpr double kSaturated = 0.15;

// A look at one size takes about a third of a second: room for 128 MiB to 2 GiB within the default budget.
constexpr double kPlateauShare = 0.3;

// A sample lasts at least this long: a thousand times the barriers around it, three ticks of a scheduler at
// 100 Hz.
constexpr double kSample_s = 0.03;
constexpr std::size_t kMaxSamples = 51;

/// A team and a buffer whose share of each rank was first touched by that rank.
class Reader {
 public:
  Reader(const BandwidthPlan& plan, int threads, std::int64_t bytes)
      : read_(plan.read),
        team_({plan.cpus.begin(), plan.cpus.begin() + threads}),
        buffer_(static_cast<std::size_t>(bytes), PageSize::transparent) {
    // Numbers, not zeros: hosts merge pages that are alike.
    team_.run(threads, [&](int rank, int active) {
      const Range range = share(bytes, kStep, rank, active);
      for (std::int64_t at = range.begin; at < range.end; at += static_cast<std::int64_t>(sizeof at))
        std::memcpy(buffer_.data() + at, &at, sizeof at);
    });
  }

  /// One sample: whole passes over the buffer, at least one and at least kSample_s long; bytes per second.
  double sample() {
    double start_s = 0, end_s = 0;
    const int passes = passes_;
    team_.run(team_.size(), [&](int rank, int active) {
      const Range range = share(static_cast<std::int64_t>(buffer_.size()), kStep, rank, active);
      team_.barrier(rank);
      if (rank == 0) start_s = now_s();
      std::uint64_t sum = 0;
      for (int pass = 0; pass < passes; ++pass)
        sum += read_(buffer_.data() + range.begin, static_cast<std::size_t>(range.end - range.begin));
      team_.barrier(rank);
      if (rank == 0) end_s = now_s();
      checksum_ += sum;
    });
    const double elapsed_s = std::max(end_s - start_s, 1e-9);
    if (elapsed_s < kSample_s) passes_ = static_cast<int>(passes * kSample_s / elapsed_s) + 1;
    return static_cast<double>(buffer_.size()) * passes / elapsed_s;
  }

 private:
  StreamReadFn read_;
  Team team_;
  Buffer buffer_;
  int passes_ = 1;
  std::atomic<std::uint64_t> checksum_{0};
};

/// The best of a few samples: what disturbs only slows, and the plateau is a question of caches, not of
/// neighbours.
double best_of_few(const BandwidthPlan& plan, std::int64_t bytes) {
  Reader reader(plan, plan.thread_counts.back(), bytes);
  reader.sample();  // also finds the number of passes
  double best = 0;
  for (int i = 0; i < 4; ++i) best = std::max(best, reader.sample());
  return best;
}

BandwidthPoint measure(const BandwidthPlan& plan, int threads, std::int64_t bytes, double budget_s) {
  const double start_s = now_s();
  Reader reader(plan, threads, bytes);
  reader.sample();
  const NoiseSnapshot before = read_noise();
  std::vector<double> samples;
  while (samples.size() < 5 || (samples.size() < kMaxSamples && now_s() - start_s < budget_s))
    samples.push_back(reader.sample());
  BandwidthPoint point{.threads = threads,
                       .bytes_per_s = summarise("read_bandwidth", "bytes/s", std::move(samples)),
                       .buffer_bytes = bytes,
                       .isa = plan.isa};
  for (std::string& tag : noise_tags(noise_between(before, read_noise())))
    point.bytes_per_s.tags.push_back(std::move(tag));
  if (bytes < plan.least_bytes)
    point.bytes_per_s.tags.push_back("buffer under 4 times the cache: memory allows no more");
  return point;
}

bool is_noisy(const BandwidthPoint& point) {
  const std::vector<std::string>& tags = point.bytes_per_s.tags;
  return std::any_of(tags.begin(), tags.end(),
                     [](const std::string& tag) { return tag.starts_with("noisy"); });
}

}  // namespace

int first_node_cores(const Machine& machine, int usable) {
  int cores = 0, first = machine.cores.empty() ? 0 : machine.cores[0].node;
  for (const Core& core : machine.cores) first = std::min(first, core.node);
  for (const Core& core : machine.cores) cores += core.node == first;
  return std::max(1, std::min(cores, usable));
}

std::vector<int> bandwidth_thread_counts(const Machine& machine, int usable) {
  std::set<int> counts{std::max(1, usable)};
  for (int threads = 1; threads < usable; threads *= 2) counts.insert(threads);
  const int node_cores = first_node_cores(machine, usable);
  counts.insert(node_cores);
  counts.insert(std::max(1, node_cores / 2));
  return {counts.begin(), counts.end()};
}

std::int64_t believable_cache_bytes(const Machine& machine) {
  int last_level = 0;
  for (const Cache& cache : machine.caches) last_level = std::max(last_level, cache.level);
  std::int64_t bytes = 0;
  for (const Cache& cache : machine.caches)
    if (cache.level == last_level)
      bytes += std::min(cache.bytes, kCachePerCore * std::max(1, cache.cores)) * cache.instances;
  if (bytes > 0) return bytes;
  return std::min(kUnknownCache, kCachePerCore * std::max<std::int64_t>(1, std::ssize(machine.cores)));
}

BandwidthPlan plan_bandwidth(const Machine& machine, const MachineState& state) {
  BandwidthPlan plan;
  const int usable = usable_threads(machine, state);
  plan.cpus = place(machine, usable);
  plan.thread_counts = bandwidth_thread_counts(machine, usable);
  const Isa isa = best_isa();
  plan.read = kernel_set(isa).stream_read;
  plan.isa = to_string(isa);
  plan.least_bytes = std::max(64 * kMiB, 4 * believable_cache_bytes(machine) / kMiB * kMiB);
  // Never more than a quarter of what is free; 2 GiB are beyond every cache that is not itself larger.
  plan.most_bytes = std::max(2048 * kMiB, plan.least_bytes);
  plan.most_bytes = std::min(plan.most_bytes, usable_memory_bytes(state) / 4) / kMiB * kMiB;
  plan.budget_s = 2.0 + 2.0 * static_cast<double>(plan.thread_counts.size());
  return plan;
}

std::int64_t plateau_bytes(std::int64_t least, std::int64_t most,
                           const std::function<double(std::int64_t)>& bytes_per_s,
                           const std::function<bool()>& keep_looking) {
  std::int64_t bytes = std::min(least, most);
  double before = bytes_per_s(bytes);
  while (bytes * 2 <= most && keep_looking()) {
    const double now = bytes_per_s(bytes * 2);
    if (std::abs(now - before) <= kStandsStill * before) return bytes;
    bytes *= 2;
    before = now;
  }
  return bytes;
}

std::vector<BandwidthPoint> read_bandwidth(const BandwidthPlan& plan) {
  CHECK(plan.read != nullptr && !plan.thread_counts.empty(), "a kernel and thread counts");
  CHECK(plan.thread_counts.back() <= static_cast<int>(plan.cpus.size()), "a CPU for each thread");
  if (plan.most_bytes < kMiB)
    throw Error("cannot measure memory bandwidth: only " + bytes_text(static_cast<double>(plan.most_bytes)) +
                " of memory may be used; free memory and try again");
  const double start_s = now_s();
  plan.progress("finding a buffer that no cache holds");
  const std::int64_t bytes = plateau_bytes(
      plan.least_bytes, plan.most_bytes, [&](std::int64_t size) { return best_of_few(plan, size); },
      [&] { return now_s() - start_s < kPlateauShare * plan.budget_s; });
  std::vector<BandwidthPoint> points;
  for (const int threads : plan.thread_counts) {
    plan.progress(threads == 1 ? "reading memory with 1 thread"
                               : "reading memory with " + std::to_string(threads) + " threads");
    const double left_s = start_s + plan.budget_s - now_s();
    const auto counts_left = static_cast<double>(plan.thread_counts.size() - points.size());
    points.push_back(measure(plan, threads, bytes, left_s / counts_left));
  }
  return points;
}

bool is_saturated(const std::vector<BandwidthPoint>& points, int node_cores) {
  const BandwidthPoint* most = nullptr;
  for (const BandwidthPoint& point : points)
    if (point.threads <= node_cores && (most == nullptr || point.threads > most->threads)) most = &point;
  const BandwidthPoint* half = nullptr;
  for (const BandwidthPoint& point : points)
    if (most != nullptr && point.threads <= most->threads / 2 &&
        (half == nullptr || point.threads > half->threads))
      half = &point;
  if (half == nullptr || is_noisy(*half) || is_noisy(*most)) return false;
  return most->bytes_per_s.median < (1 + kSaturated) * half->bytes_per_s.median;
}

}  // namespace oldiron
