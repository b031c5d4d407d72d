// The few tokens that a model's file names: enough to begin a text without a tokenizer.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/gguf.hpp"

namespace oldiron {

struct TextTokens {
  std::vector<std::int32_t> begin;  ///< beginning of text; empty if the file names none
  std::vector<std::int32_t> turn;   ///< the same and a user's turn of a chat; empty if none is named
  std::vector<std::int32_t> end;    ///< of a text or a turn; never drawn for a text of a given length
};

/// From tokenizer.ggml.*_token_id and the header's chat_tokens; an id outside the vocabulary is left out.
TextTokens text_tokens(const GgufHeader& header, int vocab_size);

}  // namespace oldiron
