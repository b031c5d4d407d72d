// Discovery: which engines lie in a folder, which flags they know, and why one that is there cannot be used.
#pragma once

#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.hpp"
#include "runner/guarded_child.hpp"

namespace oldiron {

/// One llama-bench that runs here.
struct FoundEngine {
  Engine engine = Engine::llama_cpp;
  std::string bench;    ///< path of its llama-bench
  std::string version;  ///< "ik_llama.cpp 4840 (8337e4cd3)"; of a build that does not tell: its file's hash
  std::set<std::string, std::less<>> flags;  ///< all that its --help lists: "-rtr", "--run-time-repack"

  bool knows(std::string_view flag) const { return flags.contains(flag); }

  bool operator==(const FoundEngine&) const = default;
};

/// A llama-bench that is there and cannot be used.
struct RejectedEngine {
  std::string bench;
  std::string reason;  ///< one sentence, says what to do
  bool operator==(const RejectedEngine&) const = default;
};

struct Discovery {
  std::vector<FoundEngine> engines;
  std::vector<RejectedEngine> rejected;
};

/// Printing a help text takes milliseconds; a build on a network disk, or one that looks for a GPU, takes longer.
inline constexpr double kHelpPatience_s = 20;

/// Runs argv until it ends or `timeout_s` have passed (0: no limit). Throws Interrupted (runner/signals.hpp).
using RunCommand = std::function<CommandResult(const std::vector<std::string>& argv, double timeout_s)>;

/// Under a guard, with our surroundings and an empty standard input.
CommandResult run_guarded(const std::vector<std::string>& argv, double timeout_s);

/// run_guarded() in an empty folder: ik_llama.cpp's tools leave a log where they are started, whatever they are asked.
CommandResult ask_guarded(const std::vector<std::string>& argv, double timeout_s);

/// Looks for llama-bench in `dir`, dir/bin, dir/build/bin, and likewise in its folders down to two levels;
/// asks each who it is by `--help` and by a table without tests. `dir` may also be the path of one
/// llama-bench. Throws Error if there is no such folder, or no llama-bench in it.
Discovery discover(const std::string& dir, const RunCommand& run = ask_guarded);

/// The paths of all files called llama-bench that discover() asks, each folder once, in order of their names.
std::vector<std::string> find_benches(const std::string& dir);

/// `dir`, its bin and build/bin, and likewise its folders down to two levels, in order of their names; those that are there.
std::vector<std::filesystem::path> folders_to_search(const std::string& dir);

/// The flags that begin the lines of a --help; words in the prose behind them do not count.
std::set<std::string, std::less<>> flags_of_help(std::string_view help);

/// Whose --help lists these flags; the reason if it is neither engine's.
Available<Engine> engine_of_flags(const std::set<std::string, std::less<>>& flags);

/// "ik_llama.cpp 4840 (8337e4cd3)" from the footer `build: 8337e4cd3 (4840)`; empty if there is none.
std::string version_of_footer(Engine engine, std::string_view markdown);

/// The number in what version_of_footer() gives; 0 if there is none.
int build_of(std::string_view version);

/// Why this file cannot run on an x86-64 Linux, read from its first bytes and its permissions; empty if it
/// can.
std::string why_no_program(const std::string& path);

/// A sentence on a --help that did not end well, empty if it did: illegal instruction, missing library, and
/// so on.
std::string why_no_help(const std::string& path, const CommandResult& result);

/// Whether the end was SIGILL, itself or told by a wrapper script.
bool died_of_illegal_instruction(const ChildEnd& end);

}  // namespace oldiron
