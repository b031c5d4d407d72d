#include "probes/anonymise.hpp"

#include <algorithm>
#include <functional>
#include <regex>
#include <set>
#include <string_view>

#include "core/text.hpp"
#include "probes/facts.hpp"
#include "probes/files.hpp"

namespace oldiron {
namespace {

using Files = std::map<std::string, std::string>;

std::string kept_lines(const std::string& text, const std::function<bool(std::string_view)>& keep) {
  std::string kept;
  for (const std::string_view line : split(text, '\n'))
    if (!line.empty() && keep(line)) kept.append(line).push_back('\n');
  return kept;
}

bool starts_with_any(std::string_view line, std::initializer_list<std::string_view> keys) {
  return std::any_of(keys.begin(), keys.end(), [&](std::string_view key) { return line.starts_with(key); });
}

/// The lines that the probes understand, of files that may name anything.
std::string cut(const std::string& path, const std::string& text) {
  if (path == "/proc/self/status")
    return kept_lines(text, [](auto line) {
      return starts_with_any(line, {"Cpus_allowed_list", "Mems_allowed_list", "CapEff"});
    });
  if (path == "/proc/self/mountinfo") {
    static const std::regex kDisk(" /dev/[^ ]*");
    return std::regex_replace(
        kept_lines(text, [](auto line) { return holds(line, " - cgroup") || holds(line, " / / "); }), kDisk, " /dev/disk");
  }
  if (path == "/proc/cmdline") return known_kernel_options(text) + "\n";
  if (path.starts_with("/run/udev/"))
    return kept_lines(text, [](auto line) {
      return holds(line, "MEMORY_") && !holds(line, "SERIAL_NUMBER") && !holds(line, "ASSET_TAG");
    });
  if (path == "/proc/swaps") {
    static const std::regex kDisk("^/(?!dev/zram)[^ \t]*", std::regex::multiline);
    return std::regex_replace(text, kDisk, "/disk");
  }
  return text;
}

/// Names of control groups, which are those of users, services and containers; kinds of containers may be told.
std::set<std::string> group_names(const Files& files) {
  std::set<std::string> names;
  const auto groups = files.find("/proc/self/cgroup");
  const auto mounts = files.find("/proc/self/mountinfo");
  const auto add = [&](std::string_view path) {
    for (const std::string_view name : split(path, '/'))
      if (!name.empty() && !starts_with_any(name, {"docker", "kubepods", "libpod", "lxc", "user.slice", "system.slice", ".."}))
        names.emplace(name);
  };
  if (groups != files.end())
    for (const std::string_view line : split(groups->second, '\n'))
      if (const auto parts = split(line, ':'); parts.size() >= 3) add(parts[2]);
  if (mounts != files.end())
    for (const std::string_view line : split(mounts->second, '\n'))
      if (const auto words = split(line, ' '); words.size() >= 5 && holds(line, " - cgroup")) add(words[3]);
  return names;
}

}  // namespace

Files anonymous_files(const Files& files, const std::string& host_name) {
  std::map<std::string, std::string> stand_ins;
  for (const std::string& name : group_names(files)) stand_ins["/" + name] = "/group" + std::to_string(stand_ins.size() + 1);
  static const std::regex kUuid("[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}");
  constexpr std::size_t kShortestName = 3;  // "a" would be replaced within words
  const auto clean = [&](std::string text, bool groups) {
    if (groups)
      // Longer names first: one may begin with another.
      for (auto name = stand_ins.rbegin(); name != stand_ins.rend(); ++name) replace_all(text, name->first, name->second);
    if (host_name.size() >= kShortestName) replace_all(text, host_name, "host");
    return std::regex_replace(text, kUuid, "uuid");
  };
  Files anonymous;
  for (const auto& [path, text] : files) {
    const bool groups = path.starts_with("/sys/fs/cgroup") || path == "/proc/self/cgroup" || path == "/proc/self/mountinfo";
    anonymous[clean(path, groups)] = clean(cut(path, text), groups);
  }
  return anonymous;
}

}  // namespace oldiron
