// Huge pages, NUMA, swap and what else holds memory.
#include <fmt/format.h>

#include "core/text.hpp"
#include "probes/fact_reader.hpp"
#include "probes/files.hpp"

namespace oldiron {
namespace {

using Text = Fact<std::string>;
using Number = Fact<std::int64_t>;

Text choice(const FactReader& reader, const std::string& path) {
  const Text text = reader.text(path);
  if (!text) return text;
  const std::string word = chosen(*text);
  return word.empty() ? Text::unknown(reader.why_not(path)) : Text::known(word, path);
}

/// "10 21 / 21 10".
Text read_distances(const FactReader& reader) {
  const std::string folder = "/sys/devices/system/node";
  std::string text;
  for (const int node : parse_cpu_list(read_text(below(reader.root(), folder + "/online")).value_or(""))) {
    const auto row = reader.text(fmt::format("{}/node{}/distance", folder, node));
    if (!row) return row;
    text += (text.empty() ? "" : " / ") + *row;
  }
  return text.empty() ? Text::unknown(reader.why_not(folder + "/online")) : Text::known(text, folder + "/node*/distance");
}

void read_swap(const FactReader& reader, Facts& facts) {
  const std::string memory = read_text(below(reader.root(), "/proc/meminfo")).value_or("");
  const auto total = number_after(memory, "SwapTotal"), free = number_after(memory, "SwapFree");
  if (total && free) {
    facts.swap_bytes = Number::known(*total * kKiB, "/proc/meminfo");
    facts.swap_used_bytes = Number::known((*total - *free) * kKiB, "/proc/meminfo");
  } else {
    facts.swap_bytes = facts.swap_used_bytes = Number::unknown(reader.why_not("/proc/meminfo"));
  }
  const auto swaps = read_text(below(reader.root(), "/proc/swaps"));
  facts.zram_bytes = swaps ? Number::known(0, "/proc/swaps") : Number::unknown(reader.why_not("/proc/swaps"));
  for (const std::string_view line : split(swaps.value_or(""), '\n')) {
    if (!line.starts_with("/dev/zram")) continue;
    // Name, type, size in KiB, used, priority; blanks and tabs between.
    std::string_view rest = line;
    for (int column = 0; column < 2; ++column) {
      rest = rest.substr(std::min(rest.size(), rest.find_first_of(" \t")));
      rest = trim(rest);
    }
    *facts.zram_bytes.value += parse_number(rest).value_or(0) * kKiB;
  }
}

/// The ARC gives memory back slowly, and MemAvailable does not count it as free.
Number read_arc(const FactReader& reader) {
  const char* path = "/proc/spl/kstat/zfs/arcstats";
  const auto stats = read_text(below(reader.root(), path));
  if (!stats) return Number::known(0, "ZFS is not loaded");
  const std::string row = line_after(*stats, "size");  // its type, then its value
  const auto size = parse_number(std::string_view(row).substr(std::min(row.size(), row.find(' '))));
  return size ? Number::known(*size, path) : Number::unknown(reader.why_not(path));
}

}  // namespace

void read_memory_facts(const FactReader& reader, Facts& facts) {
  const std::string pages = "/sys/kernel/mm/hugepages/hugepages-";
  facts.transparent_huge_pages = choice(reader, "/sys/kernel/mm/transparent_hugepage/enabled");
  facts.huge_page_defrag = choice(reader, "/sys/kernel/mm/transparent_hugepage/defrag");
  facts.huge_pages = reader.number(pages + "2048kB/nr_hugepages");
  facts.huge_pages_free = reader.number(pages + "2048kB/free_hugepages");
  facts.giant_pages = reader.number(pages + "1048576kB/nr_hugepages");
  facts.numa_balancing = reader.number("/proc/sys/kernel/numa_balancing");
  facts.zone_reclaim = reader.number("/proc/sys/vm/zone_reclaim_mode");
  facts.node_distances = read_distances(reader);
  read_swap(reader, facts);
  facts.zswap = reader.flag("/sys/module/zswap/parameters/enabled");
  facts.swappiness = reader.number("/proc/sys/vm/swappiness");
  facts.arc_bytes = read_arc(reader);
  facts.same_page_merging = reader.flag("/sys/kernel/mm/ksm/run");
}

}  // namespace oldiron
