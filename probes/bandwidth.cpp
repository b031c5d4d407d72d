#include "probes/bandwidth.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>

#include "core/clock.hpp"
#include "core/text.hpp"
#include "probes/sample_watch.hpp"

namespace oldiron {
namespace {

// The largest last-level cache per core on sale is 48 MiB (EPYC 9184X: 768 MiB, 16 cores).
constexpr std::int64_t kCachePerCore = 48 * kMiB;

// Where no cache is shown: the most that one reader is likely to share (Granite Rapids: 504 MiB per socket).
constexpr std::int64_t kUnknownCache = 512 * kMiB;

constexpr double kStandsStill = 0.03;
constexpr double kSaturated = 0.15;

// A look at one size takes about a third of a second: room for 128 MiB to 1 GiB within the default budget.
constexpr double kPlateauShare = 0.25;
// Of the time of one thread count, for finding its best way; the rest is for samples of that.
constexpr double kRaceShare = 0.6;
constexpr int kRounds = 2;

constexpr double kSecondLook_s = 0.6;
constexpr std::size_t kMaxSamples = 51;
constexpr std::size_t kBlockSamples = 7;

MemoryReader make_reader(const BandwidthPlan& plan, int threads, std::int64_t bytes, PageSize pages) {
  const auto first = [&](const std::vector<int>& of) {
    return std::vector<int>(of.begin(), of.begin() + std::min<std::ptrdiff_t>(threads, std::ssize(of)));
  };
  return MemoryReader(first(plan.cpus), first(plan.nodes), bytes, pages);
}

/// The best of a few samples: what disturbs only slows, and the plateau is a question of caches, not of
/// neighbours.
double best_of_few(const BandwidthPlan& plan, std::int64_t bytes) {
  MemoryReader reader = make_reader(plan, plan.thread_counts.back(), bytes, plan.page_sizes.front());
  const auto sample = [&] { return reader.sample(plan.readers.front().read, plan.prefetch_bytes.front()); };
  sample();  // also finds the number of passes
  double best = 0;
  for (int i = 0; i < 4; ++i) best = std::max(best, sample());
  return best;
}

StreamReadFn read_of(const BandwidthPlan& plan, const std::string& isa) {
  for (const StreamReader& reader : plan.readers)
    if (reader.isa == isa) return reader.read;
  return plan.readers.front().read;
}

/// Every loop with every distance on fresh pages of one kind, in turns; the first ones at least, then until
/// `until_s`.
std::vector<ReadWay> race(const BandwidthPlan& plan, int threads, std::int64_t bytes, PageSize pages,
                          double until_s) {
  std::vector<ReadWay> ways;
  for (const StreamReader& reader : plan.readers)
    for (const std::size_t prefetch_bytes : plan.prefetch_bytes)
      ways.push_back({.isa = reader.isa,
                      .prefetch_bytes = static_cast<std::int64_t>(prefetch_bytes),
                      .page_size = page_size_text(pages)});
  try {
    MemoryReader reader = make_reader(plan, threads, bytes, pages);
    const auto sample = [&](const ReadWay& way) {
      return reader.sample(read_of(plan, way.isa), static_cast<std::size_t>(way.prefetch_bytes));
    };
    sample(ways.front());
    for (int round = 0; round < kRounds; ++round)
      for (ReadWay& way : ways) {
        const bool first = round == 0 && &way == &ways.front();
        if (first || now_s() < until_s) way.bytes_per_s = std::max(way.bytes_per_s, sample(way));
      }
  } catch (const Error& refused) {
    ways.resize(1);
    ways.front().reason = refused.what();
  }
  for (ReadWay& way : ways)
    if (way.bytes_per_s <= 0 && way.reason.empty()) way.reason = "no time was left";
  return ways;
}

const ReadWay& best_of(const std::vector<ReadWay>& ways) {
  return *std::max_element(ways.begin(), ways.end(),
                           [](const ReadWay& a, const ReadWay& b) { return a.bytes_per_s < b.bytes_per_s; });
}

/// Five samples at least, then until `until_s`, behind those that the point has; in its way of reading, on fresh pages.
void take_samples(const BandwidthPlan& plan, BandwidthPoint& point, double until_s) {
  MemoryReader reader = make_reader(plan, point.threads, point.buffer_bytes, page_size_of(point.page_size));
  const auto sample = [&] { return reader.sample(read_of(plan, point.isa), static_cast<std::size_t>(point.prefetch_bytes)); };
  sample();
  std::vector<double> samples;
  SampleWatch watch;
  while (samples.size() < 5 || (samples.size() < kMaxSamples && now_s() < until_s)) {
    samples.push_back(sample());
    watch.end_sample();
  }
  Measurement look = summarise("read_bandwidth", "bytes/s", std::move(samples));
  label(look, watch.finish());
  if (point.buffer_bytes < plan.least_bytes) look.tags.push_back("buffer under 4 times the cache: memory allows no more");
  point.huge_page_bytes = reader.huge_page_bytes();
  if (point.bytes_per_s.samples.empty())
    point.bytes_per_s = std::move(look);
  else
    append(point.bytes_per_s, look);
}

BandwidthPoint measure(const BandwidthPlan& plan, int threads, std::int64_t bytes,
                       const std::vector<PageSize>& page_sizes, double budget_s) {
  const double start_s = now_s();
  std::vector<ReadWay> tried;
  for (std::size_t i = 0; i < page_sizes.size(); ++i) {
    const double share = kRaceShare * static_cast<double>(i + 1) / static_cast<double>(page_sizes.size());
    std::vector<ReadWay> ways = race(plan, threads, bytes, page_sizes[i], start_s + share * budget_s);
    tried.insert(tried.end(), ways.begin(), ways.end());
  }
  const ReadWay best = best_of(tried);
  BandwidthPoint point{.threads = threads,
                       .buffer_bytes = bytes,
                       .isa = best.isa,
                       .prefetch_bytes = best.prefetch_bytes,
                       .page_size = best.page_size,
                       .tried = std::move(tried)};
  take_samples(plan, point, start_s + budget_s);
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
  plan.nodes = nodes_of(machine, plan.cpus);
  plan.thread_counts = bandwidth_thread_counts(machine, usable);
  plan.readers = stream_readers();
  plan.least_bytes = std::max(64 * kMiB, 4 * believable_cache_bytes(machine) / kMiB * kMiB);
  // Never more than a quarter of what is free; 2 GiB are beyond every cache that is not itself larger.
  plan.most_bytes = std::max(2048 * kMiB, plan.least_bytes);
  plan.most_bytes = std::min(plan.most_bytes, usable_memory_bytes(state) / 4) / kMiB * kMiB;
  plan.budget_s = 4.0 + 2.0 * static_cast<double>(plan.thread_counts.size());
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
  CHECK(!plan.readers.empty() && !plan.prefetch_bytes.empty() && !plan.page_sizes.empty(), "ways to read");
  CHECK(!plan.thread_counts.empty(), "thread counts");
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
  std::vector<PageSize> page_sizes = plan.page_sizes;
  // All threads first: they find the page kind, and get half as much time again for it.
  for (auto threads = plan.thread_counts.rbegin(); threads != plan.thread_counts.rend(); ++threads) {
    plan.progress(*threads == 1 ? "reading memory with 1 thread"
                                : "reading memory with " + std::to_string(*threads) + " threads");
    const double left_s = start_s + plan.budget_s - now_s();
    const double shares =
        static_cast<double>(plan.thread_counts.size() - points.size()) + (points.empty() ? 0.5 : 0);
    points.insert(points.begin(),
                  measure(plan, *threads, bytes, page_sizes, left_s / shares * (points.empty() ? 1.5 : 1)));
    std::erase_if(page_sizes,
                  [&](PageSize kind) { return page_size_text(kind) != points.front().page_size; });
  }
  return points;
}

void look_again(const BandwidthPlan& plan, std::vector<BandwidthPoint>& points) {
  for (BandwidthPoint& point : points) take_samples(plan, point, now_s() + kSecondLook_s);
}

std::vector<BlockReadPoint> read_blocks(const BandwidthPlan& plan, const std::vector<BandwidthPoint>& points) {
  if (points.empty()) return {};
  const BandwidthPoint& best = points.back();
  MemoryReader reader = make_reader(plan, best.threads, best.buffer_bytes, page_size_of(best.page_size));
  std::vector<BlockReadPoint> measured;
  for (const std::int64_t block : {16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20}) {
    if (block * 16 > best.buffer_bytes) break;
    const NoiseSnapshot before = read_noise();
    std::vector<double> samples;
    while (samples.size() < kBlockSamples)
      samples.push_back(reader.sample_blocks(read_of(plan, best.isa), static_cast<std::size_t>(best.prefetch_bytes), block));
    measured.push_back({.block_bytes = block,
                        .threads = best.threads,
                        .bytes_per_s = summarise("block_read", "bytes/s", std::move(samples))});
    for (std::string& tag : noise_tags(noise_between(before, read_noise()))) measured.back().bytes_per_s.tags.push_back(std::move(tag));
  }
  return measured;
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
