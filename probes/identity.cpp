#include "probes/identity.hpp"

#include <cpuid.h>

#include <cstring>

#include "probes/files.hpp"
#include "probes/memory_modules.hpp"

namespace oldiron {
namespace {

/// The twelve letters with which a hypervisor signs (CPUID leaf 0x40000000), as people call it.
std::string hypervisor_name() {
  unsigned eax = 0, letters[3] = {};
  __cpuid(0x40000000, eax, letters[0], letters[1], letters[2]);
  const std::string signature(reinterpret_cast<const char*>(letters), sizeof letters);
  for (const auto& [sign, name] : {std::pair{"KVMKVMKVM", "KVM"},
                                   {"Microsoft Hv", "Hyper-V"},
                                   {"VMwareVMware", "VMware"},
                                   {"XenVMMXenVMM", "Xen"},
                                   {"bhyve bhyve", "bhyve"},
                                   {"TCGTCGTCG", "QEMU"}})
    if (signature.starts_with(sign)) return name;
  return "unknown hypervisor";
}

std::string hypervisor(const std::string& root, std::string_view cpuinfo) {
  const std::string flags = " " + line_after(cpuinfo, "flags") + " ";
  if (flags.find(" hypervisor ") == flags.npos) return "";
  const bool here = below(root, "/proc") == "/proc";
  return here ? hypervisor_name() : "unknown hypervisor";
}

}  // namespace

void read_identity(const std::string& root, Machine& machine) {
  const std::string cpuinfo = read_text(below(root, "/proc/cpuinfo")).value_or("");
  machine.cpu_model = line_after(cpuinfo, "model name");
  if (machine.cpu_model.empty()) machine.cpu_model = "unknown CPU";
  machine.hypervisor = hypervisor(root, cpuinfo);
  machine.kernel = trim(read_text(below(root, "/proc/sys/kernel/osrelease")).value_or("unknown"));
  const auto huge = read_text(below(root, "/sys/kernel/mm/transparent_hugepage/enabled"));
  machine.transparent_huge_pages = huge ? chosen(*huge) : "not known: no /sys/kernel/mm/transparent_hugepage";
  const std::string memory = read_text(below(root, "/proc/meminfo")).value_or("");
  machine.memory_bytes = number_after(memory, "MemTotal").value_or(0) * 1024;
  machine.modules = read_memory_modules(root);
}

}  // namespace oldiron
