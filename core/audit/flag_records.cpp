// The records of flag_records.def, and how they are found.
#include <algorithm>

#include "core/audit/flag_record.hpp"
#include "core/check.hpp"

namespace oldiron {
namespace {

using enum FlagVerdict;
using Kind = Condition::Kind;

const std::vector<Engine> kIk = {Engine::ik_llama}, kMl = {Engine::llama_cpp},
                          kBoth = {Engine::llama_cpp, Engine::ik_llama};

// The words that flag_records.def is written in.
Condition value(std::string_view words) { return {Kind::value, words}; }
Condition value_not(std::string_view words) { return {Kind::value_not, words}; }
Condition value_begins(std::string_view words) { return {Kind::value_begins, words}; }
Condition not_a_number() { return {Kind::not_a_number}; }
Condition below(std::int64_t number) { return {Kind::below, "", number}; }
Condition above(std::int64_t number) { return {Kind::above, "", number}; }
Condition above_flag(std::string_view flag) { return {Kind::above_flag, flag}; }
Condition below_flag(std::string_view flag) { return {Kind::below_flag, flag}; }
Condition same_as(std::string_view flag) { return {Kind::same_as_flag, flag}; }
Condition with(std::string_view flags) { return {Kind::with, flags}; }
Condition without(std::string_view flags) { return {Kind::without, flags}; }
Condition tool(std::string_view tools) { return {Kind::tool, tools}; }
Condition below_build(std::int64_t build) { return {Kind::below_build, "", build}; }
Condition is_cores() { return {Kind::is_cores}; }
Condition above_cores() { return {Kind::above_cores}; }
Condition one_node() { return {Kind::one_node}; }
Condition no_huge_pages() { return {Kind::no_huge_pages}; }
Condition memlock_short() { return {Kind::memlock_short}; }
Condition not_root() { return {Kind::not_root}; }
Condition dense() { return {Kind::dense}; }
Condition architecture(std::string_view names) { return {Kind::architecture, names}; }
Condition architecture_not(std::string_view names) { return {Kind::architecture_not, names}; }
Condition no_window() { return {Kind::no_window}; }

struct VerdictWords {
  std::string_view id, words, meaning;
};

constexpr VerdictWords kVerdicts[] = {
#define VERDICT(id, words, meaning) {#id, words, meaning},
#include "core/audit/verdict.def"
#undef VERDICT
};

const VerdictWords& of(FlagVerdict verdict) { return kVerdicts[static_cast<std::size_t>(verdict)]; }

}  // namespace

std::string_view to_string(FlagVerdict verdict) { return of(verdict).id; }

std::string_view words_of(FlagVerdict verdict) { return of(verdict).words; }

std::string_view meaning_of(FlagVerdict verdict) { return of(verdict).meaning; }

bool one_of(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const std::string_view first = words.substr(0, words.find(' '));
    if (first == word) return true;
    words.remove_prefix(std::min(words.size(), first.size() + 1));
  }
  return false;
}

bool FlagRecord::is_of(Engine engine) const { return std::find(engines.begin(), engines.end(), engine) != engines.end(); }

bool FlagRecord::spells(std::string_view word) const { return !word.empty() && one_of(spellings, word); }

int FlagRecord::values_in(std::string_view tool_name) const {
  if (tool_name == "llama-bench") return bench_values;
  return tools.empty() || one_of(tools, tool_name) ? values : kNotTaken;
}

int newest_known_build(Engine engine) { return engine == Engine::ik_llama ? 4840 : 10587; }

const std::vector<FlagRecord>& flag_records() {
  static const std::vector<FlagRecord> records = {
#define FLAG(of_engines, names, ...) {.engines = of_engines, .spellings = names, __VA_ARGS__},
#include "core/audit/flag_records.def"
#undef FLAG
  };
  return records;
}

const FlagRecord* find_flag(Engine engine, std::string_view tool_name, std::string_view word) {
  const FlagRecord* found = nullptr;
  for (const FlagRecord& record : flag_records()) {
    if (!record.is_of(engine) || !record.spells(word)) continue;
    if (record.values_in(tool_name) != kNotTaken) return &record;
    if (found == nullptr) found = &record;
  }
  return found;
}

}  // namespace oldiron
