// Numbers with units, near words, quoting, whole files, hashes.
#include "core/text.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "core/check.hpp"

namespace oldiron {
namespace {

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

std::string scaled_text(double value, std::string_view suffix) {
  const char* const prefixes[] = {"", "k", "M", "G", "T", "P"};
  std::size_t step = 0;
  // 999.95 would print as 1000.0: it belongs to the next prefix.
  while (std::abs(value) >= 999.95 && step + 1 < std::size(prefixes)) {
    value /= 1000;
    ++step;
  }
  return fmt::format("{:.{}f} {}{}", value, step == 0 ? 0 : 1, prefixes[step], suffix);
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

/// Closes a file descriptor, and removes the file unless it was kept.
class Temporary {
 public:
  explicit Temporary(std::string path)
      : path_(std::move(path)), fd_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {}

  ~Temporary() {
    if (fd_ >= 0) ::close(fd_);
    if (fd_ >= 0 && !kept_) ::unlink(path_.c_str());
  }

  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  bool write_all(std::string_view content) {
    while (!content.empty()) {
      const ssize_t n = ::write(fd_, content.data(), content.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      content.remove_prefix(static_cast<std::size_t>(n));
    }
    return ::fsync(fd_) == 0;
  }

  bool opened() const { return fd_ >= 0; }

  bool rename_to(const std::string& path) { return kept_ = std::rename(path_.c_str(), path.c_str()) == 0; }

 private:
  std::string path_;
  int fd_;
  bool kept_ = false;
};

}  // namespace

std::string bytes_text(double bytes) { return scaled_text(bytes, "B"); }

std::string module_bytes_text(std::int64_t bytes) {
  const double gib = static_cast<double>(bytes) / (1 << 30);
  return gib >= 1 ? fmt::format("{:g} GiB", gib) : fmt::format("{:g} MiB", gib * 1024);
}

std::string bytes_per_s_text(double bytes_per_s) { return scaled_text(bytes_per_s, "B/s"); }

std::string ops_per_s_text(double ops_per_s) {
  // 999.5 would print as 1000: it belongs to the next prefix.
  if (ops_per_s >= 999.5e9) return rate_text(ops_per_s / 1e12) + " TOP/s";
  return rate_text(ops_per_s / 1e9) + " GOP/s";
}

std::string seconds_text(double seconds) {
  if (!std::isfinite(seconds)) return "unknown";
  if (seconds < 0.9995e-3) return fmt::format("{:.0f} us", seconds * 1e6);
  if (seconds < 0.9995) return fmt::format("{:.0f} ms", seconds * 1e3);
  if (seconds < 59.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

std::string rate_text(double per_s) {
  const double size = std::abs(per_s);
  if (size == 0 || size >= 99.95) return fmt::format("{:.0f}", per_s);
  int decimals = 1;
  for (double limit = 9.995; size < limit && decimals < 6; limit /= 10) ++decimals;
  return fmt::format("{:.{}f}", per_s, decimals);
}

std::string percent_text(double fraction) { return fmt::format("{:.0f} %", fraction * 100); }

std::string fine_percent_text(double fraction) { return fmt::format("{:.1f} %", fraction * 100); }

std::string kl_text(double nats) {
  if (!(nats > 0)) return "0";
  if (nats < 1e-4) return fmt::format("{:.0e}", nats);
  return nats >= 1 ? fmt::format("{:.1f}", nats) : fmt::format("{:.{}f}", nats, nats >= 0.1 ? 2 : nats >= 0.01 ? 3 : 4);
}

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
  if (word.empty()) return "";
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : known) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  if (!best.empty() || word.size() < 3) return best;
  const auto contains = [&](const std::string& candidate) {
    return candidate.find(word) != std::string::npos;
  };
  const auto found = std::find_if(known.begin(), known.end(), contains);
  return found == known.end() ? "" : *found;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
  const std::string near = nearest(word, known);
  return near.empty() ? "" : fmt::format(" (did you mean `{}`?)", near);
}

std::string list_text(const std::vector<std::string>& words, std::string_view last_joint) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? fmt::format(" {} ", last_joint) : ", ";
    text += words[i];
  }
  return text;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + separator.size());
  }
}

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  std::string replaced;
  std::size_t begin = 0;
  for (std::size_t at; (at = text.find(what, begin)) != std::string::npos; begin = at + what.size())
    replaced.append(text, begin, at - begin).append(by);
  text = replaced.append(text, begin, std::string::npos);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_word(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::string shell_quote(std::string_view argument) {
  const bool plain = std::all_of(argument.begin(), argument.end(), [](char c) {
    return kLetters.find(c) != std::string_view::npos || (c >= '0' && c <= '9') ||
           std::string_view("-_./=:,+@%").find(c) != std::string_view::npos;
  });
  if (plain && !argument.empty()) return std::string(argument);
  std::string quoted = "'";
  for (char c : argument) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string html_escape(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string read_file(const std::string& path) {
  const auto refuse = [&] { return Error(fmt::format("cannot read {}: {}", path, std::strerror(errno))); };
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) throw refuse();
  std::string content;
  char buffer[1 << 16];
  std::size_t n = 0;
  while ((n = std::fread(buffer, 1, sizeof(buffer), file)) > 0) content.append(buffer, n);
  const bool failed = std::ferror(file) != 0;
  const Error error = refuse();
  std::fclose(file);
  if (failed) throw error;
  return content;
}

void write_file(const std::string& path, std::string_view content) {
  const auto refuse = [&] { return Error(fmt::format("cannot write {}: {}", path, std::strerror(errno))); };
  Temporary temporary(fmt::format("{}.{}.tmp", path, ::getpid()));
  if (!temporary.opened() || !temporary.write_all(content) || !temporary.rename_to(path)) throw refuse();
}

std::uint64_t hash64(std::string_view bytes, std::uint64_t seed) {
  // FNV-1a (Fowler, Noll, Vo), then the finaliser of SplitMix64, so that short texts differ in every bit.
  std::uint64_t hash = 0xcbf29ce484222325ull ^ (seed * 0x9e3779b97f4a7c15ull);
  for (char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9ull;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebull;
  return hash ^ (hash >> 31);
}

std::string hex16(std::uint64_t value) { return fmt::format("{:016x}", value); }

}  // namespace oldiron
