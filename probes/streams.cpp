#include "probes/streams.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "core/check.hpp"
#include "core/clock.hpp"
#include "core/text.hpp"
#include "kernels/registry.hpp"
#include "probes/sample_watch.hpp"

namespace oldiron {
namespace {

constexpr int kStreamSamples = 5;
constexpr std::int64_t kArrays = 3;

struct Kind {
  const char* name;
  StreamMove move;
  int arrays;    ///< that it loads or stores
  double moved;  ///< as StreamPoint has it
};

constexpr Kind kKinds[] = {{"write", StreamMove::write, 1, 2},
                           {"copy", StreamMove::copy, 2, 1.5},
                           {"triad", StreamMove::triad, 3, 4.0 / 3},
                           {"write_past", StreamMove::write_past, 1, 1},
                           {"copy_past", StreamMove::copy_past, 2, 1},
                           {"triad_past", StreamMove::triad_past, 3, 1}};

/// Three arrays in one buffer, the ranks' shares of each touched by them.
class Arrays {
 public:
  Arrays(const StreamPlan& plan, int threads)
      : team_({plan.cpus.begin(), plan.cpus.begin() + threads}, Wait::automatic,
              {plan.nodes.begin(), plan.nodes.begin() + std::min<std::ptrdiff_t>(threads, std::ssize(plan.nodes))}),
        bytes_(plan.array_bytes),
        buffer_(static_cast<std::size_t>(kArrays * plan.array_bytes), plan.pages) {
    for_each_share(team_, bytes_, [&](Range r) {
      for (int i = 0; i < kArrays; ++i)
        for (std::int64_t at = r.begin / 4; at < r.end / 4; ++at) array(i)[at] = static_cast<float>(at);
    });
  }

  double sample(const Kind& kind, StreamMoveFn move) {
    return sampled_rate(kind.arrays * bytes_, passes_, [&](int passes) {
      return passes_s(team_, bytes_, bytes_, passes, [&](Range r) {
        const std::int64_t at = r.begin / 4;
        move(kind.move, array(0) + at, array(1) + at, array(2) + at, static_cast<std::size_t>(r.end - r.begin) / 4);
      });
    });
  }

 private:
  float* array(int i) { return reinterpret_cast<float*>(buffer_.data() + i * bytes_); }

  Team team_;
  std::int64_t bytes_;
  Buffer buffer_;
  int passes_ = 1;
};

StreamPoint measure_stream(Arrays& arrays, const StreamPlan& plan, int threads, const StreamMover& mover, const Kind& kind) {
  arrays.sample(kind, mover.move);
  SampleWatch watch;
  std::vector<double> samples;
  while (samples.size() < kStreamSamples) {
    samples.push_back(arrays.sample(kind, mover.move));
    watch.end_sample();
  }
  StreamPoint point{.kind = kind.name,
                    .isa = mover.isa,
                    .threads = threads,
                    .buffer_bytes = kArrays * plan.array_bytes,
                    .bytes_per_s = summarise(kind.name, "bytes/s", std::move(samples)),
                    .moved = kind.moved};
  label(point.bytes_per_s, watch.finish());
  return point;
}

}  // namespace

std::vector<StreamMover> stream_movers() {
  std::vector<StreamMover> movers;
  for (const Isa isa : isas_here()) {
    const StreamMoveFn move = kernel_set(isa).stream_move;
    const bool known = std::any_of(movers.begin(), movers.end(), [&](const StreamMover& other) { return other.move == move; });
    if (!known) movers.insert(movers.begin(), {std::string(to_string(isa)), move});
  }
  return movers;
}

StreamPlan plan_streams(const Machine& machine, const MachineState& state, const std::vector<BandwidthPoint>& read) {
  const BandwidthPlan bandwidth = plan_bandwidth(machine, state);
  StreamPlan plan{.cpus = bandwidth.cpus,
                  .nodes = bandwidth.nodes,
                  .thread_counts = bandwidth.thread_counts,
                  .movers = stream_movers()};
  const std::int64_t wanted = read.empty() ? bandwidth.least_bytes : read.back().buffer_bytes;
  plan.array_bytes = std::min(wanted, bandwidth.most_bytes / kArrays) / kMiB * kMiB;
  if (!read.empty()) plan.pages = page_size_of(read.back().page_size);
  return plan;
}

std::vector<StreamPoint> measure_streams(const StreamPlan& plan) {
  CHECK(plan.thread_counts.empty() || plan.thread_counts.back() <= std::ssize(plan.cpus), "a CPU for each thread");
  std::vector<StreamPoint> points;
  if (plan.array_bytes < kMiB) return points;
  const double until_s = now_s() + plan.budget_s;
  for (const StreamMover& mover : plan.movers)
    for (auto threads = plan.thread_counts.rbegin(); threads != plan.thread_counts.rend(); ++threads) {
      if (now_s() > until_s) break;
      Arrays arrays(plan, *threads);
      for (const Kind& kind : kKinds) points.push_back(measure_stream(arrays, plan, *threads, mover, kind));
    }
  const auto place_of = [&](const StreamPoint& p) {
    const auto kind = std::find_if(std::begin(kKinds), std::end(kKinds), [&](const Kind& k) { return k.name == p.kind; });
    const auto mover = std::find_if(plan.movers.begin(), plan.movers.end(), [&](const StreamMover& m) { return m.isa == p.isa; });
    return std::tuple(kind - std::begin(kKinds), mover - plan.movers.begin(), p.threads);
  };
  std::sort(points.begin(), points.end(), [&](const StreamPoint& a, const StreamPoint& b) { return place_of(a) < place_of(b); });
  return points;
}

}  // namespace oldiron
