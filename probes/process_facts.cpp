#include "probes/process_facts.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>

#include "core/clock.hpp"
#include "core/text.hpp"
#include "probes/files.hpp"

namespace oldiron {
namespace {

constexpr double kBusyThread = 0.1;

/// The fields of /proc/N/stat behind the name, which may hold blanks and brackets; [0] is the state (proc(5), field 3).
std::vector<std::int64_t> stat_fields(const std::string& text) {
  std::vector<std::int64_t> fields;
  const std::size_t end = text.rfind(')');
  if (end == text.npos) return fields;
  for (const std::string_view word : split(trim(std::string_view(text).substr(end + 1)), ' '))
    fields.push_back(parse_number(word).value_or(0));
  return fields;
}

constexpr std::size_t kMajorFaults = 9, kUserTicks = 11, kSystemTicks = 12;  // fields 12, 14, 15

double cpu_s(const std::string& text) {
  const auto fields = stat_fields(text);
  if (fields.size() <= kSystemTicks) return 0;
  return static_cast<double>(fields[kUserTicks] + fields[kSystemTicks]) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::int64_t major_faults(const std::string& text) {
  const auto fields = stat_fields(text);
  return fields.size() > kMajorFaults ? fields[kMajorFaults] : 0;
}

struct Snapshot {
  double time_s = 0;
  std::int64_t major_faults = 0;
  std::map<int, double> cpu_s;  ///< by thread
};

Snapshot look(const std::string& folder) {
  Snapshot snapshot;
  snapshot.time_s = now_s();
  snapshot.major_faults = major_faults(read_text(folder + "/stat").value_or(""));
  for (const std::string& name : list_names(folder + "/task"))
    if (const auto id = parse_number(name))
      snapshot.cpu_s[static_cast<int>(*id)] = cpu_s(read_text(folder + "/task/" + name + "/stat").value_or(""));
  return snapshot;
}

std::string denied(const std::string& path, int pid) {
  return fmt::format("{} is for its owner and root: sudo oldiron doctor --pid {}", path, pid);
}

/// Sums over all mappings of /proc/N/smaps; the largest mapped file, whose parts count together.
void read_smaps(const std::string& text, ProcessFacts& facts) {
  std::int64_t huge_bytes = 0;
  std::map<std::string, MappedFile> files;
  MappedFile* file = nullptr;
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t path = line.find('/');
    const bool header = line.find('-') != line.npos && line.find('-') < line.find(' ');
    if (header) {
      file = path == line.npos ? nullptr : &files[std::string(trim(line.substr(path)))];
      continue;
    }
    const std::string_view key = line.substr(0, line.find(':'));
    const std::int64_t bytes = parse_number(line.substr(std::min(line.size(), key.size() + 1))).value_or(0) * kKiB;
    if (key == "AnonHugePages" || key == "ShmemPmdMapped" || key == "FilePmdMapped" || key == "Private_Hugetlb" ||
        key == "Shared_Hugetlb")
      huge_bytes += bytes;
    if (file != nullptr && key == "Size") file->bytes += bytes;
    if (file != nullptr && key == "Rss") file->resident_bytes += bytes;
  }
  facts.huge_page_bytes = huge_bytes;
  MappedFile largest;
  for (auto& [name, mapped] : files) {
    mapped.path = name;
    if (mapped.bytes > largest.bytes) largest = mapped;
  }
  if (largest.bytes > 0)
    facts.model = largest;
  else
    facts.model = Available<MappedFile>::not_available("it has mapped no file");
}

/// Of /proc/N/numa_maps: words "N0=123" count pages of "kernelpagesize_kB=4", behind an address and its policy.
void read_numa_maps(const std::string& text, ProcessFacts& facts) {
  std::vector<std::int64_t> bytes;
  std::map<std::string, std::int64_t> bytes_of_policy;
  for (const std::string_view line : split(text, '\n')) {
    std::map<std::size_t, std::int64_t> pages;
    std::int64_t page_bytes = 4 * kKiB;
    const std::vector<std::string_view> words = split(line, ' ');
    const std::string policy(words.size() > 1 ? words[1] : "");
    for (const std::string_view word : words) {
      const std::size_t equals = word.find('=');
      if (equals == word.npos) continue;
      const auto count = parse_number(word.substr(equals + 1));
      const auto node = word.starts_with('N') ? parse_number(word.substr(1, equals - 1)) : std::nullopt;
      if (node && count) pages[static_cast<std::size_t>(*node)] = *count;
      if (word.starts_with("kernelpagesize_kB")) page_bytes = count.value_or(4) * kKiB;
    }
    for (const auto& [node, count] : pages) {
      if (bytes.size() <= node) bytes.resize(node + 1);
      bytes[node] += count * page_bytes;
      bytes_of_policy[policy] += count * page_bytes;
    }
  }
  facts.node_bytes = std::move(bytes);
  const auto most = std::max_element(bytes_of_policy.begin(), bytes_of_policy.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most != bytes_of_policy.end()) facts.memory_policy = most->first;
}

}  // namespace

double ProcessFacts::busy() const {
  double sum = 0;
  for (const ProcessThread& thread : threads) sum += thread.busy;
  return sum;
}

int ProcessFacts::busy_threads() const {
  return static_cast<int>(
      std::count_if(threads.begin(), threads.end(), [](const ProcessThread& t) { return t.busy >= kBusyThread; }));
}

ProcessFacts read_process(int pid, const std::string& root, double watch_s) {
  const std::string own = fmt::format("/proc/{}", pid);
  const std::string folder = below(root, own);
  const auto status = read_text(folder + "/status");
  if (!status) throw Error(fmt::format("--pid {}: there is no such process; `pgrep -l ollama` lists numbers", pid));
  const auto kib = [&](const char* key) { return number_after(*status, key).value_or(0) * kKiB; };
  ProcessFacts facts{.pid = pid, .name = line_after(*status, "Name")};
  facts.resident_bytes = kib("VmRSS");
  facts.swapped_bytes = kib("VmSwap");
  facts.locked_bytes = kib("VmLck");
  facts.anonymous_bytes = kib("RssAnon");
  const Snapshot before = look(folder);
  if (watch_s > 0) std::this_thread::sleep_for(std::chrono::duration<double>(watch_s));
  const Snapshot after = look(folder);
  facts.major_faults = after.major_faults;
  facts.watched_s = watch_s > 0 ? after.time_s - before.time_s : 0;
  const double per_s = facts.watched_s > 0 ? 1 / facts.watched_s : 0;
  facts.major_faults_per_s = static_cast<double>(after.major_faults - before.major_faults) * per_s;
  for (const auto& [id, cpu_s] : after.cpu_s) {
    ProcessThread thread{.id = id};
    const auto thread_status = read_text(fmt::format("{}/task/{}/status", folder, id)).value_or("");
    thread.cpus = parse_cpu_list(line_after(thread_status, "Cpus_allowed_list"));
    if (const auto earlier = before.cpu_s.find(id); earlier != before.cpu_s.end())
      thread.busy = (cpu_s - earlier->second) * per_s;
    facts.threads.push_back(thread);
  }
  const auto text_of = [&](const char* file) { return read_text(folder + file).value_or(""); };
  facts.huge_page_bytes = Available<std::int64_t>::not_available(denied(own + "/smaps", pid));
  facts.model = Available<MappedFile>::not_available(denied(own + "/smaps", pid));
  if (const std::string smaps = text_of("/smaps"); !smaps.empty()) read_smaps(smaps, facts);
  const bool has_nodes = access((folder + "/numa_maps").c_str(), F_OK) == 0;
  facts.node_bytes = Available<std::vector<std::int64_t>>::not_available(
      has_nodes ? denied(own + "/numa_maps", pid) : "this kernel has no NUMA");
  if (const std::string maps = text_of("/numa_maps"); !maps.empty()) read_numa_maps(maps, facts);
  return facts;
}

}  // namespace oldiron
