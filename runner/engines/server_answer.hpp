// What llama-server says of one completion: its timings, and when its tokens came.
#pragma once

#include <string>

#include "runner/http_reader.hpp"

namespace oldiron {

/// Of one answered request. The rates that a server prints are not used: llama.cpp divides by the tokens after the first, ik_llama.cpp
/// by all. Both begin `predicted_s` when the prompt has been computed, which yields the first token without a step of its own.
struct Completion {
  int prompt_tokens = 0;  ///< computed, not taken from a cache
  double prompt_s = 0;
  int predicted_tokens = 0;
  double predicted_s = 0;
  int drafted_tokens = 0, accepted_tokens = 0;  ///< 0: nothing was drafted
  double first_token_s = 0;                     ///< from the request's way to its first token, as the client sees it

  double prefill_tokens_per_s() const { return prompt_tokens / prompt_s; }

  double decode_tokens_per_s() const { return (predicted_tokens - 1) / predicted_s; }
};

/// Reads an answer that is ok(), a stream's last event or a whole body. Fields that are not known are skipped; throws Error
/// naming one that is missing or is no number above 0.
Completion read_completion(const HttpAnswer& answer);

}  // namespace oldiron
