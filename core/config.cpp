// The levers, expanded from levers.def, and the relations between them.
#include "core/config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/machine.hpp"
#include "core/model.hpp"
#include "core/text.hpp"

namespace oldiron {
namespace {

/// The names of an enumeration, split from the text of its definition.
template <class E>
const std::vector<std::string>& names_of() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> split;
    std::string_view text = enumerators(E{});
    while (!text.empty()) {
      const std::size_t end = std::min(text.find(','), text.size());
      split.emplace_back(text.substr(0, end));
      text.remove_prefix(std::min(end + 2, text.size()));
    }
    return split;
  }();
  return names;
}

template <class E>
Domain names() {
  return {.names = names_of<E>()};
}

Domain range(std::int64_t low, std::int64_t high) { return {.low = low, .high = high}; }

Error illegal(std::string_view name, const Domain& domain, std::string_view value) {
  const std::string legal = domain.names.empty()
                                ? fmt::format("a whole number from {} to {}", domain.low, domain.high)
                                : list_text(domain.names, "or");
  return Error(fmt::format("{} cannot be `{}`: it takes {}", name, value, legal));
}

std::string text_of(int value) { return std::to_string(value); }

template <class E>
std::string text_of(E value) {
  return names_of<E>()[static_cast<std::size_t>(value)];
}

bool parse(const Domain& domain, std::string_view text, int& value) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  if (number < domain.low || number > domain.high) return false;
  value = number;
  return true;
}

template <class E>
bool parse(const Domain&, std::string_view text, E& value) {
  const std::vector<std::string>& known = names_of<E>();
  const auto found = std::find(known.begin(), known.end(), text);
  if (found == known.end()) return false;
  value = static_cast<E>(found - known.begin());
  return true;
}

/// Completes a record with access to its field.
template <auto Field>
Lever with_access(Lever record) {
  record.get = [](const Config& config) { return text_of(config.*Field); };
  record.set = [name = record.name, domain = record.domain](Config& config, std::string_view text) {
    if (!parse(domain, text, config.*Field)) throw illegal(name, domain, text);
  };
  return record;
}

const std::vector<Lever>& table() {
  static const std::vector<Lever> levers = {
#define LEVER(type, id, value, ...) with_access<&Config::id>(Lever{.name = #id, __VA_ARGS__}),
#include "core/levers.def"
#undef LEVER
  };
  return levers;
}

std::int64_t head_inputs(const ModelSpec& model) {
  const auto is_head = [](const TensorSpec& tensor) { return tensor.role == Role::head; };
  const auto head = std::find_if(model.tensors.begin(), model.tensors.end(), is_head);
  return head == model.tensors.end() ? 0 : head->k();
}

}  // namespace

std::span<const Lever> levers() { return table(); }

const Lever& lever(std::string_view name) {
  std::vector<std::string> known;
  for (const Lever& candidate : table()) {
    if (candidate.name == name) return candidate;
    known.emplace_back(candidate.name);
  }
  throw Error(fmt::format("there is no lever `{}`{}; the levers are {}", name, did_you_mean(name, known),
                          list_text(known, "and")));
}

void apply_setting(Config& config, std::string_view name_equals_value) {
  const std::size_t equals = name_equals_value.find('=');
  if (equals == std::string_view::npos) {
    throw Error(
        fmt::format("`{}` is no setting: write name=value, as in decode_threads=8", name_equals_value));
  }
  lever(name_equals_value.substr(0, equals)).set(config, name_equals_value.substr(equals + 1));
}

Config resolve(Config config, const Machine& machine, const ModelSpec& model) {
  return resolve(std::move(config), machine, MachineState{}, model);
}

Config resolve(Config config, const Machine& machine, const MachineState& state, const ModelSpec& model) {
  const int threads = usable_threads(machine, state);
  if (config.decode_threads == 0) config.decode_threads = threads;
  if (config.prefill_threads == 0) config.prefill_threads = threads;
  if (config.n_experts == 0) config.n_experts = model.expert_used_count;
  return config;
}

Config without_losses(Config config, const ModelSpec& model) {
  for (const Lever& each : table())
    if (each.loss == Loss::lossy) each.set(config, each.get(Config{}));
  config.n_experts = model.expert_used_count;
  return config;
}

std::string why_invalid(const Config& config, const Machine& machine, const ModelSpec& model) {
  std::size_t cpus = 0;
  for (const Core& core : machine.cores) cpus += core.cpus.size();
  const int threads = std::max(config.decode_threads, config.prefill_threads);
  if (cpus > 0 && threads > static_cast<int>(cpus)) {
    return fmt::format("{} threads do not fit on the {} CPUs this process may use", threads, cpus);
  }
  if (config.node_policy == NodePolicy::one_node) {
    std::size_t near = 0;
    for (const Core& core : machine.cores) near += core.node == 0 ? core.cpus.size() : 0;
    if (threads > static_cast<int>(near))
      return fmt::format("node_policy=one_node leaves {} CPUs, too few for {} threads: set decode_threads and prefill_threads", near, threads);
  }
  if (config.cpu_set == CpuSet::cores && threads > static_cast<int>(machine.cores.size()))
    return fmt::format("cpu_set=cores leaves {} CPUs, too few for {} threads", machine.cores.size(), threads);
  if (model.expert_count == 0 && config.n_experts > 0) {
    return fmt::format("n_experts={} means nothing to {}, which has no experts", config.n_experts, model.id);
  }
  if (config.n_experts > model.expert_count) {
    return fmt::format("n_experts={} is more than the {} experts of {}", config.n_experts, model.expert_count,
                       model.id);
  }
  if (model.context_length > 0 && config.ubatch > model.context_length) {
    return fmt::format("ubatch={} is more than the {} tokens of context of {}", config.ubatch,
                       model.context_length, model.id);
  }
  if (config.head_type != HeadType::as_is) {
    const std::string type = text_of(config.head_type);
    const TensorTypeInfo& head = info(tensor_type_from_name(type));
    if (head_inputs(model) % head.block != 0) {
      return fmt::format("head_type={} needs rows in blocks of {}, and the head of {} has rows of {}", type,
                         head.block, model.id, head_inputs(model));
    }
  }
  const bool quantised_kv = config.kv_type == KvType::q8_0 || config.kv_type == KvType::q4_0;
  if (quantised_kv && config.flash_attention == Switch::off) {
    return fmt::format("kv_type={} needs flash attention, and flash_attention=off", text_of(config.kv_type));
  }
  for (const LayerSpec& layer : model.layers) {
    for (const int length : {layer.key_length, layer.value_length}) {
      if (!quantised_kv || length % 32 == 0) continue;
      return fmt::format("kv_type={} keeps blocks of 32, and {} has heads of {}", text_of(config.kv_type), model.id,
                         length);
    }
  }
  const std::string isa = text_of(config.isa);
  const auto& isas = machine.isas;
  if (config.isa != IsaChoice::automatic && !isas.empty() &&
      std::find(isas.begin(), isas.end(), isa) == isas.end()) {
    return fmt::format("isa={} does not run on this CPU, which has {}", isa, list_text(isas, "and"));
  }
  return "";
}

namespace {

struct EngineName {
  Engine engine;
  std::string_view key, display;
};

constexpr EngineName kEngines[] = {
#define ENGINE(id, name) {Engine::id, #id, name},
#include "core/engines.def"
#undef ENGINE
};

}  // namespace

std::string_view to_string(Engine engine) { return kEngines[static_cast<std::size_t>(engine)].key; }

std::string_view display_name(Engine engine) { return kEngines[static_cast<std::size_t>(engine)].display; }

Engine engine_from_name(std::string_view name) {
  std::vector<std::string> known;
  for (const EngineName& entry : kEngines) {
    if (name == entry.key) return entry.engine;
    known.emplace_back(entry.key);
  }
  throw Error(fmt::format("there is no engine `{}`; known are {}", name, list_text(known, "and")));
}

}  // namespace oldiron
