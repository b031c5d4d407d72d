// What a tool's log tells in figures: the times of its work, the size of its graph and buffers, the instructions it was built for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace oldiron {

/// Work that was timed; a rate is 0 where it was not told.
struct WorkTimes {
  double prefill_tokens_per_s = 0, decode_tokens_per_s = 0;
  int prompt_tokens = 0, generated_tokens = 0;  ///< 0: not told
  int drafted_tokens = 0, accepted_tokens = 0;  ///< of drafts
  bool operator==(const WorkTimes&) const = default;
};

/// Of llama-cli's and llama-server's logs: the last "prompt eval time" and "eval time", else the "[ Prompt: … | Generation: … ]" of
/// llama.cpp's llama-cli. Rates are tokens over time, as the two engines round and count differently.
WorkTimes times_of_log(std::string_view log);

/// Of llama-bench's rows in JSON: the last of a prompt and the last of a generation.
WorkTimes times_of_bench(const std::string& json);

/// What an engine set up for its work.
struct GraphSize {
  std::vector<std::int64_t> nodes = {};  ///< of each graph, in the log's order
  double compute_mib = 0;                ///< of all compute buffers
  double repacked_mib = 0;               ///< of llama.cpp's buffers of weights in another order
  bool operator==(const GraphSize&) const = default;
};

GraphSize graph_of_log(std::string_view log);

/// The names behind which a system_info line has " = 1": "AVX2", "FMA". Empty if the log has no such line.
std::vector<std::string> features_of_log(std::string_view log);

/// "version: 4840 (8337e4cd3)" and "version: 0.2.0-dev (build 10587, commit 3f545becc)", or llama-bench's "build: 8337e4cd3 (4840)",
/// wherever they stand; 0 if none does.
int build_of_version(std::string_view text, std::string& commit);

}  // namespace oldiron
