// Default axes, command-line overrides, and the step from a point of the space to a Config.
#include "tuner/space.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oldiron {

namespace {

struct Searched {
  Engine engine;
  std::string_view lever;
  std::string_view values;
};

constexpr Searched kSearched[] = {
#define SEARCHED(engine, lever, values) {Engine::engine, #lever, values},
#include "tuner/spaces.def"
#undef SEARCHED
};

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t comma = text.find(',');
    parts.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

template <class T>
void keep_first_of_each(std::vector<T>& values) {
  std::vector<T> kept;
  for (const T& value : values)
    if (std::find(kept.begin(), kept.end(), value) == kept.end()) kept.push_back(value);
  values = std::move(kept);
}

/// All cores, all hardware threads, then halves of the cores' power of two downwards: from likely to
/// hopeless.
std::vector<std::string> thread_values(const Machine& machine, int thread_limit) {
  const int cores = std::max(1, static_cast<int>(machine.cores.size()));
  int hardware_threads = 0;
  for (const Core& core : machine.cores) hardware_threads += static_cast<int>(core.cpus.size());
  const int usable = thread_limit > 0 ? std::min(cores, thread_limit) : cores;
  std::vector<int> counts = {usable};
  if (usable == cores && hardware_threads > cores) counts.push_back(hardware_threads);
  int power = 1;
  while (power * 2 < usable) power *= 2;
  for (; power >= 1; power /= 2) counts.push_back(power);
  keep_first_of_each(counts);
  std::vector<std::string> values;
  for (int count : counts) values.push_back(std::to_string(count));
  return values;
}

/// The model's own number, three quarters and half of it.
std::vector<std::string> expert_values(const ModelSpec& model) {
  const int used = model.expert_used_count;
  std::vector<int> counts = {used, (used * 3 + 3) / 4, (used + 1) / 2};
  keep_first_of_each(counts);
  std::vector<std::string> values;
  for (int count : counts) values.push_back(std::to_string(count));
  return values;
}

/// Why no tool of the engine has it; empty if one does: what llama-bench lacks, llama-server may spell.
std::string_view why_lacking(const Lever& lever, Engine engine) {
  const auto by_server = [&](const Spelling& spelling) { return spelling.engine == engine && spelling.tool == Tool::server; };
  if (std::any_of(lever.spellings.begin(), lever.spellings.end(), by_server)) return "";
  for (const auto& [who, reason] : lever.lacking)
    if (who == engine) return reason;
  return "";
}

/// Both phases run on one thread count where nothing is said of prefill_threads: it follows decode_threads.
bool threads_tied(const SearchSpace& space) {
  const auto is_prefill = [](const auto& each) { return each.lever == "prefill_threads"; };
  return std::none_of(space.axes.begin(), space.axes.end(), is_prefill) && std::none_of(space.fixed.begin(), space.fixed.end(), is_prefill);
}

/// The value where an axis starts: the one the engine takes by itself if it is among them.
const std::string& first_value(const Axis& axis, const Machine& machine, const ModelSpec& model) {
  const Lever& record = lever(axis.lever);
  const std::string own = record.get(resolve(Config{}, machine, model));
  for (const std::string& value : axis.values) {
    Config config;
    record.set(config, value);
    if (record.get(resolve(config, machine, model)) == own) return value;
  }
  return axis.values.front();
}

/// Why a lever that is applied outside the engine has nothing to change here; empty if it may.
std::string why_nothing_to_change(std::string_view lever, const Machine& machine) {
  if (lever == "node_policy" && machine.nodes <= 1) return "one NUMA node: memory lies there whoever asks for it";
  if (lever != "malloc_pages") return "";
  if (machine.transparent_huge_pages == "always") return "this system gives transparent huge pages to whoever allocates";
  if (machine.transparent_huge_pages == "never")
    return "transparent huge pages are off on this system: oldiron doctor says how to turn them on";
  return machine.transparent_huge_pages == "madvise" ? "" : "whether this system gives huge pages to who asks for them is not known";
}

int rank(Reload reload) { return reload == Reload::all ? 2 : reload == Reload::head ? 1 : 0; }

}  // namespace

SearchSpace default_space(Engine engine, const Machine& machine, int thread_limit, const ModelSpec& model,
                          bool weights_generated) {
  SearchSpace space;
  space.engine = engine;
  for (const Searched& row : kSearched) {
    if (row.engine != engine) continue;
    const std::string name(row.lever);
    if (name == "n_experts" && model.expert_used_count < 2) {
      space.left_out.push_back({name, "the model has no experts to leave out"});
      continue;
    }
    if (name == "head_type" && !weights_generated) {
      space.left_out.push_back({name, "our own engine quantises no file's head again; with --engine DIR llama-quantize does"});
      continue;
    }
    if (const std::string reason = why_nothing_to_change(name, machine); !reason.empty()) {
      space.left_out.push_back({name, reason});
      continue;
    }
    std::vector<std::string> values = row.values == "threads"   ? thread_values(machine, thread_limit)
                                      : row.values == "experts" ? expert_values(model)
                                                                : split(row.values);
    if (values.size() == 1) space.fixed.push_back({name, values.front()});
    else space.axes.push_back({name, std::move(values)});
  }
  for (const Lever& each : levers()) {
    if (!each.searched || engine == Engine::oldiron) continue;
    const std::string name(each.name);
    const auto is_this = [&](const auto& other) { return other.lever == name; };
    if (name == "head_type") space.left_out.push_back({name, "each takes a file of its own: --head_type VALUES has llama-quantize write them"});
    else if (const std::string_view reason = why_lacking(each, engine); !reason.empty()) space.left_out.push_back({name, std::string(reason)});
    else if (std::any_of(space.axes.begin(), space.axes.end(), is_this) || std::any_of(space.fixed.begin(), space.fixed.end(), is_this)) continue;
    else if (name == "n_experts" && model.expert_used_count < 2) space.left_out.push_back({name, "the model has no experts to leave out"});
    else if (std::none_of(space.left_out.begin(), space.left_out.end(), is_this))
      space.left_out.push_back({name, fmt::format("not searched by itself: --{} VALUES has llama-server try them, and all else with it", name)});
  }
  return space;
}

void override_axis(SearchSpace& space, std::string_view name, std::string_view values) {
  const Lever& record = lever(name);
  // A file with another head is the same line on another file.
  const std::string_view reason = name == "head_type" ? "" : why_lacking(record, space.engine);
  if (!reason.empty())
    throw Error("--" + std::string(name) + ": " + std::string(display_name(space.engine)) +
                " has no such lever (" + std::string(reason) + "); leave it out");
  std::vector<std::string> list = split(values);
  for (std::string& value : list) {
    Config scratch;
    record.set(scratch, value);
    value = record.get(scratch);
  }
  keep_first_of_each(list);
  std::erase_if(space.fixed, [&](const Setting& setting) { return setting.lever == name; });
  std::erase_if(space.left_out, [&](const LeftOut& lever) { return lever.lever == name; });
  const auto axis =
      std::find_if(space.axes.begin(), space.axes.end(), [&](const Axis& a) { return a.lever == name; });
  if (list.size() == 1) {
    if (axis != space.axes.end()) space.axes.erase(axis);
    space.fixed.push_back({std::string(name), list.front()});
    return;
  }
  if (axis != space.axes.end()) axis->values = std::move(list);
  else space.axes.push_back({std::string(name), std::move(list)});
}

Phase affects(const SearchSpace& space, const Lever& record) {
  if (record.name == "decode_threads" && threads_tied(space)) return Phase::both;
  return record.affects;
}

Config start(const SearchSpace& space, const Machine& machine, const ModelSpec& model) {
  Config config;
  for (const Axis& axis : space.axes) lever(axis.lever).set(config, first_value(axis, machine, model));
  for (const Setting& setting : space.fixed) lever(setting.lever).set(config, setting.value);
  if (threads_tied(space)) config.prefill_threads = config.decode_threads;
  return resolve(config, machine, model);
}

Config with(const SearchSpace& space, Config config, std::string_view lever_name, std::string_view value,
            const Machine& machine, const ModelSpec& model) {
  lever(lever_name).set(config, value);
  if (threads_tied(space)) config.prefill_threads = config.decode_threads;
  return resolve(config, machine, model);
}

bool is_lossless(const Config& config, const Machine& machine, const ModelSpec& model) {
  const Config own = resolve(Config{}, machine, model);
  const Config resolved = resolve(config, machine, model);
  for (const Lever& each : levers())
    if (each.loss == Loss::lossy && each.get(resolved) != each.get(own)) return false;
  return true;
}

std::vector<std::string> differences(const Config& config, const Config& from) {
  std::vector<std::string> names;
  for (const Lever& each : levers())
    if (each.get(config) != each.get(from)) names.push_back(std::string(each.name) + "=" + each.get(config));
  return names;
}

Reload reload_due(const Config& from, const Config& to, const Machine& machine) {
  Reload due = Reload::none;
  for (const Lever& each : levers()) {
    if (each.get(from) == each.get(to)) continue;
    // Weights lie on the node of the thread that reads them, so that with several nodes another team means
    // another load.
    const bool moves = machine.nodes > 1 && (each.name == "decode_threads" || each.name == "prefill_threads");
    const Reload reload = moves ? Reload::all : each.reload;
    if (rank(reload) > rank(due)) due = reload;
  }
  return due;
}

}  // namespace oldiron
