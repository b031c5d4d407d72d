// The part of `oldiron probe` that tells what memory gives: reading over threads, storing, and between NUMA
// nodes.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "core/text.hpp"
#include "reports/layout.hpp"
#include "reports/probe_sections.hpp"
#include "reports/probe_words.hpp"
#include "reports/svg_scale.hpp"

namespace oldiron::reports {
namespace {

constexpr int kRateColumns = 13;

/// A line from zero, with an end that shows where it ends: what is not measured is no block.
std::string outline(double fraction, int width) {
  const int end = std::clamp(static_cast<int>(fraction * width + 0.5), 1, width);
  std::string out;
  for (int i = 1; i < end; ++i) out += "─";
  return out + "┤";
}

std::string paper_rows(const Machine& machine, double end, int width) {
  if (!machine.modules || machine.modules->bytes_per_s <= 0) return "";
  const auto row = [&](const char* name, double rate, const std::string& of) {
    return "  " + left(name, kRateColumns) + left(outline(rate / end, width), width) +
           right(bytes_per_s_text(rate), 11) + of + "\n";
  };
  const MemoryModules& modules = *machine.modules;
  std::string out = row(
      "on paper", modules.bytes_per_s,
      modules.channels > 0 ? fmt::format("  {} of {} chan.", modules.channels, modules.all_channels) : "");
  if (modules.full_bytes_per_s > modules.bytes_per_s) out += row("all filled", modules.full_bytes_per_s, "");
  return out;
}

/// Bars from zero to a round end; solid to the low end of the interval, shaded to its high end.
std::string plot(const Machine& machine, const Profile& profile) {
  constexpr int kBar = 36;
  double most = 0;
  for (const BandwidthPoint& p : profile.read)
    most = std::max({most, p.bytes_per_s.high, p.bytes_per_s.median});
  if (machine.modules)
    most = std::max({most, machine.modules->bytes_per_s, machine.modules->full_bytes_per_s});
  const double end = round_ticks(most, 4).back();
  std::string out =
      "  " + left("reads", kRateColumns) + "0" + right(bytes_per_s_text(end), kBar - 1) + "    95 % interval\n";
  const auto in_noise = [](const BandwidthPoint& p) { return is_noisy(p.bytes_per_s); };
  const bool all_noisy = std::all_of(profile.read.begin(), profile.read.end(), in_noise);
  const bool noisy = std::any_of(profile.read.begin(), profile.read.end(), in_noise);
  for (const BandwidthPoint& p : profile.read) {
    const Measurement& m = p.bytes_per_s;
    std::string line = "  " + left(threads_text(p.threads), kRateColumns);
    line += left(interval_bar(m.low / end, m.high / end, kBar), kBar) + right(bytes_per_s_text(m.median), 11);
    std::string low = bytes_per_s_text(m.low);
    // One unit for both ends, if they have the same.
    const std::string high = bytes_per_s_text(m.high);
    if (low.substr(low.find(' ')) == high.substr(high.find(' '))) low = low.substr(0, low.find(' '));
    out += line + "  " + low + " .. " + high.substr(0, high.find(' ')) +
           (in_noise(p) && !all_noisy ? " ~" : "") + "\n";
  }
  out += paper_rows(machine, end, kBar);
  if (!noisy) return out;
  return out + "  " + left("", kRateColumns) + (all_noisy ? "all measured in noise\n" : "~ measured in noise\n");
}

// As Profile::read_saturated has it.
constexpr double kRising = 1.15;

std::string verdict(const Profile& profile) {
  if (profile.read.size() < 2)
    return "  One thread count only: whether memory or the core is the limit cannot be told.\n";
  const BandwidthPoint& last = profile.read.back();
  const auto before = std::find_if(profile.read.rbegin() + 1, profile.read.rend(),
                                   [&](const BandwidthPoint& p) { return p.threads * 2 <= last.threads; });
  const BandwidthPoint& half = before == profile.read.rend() ? profile.read.front() : *before;
  const double gain = last.bytes_per_s.median / half.bytes_per_s.median;
  std::string text = fmt::format("{} threads read {:.2f} times what {} can", last.threads, gain,
                                 half.threads == 1 ? "one" : std::to_string(half.threads));
  text += profile.read_saturated ? ": this is the memory wall. No decode is faster than this over the bytes of a token."
          : gain >= kRising      ? ": still rising. The limit here is per-core memory parallelism, not the memory itself."
                                 : ": whether that is the memory wall cannot be told in this noise; look again when it is quiet.";
  std::string out;
  for (const std::string& line : wrap(text, kScreenColumns - 2)) out += "  " + line + "\n";
  return out;
}

std::string prefetch_text(std::int64_t bytes) {
  return bytes == 0 ? "no prefetch" : fmt::format("prefetch {} B ahead", bytes);
}

std::string page_kind_text(const std::string& page_size) {
  if (page_size == "small") return "4 KiB pages";
  if (page_size == "huge") return "2 MiB pages";
  return page_size.empty() ? "pages not told" : one_line(page_size) + " huge pages";
}

/// How the largest thread count read fastest, and the best that each other choice gave.
std::string ways(const Profile& profile) {
  const BandwidthPoint& p = profile.read.back();
  if (p.tried.empty()) return "";
  std::string text = fmt::format("{}, {}, {}", one_line(p.isa), prefetch_text(p.prefetch_bytes),
                                 page_kind_text(p.page_size));
  if (p.page_size == "transparent" && p.huge_page_bytes >= 0)
    text += fmt::format(" ({} of {} obtained)", bytes_text(static_cast<double>(p.huge_page_bytes)),
                        bytes_text(static_cast<double>(p.buffer_bytes)));
  std::vector<std::pair<std::string, double>> others;
  const auto add = [&](const std::string& name, double rate) {
    for (auto& [known, best] : others)
      if (known == name) {
        best = std::max(best, rate);
        return;
      }
    others.emplace_back(name, rate);
  };
  for (const ReadWay& way : p.tried) {
    if (way.bytes_per_s <= 0) continue;
    if (way.isa != p.isa) add(one_line(way.isa), way.bytes_per_s);
    if (way.prefetch_bytes != p.prefetch_bytes) add(prefetch_text(way.prefetch_bytes), way.bytes_per_s);
    if (way.page_size != p.page_size) add(page_kind_text(way.page_size), way.bytes_per_s);
  }
  // Of pages that were not tried at all, the reason without the advice.
  std::map<std::string, std::string> missing;
  for (const ReadWay& way : p.tried)
    if (way.bytes_per_s <= 0) missing.emplace(way.page_size, way.reason.substr(0, way.reason.find(';')));
  for (const ReadWay& way : p.tried)
    if (way.bytes_per_s > 0) missing.erase(way.page_size);
  std::string told;
  for (const auto& [name, rate] : others)
    told += (told.empty() ? "; at best " : ", ") + bytes_per_s_text(rate) + " with " + name;
  text += told;
  for (const auto& [pages, reason] : missing)
    text += fmt::format("; {} not tried: {}", page_kind_text(pages), one_line(reason));
  return labelled("fastest", text);
}

/// At most `most` of them: the last, and the others from it by halves, as far as they were measured.
std::vector<int> shown_threads(const std::vector<StreamRow>& rows, std::size_t most) {
  std::set<int> counts;
  for (const StreamRow& row : rows)
    for (const StreamPoint* p : row.points) counts.insert(p->threads);
  while (counts.size() > most) {
    // The one nearest to the next above it, in proportion, is missed least.
    auto least = std::next(counts.begin());
    double ratio = 1e9;
    for (auto at = std::next(counts.begin()); std::next(at) != counts.end(); ++at)
      if (const double here = static_cast<double>(*std::next(at)) / *at; here < ratio) {
        ratio = here;
        least = at;
      }
    counts.erase(least);
  }
  return {counts.begin(), counts.end()};
}

/// One value per pair of nodes, rows the cores.
using Matrix = std::map<std::pair<int, int>, std::string>;

std::string matrix_text(const char* unit, const Matrix& cells, const std::set<int>& cpu_nodes,
                        const std::vector<int>& memory_nodes) {
  constexpr int kCell = 8;
  std::string out = "  " + left(unit, kRateColumns);
  for (const int memory : memory_nodes) out += right(fmt::format("mem {}", memory), kCell);
  out += "\n";
  for (const int cpu : cpu_nodes) {
    out += "  " + left(fmt::format("cores {}", cpu), kRateColumns);
    for (const int memory : memory_nodes) {
      const auto cell = cells.find({cpu, memory});
      out += right(cell == cells.end() ? "- " : cell->second, kCell);
    }
    out.erase(out.find_last_not_of(' ') + 1);
    out += "\n";
  }
  return out;
}

}  // namespace

std::string reads_text(const Machine& machine, const Profile& profile) {
  if (profile.read.empty()) return labelled("reads", "not available: the bandwidth was not measured");
  return plot(machine, profile) + ways(profile) + "\n" + verdict(profile);
}

std::string streams_text(const Abilities& abilities) {
  constexpr int kCell = 9;
  const std::vector<StreamRow> rows = stream_rows(abilities);
  if (rows.empty()) return "";
  const std::vector<int> threads = shown_threads(rows, 5);
  std::string out = "  " + left("stores, GB/s", kRateColumns);
  for (const int n : threads)
    out += right(n == threads.front() ? threads_text(n) : std::to_string(n), kCell) + " ";
  out += "  memory moves\n";
  for (const StreamRow& row : rows) {
    std::string line = "  " + left(fit(one_line(row.name()), kRateColumns - 1), kRateColumns);
    for (const int n : threads) {
      const auto at = std::find_if(row.points.begin(), row.points.end(),
                                   [&](const StreamPoint* p) { return p->threads == n; });
      const std::string value = at == row.points.end() ? "-"
                                                       : rate_text((*at)->bytes_per_s.median / 1e9) +
                                                             (is_noisy((*at)->bytes_per_s) ? "~" : " ");
      line += right(value, kCell + 1);
    }
    out +=
        line + (row.moved > 1 ? fmt::format("  {:.3g} x that", row.moved) : std::string("  the same")) + "\n";
  }
  return out + labelled("", fmt::format("with {}, counted as the program moves them; a store into the caches "
                                        "reads its line from memory "
                                        "first, one past them does not",
                                        one_line(isas_text(rows))));
}

std::string nodes_text(const Abilities& abilities) {
  constexpr std::size_t kColumns = 8;
  if (abilities.node_pairs.empty()) return "";
  Matrix rates, waits;
  std::set<int> cpu_nodes, memory_nodes;
  for (const NodePair& p : abilities.node_pairs) {
    cpu_nodes.insert(p.cpu_node);
    memory_nodes.insert(p.memory_node);
    rates[{p.cpu_node, p.memory_node}] =
        rate_text(p.bytes_per_s.median / 1e9) + (is_noisy(p.bytes_per_s) ? "~" : " ");
    waits[{p.cpu_node, p.memory_node}] = rate_text(p.s.median * 1e9) + (is_noisy(p.s) ? "~" : " ");
  }
  const std::vector<int> all(memory_nodes.begin(), memory_nodes.end());
  std::string out = "  NUMA: a node's cores on a node's memory\n";
  for (std::size_t from = 0; from < all.size(); from += kColumns) {
    const std::vector<int> part(
        all.begin() + static_cast<std::ptrdiff_t>(from),
        all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), from + kColumns)));
    out += matrix_text("GB/s", rates, cpu_nodes, part) + matrix_text("ns a load", waits, cpu_nodes, part);
  }
  return out;
}

}  // namespace oldiron::reports
