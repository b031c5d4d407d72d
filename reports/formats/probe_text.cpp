// The screen of `oldiron probe`: the machine's card, and its read bandwidth over threads.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "core/text.hpp"
#include "reports/layout.hpp"
#include "reports/screens.hpp"
#include "reports/sentences.hpp"
#include "reports/svg.hpp"

namespace oldiron::reports {
namespace {

std::string count(std::size_t n, std::string_view what) {
  return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

std::string cores_text(const Machine& m) {
  std::size_t threads = 0;
  for (const Core& core : m.cores) threads += core.cpus.size();
  return fmt::format("{} and {} that this process may use, {}, {}", count(m.cores.size(), "core"),
                     count(threads, "hardware thread"),
                     count(static_cast<std::size_t>(std::max(0, m.packages)), "socket"),
                     count(static_cast<std::size_t>(std::max(0, m.nodes)), "NUMA node"));
}

std::string caches_text(const Machine& m) {
  std::string text;
  for (const Cache& c : m.caches)
    text +=
        fmt::format("{}{}", text.empty() ? "" : ", ",
                    glued(fmt::format("L{} {}{}", c.level, bytes_text(static_cast<double>(c.bytes)),
                                      c.instances > 1 ? fmt::format(" x {}", c.instances) : std::string())));
  return text.empty() ? "not available: the system does not tell" : text;
}

std::string modules_text(const Machine& m) {
  if (!m.modules) {
    // On a virtual machine there is no table, and root would not help.
    const bool root_helps = m.modules.reason().find("root") != std::string::npos;
    return "modules not available: " + one_line(m.modules.reason()) +
           (root_helps ? "; " + glued("`sudo oldiron facts`") + " reads them once for all" : "");
  }
  std::string text = fmt::format("{} of {} slots hold {}, {:.0f} MT/s", m.modules->populated, m.modules->slots,
                                 one_line(m.modules->type), m.modules->transfers_per_s / 1e6);
  if (m.modules->rated_transfers_per_s > m.modules->transfers_per_s)
    text += fmt::format(" (rated {:.0f})", m.modules->rated_transfers_per_s / 1e6);
  if (m.modules->bytes_per_s == 0) return text + "; its labels name no channels";
  if (m.modules->channels > 0)
    text += fmt::format(", {} of {} channels", m.modules->channels, m.modules->all_channels);
  text += ", " + bytes_per_s_text(m.modules->bytes_per_s) + " on paper";
  if (m.modules->full_bytes_per_s > m.modules->bytes_per_s)
    text += fmt::format("; {} with all channels filled", bytes_per_s_text(m.modules->full_bytes_per_s));
  return text;
}

std::string now_text(const ProbeScreen& s) {
  const MachineState& state = s.state;
  std::string text =
      fmt::format("{} of memory free, load {:.2f}, other processes use {:.2f} CPUs, {} stolen by the host",
                  bytes_text(static_cast<double>(state.memory_available_bytes)), state.load_1min,
                  state.other_cpu_fraction, percent_text(state.steal_fraction));
  if (state.cpu_quota > 0) text += fmt::format("; a cgroup allows {:g} CPUs", state.cpu_quota);
  if (state.cgroup_memory_free_bytes >= 0)
    text +=
        fmt::format("; a cgroup leaves {}", bytes_text(static_cast<double>(state.cgroup_memory_free_bytes)));
  return text +
         fmt::format("; a load may take {}", bytes_text(static_cast<double>(usable_memory_bytes(state))));
}

std::string card(const ProbeScreen& s) {
  const Machine& m = s.machine;
  std::string out =
      labelled("CPU", cpu_text(m) + (m.hypervisor.empty() ? "" : ", under " + one_line(m.hypervisor)));
  out += labelled("cores", cores_text(m));
  out += labelled("caches", caches_text(m));
  std::string isas;
  for (const std::string& isa : m.isas) isas += (isas.empty() ? "" : ", ") + one_line(isa);
  out += labelled("kernels", isas.empty() ? "not available: no instruction set of ours runs here"
                                          : isas + " (each ran here)");
  out += labelled("memory", bytes_text(static_cast<double>(m.memory_bytes)));
  out += labelled("", modules_text(m));
  out += labelled("system", m.kernel.empty() ? "not available: uname did not answer" : one_line(m.kernel));
  return out + labelled("now", now_text(s)) + facts_summary(s.facts);
}

/// Bars from zero to a round end; solid to the low end of the interval, shaded to its high end.
std::string plot(const Profile& profile) {
  constexpr int kBar = 36, kName = 13;
  double most = 0;
  for (const BandwidthPoint& p : profile.read)
    most = std::max({most, p.bytes_per_s.high, p.bytes_per_s.median});
  const double end = round_ticks(most, 4).back();
  std::string out =
      "  " + left("reads", kName) + "0" + right(bytes_per_s_text(end), kBar - 1) + "    95 % interval\n";
  for (const BandwidthPoint& p : profile.read) {
    const Measurement& m = p.bytes_per_s;
    std::string line = "  " + left(count(static_cast<std::size_t>(std::max(0, p.threads)), "thread"), kName);
    line += left(interval_bar(m.low / end, m.high / end, kBar), kBar) + right(bytes_per_s_text(m.median), 11);
    std::string low = bytes_per_s_text(m.low);
    // One unit for both ends, if they have the same.
    const std::string high = bytes_per_s_text(m.high);
    if (low.substr(low.find(' ')) == high.substr(high.find(' '))) low = low.substr(0, low.find(' '));
    out += line + "  " + low + " .. " + high.substr(0, high.find(' ')) + "\n";
  }
  return out;
}

std::string verdict(const Profile& profile) {
  if (profile.read.size() < 2)
    return "  One thread count only: whether memory or the core is the limit cannot be told.\n";
  const BandwidthPoint& last = profile.read.back();
  const auto before = std::find_if(profile.read.rbegin() + 1, profile.read.rend(),
                                   [&](const BandwidthPoint& p) { return p.threads * 2 <= last.threads; });
  const BandwidthPoint& half = before == profile.read.rend() ? profile.read.front() : *before;
  std::string text = fmt::format("{} threads read {:.2f} times what {} can", last.threads,
                                 last.bytes_per_s.median / half.bytes_per_s.median,
                                 half.threads == 1 ? "one" : std::to_string(half.threads));
  text += profile.read_saturated
              ? ": this is the memory wall. No decode is faster than this over the bytes of a token."
              : ": still rising. The limit here is per-core memory parallelism, not the memory itself.";
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
  std::string text =
      fmt::format("{}, {}, {}", one_line(p.isa), prefetch_text(p.prefetch_bytes), page_kind_text(p.page_size));
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

/// One row per instruction: a core, and all of them at once.
std::string computes(const Profile& profile) {
  if (profile.compute.empty()) return labelled("computes", "not available: no peak was measured");
  std::vector<const ComputePeak*> rows;
  int most = 1;
  for (const ComputePeak& peak : profile.compute) {
    most = std::max(most, peak.threads);
    if (peak.threads == 1) rows.push_back(&peak);
  }
  std::string out = "  " + left("computes", 13) + left("", 25) + right("1 thread", 11);
  out += (most > 1 ? right(count(static_cast<std::size_t>(most), "thread"), 12) : "") + "   a core\n";
  for (const ComputePeak* one : rows) {
    const auto all = std::find_if(profile.compute.begin(), profile.compute.end(), [&](const ComputePeak& p) {
      return p.threads == most && p.isa == one->isa && p.type == one->type;
    });
    std::string line = "  " + left(to_string(one->type), 13) + left(fit(one_line(one->isa), 12), 13) +
                       left(fit(one_line(one->instruction), 12), 13) +
                       right(ops_per_s_text(one->ops_per_s.median), 11);
    if (most > 1)
      line += right(all == profile.compute.end() ? "-" : ops_per_s_text(all->ops_per_s.median), 12);
    out += line + fmt::format("   {:.3g} x {:.2f} GHz\n", one->per_cycle, one->clock_hz / 1e9);
  }
  return out;
}

/// What the figures above must be read with.
std::string notes(const Profile& profile) {
  std::string out;
  const auto note = [&](const std::string& what, const std::vector<std::string>& tags) {
    for (const std::string& tag : tags) out += labelled("note", what + ": " + one_line(tag));
  };
  for (const ComputePeak& p : profile.compute)
    note(fmt::format("{} with {}", one_line(p.instruction),
                     count(static_cast<std::size_t>(p.threads), "thread")),
         p.ops_per_s.tags);
  for (const BandwidthPoint& p : profile.read)
    note(count(static_cast<std::size_t>(p.threads), "thread"), p.bytes_per_s.tags);
  std::size_t noisy = 0;
  for (const LatencyPoint& p : profile.abilities.latency) noisy += p.s.tags.empty() ? 0 : 1;
  for (const LoadedLatencyPoint& p : profile.abilities.loaded_latency) noisy += p.s.tags.empty() ? 0 : 1;
  if (noisy > 0)
    out += labelled("note", fmt::format("{} of {} latencies were measured in noise; --json says in which", noisy,
                                        profile.abilities.latency.size() + profile.abilities.loaded_latency.size()));
  return out;
}

}  // namespace

std::string probe_text(const ProbeScreen& screen) {
  std::string out = card(screen) + "\n" + computes(screen.profile) + "\n";
  if (screen.profile.read.empty())
    return out + labelled("reads", "not available: the bandwidth was not measured");
  out += plot(screen.profile) + ways(screen.profile) + "\n" + verdict(screen.profile);
  if (!screen.profile.abilities.latency.empty()) out += "\n" + abilities_text(screen.profile.abilities);
  return out + notes(screen.profile);
}

}  // namespace oldiron::reports
