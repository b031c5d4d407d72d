// Probes made up for tests: a server with two sockets and its modules, a small virtual machine, and nothing
// at all. Every figure is invented, though consistent.
#pragma once

#include <string>
#include <vector>

#include "reports/screens.hpp"
#include "tests/reports/sample.hpp"

namespace oldiron::reports {

inline Measurement in_noise(Measurement m,
                            const std::string& tag =
                                "noisy: neighbour: other processes used 1.5 CPUs, most of it cc1plus (pid "
                                "4711); our threads waited 50 % of the time for a CPU") {
  m.tags.push_back(tag);
  return m;
}

inline Measurement seconds(double middle) {
  Measurement m = measured("latency", middle, 0.02);
  m.unit = "s";
  return m;
}

/// Steps at the caches' sizes; huge pages save what the translation of addresses costs.
inline std::vector<LatencyPoint> sample_latency(const std::vector<std::pair<std::int64_t, double>>& steps,
                                                std::int64_t most_bytes) {
  std::vector<LatencyPoint> points;
  for (const bool small : {true, false})
    for (std::int64_t bytes = 8 << 10; bytes <= most_bytes; bytes *= 2) {
      double wait_s = 0;
      for (const auto& [from, s] : steps)
        if (bytes >= from) wait_s = s;
      if (small && bytes > 4 << 20) wait_s *= 1.25;
      points.push_back({bytes, small ? "small" : "transparent", small ? 0 : bytes, seconds(wait_s)});
    }
  return points;
}

inline void add_stream(Abilities& abilities, const std::string& kind, const std::string& isa, double moved,
                       const std::vector<std::pair<int, double>>& rates) {
  for (const auto& [threads, rate] : rates)
    abilities.streams.push_back({.kind = kind,
                                 .isa = isa,
                                 .threads = threads,
                                 .buffer_bytes = 3 << 30,
                                 .bytes_per_s = measured("stream", rate, 0.02),
                                 .moved = moved});
}

/// Two sockets of 12 cores, six of eight channels filled, every figure measured in quiet but one.
inline ProbeScreen two_socket_screen() {
  ProbeScreen s;
  s.machine = sample_machine();
  s.machine.cpu_model = "Invented(R) CPU I-2650 v4 @ 2.20GHz";
  s.machine.packages = s.machine.nodes = 2;
  s.machine.cores.clear();
  for (int i = 0; i < 24; ++i)
    s.machine.cores.push_back({.id = i, .node = i / 12, .package = i / 12, .cpus = {i, i + 24}});
  s.machine.caches = {{1, 32768, 1, 24}, {2, 262144, 1, 24}, {3, 31457280, 12, 2}};
  s.machine.isas = {"scalar", "avx2"};
  MemoryModules& modules = *s.machine.modules;
  modules.populated = 6;
  modules.slots = 16;
  modules.channels = 6;
  modules.all_channels = 8;
  modules.bytes_per_s = 115.2e9;
  modules.full_bytes_per_s = 153.6e9;
  s.state.memory_available_bytes = 61000000000;
  s.facts = sample_facts();
  const std::pair<int, double> reads[] = {{1, 10.9e9}, {2, 21.3e9},  {4, 39.8e9},  {6, 46.1e9},
                                          {8, 48.9e9}, {12, 49.3e9}, {16, 66.2e9}, {24, 96.7e9}};
  for (const auto& [threads, rate] : reads)
    s.profile.read.push_back({.threads = threads,
                              .bytes_per_s = measured("read", rate, 0.02),
                              .buffer_bytes = std::int64_t{1} << 30,
                              .isa = "avx2",
                              .page_size = "transparent"});
  s.profile.read[6].bytes_per_s = in_noise(s.profile.read[6].bytes_per_s);
  for (const auto& [isa, factor] : {std::pair("scalar", 0.1), std::pair("avx2", 1.0)})
    for (const int threads : {1, 24})
      for (const auto& [type, rate] :
           {std::pair(ComputeType::int8, 140e9), std::pair(ComputeType::f32, 70e9)})
        s.profile.compute.push_back({.isa = isa,
                                     .type = type,
                                     .instruction = type == ComputeType::int8 ? "vpmaddubsw" : "vfmadd231ps",
                                     .threads = threads,
                                     .ops_per_s = measured("compute_peak", factor * rate * threads, 0.01),
                                     .clock_hz = 2.2e9,
                                     .per_cycle = 2});
  Abilities& a = s.profile.abilities;
  a.latency =
      sample_latency({{0, 1.8e-9}, {64 << 10, 5.5e-9}, {512 << 10, 19e-9}, {64 << 20, 88e-9}}, 512 << 20);
  const std::pair<double, double> loads[] = {{0, 88e-9},     {90.4e9, 410e-9}, {81e9, 190e-9},
                                             {60e9, 121e-9}, {31e9, 99e-9},    {12e9, 92e-9}};
  double pause_s = 0;
  for (const auto& [rate, wait_s] : loads) {
    a.loaded_latency.push_back({rate == 0 ? 0 : 23, pause_s,
                                rate == 0 ? Measurement{} : measured("background", rate, 0.02),
                                seconds(wait_s)});
    if (rate > 0) pause_s += 1e-6;
  }
  a.blocks = {{64 << 10, 24, measured("block_read", 71e9, 0.02)},
              {1 << 20, 24, measured("block_read", 93e9, 0.02)}};
  a.hand_overs = {{0, 1, seconds(45e-9)}, {0, 12, seconds(131e-9)}};
  a.barriers = {{24, seconds(1.9e-6)}};
  const std::vector<std::pair<int, double>> write = {{1, 5.1e9}, {2, 9.8e9},   {4, 17e9},
                                                     {8, 22e9},  {12, 22.4e9}, {24, 44e9}};
  const auto times = [&](double factor) {
    std::vector<std::pair<int, double>> rates = write;
    for (auto& [threads, rate] : rates) rate *= factor;
    return rates;
  };
  add_stream(a, "write", "scalar", 2, times(0.9));
  add_stream(a, "write", "avx2", 2, write);
  add_stream(a, "write_past", "avx2", 1, times(1.75));
  add_stream(a, "copy", "avx2", 1.5, times(1.3));
  add_stream(a, "copy_past", "avx2", 1, times(1.9));
  add_stream(a, "triad", "avx2", 4.0 / 3, times(1.45));
  add_stream(a, "triad_past", "avx2", 1, times(1.85));
  for (const int cpu : {0, 1})
    for (const int memory : {0, 1})
      a.node_pairs.push_back({cpu, memory, 12, measured("pair", cpu == memory ? 49.3e9 : 25.1e9, 0.02),
                              seconds(cpu == memory ? 88e-9 : 139e-9)});
  s.model = sample_model();
  return s;
}

/// Two virtual cores with a claim of a large cache, no modules to be seen, everything measured beside a
/// compiler.
inline ProbeScreen small_vm_screen() {
  ProbeScreen s;
  s.machine = sample_machine();
  s.machine.cpu_model = "AMD EPYC";
  s.machine.hypervisor = "KVM";
  s.machine.cores.resize(2);
  s.machine.caches = {{1, 32768, 1, 2}, {2, 524288, 1, 2}, {3, std::int64_t{480} << 20, 2, 1}};
  s.machine.modules =
      Available<MemoryModules>::not_available("no /sys/firmware/dmi/tables/DMI (usual on virtual machines)");
  for (const auto& [threads, rate] : {std::pair(1, 15.8e9), std::pair(2, 25.3e9)})
    s.profile.read.push_back(
        {.threads = threads,
         .bytes_per_s = in_noise(in_noise(measured("read", rate, 0.05)),
                                 "under this load: neighbour: other processes used 1.9 CPUs, most of it "
                                 "cc1plus (pid 4712); it was not quiet within 29.8 s"),
         .buffer_bytes = 128 << 20,
         .isa = "avx2",
         .page_size = "transparent"});
  s.profile.compute = {{.isa = "avx2",
                        .type = ComputeType::int8,
                        .instruction = "vpmaddubsw",
                        .threads = 1,
                        .ops_per_s = measured("compute_peak", 414e9, 0.01),
                        .clock_hz = 3.2e9,
                        .per_cycle = 2},
                       {.isa = "avx2",
                        .type = ComputeType::int8,
                        .instruction = "vpmaddubsw",
                        .threads = 2,
                        .ops_per_s = measured("compute_peak", 827e9, 0.01),
                        .clock_hz = 3.2e9,
                        .per_cycle = 2}};
  Abilities& a = s.profile.abilities;
  a.latency = sample_latency({{0, 1.4e-9}, {64 << 10, 3.4e-9}, {1 << 20, 14e-9}, {32 << 20, 110e-9}},
                             std::int64_t{1} << 30);
  for (LatencyPoint& p : a.latency) p.s = in_noise(p.s);
  a.loaded_latency = {{0, 0, {}, in_noise(seconds(110e-9))},
                      {1, 0, measured("background", 14e9, 0.02), in_noise(seconds(150e-9))}};
  for (const auto& [kind, rate] : {std::pair("write", 7e9), std::pair("write_past", 12e9)})
    add_stream(a, kind, "avx2", std::string(kind) == "write" ? 2 : 1, {{1, rate}, {2, 1.6 * rate}});
  return s;
}

/// No module, no figure, no model.
inline ProbeScreen empty_screen() {
  ProbeScreen s;
  s.machine.modules = Available<MemoryModules>::not_available("reading the DIMM table needs root");
  return s;
}

}  // namespace oldiron::reports
