// Modules, pages, swap and what else takes memory.
#include <fmt/format.h>

#include <algorithm>

#include "core/text.hpp"
#include "probes/doctor/doctor.hpp"

namespace oldiron {
namespace {

constexpr std::int64_t kHugePage_bytes = 2 << 20;

RuleVerdict modules(const Patient& p) {
  const auto& modules = p.machine.modules;
  if (modules) return fine();
  if (modules.reason().find("only root") == std::string::npos) return {.finding = {}, .unknown = modules.reason()};
  return {.finding = Finding{.id = "modules_not_read",
                             .what = "which memory modules there are is not known",
                             .why = "without them nobody can say what the memory should deliver; no speed is lost",
                             .stake = {.basis = StakeBasis::nothing},
                             .weight = 1,
                             .fix = "sudo oldiron facts",
                             .undo = "sudo rm /var/lib/oldiron/facts.json"}};
}

RuleVerdict channels(const Patient& p) {
  const auto& m = p.machine.modules;
  if (!m) return {.finding = {}, .unknown = m.reason()};
  if (m->channels == 0) return {.finding = {}, .unknown = "the slots' labels name no channels"};
  if (m->channels == m->all_channels) return fine();
  std::string empty;
  std::vector<std::string> filled;
  for (const MemoryModule& module : m->table)
    if (module.bytes != 0) filled.push_back(module.channel);
  for (const MemoryModule& module : m->table)
    if (module.bytes == 0 && std::find(filled.begin(), filled.end(), module.channel) == filled.end()) {
      filled.push_back(module.channel);
      empty += (empty.empty() ? "" : ", ") + module.slot;
    }
  const double gain = static_cast<double>(m->all_channels) / m->channels - 1;
  return {.finding = Finding{
              .id = "memory_channels",
              .what = fmt::format("{} of {} memory channels are empty", m->all_channels - m->channels, m->all_channels),
              .why = fmt::format("on paper {} instead of {}; a decode reads its weights through them",
                                 bytes_per_s_text(m->bytes_per_s), bytes_per_s_text(m->full_bytes_per_s)),
              .stake = {.basis = StakeBasis::computed,
                        .low = 0,
                        .high = gain,
                        .how = fmt::format("{} of {} channels, on paper", m->channels, m->all_channels)},
              .place = Place::hardware,
              .fix = fmt::format("put a module like the others into each of: {}", empty),
              .undo = "take them out"}};
}

RuleVerdict module_speed(const Patient& p) {
  constexpr double kSame = 1.02;
  const auto& m = p.machine.modules;
  if (!m) return {.finding = {}, .unknown = m.reason()};
  if (m->rated_transfers_per_s == 0) return {.finding = {}, .unknown = "the firmware does not tell what they are rated for"};
  if (m->rated_transfers_per_s <= m->transfers_per_s * kSame) return fine();
  return {.finding = Finding{
              .id = "module_speed",
              .what = fmt::format("the memory runs at {:.0f} MT/s and is rated for {:.0f}", m->transfers_per_s / 1e6,
                                  m->rated_transfers_per_s / 1e6),
              .why = "the BIOS, the CPU, or several modules in a channel hold it back",
              .stake = {.basis = StakeBasis::computed,
                        .low = 0,
                        .high = m->rated_transfers_per_s / m->transfers_per_s - 1,
                        .how = "on paper; nothing if the CPU cannot run it faster"},
              .place = Place::bios,
              .fix = "BIOS, memory settings: memory frequency to Auto or to the rated speed, power mode to performance",
              .undo = "the setting back"}};
}

/// What a measurement says, if there is one.
Stake huge_page_stake(const Patient& p) {
  if (!p.huge_pages) return {.basis = StakeBasis::unknown, .how = "oldiron doctor --measure tells it"};
  const HugePageEffect& e = *p.huge_pages;
  return {.basis = StakeBasis::measured,
          .low = e.speedup.interval.low - 1,
          .high = e.speedup.interval.high - 1,
          .how = fmt::format("{}: {} tokens/s with 4 KiB pages, {} with huge ones", e.model,
                             rate_text(e.small_tokens_per_s), rate_text(e.transparent_tokens_per_s))};
}

RuleVerdict transparent_huge_pages(const Patient& p) {
  const auto& pages = p.facts.transparent_huge_pages;
  if (!pages) return unknown(pages);
  if (*pages == "always") return fine();
  const std::string path = "/sys/kernel/mm/transparent_hugepage/enabled";
  const bool asked = *pages == "madvise";
  Finding found{.id = "transparent_huge_pages",
                .what = fmt::format("transparent huge pages are {}", asked ? "given to those who ask only (madvise)" : "off"),
                .why = asked ? "an engine that does not ask reads its weights through 4 KiB pages"
                             : "weights are read through 4 KiB pages",
                .stake = huge_page_stake(p),
                .weight = 50,
                .place = kernel_place(p),
                .fix = write_value(p, "always", path),
                .undo = write_value(p, *pages, path),
                .lasting = "the kernel option transparent_hugepage=always"};
  if (asked)
    found.lasting += "; without root, for one engine that reads its model without mmap: "
                     "GLIBC_TUNABLES=glibc.malloc.hugetlb=1 llama-server --no-mmap …";
  return {.finding = found};
}

RuleVerdict idle_huge_pages(const Patient& p) {
  constexpr double kMuch = 0.05;
  const Facts& f = p.facts;
  if (!f.huge_pages_free) return unknown(f.huge_pages_free);
  const std::int64_t idle_bytes = *f.huge_pages_free * kHugePage_bytes;
  if (static_cast<double>(idle_bytes) < kMuch * static_cast<double>(p.machine.memory_bytes) || idle_bytes == 0) return fine();
  return {.finding = Finding{.id = "idle_huge_pages",
                             .what = fmt::format("{} are set aside in 2 MiB pages that nobody uses", bytes(idle_bytes)),
                             .why = "no file cache and no other program can have this memory",
                             .weight = 20,
                             .place = kernel_place(p),
                             .fix = as_root(p, fmt::format("sysctl -w vm.nr_hugepages={}", *f.huge_pages - *f.huge_pages_free)),
                             .undo = as_root(p, fmt::format("sysctl -w vm.nr_hugepages={}", *f.huge_pages)),
                             .lasting = "look for vm.nr_hugepages in /etc/sysctl.d and for hugepages= in the kernel's options"}};
}

RuleVerdict memlock(const Patient& p) {
  const auto& limit = p.facts.memlock_bytes;
  if (!limit) return unknown(limit);
  if (*limit < 0 || *limit >= p.machine.memory_bytes) return fine();
  const std::string file = "/etc/security/limits.d/oldiron.conf";
  return {.finding = Finding{
              .id = "memlock",
              .what = fmt::format("this user may lock {} of memory", bytes(*limit)),
              .why = "--mlock fails, so that the kernel may take a model's pages away when memory is short",
              .weight = 15,
              .place = in_container(p) ? Place::container_host : Place::here,
              .fix = in_container(p) ? "Docker: --ulimit memlock=-1; LXC: lxc.prlimit.memlock = unlimited"
                                     : fmt::format("echo '* - memlock unlimited' | {}; then log in again",
                                                   as_root(p, "tee " + file)),
              .undo = in_container(p) ? "the line taken away again" : as_root(p, "rm " + file),
              .lasting = "of a systemd service instead: LimitMEMLOCK=infinity"}};
}

RuleVerdict swap_used(const Patient& p) {
  constexpr double kMuch = 0.01;
  const Facts& f = p.facts;
  if (!f.swap_used_bytes) return unknown(f.swap_used_bytes);
  if (static_cast<double>(*f.swap_used_bytes) <= kMuch * static_cast<double>(p.machine.memory_bytes)) return fine();
  const bool fits = *f.swap_used_bytes < p.state.memory_available_bytes;
  const std::string off = as_root(p, "swapoff -a"), on = as_root(p, "swapon -a");
  return {.finding = Finding{.id = "swap_used",
                             .what = fmt::format("{} lie in swap{}", bytes(*f.swap_used_bytes),
                                                 f.zram_bytes && *f.zram_bytes > 0 ? ", zram among it" : ""),
                             .why = "what a token needs of it is read back at the speed of a disk, or unpacked",
                             .weight = 70,
                             .place = kernel_place(p),
                             .fix = fits ? fmt::format("{} && {}", off, on)
                                         : "it does not fit into the free memory: stop something first, then " + off + " && " + on,
                             .undo = "none needed: swap is on again"}};
}

RuleVerdict swappiness(const Patient& p) {
  constexpr std::int64_t kEager = 10;
  const Facts& f = p.facts;
  if (!f.swap_bytes) return unknown(f.swap_bytes);
  if (!f.swappiness) return unknown(f.swappiness);
  if (*f.swap_bytes == 0 || *f.swappiness <= kEager) return fine();
  return {.finding = Finding{.id = "swappiness",
                             .what = fmt::format("there is swap, and swappiness is {}", *f.swappiness),
                             .why = "an idle model's memory is swapped out in favour of cached files",
                             .weight = 12,
                             .place = kernel_place(p),
                             .fix = as_root(p, "sysctl -w vm.swappiness=1"),
                             .undo = as_root(p, fmt::format("sysctl -w vm.swappiness={}", *f.swappiness)),
                             .lasting = "vm.swappiness = 1 in a file of /etc/sysctl.d"}};
}

RuleVerdict numa_balancing(const Patient& p) {
  const auto& balancing = p.facts.numa_balancing;
  if (p.machine.nodes < 2) return fine();
  if (!balancing) return unknown(balancing);
  if (*balancing == 0) return fine();
  return {.finding = Finding{.id = "numa_balancing",
                             .what = "the kernel moves pages between NUMA nodes by itself",
                             .why = "it unmaps weights to see who reads them, and moves what all threads read",
                             .weight = 45,
                             .place = kernel_place(p),
                             .fix = as_root(p, "sysctl -w kernel.numa_balancing=0"),
                             .undo = as_root(p, fmt::format("sysctl -w kernel.numa_balancing={}", *balancing)),
                             .lasting = "kernel.numa_balancing = 0 in a file of /etc/sysctl.d"}};
}

RuleVerdict zone_reclaim(const Patient& p) {
  const auto& reclaim = p.facts.zone_reclaim;
  if (p.machine.nodes < 2) return fine();
  if (!reclaim) return unknown(reclaim);
  if (*reclaim == 0) return fine();
  return {.finding = Finding{.id = "zone_reclaim",
                             .what = fmt::format("zone_reclaim_mode is {}", *reclaim),
                             .why = "a full node drops a model's cached pages while the other node has room",
                             .weight = 35,
                             .place = kernel_place(p),
                             .fix = as_root(p, "sysctl -w vm.zone_reclaim_mode=0"),
                             .undo = as_root(p, fmt::format("sysctl -w vm.zone_reclaim_mode={}", *reclaim)),
                             .lasting = "vm.zone_reclaim_mode = 0 in a file of /etc/sysctl.d"}};
}

RuleVerdict arc(const Patient& p) {
  constexpr double kMuch = 0.1;
  const auto& arc = p.facts.arc_bytes;
  if (!arc) return unknown(arc);
  if (static_cast<double>(*arc) < kMuch * static_cast<double>(p.machine.memory_bytes)) return fine();
  const std::string path = "/sys/module/zfs/parameters/zfs_arc_max";
  const std::int64_t keep = p.machine.memory_bytes / 16;
  return {.finding = Finding{.id = "zfs_cache",
                             .what = fmt::format("ZFS holds {} as its cache", bytes(*arc)),
                             .why = "it is not counted as available, and is given back too slowly for a model's load",
                             .weight = 25,
                             .place = kernel_place(p),
                             .fix = write_value(p, std::to_string(keep), path),
                             .undo = write_value(p, "0", path) + "  (0: ZFS's own limit; note what stood there)",
                             .lasting = fmt::format("options zfs zfs_arc_max={} in /etc/modprobe.d/zfs.conf", keep)}};
}

constexpr Rule kMemoryRules[] = {{"memory modules", modules},
                                 {"memory channels", channels},
                                 {"speed of the modules", module_speed},
                                 {"transparent huge pages", transparent_huge_pages},
                                 {"huge pages set aside", idle_huge_pages},
                                 {"limit of locked memory", memlock},
                                 {"use of swap", swap_used},
                                 {"swappiness", swappiness},
                                 {"NUMA balancing", numa_balancing},
                                 {"zone reclaim", zone_reclaim},
                                 {"ZFS cache", arc}};

}  // namespace

std::span<const Rule> memory_rules() { return kMemoryRules; }

}  // namespace oldiron
