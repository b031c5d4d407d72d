// Rows that llama-batched-bench and llama-sweep-bench print, and how such a tool is found beside a llama-bench.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.hpp"
#include "core/model.hpp"
#include "core/trial.hpp"
#include "runner/discover.hpp"

namespace oldiron {

/// A program that reads the engine's common flags, those of llama-server.
struct FoundTool {
  Engine engine = Engine::llama_cpp;
  std::string name;     ///< "llama-batched-bench"
  std::string program;  ///< its path
  std::string version;  ///< that of the llama-bench beside it
  std::set<std::string, std::less<>> flags;
  bool reads_key = false;  ///< a server: it takes its API key from LLAMA_API_KEY too, where no list of processes shows it

  bool knows(std::string_view flag) const { return flags.contains(flag); }
  bool operator==(const FoundTool&) const = default;
};

/// The tool in the folder of a found llama-bench, or why there is none that can be used. `needed`: flags without which it
/// is of no use.
Available<FoundTool> find_tool_beside(const FoundEngine& bench, const std::string& name, const std::vector<std::string>& needed,
                                      const RunCommand& run = ask_guarded);

/// "-m MODEL -c `context`" and the levers of the config as flags of the tool; the reason if one of them cannot be expressed.
Available<std::vector<std::string>> common_argv(const TrialSpec& spec, const FoundTool& found, const ModelSpec& model, int context);

/// Rows in their order, from lines of JSON or from a table, whose columns get the names that they have in JSON: "S_TG t/s" is
/// speed_tg. What a table's head says ("n_threads = 2") is in each of its rows. Throws Error if a line of JSON is broken.
std::vector<Json> bench_rows(std::string_view text, std::string_view tool);

/// A field of a row. Throws Error naming it if it is missing, is no number above 0, or no integer of at least 0.
double row_number(const Json& row, const char* name, std::string_view tool);
int row_integer(const Json& row, const char* name, std::string_view tool);

/// Throws Error if the row says of threads and ubatch what was not asked. Fields that a build lacks are not judged.
void check_row(const Json& row, const Config& config, std::string_view tool);

}  // namespace oldiron
