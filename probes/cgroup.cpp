#include "probes/cgroup.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include "probes/files.hpp"

namespace oldiron {
namespace {

// Version 1 writes "no limit" as the largest page-aligned 64-bit number; nobody has an exbibyte.
constexpr std::int64_t kNoLimit = std::int64_t{1} << 60;

/// Where one hierarchy is mounted, and the folder of the hierarchy that the mount shows.
struct Mount {
  std::string shown, point;
};

bool has_word(std::string_view list, std::string_view word) {
  const auto words = split(list, ',');
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// The mount of a version 1 controller, or of version 2 for an empty name (proc(5), mountinfo).
std::optional<Mount> find_mount(const std::string& root, std::string_view controller) {
  const std::string mounts = read_text(below(root, "/proc/self/mountinfo")).value_or("");
  for (const std::string_view line : split(mounts, '\n')) {
    const std::size_t dash = line.find(" - ");
    if (dash == line.npos) continue;
    const auto left = split(line.substr(0, dash), ' ');
    const auto right = split(line.substr(dash + 3), ' ');
    if (left.size() < 5 || right.size() < 3) continue;
    const bool match =
        controller.empty() ? right[0] == "cgroup2" : right[0] == "cgroup" && has_word(right[2], controller);
    if (match) return Mount{std::string(left[3]), std::string(left[4])};
  }
  return std::nullopt;
}

/// The path of this process in a hierarchy (cgroups(7), /proc/self/cgroup).
std::string own_path(const std::string& root, std::string_view controller) {
  const std::string groups = read_text(below(root, "/proc/self/cgroup")).value_or("");
  for (const std::string_view line : split(groups, '\n')) {
    const auto parts = split(line, ':');
    if (parts.size() < 3) continue;
    const bool match =
        controller.empty() ? parts[0] == "0" && parts[1].empty() : has_word(parts[1], controller);
    if (match) return std::string(line.substr(parts[0].size() + parts[1].size() + 2));
  }
  return "/";
}

/// This process's group and its parents up to the mount, innermost first.
std::vector<std::string> levels(const std::string& root, std::string_view controller) {
  const std::optional<Mount> mount = find_mount(root, controller);
  if (!mount) return {};
  std::string path = own_path(root, controller);
  // In a container the mount shows a subtree; a path outside it (another cgroup namespace) is the mount
  // itself.
  if (mount->shown != "/") path = path.starts_with(mount->shown) ? path.substr(mount->shown.size()) : "";
  if (path.find("/..") != path.npos) path.clear();
  std::vector<std::string> folders;
  while (true) {
    while (!path.empty() && path.back() == '/') path.pop_back();
    folders.push_back(below(root, mount->point + path));
    if (path.empty()) return folders;
    path.erase(path.rfind('/') == path.npos ? 0 : path.rfind('/'));
  }
}

void lower_to(double& quota, double other) { quota = quota > 0 ? std::min(quota, other) : other; }

void lower_to(std::int64_t& bytes, std::int64_t other) {
  other = std::max<std::int64_t>(0, other);
  bytes = bytes >= 0 ? std::min(bytes, other) : other;
}

std::int64_t file_cache(const std::string& folder, const std::string& prefix) {
  const std::string stat = read_text(folder + "/memory.stat").value_or("");
  return number_after(stat, prefix + "inactive_file").value_or(0) +
         number_after(stat, prefix + "active_file").value_or(0);
}

/// A group that is stopped stops its children, so each level with a quota counts.
void add_throttling(const std::string& folder, const char* key, double unit_s, CgroupLimits& limits) {
  const std::string stat = read_text(folder + "/cpu.stat").value_or("");
  limits.throttled += number_after(stat, "nr_throttled").value_or(0);
  limits.throttled_s += static_cast<double>(number_after(stat, key).value_or(0)) * unit_s;
}

void read_v2(const std::string& root, CgroupLimits& limits) {
  for (const std::string& folder : levels(root, "")) {
    const std::string text =
        read_text(folder + "/cpu.max").value_or("max");  // "150000 100000" or "max 100000"
    const auto words = split(trim(text), ' ');
    const auto quota = parse_number(words[0]);
    const auto period = words.size() == 2 ? parse_number(words[1]) : std::nullopt;
    if (quota && period && *quota > 0 && *period > 0)
      lower_to(limits.cpu_quota, static_cast<double>(*quota) / static_cast<double>(*period));
    add_throttling(folder, "throttled_usec", 1e-6, limits);
    // memory.high does not kill but slows until the group is below it again: for a load it is a limit too.
    for (const char* name : {"/memory.max", "/memory.high"})
      if (const auto limit = read_number(folder + name)) {
        lower_to(limits.memory_limit_bytes, *limit);
        lower_to(limits.memory_free_bytes,
              *limit - read_number(folder + "/memory.current").value_or(0) + file_cache(folder, ""));
      }
  }
}

void read_v1_cpu(const std::string& root, CgroupLimits& limits) {
  for (const std::string& folder : levels(root, "cpu")) {
    const auto quota = read_number(folder + "/cpu.cfs_quota_us");
    const auto period = read_number(folder + "/cpu.cfs_period_us");
    if (quota && period && *quota > 0 && *period > 0)
      lower_to(limits.cpu_quota, static_cast<double>(*quota) / static_cast<double>(*period));
    add_throttling(folder, "throttled_time", 1e-9, limits);
  }
}

void read_v1_memory(const std::string& root, CgroupLimits& limits) {
  for (const std::string& folder : levels(root, "memory")) {
    const std::string stat = read_text(folder + "/memory.stat").value_or("");
    // The hierarchical limit also holds those of parents that a container does not show.
    const std::int64_t limit = std::min(read_number(folder + "/memory.limit_in_bytes").value_or(kNoLimit),
                                        number_after(stat, "hierarchical_memory_limit").value_or(kNoLimit));
    if (limit >= kNoLimit) continue;
    lower_to(limits.memory_limit_bytes, limit);
    lower_to(limits.memory_free_bytes,
          limit - read_number(folder + "/memory.usage_in_bytes").value_or(0) + file_cache(folder, "total_"));
  }
}

}  // namespace

CgroupLimits read_cgroup(const std::string& root) {
  CgroupLimits limits;
  read_v2(root, limits);
  read_v1_cpu(root, limits);
  read_v1_memory(root, limits);
  return limits;
}

}  // namespace oldiron
