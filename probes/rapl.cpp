#include "probes/rapl.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "probes/files.hpp"

namespace oldiron {
namespace {

bool is_package(std::string_view name) { return name.starts_with("package"); }

bool is_dram(std::string_view name) { return name == "dram"; }

std::string count_text(std::ptrdiff_t n, const char* what, const char* plural) {
  return fmt::format("{} {}{}", n, what, n == 1 ? "" : plural);
}

}  // namespace

Available<Rapl> Rapl::open(const std::string& root) {
  const auto none = [](std::string reason) { return Available<Rapl>::not_available(std::move(reason)); };
  Rapl rapl;
  std::error_code missing;
  bool refused = false;
  for (std::filesystem::directory_iterator entry(below(root, "/sys/class/powercap"), missing), end;
       !missing && entry != end; entry.increment(missing)) {
    // intel-rapl:0 and intel-rapl:0:1, on AMD too; intel-rapl-mmio shows the same packages again.
    if (!entry->path().filename().string().starts_with("intel-rapl:")) continue;
    const std::string folder = entry->path().string();
    Zone zone{.name = std::string(trim(read_text(folder + "/name").value_or(""))),
              .path = folder + "/energy_uj"};
    if (!is_package(zone.name) && !is_dram(zone.name)) continue;
    const auto energy_uj = read_number(zone.path);
    refused = refused || !energy_uj;
    if (!energy_uj) continue;
    zone.last_uj = *energy_uj;
    zone.range_uj = read_number(folder + "/max_energy_range_uj").value_or(0);
    rapl.zones_.push_back(std::move(zone));
  }
  if (refused)
    return none(
        "the energy counters can be read by root only; `sudo chmod a+r "
        "/sys/class/powercap/intel-rapl:*/energy_uj` "
        "lets everybody read them until the next start");
  if (rapl.zones_.empty())
    return none(
        "the kernel shows no RAPL (/sys/class/powercap/intel-rapl:*): a virtual machine has none; on bare "
        "metal try "
        "`sudo modprobe intel_rapl_msr`");
  return rapl;
}

Available<double> Rapl::joules() {
  for (Zone& zone : zones_) {
    const auto now_uj = read_number(zone.path);
    if (!now_uj) return Available<double>::not_available(zone.path + " cannot be read any more");
    // The counter's last value is its range: behind it comes 0.
    const std::int64_t used_uj =
        *now_uj >= zone.last_uj ? *now_uj - zone.last_uj : *now_uj + zone.range_uj - zone.last_uj;
    total_j_ += static_cast<double>(std::max<std::int64_t>(0, used_uj)) * 1e-6;
    zone.last_uj = *now_uj;
  }
  return total_j_;
}

std::string Rapl::zones() const {
  const auto packages =
      std::count_if(zones_.begin(), zones_.end(), [](const Zone& zone) { return is_package(zone.name); });
  const std::ptrdiff_t memories = std::ssize(zones_) - packages;
  return count_text(packages, "package", "s") +
         (memories > 0 ? " and " + count_text(memories, "DRAM", "") : "");
}

}  // namespace oldiron
