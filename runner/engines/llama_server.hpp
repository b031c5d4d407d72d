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
#include "runner/engines/bench_rows.hpp"
#include "runner/engines/running_server.hpp"

namespace oldiron {

/// The llama-server in the folder of a found llama-bench, or why there is none that can be used.
Available<FoundTool> find_server(const FoundEngine& bench, const RunCommand& run = ask_guarded);

/// 128 random bits.
std::string new_api_key();

/// Whether a trial is the server's alone, because its engine_dir names this program.
bool is_for_server(const TrialSpec& spec);

/// What a person would start for this configuration: the model, its context, its slots and all levers, and what a trial that is
/// for the server hands through; nothing of an address. The reason if anything cannot be expressed. `context`: tokens of all
/// slots together; 0: what the workload needs.
Available<std::vector<std::string>> server_argv(const TrialSpec& spec, const FoundTool& found, const ModelSpec& model, int context = 0);

struct ServerOptions {
  std::string log_dir = {};                                                ///< empty: logs are kept nowhere
  std::function<Command(const std::vector<std::string>& argv)> command = {};  ///< surroundings; empty: ours
  Machine machine = {};                                                    ///< whose CPUs the words in front name
  double patience_s = 0;                                                   ///< 0: load_patience_s() of the model
  std::function<void(int pid)> watch = {};                                 ///< called twice a second while it runs
  std::string guard_program = "/proc/self/exe";
};

inline constexpr const char* kFirstToken = "first_token_s";  ///< of a prompt of the workload, as the client sees it

/// Sends prompts of token ids and fills the status and measurements of `trial`: prefill and decode behind depth_tokens, the delay of
/// the first token, what was accepted of drafts, and for streams_max > 1 the sum of n streams (batch_tokens_per_s/n), each with
/// a prompt of one token. An empty context has one token here, which no server does without.
void measure_server(RunningServer& server, int vocab_size, double deadline_s, Trial& trial);

/// How a server is run for one trial.
struct ServerRun {
  int vocab_size = 0;
  double seconds = 0;        ///< for the measurements, once it is ready; 0: no limit
  int port = 0;              ///< tried first; 0: any
  std::string log_dir = {};  ///< empty: its output is kept nowhere
};

/// Starts what `start_on` gives for a port, which is also to set the trial's command; measures, ends it and keeps what it printed.
/// A port that was taken is changed. Fills status, reason, measurements, load_s, peak_rss_bytes and log_path; an Error on the way
/// fails the trial. Throws Interrupted.
void run_on_server(const ServerRun& run, const std::function<ServerStart(int port)>& start_on, Trial& trial);

std::unique_ptr<TrialEngine> make_llama_server(FoundTool found, ModelSpec model, ServerOptions options = {});

}  // namespace oldiron
