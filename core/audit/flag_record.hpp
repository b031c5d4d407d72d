// What is known of the engines' flags: records, as data in flag_records.def. Adding a flag is adding a record.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/config.hpp"

namespace oldiron {

enum class FlagVerdict : std::uint8_t {
#define VERDICT(id, words, meaning) id,
#include "core/audit/verdict.def"
#undef VERDICT
};

std::string_view to_string(FlagVerdict verdict);  ///< "took_effect"
std::string_view words_of(FlagVerdict verdict);   ///< "took effect"
std::string_view meaning_of(FlagVerdict verdict);

/// One thing that must hold for a case of a record. Flags are named by the first spelling of their record.
struct Condition {
  enum class Kind : std::uint8_t {
    value,           ///< is one of `words`
    value_not,       ///< is none of them
    value_begins,    ///< begins with one of them
    not_a_number,    ///<
    below,           ///< is a number below `number`
    above,           ///< is a number above it
    above_flag,      ///< is a number above the value of the flag `words`, or above its default
    below_flag,      ///<
    same_as_flag,    ///< both have the same value, and the other is on the line
    with,            ///< one of `words` is on the line, "-fa=off": with this value
    without,         ///< none of them is
    tool,            ///< is one of `words`
    below_build,     ///< the engine's build is known and below `number`
    is_cores,        ///< is the number of physical cores
    above_cores,     ///<
    one_node,        ///< the machine shows one NUMA node
    no_huge_pages,   ///< none are set aside
    memlock_short,   ///< less may be locked than the model has, or than 1 GiB if no model is known
    not_root,        ///<
    dense,           ///< the model is known, and has no experts
    architecture,    ///< of the model that is known is one of `words`
    architecture_not,
    no_window,       ///< the model is known, and no layer of it has a sliding window
  };
  Kind kind;
  std::string_view words = "";
  std::int64_t number = 0;
};

/// The first case whose conditions all hold gives the verdict. In `why`, {value}, {cores}, {memlock}, {architecture},
/// {other} (the value of the flag compared with) stand for what they say.
struct Case {
  std::vector<Condition> when;
  FlagVerdict verdict;
  std::string_view why;
};

/// Where a run shows what a flag did, tried in order.
struct Trace {
  enum class Sign : std::uint8_t {
    log,         ///< a line holds `text`: {} is a number, {+} one above 0, {value} the flag's own
    locked,      ///< VmLck holds as much as the weights
    huge_pages,  ///< smaps shows huge pages
    unmapped,    ///< the model's file is not mapped
    threads,     ///< as many threads computed as the flag says
    bound,       ///< threads may not run on every CPU
    drafted,     ///< drafts were counted
    nodes,       ///< the graph has another number of nodes without the flag
    compute,     ///< compute buffers have another size without it
    repacked,    ///< other buffers of repacked weights without it
    more_huge_pages,  ///< far less lies in huge pages without it
    policy,           ///< numa_maps shows a policy of memory
    priority,         ///< another niceness than ours
  };
  Sign sign;
  std::string_view text = "";
  FlagVerdict verdict = FlagVerdict::took_effect;
};

inline constexpr int kNotTaken = -1;

struct FlagRecord {
  std::vector<Engine> engines;
  std::string_view spellings;  ///< separated by blanks; the first is the record's name
  std::string_view does = "";  ///< one clause
  int values = 0;              ///< words that follow it; kNotTaken: only llama-bench knows it
  int bench_values = kNotTaken;  ///< the same in llama-bench, which has a parser of its own
  std::string_view initial = "";  ///< its value if it is not given
  std::string_view tools = "";    ///< that alone take it; empty: all but llama-bench
  bool group = false;    ///< the spellings are flags of one kind, not names of one flag
  bool repeats = false;  ///< every one of several counts; else the last one does
  std::vector<Case> cases = {};
  FlagVerdict otherwise = FlagVerdict::can_act;
  std::string_view why = "";
  std::vector<Trace> traces = {};
  std::string_view silence = "";  ///< what it means that no trace is there; empty: nothing
  FlagVerdict silent = FlagVerdict::declined;  ///< the verdict then, if `silence` says something

  bool is_of(Engine engine) const;
  bool spells(std::string_view word) const;
  std::string_view name() const { return spellings.substr(0, spellings.find(' ')); }
  /// Words that follow it in this tool, or kNotTaken.
  int values_in(std::string_view tool) const;
};

/// Newest builds that the records were read from: what is said holds up to these.
int newest_known_build(Engine engine);

const std::vector<FlagRecord>& flag_records();

/// nullptr if the engine has none. One that this tool takes comes before one that it does not.
const FlagRecord* find_flag(Engine engine, std::string_view tool, std::string_view word);

/// Whether `word` is one of `words`, which blanks separate.
bool one_of(std::string_view words, std::string_view word);

}  // namespace oldiron
