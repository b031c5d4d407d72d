// Texts that a model makes for itself, to measure it on without a tokenizer or a corpus.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/decoder.hpp"
#include "kernels/text_tokens.hpp"

namespace oldiron {

struct OwnTextOptions {
  int texts =
      1;  ///< sequences of the decoder, decoded together: text i is of seed + i whatever stands beside it
  int tokens = 64;  ///< of each, the beginning counted
  std::uint64_t seed = 1;
  int threads = 1;
};

/// Texts drawn at temperature 1 (kernels/quality/sampling.hpp). Each begins as the model's file says that
/// texts do: the even ones with the beginning-of-text token, the odd ones with a user's turn of a chat. Where
/// the file names neither, a token of the seed's choice begins. Tokens that end a text are never drawn.
/// Empties the decoder's sequences first.
std::vector<std::vector<std::int32_t>> own_texts(Decoder& decoder, const TextTokens& known,
                                                 const OwnTextOptions& options);

}  // namespace oldiron
