// Text for a screen of fixed width: safe to print whatever a file name holds, counted in columns, wrapped,
// drawn as bars.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace oldiron::reports {

inline constexpr int kScreenColumns = 80;

/// One printable line of valid UTF-8: control characters become "\n" or "\x1b" in letters; broken bytes and
/// characters that turn the reading direction become U+FFFD.
std::string one_line(std::string_view text);

/// Columns that a terminal gives to valid UTF-8.
int columns(std::string_view text);

/// At most `width` columns; what is cut is replaced by "…".
std::string fit(std::string_view text, int width);

/// Padded with blanks to `width` columns, text at the left or at the right; never cut.
std::string left(std::string_view text, int width);
std::string right(std::string_view text, int width);

/// Blanks that wrap() does not break at: "77 %" stays together.
std::string glued(std::string_view text);

/// Broken at blanks into lines of at most `width` columns; a longer word is cut.
std::vector<std::string> wrap(std::string_view text, int width);

/// one_line() in lines as wide as a screen, each with its end.
std::string paragraph(std::string_view text);

/// `fraction` of `width` columns in blocks, to an eighth of a column; at least a sliver if fraction > 0.
std::string bar(double fraction, int width);

/// Solid up to `low`, shaded up to `high` (fractions of `width`): a value with its interval.
std::string interval_bar(double low, double high, int width);

/// A label, and its text wrapped beside it: "  helped       …\n".
std::string labelled(std::string_view label, std::string_view text, int label_columns = 13);

}  // namespace oldiron::reports
