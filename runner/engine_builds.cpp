// Builds by the file system, the loader's list of libraries, and three short calls of each tool that load no model.
#include "runner/engine_builds.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <set>
#include <sstream>

#include "core/text.hpp"
#include "probes/files.hpp"
#include "runner/audit/run_log.hpp"
#include "runner/http.hpp"
#include "runner/kept_answers.hpp"

namespace oldiron {
namespace {

namespace fs = std::filesystem;

constexpr std::array kTools = {"llama-server",      "llama-cli",        "llama-bench",    "llama-batched-bench", "llama-sweep-bench",
                               "llama-perplexity",  "llama-completion", "llama-quantize", "llama-tokenize",      "llama-speculative",
                               "llama-spec-bench"};
constexpr const char* kNoModel = "/nonexistent.gguf";

std::string all_of(const CommandResult& result) { return result.out.text() + "\n" + result.err.text(); }

struct ToolAnswers {
  std::vector<std::string> flags = {};  // sorted
  std::optional<Engine> engine = {};    // nothing: its flags are both engines'
  int build = 0;                        // 0: it does not tell
  std::string commit = {};
  std::vector<std::string> features = {};  // empty: it does not tell
};

/// Their flags are the engine's; those of the others are few and alike.
bool tells_its_engine(const std::string& tool) { return tool != "llama-quantize" && tool != "llama-tokenize"; }

class Finder {
 public:
  explicit Finder(const BuildSearch& search) : answers_(search.cache_dir, search.run) {}

  EngineBuild build_in(const fs::path& folder) {
    EngineBuild build{.folder = folder.string()};
    for (const char* name : kTools)
      if (is_file(folder / name)) build.tools.push_back(tool(folder / name, build));
    return build;
  }

 private:
  EngineTool tool(const fs::path& path, EngineBuild& build) {
    EngineTool tool{.name = path.filename().string(), .path = path.string()};
    if (tool.refusal = why_no_program(tool.path); !tool.refusal.empty()) return tool;
    try {
      ask(tool, build);
    } catch (const Error& error) {
      tool.refusal = error.what();
    }
    return tool;
  }

  void ask(EngineTool& tool, EngineBuild& build) {
    const LoadedLibraries& libraries = answers_.libraries(tool.path);
    if (!libraries.missing.empty()) {
      tool.refusal = fmt::format("{} does not start: {} {} missing; set LD_LIBRARY_PATH to the folder that holds {}, or build it here", tool.path,
                                 list_text(libraries.missing, "and"), libraries.missing.size() == 1 ? "is" : "are", libraries.missing.size() == 1 ? "it" : "them");
      return;
    }
    const ToolAnswers answers = answers_of(tool);
    if (!tool.refusal.empty()) return;
    tool.flags = answers.flags;
    if (!build.engine && answers.engine) build.engine = *answers.engine;
    if (build.number == 0 && answers.build > 0) {
      build.number = answers.build;
      build.commit = answers.commit;
    }
    if (!build.features && !answers.features.empty()) build.features = answers.features;
  }

  ToolAnswers answers_of(EngineTool& tool) {
    ToolAnswers answers;
    const CommandResult help = answers_.ask({tool.path, "--help"}, kHelpPatience_s);
    const auto flags = flags_of_help(all_of(help));
    answers.flags.assign(flags.begin(), flags.end());
    // Some print their help and fail then.
    const bool died = help.timed_out || help.end.signal != 0 || died_of_illegal_instruction(help.end);
    if (died || answers.flags.empty()) tool.refusal = why_no_help(tool.path, help);
    if (!tool.refusal.empty()) return answers;
    if (const Available<Engine> engine = engine_of_flags(flags)) answers.engine = *engine;
    else if (tells_its_engine(tool.name)) tool.refusal = fmt::format("{}: its --help is neither that of a tool of llama.cpp nor of ik_llama.cpp", tool.path);
    if (!tool.refusal.empty()) return answers;
    const bool bench = tool.name == "llama-bench";
    const bool asks = bench || tool.name == "llama-server" || tool.name == "llama-cli" || tool.name == "llama-completion";
    if (!asks) return answers;
    answers.build = build_of_version(all_of(answers_.ask(bench ? std::vector<std::string>{tool.path, "-p", "0", "-n", "0", "-o", "md"}
                                                              : std::vector<std::string>{tool.path, "--version"},
                                                        kHelpPatience_s)),
                                     answers.commit);
    if (!bench) answers.features = features_of(tool, *answers.engine);
    return answers;
  }

  /// They tell before they look for the model.
  std::vector<std::string> features_of(const EngineTool& tool, Engine engine) {
    std::vector<std::string> argv = {tool.path, "-m", kNoModel};
    if (engine == Engine::llama_cpp) argv.insert(argv.end(), {"-lv", "4"});
    if (tool.name == "llama-server") argv.insert(argv.end(), {"--host", "127.0.0.1", "--port", std::to_string(free_port())});
    return features_of_log(all_of(answers_.ask(argv, kHelpPatience_s, "what it was compiled for")));
  }

  KeptAnswers answers_;
};

std::vector<fs::path> folders_of_path() {
  std::vector<fs::path> folders;
  const char* path = std::getenv("PATH");
  std::istringstream parts(path != nullptr ? path : "");
  for (std::string part; std::getline(parts, part, ':');)
    if (!part.empty()) folders.emplace_back(part);
  return folders;
}

}  // namespace

std::vector<EngineBuild> find_engine_builds(const BuildSearch& search) {
  std::error_code ignored;
  if (!search.dir.empty() && !fs::is_directory(search.dir, ignored))
    throw Error(fmt::format("{}: no such folder; name one that holds tools of llama.cpp or ik_llama.cpp", search.dir));
  if (!search.dir.empty() && access(search.dir.c_str(), R_OK | X_OK) != 0)
    throw Error(fmt::format("{}: this folder cannot be read; change its permissions, or look as another user", search.dir));
  const std::vector<fs::path> folders = search.dir.empty() ? folders_of_path() : folders_to_search(search.dir);
  std::vector<EngineBuild> builds;
  std::set<fs::path> seen;
  Finder finder(search);
  for (const fs::path& folder : folders) {
    std::error_code error;
    const fs::path real = fs::canonical(folder, error);
    const bool any = !error && std::any_of(kTools.begin(), kTools.end(), [&](const char* name) { return is_file(folder / name); });
    if (any && seen.insert(real).second) builds.push_back(finder.build_in(folder));
  }
  return builds;
}

}  // namespace oldiron
