// Clock, turbo, SMT, prefetchers and mitigations.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "probes/fact_reader.hpp"
#include "probes/facts_file.hpp"
#include "probes/files.hpp"

namespace oldiron {
namespace {

using Text = Fact<std::string>;

constexpr const char* kCpuInfo = "/proc/cpuinfo";
constexpr const char* kPolicies = "/sys/devices/system/cpu/cpufreq";
constexpr double kKilo = 1000;  // cpufreq counts in kHz

/// One policy's file for every policy: CPUs that share a clock.
std::vector<std::string> policies(const FactReader& reader) {
  std::vector<std::string> paths;
  for (const std::string& name : list_names(below(reader.root(), kPolicies)))
    if (name.starts_with("policy")) paths.push_back(fmt::format("{}/{}/", kPolicies, name));
  return paths;
}

/// "performance", or "performance (8), powersave (16)" where policies differ.
Text policy_text(const FactReader& reader, const std::vector<std::string>& paths, const char* file) {
  std::map<std::string, int> values;
  Text last;
  for (const std::string& path : paths)
    if ((last = reader.text(path + file))) ++values[*last];
  if (values.empty()) return last;
  std::string text;
  for (const auto& [value, count] : values)
    text += (text.empty() ? "" : ", ") + (values.size() == 1 ? value : fmt::format("{} ({})", value, count));
  return Text::known(text, paths.front() + file);
}

/// Of the policy that is built to run fastest.
Fact<double> policy_hz(const FactReader& reader, const std::string& path, const char* file) {
  const auto khz = reader.number(path + file);
  if (!khz) return Fact<double>::unknown(khz.value.reason());
  return Fact<double>::known(static_cast<double>(*khz) * kKilo, khz.source);
}

std::string fastest(const FactReader& reader, const std::vector<std::string>& paths) {
  return *std::max_element(paths.begin(), paths.end(), [&](const std::string& a, const std::string& b) {
    const auto built_khz = [&](const std::string& path) {
      return read_number(below(reader.root(), path + "cpuinfo_max_freq")).value_or(0);
    };
    return built_khz(a) < built_khz(b);
  });
}

void read_clock(const FactReader& reader, Facts& facts) {
  const auto paths = policies(reader);
  if (paths.empty()) {
    const std::string reason = reader.guest()
                                   ? fmt::format("the hypervisor keeps the clock to itself: no {}/policy0", kPolicies)
                                   : fmt::format("no frequency driver: no {}/policy0", kPolicies);
    const std::string how = reader.guest() ? fmt::format("on the host: grep . {}/policy0/*", kPolicies)
                                           : "let the BIOS leave P-states to the system, or modprobe acpi_cpufreq";
    facts.frequency_driver = facts.governor = facts.energy_preference = Text::unknown(reason, how);
    facts.min_hz = facts.max_hz = facts.built_max_hz = facts.base_hz = Fact<double>::unknown(reason, how);
    return;
  }
  facts.frequency_driver = policy_text(reader, paths, "scaling_driver");
  facts.governor = policy_text(reader, paths, "scaling_governor");
  facts.energy_preference = policy_text(reader, paths, "energy_performance_preference");
  const std::string path = fastest(reader, paths);
  facts.min_hz = policy_hz(reader, path, "scaling_min_freq");
  facts.max_hz = policy_hz(reader, path, "scaling_max_freq");
  facts.built_max_hz = policy_hz(reader, path, "cpuinfo_max_freq");
  facts.base_hz = policy_hz(reader, path, "base_frequency");
}

Fact<bool> read_turbo(const FactReader& reader) {
  if (auto off = reader.flag("/sys/devices/system/cpu/intel_pstate/no_turbo")) {
    off.value = !*off;
    return off;
  }
  if (const auto boost = reader.flag("/sys/devices/system/cpu/cpufreq/boost")) return boost;
  return Fact<bool>::unknown("neither intel_pstate/no_turbo nor cpufreq/boost is in /sys/devices/system/cpu",
                             reader.guest() ? "on the host" : "in the BIOS: turbo, or core performance boost");
}

Text read_mitigations(const FactReader& reader) {
  const std::string folder = "/sys/devices/system/cpu/vulnerabilities";
  int on = 0, open = 0, none = 0;
  for (const std::string& name : list_names(below(reader.root(), folder))) {
    const std::string text = read_text(below(reader.root(), folder + "/" + name)).value_or("");
    ++(text.starts_with("Mitigation") ? on : text.starts_with("Not affected") ? none : open);
  }
  if (on + open + none == 0) return Text::unknown(reader.why_not(folder));
  return Text::known(fmt::format("{} on, {} vulnerable, {} not affected", on, open, none), folder);
}

/// Intel's MSR_MISC_FEATURE_CONTROL: a set bit turns a prefetcher off (SDM volume 4, table 2-20).
Text read_prefetchers(const FactReader& reader, std::string_view cpuinfo) {
  constexpr off_t kFeatureControl = 0x1a4;
  constexpr const char* kMsr = "/dev/cpu/0/msr";
  if (line_after(cpuinfo, "vendor_id") != "GenuineIntel") return Text::unknown("only Intel's are documented");
  if (reader.guest()) return Text::unknown("a guest cannot see them", "on the host: sudo oldiron facts");
  const int file = open(below(reader.root(), kMsr).c_str(), O_RDONLY | O_CLOEXEC);
  std::uint64_t bits = 0;
  const bool read = file >= 0 && pread(file, &bits, sizeof bits, kFeatureControl) == sizeof bits;
  if (file >= 0) close(file);
  if (!read) {
    if (const auto root = read_root_facts(reader.root()); root && root->prefetchers) return root->prefetchers;
    return Text::unknown(reader.why_not(kMsr), "sudo modprobe msr && sudo oldiron facts");
  }
  std::string off;
  for (const auto& [bit, name] : {std::pair(0, "L2 stream"), {1, "L2 adjacent line"}, {2, "L1 stream"}, {3, "L1 by instruction"}})
    if ((bits >> bit & 1) != 0) off += (off.empty() ? "off: " : ", ") + std::string(name);
  return Text::known(off.empty() ? "all on" : off, kMsr);
}

}  // namespace

void read_cpu_facts(const FactReader& reader, Facts& facts) {
  const std::string cpuinfo = read_text(below(reader.root(), kCpuInfo)).value_or("");
  const auto field = [&](const char* key) { return line_after(cpuinfo, key); };
  if (!field("cpu family").empty())
    facts.cpu_signature = Text::known(fmt::format("family {}, model {}, stepping {}", field("cpu family"),
                                                  field("model"), field("stepping")),
                                      kCpuInfo);
  else
    facts.cpu_signature = Text::unknown(reader.why_not(kCpuInfo));
  facts.microcode = field("microcode").empty() ? Text::unknown(fmt::format("{} does not name it", kCpuInfo))
                                               : Text::known(field("microcode"), kCpuInfo);
  read_clock(reader, facts);
  facts.turbo = read_turbo(reader);
  facts.smt = reader.text("/sys/devices/system/cpu/smt/control");
  facts.prefetchers = read_prefetchers(reader, cpuinfo);
  facts.clock_source = reader.text("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  facts.mitigations = read_mitigations(reader);
}

}  // namespace oldiron
