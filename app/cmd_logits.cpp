#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/own_session.hpp"
#include "core/json.hpp"
#include "core/text.hpp"
#include "kernels/decoder.hpp"

namespace oldiron {

int cmd_logits(const Options& options) {
  OwnSession session(options);
  const Config& config = session.config();
  const std::vector<std::int32_t> tokens = parse_tokens(options.tokens, session.model().vocab_size);
  const auto n = static_cast<int>(tokens.size());
  Decoder decoder(session.load(), config,
                  {.max_sequences = 1,
                   .max_context = n,
                   .max_step_tokens = std::min(n, config.ubatch),
                   .n_experts = config.n_experts},
                  session.team());
  const int vocab = session.model().vocab_size;
  std::vector<float> logits(static_cast<std::size_t>(n) * static_cast<std::size_t>(vocab));
  for (int begin = 0; begin < n; begin += config.ubatch) {
    std::vector<StepToken> step;
    for (int i = begin; i < std::min(n, begin + config.ubatch); ++i)
      step.push_back(
          {.token = tokens[static_cast<std::size_t>(i)], .sequence = 0, .position = i, .logits = true});
    decoder.step(step, config.prefill_threads, logits.data() + std::int64_t{begin} * vocab);
  }
  Json rows = Json::array();
  for (int i = 0; i < n; ++i) {
    const float* row = logits.data() + std::int64_t{i} * vocab;
    rows.push_back(std::vector<float>(row, row + vocab));
  }
  write_file(options.out, dump_json({{"tokens", tokens}, {"n_vocab", vocab}, {"logits", rows}}));
  return 0;
}

}  // namespace oldiron
