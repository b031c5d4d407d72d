// Finding: something in a machine's setup that costs speed, what it costs, and how to change it and back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/stats.hpp"

namespace oldiron {

/// Who can change it.
enum class Place : std::uint8_t { here, container_host, hypervisor, bios, hardware };

/// Where a stake comes from. nothing: no speed is at stake, only knowledge or safety.
enum class StakeBasis : std::uint8_t { measured, computed, unknown, nothing };

/// What fixing it adds to a decode's tokens/s, as a share of them: 0.1 is a tenth more.
struct Stake {
  StakeBasis basis = StakeBasis::unknown;
  double low = 0, high = 0;  ///< of measured and computed
  std::string how = {};      ///< "4 of 8 channels on paper"
  bool operator==(const Stake&) const = default;
};

struct Finding {
  std::string id = {};
  std::string what = {};  ///< the fact, one clause
  std::string why = {};   ///< what it does to a decode or a prefill
  Stake stake = {};
  int weight = 0;  ///< rank among findings of unknown stake, higher first; from 100 on before all others
  Place place = Place::here;
  std::string fix = {}, undo = {};  ///< commands, or where to click
  std::string lasting = {};         ///< how to keep it over a restart; empty: it lasts by itself
  bool operator==(const Finding&) const = default;
};

struct Diagnosis {
  std::vector<Finding> findings = {};         ///< the most at stake first
  std::vector<std::string> fine = {};         ///< what was looked at and is as it should be
  std::vector<std::string> not_checked = {};  ///< "governor: the hypervisor keeps the clock to itself"
  bool operator==(const Diagnosis&) const = default;
};

/// Decodes with transparent huge pages beside 4 KiB pages, in turns, each in a process of its own.
struct HugePageEffect {
  std::string model = {};
  double small_tokens_per_s = 0, transparent_tokens_per_s = 0;
  Ratio speedup = {};                 ///< in pairs
  std::int64_t weight_bytes = 0;
  std::int64_t huge_page_bytes = -1;  ///< of the weights, obtained where they were asked for; -1: not read
  std::vector<std::string> tags = {};
  bool operator==(const HugePageEffect&) const = default;
};

std::string_view to_string(Place place);
std::string_view to_string(StakeBasis basis);

/// The most at stake first.
void rank(std::vector<Finding>& findings);

}  // namespace oldiron
