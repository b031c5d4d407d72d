#include "probes/files.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "core/text.hpp"

namespace oldiron {

namespace {

thread_local ReadLog* read_log = nullptr;

}  // namespace

ReadLog::ReadLog() : outer_(std::exchange(read_log, this)) {}

ReadLog::~ReadLog() { read_log = outer_; }

std::string below(const std::string& root, std::string_view path) {
  std::string whole = root;
  while (!whole.empty() && whole.back() == '/') whole.pop_back();
  return whole.append(path);
}

std::optional<std::string> read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text;
  try {
    text.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  } catch (const std::ios_base::failure&) {  // a folder, or of a process that has just ended
    return std::nullopt;
  }
  if (read_log != nullptr) read_log->files_[path] = text;
  return text;
}

bool is_file(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

std::vector<std::string> list_names(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator at(path, error), end; !error && at != end; at.increment(error))
    names.push_back(at->path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string chosen(std::string_view text) {
  const std::size_t open = text.find('['), close = text.find(']');
  return open == text.npos || close == text.npos ? "" : std::string(text.substr(open + 1, close - open - 1));
}

std::optional<std::int64_t> parse_number(std::string_view text) {
  text = trim(text);
  std::int64_t number = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc()) return std::nullopt;
  return number;
}

std::optional<std::int64_t> read_number(const std::string& path) {
  const std::optional<std::string> text = read_text(path);
  return text ? parse_number(*text) : std::nullopt;
}

std::optional<std::int64_t> number_after(std::string_view text, std::string_view key) {
  return parse_number(line_after(text, key));
}

std::string line_after(std::string_view text, std::string_view key) {
  for (const std::string_view line : split(text, '\n')) {
    if (!line.starts_with(key)) continue;
    std::string_view rest = line.substr(key.size());
    if (!rest.empty() && rest[0] != ' ' && rest[0] != '\t' && rest[0] != ':') continue;  // a longer key
    rest = trim(rest);
    if (rest.starts_with(':')) rest.remove_prefix(1);
    return std::string(trim(rest));
  }
  return "";
}

std::vector<int> parse_cpu_list(std::string_view text) {
  std::vector<int> cpus;
  for (const std::string_view part : split(trim(text), ',')) {
    const std::optional<std::int64_t> first = parse_number(part);
    if (!first) continue;
    const std::size_t dash = part.find('-');
    const std::int64_t last =
        dash == part.npos ? *first : parse_number(part.substr(dash + 1)).value_or(*first);
    for (std::int64_t cpu = *first; cpu <= last; ++cpu) cpus.push_back(static_cast<int>(cpu));
  }
  return cpus;
}

std::vector<std::string_view> split(std::string_view text, char separator) { return split(text, std::string_view(&separator, 1)); }

bool holds(std::string_view text, std::string_view word) { return text.find(word) != text.npos; }

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

}  // namespace oldiron
