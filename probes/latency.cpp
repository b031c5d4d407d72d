#include "probes/latency.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <utility>

#include "core/check.hpp"
#include "core/clock.hpp"
#include "core/team.hpp"
#include "probes/noise.hpp"

namespace oldiron {
namespace {

constexpr std::int64_t kLine = 64;
constexpr int kLatencySamples = 7;
constexpr std::int64_t kBlock = 64 << 10;  // what a reader reads between two pauses

std::int64_t power_of_two_below(std::int64_t bytes) {
  return static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(std::max<std::int64_t>(bytes, 4 * kLine))));
}

/// A permutation of 0 .. n - 1, n a power of two, that is computed both ways: so a ring is written in the order of its
/// addresses. Two rounds of a multiplication between xor shifts that undo themselves.
class Shuffle {
 public:
  explicit Shuffle(std::uint64_t n) : mask_(n - 1), shift_((static_cast<int>(std::bit_width(mask_)) + 1) / 2) {}

  std::uint64_t at(std::uint64_t place) const {
    std::uint64_t x = mixed(place);
    for (const std::uint64_t factor : kFactors) x = mixed(x * factor & mask_);
    return x;
  }

  std::uint64_t place_of(std::uint64_t x) const {
    for (const std::uint64_t factor : {inverse(kFactors[1]), inverse(kFactors[0])}) x = mixed(x) * factor & mask_;
    return mixed(x);
  }

 private:
  static constexpr std::uint64_t kFactors[] = {0x9E3779B97F4A7C15, 0xD1B54A32D192ED03};

  std::uint64_t mixed(std::uint64_t x) const { return x ^ x >> shift_; }

  /// Of an odd number, modulo 2^64: each of Newton's steps doubles the bits that are right, of which odd squares give three.
  static constexpr std::uint64_t inverse(std::uint64_t odd) {
    std::uint64_t x = odd;
    for (int i = 0; i < 5; ++i) x *= 2 - odd * x;
    return x;
  }

  std::uint64_t mask_;
  int shift_;
};

Team first_of(const LatencyPlan& plan, std::size_t threads) {
  const auto first = [&](const std::vector<int>& of) {
    return std::vector<int>(of.begin(), of.begin() + static_cast<std::ptrdiff_t>(std::min(threads, of.size())));
  };
  return Team(first(plan.cpus), Wait::automatic, first(plan.nodes));
}

/// As many loads as last `seconds`. A large ring's rounds take many samples: each load is of a line not seen for long.
std::int64_t loads_for(PointerRing& ring, double seconds) {
  ring.follow_s(std::min<std::int64_t>(ring.bytes() / kLine, 1 << 16));
  return static_cast<std::int64_t>(seconds / std::max(ring.follow_s(1 << 12), 1e-10)) + 1;
}

void tag(const NoiseSnapshot& before, Measurement& measured) {
  for (std::string& each : noise_tags(noise_between(before, read_noise()))) measured.tags.push_back(std::move(each));
}

}  // namespace

PointerRing::PointerRing(std::int64_t bytes, PageSize pages) : buffer_(static_cast<std::size_t>(bytes), pages) {
  CHECK(bytes >= 4 * kLine && std::has_single_bit(static_cast<std::uint64_t>(bytes)), "a ring's bytes are a power of two");
  const auto lines = static_cast<std::uint64_t>(bytes / kLine);
  const Shuffle shuffle(lines);
  const auto line = [&](std::uint64_t i) { return reinterpret_cast<const void**>(buffer_.data() + i * kLine); };
  for (std::uint64_t i = 0; i < lines; ++i) *line(i) = line(shuffle.at((shuffle.place_of(i) + 1) & (lines - 1)));
  at_ = buffer_.data();
}

double PointerRing::follow_s(std::int64_t loads) {
  const void* at = at_;
  const double start_s = now_s();
  for (std::int64_t i = 0; i < loads; ++i) {
    at = *static_cast<const void* const*>(at);
    asm volatile("" : "+r"(at));  // each load is needed, in this order
  }
  const double seconds = now_s() - start_s;
  at_ = at;
  return seconds / static_cast<double>(loads);
}

LatencyPlan plan_latency(const Machine& machine, const MachineState& state) {
  LatencyPlan plan;
  plan.cpus = place(machine, usable_threads(machine, state));
  plan.nodes = nodes_of(machine, plan.cpus);
  plan.reader = stream_readers().front();
  const std::int64_t free = usable_memory_bytes(state);
  plan.most_bytes = std::min(8 * believable_cache_bytes(machine), free / 8);
  plan.reader_bytes = std::min<std::int64_t>(64 << 20, free / 8 / std::ssize(plan.cpus));
  return plan;
}

std::vector<LatencyPoint> measure_latency(const LatencyPlan& plan) {
  std::vector<LatencyPoint> points;
  Team team = first_of(plan, 1);
  for (const PageSize pages : plan.page_sizes)
    try {
      for (std::int64_t bytes = power_of_two_below(plan.least_bytes); bytes <= plan.most_bytes; bytes *= 2)
        team.run(1, [&](int, int) {
          PointerRing ring(bytes, pages);
          const std::int64_t loads = loads_for(ring, plan.point_s / kLatencySamples);
          const NoiseSnapshot before = read_noise();
          std::vector<double> samples;
          while (samples.size() < kLatencySamples) samples.push_back(ring.follow_s(loads));
          points.push_back({.working_set_bytes = bytes,
                            .page_size = page_size_text(pages),
                            .huge_page_bytes = ring.huge_page_bytes(),
                            .s = summarise("latency", "s", std::move(samples))});
          tag(before, points.back().s);
        });
    } catch (const Error&) {
      // None of these pages: the points of the others are what can be had.
    }
  return points;
}

std::vector<LoadedLatencyPoint> measure_loaded_latency(const LatencyPlan& plan) {
  if (plan.cpus.size() < 2) return {};
  CHECK(plan.reader.read != nullptr && plan.reader_bytes >= kBlock, "something to read");
  Team team = first_of(plan, plan.cpus.size());
  const std::int64_t reader_bytes = plan.reader_bytes / kBlock * kBlock;
  std::vector<Buffer> own(plan.cpus.size());
  PointerRing ring(power_of_two_below(plan.most_bytes), PageSize::transparent);
  team.run(team.size(), [&](int rank, int) {
    if (rank == 0) return;
    own[static_cast<std::size_t>(rank)] = Buffer(static_cast<std::size_t>(reader_bytes), PageSize::transparent);
    own[static_cast<std::size_t>(rank)].touch(0, static_cast<std::size_t>(reader_bytes));
  });
  std::vector<LoadedLatencyPoint> points;
  for (std::size_t i = 0; i <= plan.pauses_s.size(); ++i) {
    const int readers = i == 0 ? 0 : team.size() - 1;
    const double pause_s = i == 0 ? 0 : plan.pauses_s[i - 1];
    std::atomic<bool> stop = false;
    std::atomic<std::int64_t> read_bytes = 0;
    std::vector<double> latencies, rates;
    const NoiseSnapshot before = read_noise();
    team.run(1 + readers, [&](int rank, int) {
      if (rank == 0) {
        const std::int64_t loads = static_cast<std::int64_t>(plan.point_s / kLatencySamples / ring.follow_s(1 << 14));
        while (latencies.size() < kLatencySamples) {
          const std::int64_t bytes = read_bytes;
          const double start_s = now_s();
          latencies.push_back(ring.follow_s(loads));
          rates.push_back(static_cast<double>(read_bytes - bytes) / (now_s() - start_s));
        }
        stop = true;
        return;
      }
      const std::byte* data = own[static_cast<std::size_t>(rank)].data();
      std::uint64_t sum = 0;
      for (std::int64_t at = 0; !stop; at = (at + kBlock) % reader_bytes) {
        sum += plan.reader.read(data + at, kBlock, plan.prefetch_bytes);
        read_bytes += kBlock;
        for (const double until_s = now_s() + pause_s; pause_s > 0 && now_s() < until_s;) {}
      }
      asm volatile("" : : "r"(sum));
    });
    points.push_back({.readers = readers,
                      .pause_s = pause_s,
                      .bytes_per_s = summarise("background", "bytes/s", std::move(rates)),
                      .s = summarise("loaded_latency", "s", std::move(latencies))});
    tag(before, points.back().s);
  }
  return points;
}

}  // namespace oldiron
