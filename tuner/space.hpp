// SearchSpace: what is searched. A lever's record says what is legal; this says which values are worth a
// trial.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/machine.hpp"
#include "core/model.hpp"

namespace oldiron {

/// A lever and the values to try, as they are written on the command line. The search starts at
/// the engine's own value if it is among them, else at the first.
struct Axis {
  std::string lever;
  std::vector<std::string> values;
  bool operator==(const Axis&) const = default;
};

struct Setting {
  std::string lever;
  std::string value;
  bool operator==(const Setting&) const = default;
};

/// A lever that is not searched, and why, for people.
struct LeftOut {
  std::string lever;
  std::string reason;
  bool operator==(const LeftOut&) const = default;
};

struct SearchSpace {
  Engine engine = Engine::oldiron;
  std::vector<Axis> axes;  ///< in the order in which they are swept
  std::vector<Setting> fixed;
  std::vector<LeftOut> left_out;
  bool operator==(const SearchSpace&) const = default;
};

/// What there is to search by itself (spaces.def). `thread_limit`: usable_threads(), below the cores if a
/// quota says so. `weights_generated`: the model is a card, so that its head can be made in another type.
SearchSpace default_space(Engine engine, const Machine& machine, int thread_limit, const ModelSpec& model,
                          bool weights_generated);

/// From the command line: "a,b,c" makes an axis, one value fixes the lever. Throws Error for an unknown
/// lever, an illegal value, or a lever that the engine does not have.
void override_axis(SearchSpace& space, std::string_view name, std::string_view values);

/// The phases that a lever changes in this space: decode_threads changes both where nothing is said of
/// prefill_threads.
Phase affects(const SearchSpace& space, const Lever& lever);

/// Where the search starts: fixed settings, and each axis at its first place, resolved.
Config start(const SearchSpace& space, const Machine& machine, const ModelSpec& model);

/// `config` with one lever changed, resolved; levers that the engine ties together move together.
Config with(const SearchSpace& space, Config config, std::string_view lever_name, std::string_view value,
            const Machine& machine, const ModelSpec& model);

/// Same weights, experts and KV type as the model has by itself.
bool is_lossless(const Config& config, const Machine& machine, const ModelSpec& model);

/// The levers in which two configurations differ, as "name=value" of `config`.
std::vector<std::string> differences(const Config& config, const Config& from);

/// What changing from one loaded configuration to another costs.
Reload reload_due(const Config& from, const Config& to, const Machine& machine);

}  // namespace oldiron
