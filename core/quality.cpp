#include "core/quality.hpp"

#include <fmt/format.h>

#include <cmath>

#include "core/text.hpp"

namespace oldiron {

std::optional<Quality> quality_of(const Trial& trial) {
  const Measurement* kl = trial.find(kQualityKl);
  const Measurement* top1 = trial.find(kQualityTop1);
  if (kl == nullptr || top1 == nullptr || kl->samples.empty()) return std::nullopt;
  const auto count = [&](const char* name) {
    const Measurement* loops = trial.find(name);
    return loops == nullptr
               ? -1
               : static_cast<int>(std::lround(loops->median * static_cast<double>(loops->samples.size())));
  };
  return Quality{*kl, *top1, static_cast<int>(kl->samples.size()), count(kQualityLoops),
                 count(kQualityOwnLoops)};
}

std::string quality_text(const Quality& quality) {
  std::string text =
      fmt::format("KL {} ({} to {}), top-1 {} ({:.1f} to {:.1f})", kl_text(quality.kl.median),
                  kl_text(quality.kl.low), kl_text(quality.kl.high), fine_percent_text(quality.top1.median),
                  100 * quality.top1.low, 100 * quality.top1.high);
  if (quality.loops > quality.own_loops)
    text +=
        fmt::format(", {} of {} texts loop instead of {}", quality.loops, quality.texts, quality.own_loops);
  return text;
}

}  // namespace oldiron
