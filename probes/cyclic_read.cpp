#include "probes/cyclic_read.hpp"

#include <algorithm>
#include <cmath>

#include "core/clock.hpp"
#include "core/text.hpp"
#include "probes/noise.hpp"

namespace oldiron {
namespace {

constexpr std::int64_t kTimesLarger = 4;
constexpr std::int64_t kLeastTimesLarger = 2;
constexpr std::int64_t kPageBytes = 4096;
constexpr int kLeastPairs = 6;
constexpr int kMostPairs = 31;

// Tokens of small models are read in microseconds: then a sample is as many passes as take this long.
constexpr double kRead_s = 0.03;

}  // namespace

CyclicPlan plan_cyclic_read(const Machine& machine, const MachineState& state, const Profile& profile,
                            std::int64_t token_bytes) {
  CyclicPlan plan{.cpus = place(machine, usable_threads(machine, state)),
                  .nodes = nodes_of(machine, place(machine, usable_threads(machine, state))),
                  .read = stream_readers().front().read,
                  .token_bytes = token_bytes,
                  .most_bytes = usable_memory_bytes(state) / 2};
  if (const BandwidthPoint* point = profile.read_point(usable_threads(machine, state)); point != nullptr) {
    for (const StreamReader& reader : stream_readers())
      if (reader.isa == point->isa) plan.read = reader.read;
    for (const PageSize pages : {PageSize::small, PageSize::transparent, PageSize::huge})
      if (page_size_text(pages) == point->page_size) plan.pages = pages;
    if (!point->page_size.empty()) plan.prefetch_bytes = static_cast<std::size_t>(point->prefetch_bytes);
  }
  return plan;
}

Available<CyclicRead> measure_cyclic_read(const CyclicPlan& plan) {
  CHECK(plan.read != nullptr && plan.token_bytes > 0 && !plan.cpus.empty(), "something to read");
  const double start_s = now_s();
  // Every rank's share of the token is whole pages.
  const std::int64_t step = kPageBytes * static_cast<std::int64_t>(plan.cpus.size());
  const std::int64_t token = (plan.token_bytes + step - 1) / step * step;
  const std::int64_t large = std::min(kTimesLarger * token, plan.most_bytes / step * step);
  if (large < kLeastTimesLarger * token)
    return Available<CyclicRead>::not_available("twice the " + bytes_text(static_cast<double>(token)) +
                                                " of a token is more than half of the free memory");
  const auto measure = [&]() -> Available<CyclicRead> {
    MemoryReader reader(plan.cpus, plan.nodes, large, plan.pages);
    const auto rate = [&](std::int64_t bytes, int passes) {
      return static_cast<double>(bytes) * passes /
             reader.pass_s(plan.read, plan.prefetch_bytes, bytes, passes);
    };
    rate(large, 1);
    const double token_s = static_cast<double>(token) / rate(token, 1);
    const int passes = std::max(2, static_cast<int>(std::ceil(kRead_s / token_s)));
    const int large_passes =
        std::max(1, static_cast<int>(static_cast<double>(passes) * static_cast<double>(token) /
                                     static_cast<double>(large)));
    std::vector<double> token_rates, large_rates;
    const NoiseSnapshot before = read_noise();
    const auto read_token = [&] {
      rate(token, 1);  // leaves in the caches what a token before would have left
      token_rates.push_back(rate(token, passes));
    };
    const auto read_large = [&] { large_rates.push_back(rate(large, large_passes)); };
    for (int pair = 0; pair < kLeastPairs || (pair < kMostPairs && now_s() - start_s < plan.budget_s);
         ++pair) {
      if (pair % 2 == 0) read_token();
      read_large();
      if (pair % 2 == 1) read_token();
    }
    CyclicRead result{
        .token_bytes = token, .large_bytes = large, .speedup = paired_ratio(token_rates, large_rates)};
    result.bytes_per_s = summarise("cyclic_read", "bytes/s", std::move(token_rates));
    result.large_bytes_per_s = summarise("large_read", "bytes/s", std::move(large_rates));
    result.bytes_per_s.tags = noise_tags(noise_between(before, read_noise()));
    return result;
  };
  try {
    return measure();
  } catch (const Error& refused) {
    return Available<CyclicRead>::not_available(refused.what());
  }
}

}  // namespace oldiron
