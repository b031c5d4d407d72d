// Sentences on what only our own kernels tell of themselves: waits of the ranks, products in the caches, pages obtained.
#include <fmt/format.h>

#include <algorithm>

#include "core/text.hpp"
#include "reports/layout.hpp"
#include "reports/sentences.hpp"

namespace oldiron::reports {
namespace {

/// "vpmaddubsw peak" of "compute: vpmaddubsw peak".
std::string after_colon(const std::string& name) {
  const std::size_t colon = name.find(": ");
  return one_line(colon == std::string::npos ? name : name.substr(colon + 2));
}

// More ranks than this are told by their least and most; report.md has them all.
constexpr std::size_t kMostRanks = 16;

std::string share_text(double share) { return fmt::format("{:.1f}", share * 100); }

std::string shares_text(const std::vector<Measurement>& shares) {
  std::string text;
  if (shares.size() > kMostRanks) {
    const auto [least, most] =
        std::minmax_element(shares.begin(), shares.end(),
                            [](const Measurement& a, const Measurement& b) { return a.median < b.median; });
    return fmt::format("{} to {} % of a decode step, most on rank {}", share_text(least->median),
                       share_text(most->median), most - shares.begin());
  }
  for (const Measurement& share : shares)
    text += fmt::format("{}{}", text.empty() ? "" : ", ", share_text(share.median));
  return fmt::format("{} % of a decode step on ranks 0 to {}", text, shares.size() - 1);
}

}  // namespace

double barrier_share(const Answer& answer) {
  const BarrierWaits& waits = answer.waits;
  return waits.per_step * waits.barrier_s * answer.decode.median;
}

std::string barriers_text(const BarrierWaits& waits, int layers) {
  const int all = static_cast<int>(waits.per_step + 0.5);
  if (layers <= 0 || all < layers) return fmt::format("{} barriers a step", all);
  const int beside = all % layers;
  return fmt::format("{} barriers a layer{}", all / layers,
                     beside > 0 ? fmt::format(" and {} beside", beside) : "");
}

std::string waits_text(const Report& report) {
  if (!report.lossless || report.lossless->waits.share.empty()) return "";
  const Answer& answer = *report.lossless;
  return fmt::format("{}; {}, which cost {} % when nobody is late ({:.2f} us each)",
                     shares_text(answer.waits.share), barriers_text(answer.waits, report.model.block_count),
                     share_text(barrier_share(answer)), answer.waits.barrier_s * 1e6);
}

std::string cores_text(const Report& report) {
  if (!report.lossless || report.lossless->multiplied.samples.empty()) return "";
  const Measurement& rate = report.lossless->multiplied;
  const Wall& wall = report.lossless->prefill_wall;
  std::string text = fmt::format("products of weights in the caches did {} around these prefills ({} to {})", glued(ops_per_s_text(rate.median)),
                                 glued(ops_per_s_text(rate.low)), glued(ops_per_s_text(rate.high)));
  if (wall.limit_ops_per_s > 0) text += fmt::format(", {} of the {}", percent_text(rate.median / wall.limit_ops_per_s), after_colon(wall.name));
  if (wall.ops_per_s > 0) text += fmt::format("; prefill reached {} of that", percent_text(wall.ops_per_s / rate.median));
  return text;
}

std::string pages_text(const Report& report) {
  if (!report.lossless || report.lossless->pages.empty()) return "";
  const Answer& answer = *report.lossless;
  const std::string asked = lever("page_size").get(answer.config);
  std::string text;
  for (const PagesObtained& each : answer.pages) {
    if (each.huge_page_bytes < 0 || each.bytes == 0) continue;
    // Buffers end inside a page: what is beyond their end is nobody's.
    const std::int64_t huge = std::min(each.bytes, each.huge_page_bytes);
    text += fmt::format("{}{} {} of {}", text.empty() ? "" : ", ", one_line(each.use),
                        glued(bytes_text(static_cast<double>(huge))),
                        glued(bytes_text(static_cast<double>(each.bytes))));
  }
  return text.empty() ? fmt::format("asked for {}; what was obtained cannot be read", asked)
                      : fmt::format("asked for {}; obtained in 2 MiB pages: {}", asked, text);
}

}  // namespace oldiron::reports
