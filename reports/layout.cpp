#include "reports/layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace oldiron::reports {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr std::string_view kNoBreak = "\xC2\xA0";
constexpr std::uint32_t kBroken = 0xFFFFFFFF;

/// Takes one character off the front of `text`; kBroken (and one byte) if it is no valid UTF-8.
std::uint32_t next_character(std::string_view& text) {
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
  };
  const std::uint32_t first = byte(0);
  std::size_t length = first < 0x80       ? 1
                       : first >> 5 == 6  ? 2
                       : first >> 4 == 14 ? 3
                       : first >> 3 == 30 ? 4
                                          : 0;
  if (length > text.size()) length = 0;
  std::uint32_t character = length < 2 ? first : first & (0x7Fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (byte(i) >> 6 != 2) {
      length = 0;
      break;
    }
    character = character << 6 | (byte(i) & 0x3F);
  }
  constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool valid = length != 0 && character >= kSmallest[length] && character <= 0x10FFFF &&
                     (character < 0xD800 || character > 0xDFFF);
  text.remove_prefix(valid ? length : 1);
  return valid ? character : kBroken;
}

/// Marks that reorder or hide text, and characters that XML forbids.
bool deceives(std::uint32_t c) {
  return (c >= 0x80 && c < 0xA0) || (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
         (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c & 0xFFFE) == 0xFFFE;
}

/// East Asian wide characters and pictures take two columns (Unicode UAX 11, the blocks that matter).
bool wide(std::uint32_t c) {
  return (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
         (c >= 0x1F300 && c <= 0x1FAFF) || (c >= 0x20000 && c <= 0x3FFFD);
}

bool combining(std::uint32_t c) { return c >= 0x300 && c <= 0x36F; }

/// The longest beginning of at most `width` columns, never in the middle of a character.
std::string_view beginning(std::string_view text, int width) {
  std::string_view rest = text;
  int used = 0;
  std::size_t end = 0;
  while (!rest.empty()) {
    const std::uint32_t c = next_character(rest);
    used += combining(c) ? 0 : wide(c) ? 2 : 1;
    if (used > width) break;
    end = text.size() - rest.size();
  }
  return text.substr(0, end);
}

std::string breakable_again(std::string text) {
  for (std::size_t at = 0; (at = text.find(kNoBreak, at)) != std::string::npos; ++at)
    text.replace(at, kNoBreak.size(), " ");
  return text;
}

}  // namespace

std::string one_line(std::string_view text) {
  std::string safe;
  while (!text.empty()) {
    const std::string_view before = text;
    const std::uint32_t c = next_character(text);
    if (c == kBroken || deceives(c)) safe += kReplacement;
    else if (c == '\n') safe += "\\n";
    else if (c == '\t') safe += "\\t";
    else if (c < 0x20 || c == 0x7F) safe += fmt::format("\\x{:02x}", c);
    else safe += before.substr(0, before.size() - text.size());
  }
  return safe;
}

int columns(std::string_view text) {
  int count = 0;
  while (!text.empty()) {
    const std::uint32_t c = next_character(text);
    count += combining(c) ? 0 : wide(c) ? 2 : 1;
  }
  return count;
}

std::string fit(std::string_view text, int width) {
  if (columns(text) <= width) return std::string(text);
  return std::string(beginning(text, std::max(0, width - 1))) + "…";
}

std::string left(std::string_view text, int width) {
  return std::string(text) + std::string(static_cast<std::size_t>(std::max(0, width - columns(text))), ' ');
}

std::string right(std::string_view text, int width) {
  return std::string(static_cast<std::size_t>(std::max(0, width - columns(text))), ' ') + std::string(text);
}

std::string glued(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == ' ') out += kNoBreak;
    else out += c;
  }
  return out;
}

std::string paragraph(std::string_view text) {
  std::string out;
  for (const std::string& line : wrap(one_line(text), kScreenColumns)) out += line + "\n";
  return out;
}

std::vector<std::string> wrap(std::string_view text, int width) {
  std::vector<std::string> lines;
  std::string line;
  const auto flush = [&] {
    if (!line.empty()) lines.push_back(breakable_again(line));
    line.clear();
  };
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    if (!line.empty() && columns(line) + 1 + columns(word) > width) flush();
    while (columns(word) > width) {
      const std::string_view piece = beginning(word, width);
      if (piece.empty()) break;
      lines.push_back(breakable_again(std::string(piece)));
      word.remove_prefix(piece.size());
    }
    if (!line.empty()) line += ' ';
    line += word;
  }
  flush();
  return lines;
}

std::string bar(double fraction, int width) {
  constexpr std::string_view kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const double share = std::isfinite(fraction) ? std::clamp(fraction, 0.0, 1.0) : 0.0;
  int eighths = static_cast<int>(std::lround(share * width * 8));
  if (eighths == 0 && share > 0) eighths = 1;
  std::string out;
  for (int i = 0; i < eighths / 8; ++i) out += "█";
  out += kEighths[eighths % 8];
  return out;
}

std::string interval_bar(double low, double high, int width) {
  const auto column = [width](double fraction) {
    return static_cast<int>(
        std::lround(std::isfinite(fraction) ? std::clamp(fraction, 0.0, 1.0) * width : 0.0));
  };
  const int solid = column(low), end = std::max(column(high), solid);
  std::string out;
  for (int i = 0; i < end; ++i) out += i < solid ? "█" : "▒";
  return out;
}

std::string labelled(std::string_view label, std::string_view text, int label_columns) {
  std::string out;
  for (const std::string& line : wrap(text, kScreenColumns - 2 - label_columns))
    out += "  " + left(out.empty() ? label : "", label_columns) + line + "\n";
  return out;
}

}  // namespace oldiron::reports
