// llama-server of either engine as a TrialEngine: what people really run, measured as its client.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/model.hpp"
#include "runner/discover.hpp"
#include "runner/engine.hpp"
#include "runner/engines/running_server.hpp"

namespace oldiron {

struct FoundServer {
  Engine engine = Engine::llama_cpp;
  std::string program;
  std::string version;  ///< that of the llama-bench beside it
  std::set<std::string, std::less<>> flags;
  bool reads_key = false;  ///< it takes its API key from LLAMA_API_KEY too, where no list of processes shows it

  bool knows(std::string_view flag) const { return flags.contains(flag); }
};

/// The llama-server in the folder of a found llama-bench, or why there is none that can be used.
Available<FoundServer> find_server(const FoundEngine& bench, const RunCommand& run = run_guarded);

/// 128 random bits.
std::string new_api_key();

/// What a person would start for this configuration: the model, its context, its slots and all levers; nothing of an address.
/// The reason if anything cannot be expressed. `context`: tokens of all slots together; 0: what the workload needs.
Available<std::vector<std::string>> server_argv(const TrialSpec& spec, const FoundServer& found, const ModelSpec& model, int context = 0);

struct ServerOptions {
  std::string log_dir = {};                                                ///< empty: logs are kept nowhere
  std::function<Command(const std::vector<std::string>& argv)> command = {};  ///< surroundings; empty: ours
  Machine machine = {};                                                    ///< whose CPUs the words in front name
  double patience_s = 0;                                                   ///< 0: load_patience_s() of the model
  std::string guard_program = "/proc/self/exe";
};

inline constexpr const char* kFirstToken = "first_token_s";  ///< of a prompt of the workload, as the client sees it

/// Sends prompts of token ids and fills the status and measurements of `trial`: prefill and decode behind depth_tokens, the delay of
/// the first token, what was accepted of drafts, and for streams_max > 1 the sum of n streams (batch_tokens_per_s/n), each with
/// a prompt of one token. An empty context has one token here, which no server does without.
void measure_server(RunningServer& server, int vocab_size, double deadline_s, Trial& trial);

std::unique_ptr<TrialEngine> make_llama_server(FoundServer found, ModelSpec model, ServerOptions options = {});

}  // namespace oldiron
