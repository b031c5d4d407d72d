#include "core/front_words.hpp"

#include <algorithm>

#include "core/text.hpp"

namespace oldiron {

std::size_t assignment_in(std::string_view word) {
  const std::size_t equals = word.find('=');
  if (equals == 0 || equals == std::string_view::npos) return std::string_view::npos;
  const std::string_view name = word.substr(0, equals);
  return std::all_of(name.begin(), name.end(), is_word) && !is_digit(name[0]) ? equals : std::string_view::npos;
}

std::size_t count_assignments(const std::vector<std::string>& words) {
  const auto end = std::find_if(words.begin(), words.end(), [](const std::string& word) { return assignment_in(word) == std::string::npos; });
  return static_cast<std::size_t>(end - words.begin());
}

std::vector<std::string> quoted_words(const std::vector<std::string>& words) {
  std::vector<std::string> quoted;
  const std::size_t variables = count_assignments(words);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::size_t name_end = i < variables ? assignment_in(words[i]) + 1 : 0;
    const std::string value = words[i].substr(name_end);
    quoted.push_back(words[i].substr(0, name_end) + (name_end > 0 && value.empty() ? "" : shell_quote(value)));
  }
  return quoted;
}

}  // namespace oldiron
