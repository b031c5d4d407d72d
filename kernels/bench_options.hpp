// The command line of oldiron-kernels.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace oldiron {

struct BenchOptions {
  std::int64_t working_set_bytes = std::int64_t{2} << 30;
  std::vector<std::int64_t> columns = {1, 8, 64, 512};
  std::string model;  ///< part of a card's name; empty: all cards
  bool all = false;   ///< every ISA and variant, not only what decode and prefill would use here
  bool help = false;
  std::vector<std::string> rest;  ///< for Google Benchmark, the program's name first
};

/// Throws Error for an option of ours that makes no sense.
BenchOptions bench_options(const std::vector<std::string>& arguments);

std::string bench_help();

/// The working set that is asked for, cut to half of what this system and its control group would still give.
std::int64_t affordable_bytes(std::int64_t wanted, const std::string& root = "/");

}  // namespace oldiron
