// EndpointSpeed: how fast somebody's server answers, as its client sees it.
#pragma once

#include <string>
#include <vector>

#include "core/measurement.hpp"
#include "core/stats.hpp"

namespace oldiron {

struct EndpointSpeed {
  std::string url = {};    ///< as given
  std::string model = {};  ///< as the server calls it
  int prompt_tokens = 0;   ///< of the long prompt, median
  int short_prompt_tokens = 0;
  bool tokens_estimated = false;  ///< the server's `usage` is missing: a token per event, four bytes per token of a prompt
  bool stopped_early = false;     ///< some answers ended before the tokens that were asked for
  double first_request_s = 0;     ///< of the very first token asked for: with a load, if the server loads on demand
  Measurement first_token_s = {};          ///< behind the long prompt
  Measurement short_first_token_s = {};    ///< behind the short one
  Measurement decode_tokens_per_s = {};    ///< from the first token to the last, behind the long prompt
  double prefill_tokens_per_s = 0;         ///< by the difference of a long prompt and the short one, medians; 0: they do not tell
  bool operator==(const EndpointSpeed&) const = default;
};

/// Answer beside a tuned line: decode and first token of both; 0: not known.
struct TunedSpeed {
  Measurement decode_tokens_per_s = {};
  Measurement prefill_tokens_per_s = {};
  std::string line = {};  ///< the tuned command line
  Ratio decode_ratio = {};  ///< tuned / endpoint's, not taken side by side
};

}  // namespace oldiron
