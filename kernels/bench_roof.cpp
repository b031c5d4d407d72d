#include "kernels/bench_roof.hpp"

#include <algorithm>
#include <atomic>
#include <string_view>

#include "core/clock.hpp"
#include "core/stats.hpp"

namespace oldiron {
namespace {

constexpr std::size_t kDistances[] = {0, 2048, kStreamPrefetchBytes, 16384};
constexpr int kRounds = 3;

// A sample reads so much, the next one what comes behind it.
constexpr std::size_t kSampleBytes = std::size_t{512} << 20;

double best_read_rate(std::span<const std::byte> memory) {
  const std::size_t sample = std::min(kSampleBytes, memory.size() / 512 * 512);
  std::atomic<std::uint64_t> checksum{0};
  std::size_t at = 0;
  double best = 0;
  for (int round = 0; round < kRounds; ++round)
    for (const Kernel& kernel : kernels()) {
      if (kernel.op != Op::stream_read || !runs_here(kernel.isa)) continue;
      for (const std::size_t distance : kDistances) {
        if (at + sample > memory.size()) at = 0;
        const double start_s = now_s();
        checksum += std::get<StreamReadFn>(kernel.fn)(memory.data() + at, sample, distance);
        best = std::max(best, static_cast<double>(sample) / (now_s() - start_s));
        at += sample;
      }
    }
  return best;
}

double best_rate(const Peak& peak) {
  constexpr int kSamples = 7;
  const std::int64_t rounds = peak_rounds(peak);
  std::vector<double> rates;
  for (int i = 0; i < kSamples; ++i) rates.push_back(sample_peak(peak, rounds).instructions_per_s);
  return median(rates) * peak.operations;
}

}  // namespace

double BenchRoof::seconds(const Kernel& kernel, double bytes, double flops) const {
  const ComputeType type = compute_type(kernel);
  double ops_per_s = 0;
  for (const MeasuredPeak& peak : peaks)
    if (peak.type == type && peak.isa <= kernel.isa) ops_per_s = peak.ops_per_s;  // slowest first
  const double reading = bytes_per_s > 0 ? bytes / bytes_per_s : 0;
  return std::max(reading, ops_per_s > 0 ? flops / ops_per_s : 0);
}

ComputeType compute_type(const Kernel& kernel) {
  if (kernel.contract == Contract::exact_integer) return ComputeType::int8;
  if (kernel.contract == Contract::requantised)
    return std::string_view(kernel.variant).find("bf16") != std::string_view::npos ? ComputeType::bf16
                                                                                   : ComputeType::int8;
  return ComputeType::f32;
}

BenchRoof measure_roof(std::span<const std::byte> memory) {
  BenchRoof roof{.bytes_per_s = best_read_rate(memory), .peaks = {}};
  for (const Peak& peak : peaks())
    if (runs_here(peak.isa)) roof.peaks.push_back({peak.isa, peak.type, best_rate(peak)});
  return roof;
}

}  // namespace oldiron
