// Small readers of proc and sys below a root folder, so that tests can give a recorded machine.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oldiron {

/// "/tree" and "/proc/stat" give "/tree/proc/stat"; the root "/" leaves the path as it is.
std::string below(const std::string& root, std::string_view path);

/// The whole file, or nothing if it cannot be read.
std::optional<std::string> read_text(const std::string& path);

/// While one lives, it keeps what read_text() read on its thread, so that a machine can be recorded by reading it.
class ReadLog {
 public:
  ReadLog();
  ~ReadLog();
  ReadLog(const ReadLog&) = delete;
  ReadLog& operator=(const ReadLog&) = delete;

  const std::map<std::string, std::string>& files() const { return files_; }

 private:
  friend std::optional<std::string> read_text(const std::string& path);
  std::map<std::string, std::string> files_;
  ReadLog* outer_;
};

bool is_file(const std::string& path);

/// Names in a folder, sorted; none if it cannot be read.
std::vector<std::string> list_names(const std::string& path);

/// The word in brackets of "always [madvise] never".
std::string chosen(std::string_view text);

/// The number that a file begins with.
std::optional<std::int64_t> read_number(const std::string& path);

/// The whole number that a text begins with, after blanks.
std::optional<std::int64_t> parse_number(std::string_view text);

/// The number after `key` at the start of a line ("nr_throttled 12", "MemTotal:  24684092 kB").
std::optional<std::int64_t> number_after(std::string_view text, std::string_view key);

/// The rest of the line that begins with `key`, trimmed; empty if there is none.
std::string line_after(std::string_view text, std::string_view key);

/// "0-3,8" gives 0 1 2 3 8.
std::vector<int> parse_cpu_list(std::string_view text);

std::vector<std::string_view> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);
bool holds(std::string_view text, std::string_view word);

}  // namespace oldiron
