#include "runner/kept_answers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/json.hpp"
#include "core/text.hpp"

namespace oldiron {
namespace {

namespace fs = std::filesystem;

constexpr int kKeptSchema = 3;
constexpr const char* kLoader = "/lib64/ld-linux-x86-64.so.2";  // the x86-64 psABI's name

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

/// What a script starts may change while the script does not.
bool is_script(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return file.get() == '#' && file.get() == '!';
}

/// The shell's and env's word for a program that did not start, and beyond it for one that died of a signal.
bool tells_something(const CommandResult& result) {
  constexpr int kNotStarted = 126;
  return !result.timed_out && result.end.signal == 0 && result.end.stopped_for.empty() && result.end.exit_code >= 0 && result.end.exit_code < kNotStarted;
}

std::optional<CommandResult> read_kept(const std::string& path) {
  try {
    const Json json = parse_json(read_file(path), path);
    if (json.at("schema") != kKeptSchema) return std::nullopt;
    CommandResult result;
    result.end.exit_code = json.at("exit_code");
    result.out.append(json.at("out").get<std::string>());
    result.err.append(json.at("err").get<std::string>());
    return result;
  } catch (const std::exception&) {  // nothing there, or a file that somebody else wrote
    return std::nullopt;
  }
}

void keep(const std::string& dir, const std::string& path, const CommandResult& result) {
  std::error_code ignored;
  fs::create_directories(dir, ignored);
  const Json json = {{"schema", kKeptSchema}, {"exit_code", result.end.exit_code}, {"out", result.out.text()}, {"err", result.err.text()}};
  try {
    write_file(path, dump_json(json, 1) + "\n");
  } catch (const Error&) {
    // It is asked again next time.
  }
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

const LoadedLibraries& KeptAnswers::libraries(const std::string& program) {
  const auto found = libraries_.find(program);
  if (found != libraries_.end()) return found->second;
  const CommandResult listed = run_({kLoader, "--list", program}, kHelpPatience_s);
  return libraries_.emplace(program, libraries_of_listing(listed.out.text() + "\n" + listed.err.text())).first->second;
}

std::uint64_t KeptAnswers::hash_of_file(const std::string& path) {
  const auto found = hashes_.find(path);
  if (found != hashes_.end()) return found->second;
  std::uint64_t hash = hash64(path);
  try {
    hash = hash64(read_file(path));
  } catch (const Error&) {
    // The loader will tell.
  }
  return hashes_.emplace(path, hash).first->second;
}

std::string KeptAnswers::contents_of(const std::string& program) {
  std::vector<std::string> files = libraries(program).paths;
  files.push_back(program);
  for (std::string& each : back_ends_beside(program)) files.push_back(std::move(each));
  std::sort(files.begin(), files.end());
  std::string all;
  for (const std::string& path : files) all += hex16(hash_of_file(path));
  return all;
}

CommandResult KeptAnswers::ask(const std::vector<std::string>& argv, double timeout_s, std::string question) {
  const std::string& program = argv.front();
  if (dir_.empty() || is_script(program)) return run_(argv, timeout_s);
  if (question.empty()) question = fmt::format("{}", fmt::join(argv.begin() + 1, argv.end(), "\n"));
  const std::string all = fmt::format("{}\n{}\n{}", contents_of(program), fs::path(program).filename().string(), question);
  const std::string path = fmt::format("{}/{}{}.json", dir_, hex16(hash64(all, kKeptSchema)), hex16(hash64(all, kKeptSchema + 1)));
  if (auto kept = read_kept(path)) return *std::move(kept);
  CommandResult result = run_(argv, timeout_s);
  if (tells_something(result)) keep(dir_, path, result);
  return result;
}

RunCommand KeptAnswers::as_run() {
  return [this](const std::vector<std::string>& argv, double timeout_s) { return ask(argv, timeout_s); };
}

std::string engine_cache_dir() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && cache[0] == '/') return std::string(cache) + "/oldiron/engines";
  const char* home = std::getenv("HOME");
  return home != nullptr && home[0] == '/' ? std::string(home) + "/.cache/oldiron/engines" : "";
}

}  // namespace oldiron
