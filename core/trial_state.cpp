#include "core/trial_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/text.hpp"

namespace oldiron {
namespace {

// Below these, two fresh processes on a quiet machine differ by themselves.
constexpr double kShare = 0.1;
constexpr std::int64_t kSwap_bytes = 64 << 20;

/// Levers that decide where weights lie and on which pages, by design.
bool same_pages_asked(const Config& a, const Config& b) {
  return a.page_size == b.page_size && a.malloc_pages == b.malloc_pages && a.repack == b.repack && a.load_mode == b.load_mode;
}

bool same_nodes_asked(const Config& a, const Config& b) {
  return same_pages_asked(a, b) && a.node_policy == b.node_policy && a.cpu_set == b.cpu_set &&
         a.decode_threads == b.decode_threads && a.prefill_threads == b.prefill_threads;
}

double share(std::int64_t part, std::int64_t whole) {
  return part < 0 || whole <= 0 ? -1 : static_cast<double>(part) / static_cast<double>(whole);
}

/// Shares of [0, 1], -1 if not known.
bool differ(double a, double b) { return a >= 0 && b >= 0 && std::abs(a - b) > kShare; }

double huge_share(const Provenance& p) { return std::min(1.0, share(p.huge_page_bytes, p.peak_rss_bytes)); }

std::vector<double> node_shares(const MemoryPlaces& places) {
  const auto whole = std::accumulate(places.node_bytes.begin(), places.node_bytes.end(), std::int64_t{0});
  std::vector<double> shares;
  for (const std::int64_t bytes : places.node_bytes) shares.push_back(share(bytes, whole));
  return shares;
}

bool nodes_differ(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.empty() || b.empty()) return false;
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i)
    if (std::abs((i < a.size() ? a[i] : 0) - (i < b.size() ? b[i] : 0)) > kShare) return true;
  return false;
}

std::string nodes_text(const std::vector<double>& shares) {
  std::vector<std::string> parts;
  parts.reserve(shares.size());
  for (const double each : shares) parts.push_back(percent_text(each));
  return fmt::format("{}", fmt::join(parts, " / "));
}

std::int64_t swapped_bytes(const MemoryPlaces& places) {
  return places.swap_before_bytes < 0 || places.swap_after_bytes < 0 ? 0 : places.swap_after_bytes - places.swap_before_bytes;
}

}  // namespace

std::vector<std::string> state_differences(const Trial& a, std::string_view a_name, const Trial& b, std::string_view b_name) {
  std::vector<std::string> sentences;
  const MemoryPlaces& here = a.provenance.places;
  const MemoryPlaces& there = b.provenance.places;
  const Config& asked = a.spec.config;
  const double before = share(here.cached_before_bytes, here.file_bytes), before_there = share(there.cached_before_bytes, there.file_bytes);
  if (differ(before, before_there)) {
    const bool nodes = std::max(here.node_bytes.size(), there.node_bytes.size()) > 1;
    sentences.push_back(fmt::format("before the load {} of the file was in the page cache for {}, {} for {}: their loads cannot be compared{}",
                                    percent_text(before), a_name, percent_text(before_there), b_name,
                                    nodes ? ", and whoever read it first chose its NUMA nodes" : ""));
  }
  const double after = share(here.cached_after_bytes, here.file_bytes), after_there = share(there.cached_after_bytes, there.file_bytes);
  if (same_pages_asked(asked, b.spec.config) && differ(after, after_there))
    sentences.push_back(fmt::format("afterwards {} of the file was in memory for {}, {} for {}: a mapped file was read from storage while it was measured",
                                    percent_text(after), a_name, percent_text(after_there), b_name));
  if (same_pages_asked(asked, b.spec.config) && differ(huge_share(a.provenance), huge_share(b.provenance)))
    sentences.push_back(fmt::format("{} of the memory lay in huge pages for {}, {} for {}, and no setting of theirs asked for it",
                                    percent_text(huge_share(a.provenance)), a_name, percent_text(huge_share(b.provenance)), b_name));
  const std::vector<double> nodes = node_shares(here), nodes_there = node_shares(there);
  if (same_nodes_asked(asked, b.spec.config) && nodes_differ(nodes, nodes_there))
    sentences.push_back(fmt::format("the memory lay on the NUMA nodes as {} for {}, {} for {}", nodes_text(nodes), a_name, nodes_text(nodes_there), b_name));
  for (const auto& [places, name] : {std::pair{&here, a_name}, std::pair{&there, b_name}})
    if (swapped_bytes(*places) > kSwap_bytes)
      sentences.push_back(fmt::format("{} went to swap while {} ran", bytes_text(static_cast<double>(swapped_bytes(*places))), name));
  return sentences;
}

}  // namespace oldiron
