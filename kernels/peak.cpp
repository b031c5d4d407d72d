// Every loop is one asm statement: a compiler that sees its registers spills some of them, and a third is
// measured.
#include "kernels/peak.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/clock.hpp"

namespace oldiron {
namespace {

// Plain numbers in every reading: 1.1 as F32 and as BF16, no byte of zeros, which would draw less power than
// a product does and so might clock higher.
constexpr std::int32_t kWord = 0x3f8d3f8c;
alignas(64) constexpr std::int32_t kOperand[16] = {kWord, kWord, kWord, kWord, kWord, kWord, kWord, kWord,
                                                   kWord, kWord, kWord, kWord, kWord, kWord, kWord, kWord};

// clang-format off
#define ON(reg, n) "%%" reg "14, %%" reg "15, %%" reg n "\n"
// 12 accumulators cover a latency of 6 cycles at two a cycle, and leave two operands of the 16 registers of old CPUs.
#define TWELVE(op, reg)                                                                                    \
  op ON(reg, "0") op ON(reg, "1") op ON(reg, "2") op ON(reg, "3") op ON(reg, "4") op ON(reg, "5")          \
  op ON(reg, "6") op ON(reg, "7") op ON(reg, "8") op ON(reg, "9") op ON(reg, "10") op ON(reg, "11")
// Both operands are the same, so that their exclusive or clears the accumulators.
#define VECTORS(op, reg)                                                                                   \
  [](std::int64_t rounds) {                                                                                \
    asm volatile(                                                                                          \
        "vmovups (%[data]), %%" reg "14\n"                                                                 \
        "vmovups (%[data]), %%" reg "15\n"                                                                 \
        TWELVE("vxorps ", "xmm")                                                                           \
        ".p2align 6\n"                                                                                     \
        "1:\n"                                                                                             \
        TWELVE(op " ", reg) TWELVE(op " ", reg)                                                            \
        "dec %[rounds]\n"                                                                                  \
        "jnz 1b\n"                                                                                         \
        "vzeroupper\n"                                                                                     \
        : [rounds] "+r"(rounds)                                                                            \
        : [data] "r"(kOperand)                                                                             \
        : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", \
          "xmm14", "xmm15", "cc", "memory");                                                               \
  }
#define YMM(op) VECTORS(op, "ymm")
#define ZMM(op) VECTORS(op, "zmm")

constexpr Peak kPeaks[] = {
#define PEAK(isa, type, instruction, operations, loop) \
  {Isa::isa, ComputeType::type, instruction, operations, loop(instruction)},
#include "kernels/peaks.def"
#undef PEAK
};
// clang-format on

constexpr int kChain = 64;

/// Each addition waits for the one before, a cycle. It adds a register, for some cores add constants for
/// nothing.
void add_in_a_chain(std::int64_t rounds) {
  std::int64_t sum = 0;
  asm volatile(
      ".p2align 6\n"
      "1:\n"
      ".rept %c[chain]\n"
      "add %[step], %[sum]\n"
      ".endr\n"
      "dec %[rounds]\n"
      "jnz 1b\n"
      : [sum] "+r"(sum), [rounds] "+r"(rounds)
      : [step] "r"(std::int64_t{1}), [chain] "i"(kChain)
      : "cc");
}

// A slice of the loop is shorter than most disturbances, so that their median is not disturbed. The chain
// behind it is long for a clock that is read in 50 ns, and short for a core that slows down for wide vectors
// and stays so for half a millisecond after the last.
constexpr double kSlice_s = 250e-6;
constexpr std::int64_t kChainRounds = 1200;
constexpr int kSlices = 9;

double seconds_of(const Peak& peak, std::int64_t rounds) {
  const double start_s = now_s();
  peak.loop(rounds);
  return std::max(now_s() - start_s, 1e-9);
}

double middle(std::array<double, kSlices> values) {
  std::nth_element(values.begin(), values.begin() + kSlices / 2, values.end());
  return values[kSlices / 2];
}

// A clock derived from one chain and a loop timed on its own agree to a percent or two.
constexpr double kSame = 1.025;
constexpr double kEnough = 0.95;

}  // namespace

std::span<const Peak> peaks() { return kPeaks; }

std::int64_t peak_rounds(const Peak& peak) {
  constexpr std::int64_t kTry = 1000;
  double best_s = seconds_of(peak, kTry);
  for (int i = 0; i < 4; ++i) best_s = std::min(best_s, seconds_of(peak, kTry));
  return std::max<std::int64_t>(1, std::llround(kSlice_s / best_s * kTry));
}

PeakSample sample_peak(const Peak& peak, std::int64_t rounds) {
  std::array<double, kSlices> loop_s{}, chain_s{};
  for (std::size_t i = 0; i < kSlices; ++i) {
    loop_s[i] = seconds_of(peak, rounds);
    const double start_s = now_s();
    add_in_a_chain(kChainRounds);
    chain_s[i] = std::max(now_s() - start_s, 1e-9);
  }
  return {.instructions_per_s = static_cast<double>(rounds * kPeakRound) / middle(loop_s),
          .clock_hz = static_cast<double>(kChainRounds * kChain) / middle(chain_s)};
}

double built_per_cycle(double measured_per_cycle) {
  if (measured_per_cycle <= 0) return 0;
  if (measured_per_cycle * kSame >= 1) return std::max(1.0, std::ceil(2 * measured_per_cycle / kSame) / 2);
  return 1 / std::floor(kSame / measured_per_cycle);
}

std::string why_no_peak(const Peak& peak, double measured_per_cycle) {
  const double built = built_per_cycle(measured_per_cycle);
  if (built > 0 && measured_per_cycle >= kEnough * built) return "";
  return fmt::format("{:.3g} {} a cycle, and no core is built for that: {:.3g} was expected",
                     measured_per_cycle, peak.instruction, built);
}

}  // namespace oldiron
