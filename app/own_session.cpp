#include "app/own_session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "app/commands.hpp"
#include "core/text.hpp"
#include "kernels/architecture.hpp"
#include "kernels/gguf.hpp"
#include "probes/probe_machine.hpp"
#include "probes/state.hpp"

namespace oldiron {

OwnSession::OwnSession(const Options& options)
    : request_(options.model), model_(describe_model(request_, cards_dir())), machine_(read_machine()) {
  if (const std::string reason = why_not_run(model_); !reason.empty()) throw Error(reason);
  const MachineState state = read_state();
  config_ = resolve(options.config(), machine_, state, model_);
  if (const std::string reason = why_invalid(config_, machine_, model_); !reason.empty()) throw Error(reason);
  if (const std::string reason =
          why_too_many_threads(std::max(config_.prefill_threads, config_.decode_threads), state);
      !reason.empty())
    throw Error(reason);
}

Team& OwnSession::team() {
  if (!team_) {
    const std::vector<int> cpus = place(machine_, std::max(config_.prefill_threads, config_.decode_threads));
    team_ = std::make_unique<Team>(cpus, config_.thread_wait, nodes_of(machine_, cpus));
  }
  return *team_;
}

std::shared_ptr<Weights> OwnSession::load(const ModelRequest& request) {
  const auto source = open_model(request, cards_dir());
  if (const std::int64_t has = usable_memory_bytes(read_state()); source->model().bytes() > has)
    throw Error(
        fmt::format("{} does not fit: its weights need {} and {} can be had here; choose a smaller type",
                    source->model().id, bytes_text(static_cast<double>(source->model().bytes())),
                    bytes_text(static_cast<double>(std::max<std::int64_t>(0, has)))));
  return std::make_shared<Weights>(
      *source, kernel_set(isa_from_name(lever("isa").get(config_)), config_.repack != Switch::off),
      config_.activation_type, config_.page_size, team());
}

TextTokens known_tokens(const ModelRequest& request, const ModelSpec& model) {
  return is_file(request) ? text_tokens(read_gguf_header(request.model), model.vocab_size) : TextTokens{};
}

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

}  // namespace oldiron
