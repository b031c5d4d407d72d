#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "core/json.hpp"
#include "core/text.hpp"
#include "kernels/decoder.hpp"
#include "probes/probe_machine.hpp"
#include "probes/state.hpp"

namespace oldiron {

namespace {

std::vector<std::int32_t> parse_tokens(const std::string& text, int vocab_size) {
  std::vector<std::int32_t> tokens;
  const char* at = text.data();
  const char* end = at + text.size();
  while (at < end) {
    std::int32_t id = 0;
    const auto [stop, error] = std::from_chars(at, end, id);
    if (error != std::errc() || (stop < end && *stop != ','))
      throw Error(fmt::format("--tokens {}: not a list of token ids; write 1,2,3", text));
    if (id < 0 || id >= vocab_size)
      throw Error(fmt::format("--tokens: id {} is outside the vocabulary of {} tokens", id, vocab_size));
    tokens.push_back(id);
    at = stop < end ? stop + 1 : end;
  }
  if (tokens.empty()) throw Error("--tokens: the list is empty; write 1,2,3");
  return tokens;
}

}  // namespace

int cmd_logits(const Options& options) {
  const auto source = open_model(options.model, cards_dir());
  const ModelSpec& model = source->model();
  const std::vector<std::int32_t> tokens = parse_tokens(options.tokens, model.vocab_size);
  const Machine machine = read_machine();
  const MachineState state = read_state();
  const Config config = resolve(options.config(), machine, state, model);
  if (const std::string reason = why_invalid(config, machine, model); !reason.empty()) throw Error(reason);
  if (const std::string reason = why_too_many_threads(config.prefill_threads, state); !reason.empty())
    throw Error(reason);

  const std::vector<int> cpus = place(machine, config.prefill_threads);
  Team team(cpus, config.thread_wait, nodes_of(machine, cpus));
  const auto weights = std::make_shared<Weights>(*source, kernel_set(isa_from_name(lever("isa").get(config)), config.repack != Switch::off),
                                                 config.activation_type, config.page_size, team);
  const auto n = static_cast<int>(tokens.size());
  Decoder decoder(weights, config, {.max_sequences = 1, .max_context = n, .max_step_tokens = std::min(n, config.ubatch), .n_experts = config.n_experts}, team);
  std::vector<float> logits(static_cast<std::size_t>(n) * static_cast<std::size_t>(model.vocab_size));
  for (int begin = 0; begin < n; begin += config.ubatch) {
    std::vector<StepToken> step;
    for (int i = begin; i < std::min(n, begin + config.ubatch); ++i)
      step.push_back({.token = tokens[static_cast<std::size_t>(i)], .sequence = 0, .position = i, .logits = true});
    decoder.step(step, config.prefill_threads, logits.data() + std::int64_t{begin} * model.vocab_size);
  }
  Json rows = Json::array();
  for (int i = 0; i < n; ++i) {
    const float* row = logits.data() + std::int64_t{i} * model.vocab_size;
    rows.push_back(std::vector<float>(row, row + model.vocab_size));
  }
  write_file(options.out, dump_json({{"tokens", tokens}, {"n_vocab", model.vocab_size}, {"logits", rows}}));
  return 0;
}

}  // namespace oldiron
