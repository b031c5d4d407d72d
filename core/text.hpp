// Numbers with units for people, and small text tools; the only place that scales units.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace oldiron {

inline constexpr std::int64_t kKiB = 1024, kMiB = 1024 * kKiB;

std::string bytes_text(double bytes);              ///< "605.6 MB", "14.4 GB": decimal units
std::string module_bytes_text(std::int64_t bytes);  ///< as memory modules are sold, in powers of two: "16 GiB"
std::string bytes_per_s_text(double bytes_per_s);  ///< "27.4 GB/s"
std::string ops_per_s_text(double ops_per_s);      ///< "532 GOP/s", "2.13 TOP/s"
std::string seconds_text(double seconds);          ///< "412 ms", "20.1 s", "3 min 20 s"
std::string rate_text(double per_s);               ///< three significant digits: "7.83", "49.6", "124"
std::string percent_text(double fraction);         ///< "73 %"
std::string fine_percent_text(double fraction);    ///< "96.1 %"
std::string kl_text(double nats);                  ///< two significant digits: "0.021", "1.3"

/// The known word nearest to `word` by edit distance, or "" if none is near.
std::string nearest(std::string_view word, const std::vector<std::string>& known);

/// " (did you mean `ubatch`?)", or "" if nothing is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);

/// "f16, f32 or q8_0".
std::string list_text(const std::vector<std::string>& words, std::string_view last_joint);

/// The parts between separators, at least one; they live as long as `text`.
std::vector<std::string_view> split(std::string_view text, std::string_view separator);

/// Each `what`, which is not empty, becomes `by`.
void replace_all(std::string& text, std::string_view what, std::string_view by);

bool is_digit(char c);

/// A letter, a digit or _.
bool is_word(char c);

/// ASCII letters made small.
std::string lower(std::string_view text);

/// A name as a shell reads it back: quoted if it holds anything but letters, digits and -_./=:,+@%.
std::string shell_quote(std::string_view argument);

std::string html_escape(std::string_view text);

/// Reads a whole file; throws Error naming it.
std::string read_file(const std::string& path);

/// Writes a file by a temporary and rename, so that a reader or a crash never sees half; throws Error.
void write_file(const std::string& path, std::string_view content);

std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0);
std::string hex16(std::uint64_t value);

}  // namespace oldiron
