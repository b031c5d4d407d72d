// Measuring a server with an OpenAI-compatible interface: Ollama, LM Studio, vLLM, llama-server.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/endpoint.hpp"
#include "runner/http.hpp"

namespace oldiron {

struct EndpointRequest {
  /// "http://127.0.0.1:11434/v1"; without a path "/v1" is asked. Chats, unless it ends in /completions alone, for a model
  /// without a chat template.
  std::string url = {};
  std::string model = {};    ///< empty: the only one that the server lists
  std::string api_key = {};
  int prompt_tokens = 512, generate_tokens = 128;
  int repetitions = 5;
  double patience_s = 1800;  ///< for one answer: the first may load a model
  std::uint64_t seed = 1;
};

/// One streamed answer.
struct StreamReading {
  double first_s = 0, last_s = 0;  ///< from the request to the first piece of text, and to the last
  int pieces = 0;
  int prompt_tokens = -1, completion_tokens = -1;  ///< of `usage`; -1: it is missing
  std::string finish_reason = {};                  ///< "length", "stop"
  std::string error = {};                          ///< what the server says is wrong
};

/// Unknown fields are passed over; an answer without any text has an error.
StreamReading read_stream(const HttpAnswer& answer);

/// Asks one request at a time; every prompt begins otherwise, so that no cache of prompts helps. Where the prompt that is asked
/// for is hardly longer than the shortest, prefill is taken from a longer one, if the server takes that. `tell` hears of each answer.
/// Throws Error in one sentence where the server does not answer, or not as such a server does, and Interrupted.
EndpointSpeed measure_endpoint(const EndpointRequest& request, const std::function<void(const std::string&)>& tell = {});

}  // namespace oldiron
