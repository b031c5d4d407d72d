// Words of a command line that stand before its program: NAME=value.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace oldiron {

/// Where the `=` is of a word that a shell takes, in front of a program, for a variable and its value; npos: it does not.
std::size_t assignment_in(std::string_view word);

/// How many of the first words are such.
std::size_t count_assignments(const std::vector<std::string>& words);

/// Each word as a shell reads it back. Of a variable in front only the value is quoted: quoted as a whole it would be a
/// program's name.
std::vector<std::string> quoted_words(const std::vector<std::string>& words);

}  // namespace oldiron
