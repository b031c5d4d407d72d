// Builds by the file system, the loader's list of libraries, and three short calls of each tool that load no model.
#include "runner/engine_builds.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>

#include "core/text.hpp"
#include "probes/files.hpp"
#include "runner/audit/run_log.hpp"
#include "runner/http.hpp"
#include "runner/tool_answers.hpp"

namespace oldiron {
namespace {

namespace fs = std::filesystem;

constexpr std::array kTools = {"llama-server",      "llama-cli",        "llama-bench",    "llama-batched-bench", "llama-sweep-bench",
                               "llama-perplexity",  "llama-completion", "llama-quantize", "llama-tokenize",      "llama-speculative",
                               "llama-spec-bench"};
constexpr const char* kLoader = "/lib64/ld-linux-x86-64.so.2";  // the x86-64 psABI's name
constexpr const char* kNoModel = "/nonexistent.gguf";

std::string all_of(const CommandResult& result) { return result.out.text() + "\n" + result.err.text(); }

/// Back ends that llama.cpp opens by itself; no loader lists them.
std::vector<std::string> back_ends_beside(const std::string& program) {
  std::vector<std::string> paths;
  std::error_code error;
  for (fs::directory_iterator each(fs::path(program).parent_path(), error), end; !error && each != end; each.increment(error)) {
    const std::string name = each->path().filename().string();
    if (name.starts_with("libggml-") && name.find(".so") != std::string::npos) paths.push_back(each->path().string());
  }
  return paths;
}

/// Their flags are the engine's; those of the others are few and alike.
bool tells_its_engine(const std::string& tool) { return tool != "llama-quantize" && tool != "llama-tokenize"; }

class Finder {
 public:
  explicit Finder(const BuildSearch& search) : search_(search), cache_(search.cache_dir) {}

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
    const LoadedLibraries libraries = libraries_of_listing(all_of(search_.run({kLoader, "--list", tool.path}, kHelpPatience_s)));
    if (!libraries.missing.empty()) {
      tool.refusal = fmt::format("{} does not start: {} {} missing; set LD_LIBRARY_PATH to the folder that holds {}, or build it here", tool.path,
                                 list_text(libraries.missing, "and"), libraries.missing.size() == 1 ? "is" : "are", libraries.missing.size() == 1 ? "it" : "them");
      return;
    }
    std::vector<std::string> files = libraries.paths;
    files.push_back(tool.path);
    for (std::string& each : back_ends_beside(tool.path)) files.push_back(std::move(each));
    const std::string key = hashes_.of(std::move(files));
    const Available<ToolAnswers> kept = cache_.find(key);
    ToolAnswers answers;
    if (kept) answers = *kept;
    else if (answers = answers_of(tool); tool.refusal.empty()) cache_.keep(key, answers);
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
    const CommandResult help = search_.run({tool.path, "--help"}, kHelpPatience_s);
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
    answers.build = build_of_version(all_of(search_.run(bench ? std::vector<std::string>{tool.path, "-p", "0", "-n", "0", "-o", "md"}
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
    return features_of_log(all_of(search_.run(argv, kHelpPatience_s)));
  }

  const BuildSearch& search_;
  ToolAnswerCache cache_;
  FileHashes hashes_;
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

LoadedLibraries libraries_of_listing(std::string_view listing) {
  LoadedLibraries libraries;
  while (!listing.empty()) {
    std::string_view line = listing.substr(0, listing.find('\n'));
    listing.remove_prefix(std::min(listing.size(), line.size() + 1));
    const auto arrow = line.find(" => ");
    if (arrow == std::string_view::npos) continue;
    const std::string_view target = line.substr(arrow + 4);
    const auto name_at = line.substr(0, arrow).find_last_of(" \t");
    const std::string_view name = line.substr(0, arrow).substr(name_at + 1);  // npos + 1 is 0
    if (target.starts_with("not found")) libraries.missing.emplace_back(name);
    else if (target.starts_with('/')) libraries.paths.emplace_back(target.substr(0, target.find(" (0x")));
  }
  return libraries;
}

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

std::string engine_cache_dir() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && cache[0] == '/') return std::string(cache) + "/oldiron/engines";
  const char* home = std::getenv("HOME");
  return home != nullptr && home[0] == '/' ? std::string(home) + "/.cache/oldiron/engines" : "";
}

}  // namespace oldiron
