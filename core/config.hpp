// Config: one point of the search space. Every lever is one record of levers.def; everything else loops over
// levers().
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/check.hpp"
#include "core/tensor_type.hpp"

namespace oldiron {

struct Machine;
struct MachineState;
struct ModelSpec;

enum class Engine : std::uint8_t {
#define ENGINE(id, name) id,
#include "core/engines.def"
#undef ENGINE
};

/// An enumeration whose enumerators are its values' names in JSON and on the command line.
#define NAMED_ENUM(type, ...)                     \
  enum class type : std::uint8_t { __VA_ARGS__ }; \
  constexpr std::string_view enumerators(type) { return #__VA_ARGS__; }

NAMED_ENUM(Switch, automatic, off, on)
NAMED_ENUM(PageSize, small, transparent, huge)
NAMED_ENUM(MallocPages, automatic, transparent, huge)
NAMED_ENUM(NodePolicy, automatic, interleave, one_node)
NAMED_ENUM(CpuSet, automatic, cores)
NAMED_ENUM(LoadMode, automatic, mmap, read)
NAMED_ENUM(HeadType, as_is, q4_0, q6_k, q8_0, f16)
NAMED_ENUM(KvType, f16, f32, bf16, q8_0, q4_0)
NAMED_ENUM(ActivationType, q8, f32)
NAMED_ENUM(DraftKind, ngram, model, mtp)
NAMED_ENUM(Wait, automatic, spin, sleep)
NAMED_ENUM(RowShares, fixed, pieces)
NAMED_ENUM(IsaChoice, automatic, scalar, avx2, avx512_vnni, avx512_bf16, amx)
#undef NAMED_ENUM

enum class Loss : std::uint8_t { lossless, lossy };    ///< same weights, experts and KV type, or not
enum class Reload : std::uint8_t { none, head, all };  ///< what changing the lever loads again
enum class Phase : std::uint8_t { none, prefill, decode, both };  ///< which speed the lever can change
/// Which program of a foreign engine takes a flag; front: words before whichever program it is.
enum class Tool : std::uint8_t { bench, server, front };

struct Config {
#define LEVER(type, name, value, ...) type name = value;
#include "core/levers.def"
#undef LEVER
  bool operator==(const Config&) const = default;
};

/// How one tool of one engine spells a lever.
///
/// `text` is alternatives separated by " || ", newest first; the first whose first flag the tool's --help
/// lists is used. An alternative that starts with '-' is a template: "-t {}". Any other is a table:
/// "off=;on=-rtr 1", of which the first entry for the value counts. An entry for "*" stands for every value,
/// an empty right-hand side needs no flag, and a value without an entry cannot be had. {} is the value,
/// {name} another lever's, {architecture} and {expert_used_count} are the model's, {core_cpus} lists the first CPU of
/// each core; a reference may stand left of '=' too: "{decode_threads}=" needs no flag if both are equal. A lever that is
/// spelled for Tool::front needs no flag of any program.
struct Spelling {
  Engine engine;
  Tool tool;
  std::string_view text;
};

/// Which values are legal: a range of integers, or a list of names.
struct Domain {
  std::int64_t low = 0, high = 0;
  std::vector<std::string> names = {};
  bool operator==(const Domain&) const = default;
};

struct Lever {
  std::string_view name;
  std::string_view unit = "";
  std::string_view help = "";  ///< one sentence, ends with a full stop
  Domain domain = {};
  Loss loss = Loss::lossless;
  Reload reload = Reload::none;
  Phase affects = Phase::both;
  bool searched = true;  ///< false: settable, but no search tries it by itself
  /// Why an engine's tool without a spelling, or without an entry for a value, cannot do it. Every tool of
  /// every foreign engine is spelled or its engine listed here.
  std::vector<std::pair<Engine, std::string_view>> lacking = {};
  std::vector<Spelling> spellings = {};

  std::function<std::string(const Config&)> get = {};
  /// Throws Error with the lever, the value and the legal values.
  std::function<void(Config&, std::string_view)> set = {};
};

std::span<const Lever> levers();

/// Throws Error naming the nearest known lever.
const Lever& lever(std::string_view name);

/// Applies "name=value"; throws Error.
void apply_setting(Config& config, std::string_view name_equals_value);

/// Replaces every "auto" by what will run: threads from the machine's allowed cores, experts from the model.
Config resolve(Config config, const Machine& machine, const ModelSpec& model);

/// The same on the machine as it is now: threads are usable_threads(), which a cgroup's quota may lower.
Config resolve(Config config, const Machine& machine, const MachineState& state, const ModelSpec& model);

/// The configuration with every lossy lever as the model has it by itself.
Config without_losses(Config config, const ModelSpec& model);

/// A sentence if this combination cannot run (relations between levers and the model live here only), else
/// empty.
std::string why_invalid(const Config& config, const Machine& machine, const ModelSpec& model);

struct Flags {
  std::vector<std::string> argv = {};         ///< what to append to the tool's command line
  std::vector<std::string> unsupported = {};  ///< "lever=value: reason"; never dropped in silence
};

/// The tool's flags for `config`. Levers equal to their default in `Config{}` are left out, unless `all`.
/// `knows(flag)` says whether the tool's --help lists the flag ("-rtr"). Without a model, what needs its
/// architecture or its number of experts is unsupported. For our own engine: "--set name=value". Needs: a
/// resolved config, since some engines spell both thread counts in one flag.
Flags flags_for(const Config& config, Engine engine, Tool tool,
                const std::function<bool(std::string_view)>& knows, bool all = false,
                const ModelSpec* model = nullptr);

/// What stands before a foreign engine's program, whichever that is: "GLIBC_TUNABLES=glibc.malloc.hugetlb=1",
/// "numactl", "--interleave=all". Variables come first.
std::vector<std::string> words_in_front(const Config& config, Engine engine, const Machine& machine);

std::string_view to_string(Engine engine);       ///< "ik_llama"
std::string_view display_name(Engine engine);    ///< "ik_llama.cpp"
Engine engine_from_name(std::string_view name);  ///< throws Error

}  // namespace oldiron
