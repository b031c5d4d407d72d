#include "kernels/quality/own_text.hpp"

#include "core/check.hpp"
#include "kernels/quality/sampling.hpp"

namespace oldiron {

std::vector<std::vector<std::int32_t>> own_texts(Decoder& decoder, const TextTokens& known,
                                                 const OwnTextOptions& options) {
  CHECK(options.texts > 0 && options.tokens > 0, "a text");
  const auto vocab = static_cast<std::size_t>(decoder.model().vocab_size);
  const auto n = static_cast<std::size_t>(options.texts);
  std::vector<std::vector<std::int32_t>> texts(n);
  std::vector<UniformStream> streams;
  for (std::size_t i = 0; i < n; ++i) {
    streams.emplace_back(options.seed + i);
    decoder.rewind(static_cast<int>(i), 0);
    texts[i] = i % 2 == 1 && !known.turn.empty() ? known.turn : known.begin;
    if (texts[i].empty())
      texts[i].push_back(static_cast<std::int32_t>(streams[i].next() * static_cast<double>(vocab)));
  }
  std::vector<float> logits(n * vocab);
  std::vector<StepToken> step(n);
  const auto tokens = static_cast<std::size_t>(options.tokens);
  for (std::size_t at = 0; at + 1 < tokens; ++at) {
    for (std::size_t i = 0; i < n; ++i)
      step[i] = {.token = texts[i][at],
                 .sequence = static_cast<std::int32_t>(i),
                 .position = static_cast<std::int32_t>(at),
                 .logits = at + 1 == texts[i].size()};
    decoder.step(step, options.threads, logits.data());
    std::size_t row = 0;
    for (std::size_t i = 0; i < n; ++i)
      if (step[i].logits)
        texts[i].push_back(
            draw(std::span(logits).subspan(row++ * vocab, vocab), streams[i].next(), known.end));
  }
  for (std::vector<std::int32_t>& text : texts) text.resize(tokens);
  return texts;
}

}  // namespace oldiron
