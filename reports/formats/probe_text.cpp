// The screen of `oldiron probe`: the machine's card, and what it can do.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/text.hpp"
#include "reports/layout.hpp"
#include "reports/noise_words.hpp"
#include "reports/probe_findings.hpp"
#include "reports/probe_sections.hpp"
#include "reports/probe_words.hpp"
#include "reports/screens.hpp"
#include "reports/sentences.hpp"

namespace oldiron::reports {
namespace {

std::string cores_text(const Machine& m) {
  std::size_t threads = 0;
  for (const Core& core : m.cores) threads += core.cpus.size();
  return fmt::format("{} and {} that this process may use, {}, {}", count_text(m.cores.size(), "core"),
                     count_text(threads, "hardware thread"),
                     count_text(static_cast<std::size_t>(std::max(0, m.packages)), "socket"),
                     count_text(static_cast<std::size_t>(std::max(0, m.nodes)), "NUMA node"));
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
  out += (most > 1 ? right(count_text(static_cast<std::size_t>(most), "thread"), 12) : "") + "   a core\n";
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

std::string notes(const Profile& profile) {
  constexpr int kLabel = 13;
  std::string out;
  for (const std::string& line : noise_lines(profile, kScreenColumns - 2 - kLabel)) out += labelled("note", line, kLabel);
  return out.empty() ? "" : "\n" + out;
}

std::string roofline(const ProbeScreen& s) {
  if (best_read(s.profile) == nullptr || decisive_peak(s.profile) == nullptr) return "";
  return labelled("roofline", roofline_finding(s.profile, s.model ? &*s.model : nullptr));
}

}  // namespace

std::string probe_text(const ProbeScreen& screen) {
  const Abilities& abilities = screen.profile.abilities;
  std::string out = card(screen) + "\n" + computes(screen.profile) + roofline(screen);
  for (const std::string& part : {reads_text(screen.machine, screen.profile), streams_text(abilities), nodes_text(abilities), abilities_text(abilities)})
    if (!part.empty()) out += "\n" + part;
  return out + notes(screen.profile);
}

}  // namespace oldiron::reports
