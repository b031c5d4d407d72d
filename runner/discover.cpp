// Discovery by the file system, the file's first bytes, and two short calls that load no model.
#include "runner/discover.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>

#include "core/text.hpp"
#include "probes/files.hpp"
#include "runner/empty_folder.hpp"

namespace oldiron {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBench = "llama-bench";

// A folder of builds holds a handful of folders; a mistaken "/" or "~" must not turn into a walk of the disk.
constexpr std::size_t kMostFolders = 2000;

std::vector<fs::path> folders_in(const fs::path& folder) {
  std::vector<fs::path> result;
  std::error_code error;
  for (fs::directory_iterator each(folder, error), end; !error && each != end; each.increment(error)) {
    std::error_code ignored;
    if (each->is_directory(ignored) && each->path().filename().string().front() != '.')
      result.push_back(each->path());
    if (result.size() > kMostFolders) break;
  }
  std::sort(result.begin(), result.end());
  return result;
}

std::string machine_name(unsigned machine) {
  switch (machine) {
    case 3:
      return "32-bit x86";
    case 21:
      return "PowerPC 64";
    case 40:
      return "32-bit ARM";
    case 183:
      return "ARM64";
    case 243:
      return "RISC-V";
    default:
      return fmt::format("a processor with ELF number {}", machine);
  }
}

/// The rest of the first line in `text` that holds `mark`, from the mark on.
std::string line_from(std::string_view text, std::string_view mark) {
  const auto at = text.find(mark);
  return at == std::string_view::npos ? "" : std::string(text.substr(at, text.find('\n', at) - at));
}

/// A build that prints no number is known by its file, so that a rebuilt one is another engine to the
/// journal.
std::string version_of_file(Engine engine, const std::string& path) {
  return fmt::format("{} build unknown (file {})", display_name(engine), hex16(hash64(read_file(path))));
}

struct Asked {
  FoundEngine found;
  std::string refusal;
};

Asked ask(const std::string& bench, const RunCommand& run) {
  Asked asked;
  if (asked.refusal = why_no_program(bench); !asked.refusal.empty()) return asked;
  try {
    const CommandResult help = run({bench, "--help"}, kHelpPatience_s);
    if (asked.refusal = why_no_help(bench, help); !asked.refusal.empty()) return asked;
    asked.found.bench = bench;
    asked.found.flags = flags_of_help(help.out.text());
    const Available<Engine> engine = engine_of_flags(asked.found.flags);
    if (asked.refusal = engine.reason(); !engine) return asked;
    asked.found.engine = *engine;
    // A table without a test loads no model, and its footer names the build.
    asked.found.version =
        version_of_footer(*engine, run({bench, "-p", "0", "-n", "0", "-o", "md"}, kHelpPatience_s).out.text());
    if (asked.found.version.empty()) asked.found.version = version_of_file(*engine, bench);
  } catch (const Error& error) {
    asked.refusal = error.what();
  }
  return asked;
}

}  // namespace

std::vector<fs::path> folders_to_search(const std::string& dir) {
  std::vector<fs::path> folders = {dir};
  for (std::size_t level = 0, begin = 0; level < 2; ++level) {
    const std::size_t end = folders.size();
    for (std::size_t i = begin; i < end && folders.size() < kMostFolders; ++i)
      for (auto& each : folders_in(folders[i])) folders.push_back(std::move(each));
    begin = end;
  }
  std::vector<fs::path> places;
  for (const auto& folder : folders) {
    for (const char* below : {"", "bin", "build/bin"}) {
      std::error_code ignored;
      const fs::path place = *below == '\0' ? folder : folder / below;
      if (fs::is_directory(place, ignored)) places.push_back(place);
    }
  }
  return places;
}

std::vector<std::string> find_benches(const std::string& dir) {
  std::vector<std::string> benches;
  std::set<fs::path> seen;
  for (const fs::path& place : folders_to_search(dir)) {
    std::error_code error;
    const fs::path real = fs::canonical(place, error);
    if (!error && is_file(place / kBench) && seen.insert(real).second) benches.push_back((place / kBench).string());
  }
  return benches;
}

std::set<std::string, std::less<>> flags_of_help(std::string_view help) {
  std::set<std::string, std::less<>> flags;
  while (!help.empty()) {
    std::string_view line = help.substr(0, help.find('\n'));
    help.remove_prefix(std::min(help.size(), line.size() + 1));
    for (;;) {
      line.remove_prefix(std::min(line.size(), line.find_first_not_of(" \t,")));
      if (line.size() < 2 || line.front() != '-') break;
      const std::string_view flag = line.substr(0, line.find_first_of(" \t,<=["));
      flags.emplace(flag);
      line.remove_prefix(flag.size());
      if (line.starts_with("  ")) break;  // help text begins
    }
  }
  return flags;
}

Available<Engine> engine_of_flags(const std::set<std::string, std::less<>>& flags) {
  // Flags that one engine has and the other refuses; some of each, since builds come and go by the week.
  constexpr std::array kOfIk = {"-rtr", "--run-time-repack", "-ser", "-fmoe", "-tgb"};
  constexpr std::array kOfLlama = {"-lm", "--load-mode", "-fitt",  "--no-warmup",
                                   "-d",  "--n-depth",   "--prio", "-nopo"};
  const auto known = [&](const char* flag) { return flags.contains(std::string_view(flag)); };
  if (std::any_of(kOfIk.begin(), kOfIk.end(), known)) return Engine::ik_llama;
  if (std::any_of(kOfLlama.begin(), kOfLlama.end(), known)) return Engine::llama_cpp;
  return Available<Engine>::not_available(
      "its --help is neither that of llama.cpp's llama-bench nor that of ik_llama.cpp's");
}

std::string version_of_footer(Engine engine, std::string_view markdown) {
  constexpr std::string_view kMark = "build: ";
  const auto at = markdown.find(kMark);
  if (at == std::string_view::npos) return "";
  const std::string_view line = markdown.substr(at + kMark.size(), markdown.find('\n', at) - at - kMark.size());
  const std::string_view commit = line.substr(0, line.find(' '));
  const auto end = line.find(')');
  if (commit.empty() || end == std::string_view::npos || !line.substr(commit.size()).starts_with(" (")) return "";
  const std::string_view number = line.substr(commit.size() + 2, end - commit.size() - 2);
  const bool digits = !number.empty() && number.find_first_not_of("0123456789") == std::string_view::npos;
  return digits ? fmt::format("{} {} ({})", display_name(engine), number, commit) : "";
}

int build_of(std::string_view version) {
  const auto blank = version.find(' ');
  int number = 0;
  if (blank != std::string_view::npos) std::from_chars(version.data() + blank + 1, version.data() + version.size(), number);
  return number;
}

std::string why_no_program(const std::string& path) {
  std::array<unsigned char, 20> head = {};
  std::ifstream file(path, std::ios::binary);
  if (!file) return fmt::format("{} cannot be read; change its permissions", path);
  file.read(reinterpret_cast<char*>(head.data()), head.size());
  if (access(path.c_str(), X_OK) != 0) return fmt::format("{} is not executable; chmod +x it", path);
  if (head[0] == '#' && head[1] == '!') return "";
  if (head[0] != 0x7f || head[1] != 'E' || head[2] != 'L' || head[3] != 'F')
    return fmt::format("{} is no Linux program; build llama-bench on this machine", path);
  constexpr unsigned kX86_64 = 62;  // e_machine, a 16-bit number at byte 18; byte 5: 2 if big-endian
  const unsigned machine = head[5] == 2 ? head[18] * 256u + head[19] : head[19] * 256u + head[18];
  if (machine != kX86_64)
    return fmt::format("{} is built for {}, this machine is x86-64; build it here", path,
                       machine_name(machine));
  return "";
}

std::string why_no_help(const std::string& path, const CommandResult& result) {
  if (result.timed_out) return fmt::format("{} --help did not end; try it by hand", path);
  if (result.end.ok()) return "";
  if (died_of_illegal_instruction(result.end))
    return fmt::format("{} was built for another CPU (illegal instruction); build it on this machine", path);
  const std::string err = result.err.text();
  if (const std::string library = line_from(err, "error while loading shared libraries: "); !library.empty())
    return fmt::format(
        "{} does not start: {}; set LD_LIBRARY_PATH to that library's folder, or build it here", path,
        library);
  if (const std::string symbol = line_from(err, "version `"); !symbol.empty())
    return fmt::format("{} does not start: {}; it was built on a newer system, build it here", path, symbol);
  return fmt::format("{} --help {}; try it by hand", path, how_it_ended(result.end));
}

bool died_of_illegal_instruction(const ChildEnd& end) {
  constexpr int kShellSignal = 128;  // a wrapper script turns signal n into exit code 128 + n
  return end.signal == SIGILL || end.exit_code == kShellSignal + SIGILL;
}

CommandResult run_guarded(const std::vector<std::string>& argv, double timeout_s) {
  return run_command({.argv = argv}, timeout_s);
}

CommandResult ask_guarded(const std::vector<std::string>& argv, double timeout_s) {
  Command command{.argv = argv};
  for (std::string& word : command.argv)
    if (word.find('/') != std::string::npos && is_file(word)) word = fs::absolute(word).string();
  std::optional<EmptyFolder> folder;
  try {
    command.folder = folder.emplace().path();
  } catch (const Error&) {
    // It is asked where we are.
  }
  return run_command(command, timeout_s);
}

Discovery discover(const std::string& dir, const RunCommand& run) {
  const bool program = is_file(dir);
  std::error_code ignored;
  if (!program && !fs::is_directory(dir, ignored))
    throw Error(fmt::format("{}: no such folder of engines; name the folder that holds llama-bench", dir));
  const std::vector<std::string> benches = program ? std::vector<std::string>{dir} : find_benches(dir);
  if (benches.empty())
    throw Error(fmt::format(
        "{}: no llama-bench in it, its bin, build/bin, or two folders below; build the target llama-bench, `oldiron engines` prints how",
        dir));
  Discovery discovery;
  for (const auto& bench : benches) {
    Asked asked = ask(bench, run);
    if (asked.refusal.empty()) discovery.engines.push_back(std::move(asked.found));
    else discovery.rejected.push_back({bench, asked.refusal});
  }
  return discovery;
}

}  // namespace oldiron
