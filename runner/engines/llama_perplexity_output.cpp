// llama-perplexity --kl-divergence: its table and its statistics.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>

#include "core/check.hpp"
#include "runner/engines/llama_perplexity.hpp"

namespace oldiron {
namespace {

constexpr std::string_view kPlusMinus = "±";

/// The words of a line, without what stands between figures.
std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  const auto end_word = [&] {
    if (!word.empty() && word != kPlusMinus && word != "%") words.push_back(word);
    word.clear();
  };
  for (const char c : line) {
    if (c == ' ' || c == '\t' || c == '\r') end_word();
    else word += c;
  }
  end_word();
  return words;
}

bool number_of(const std::string& word, double& value) {
  char* end = nullptr;
  value = std::strtod(word.c_str(), &end);
  return end != word.c_str() && (*end == '\0' || std::string_view(end) == "%");
}

/// A chunk's row of the table: its number, and five means with their errors.
bool row_of(const std::vector<std::string>& words, std::vector<double>& row) {
  constexpr std::size_t kFigures = 11;
  if (words.size() != kFigures) return false;
  row.clear();
  for (const std::string& word : words)
    if (double value = 0; number_of(word, value)) row.push_back(value);
    else return false;
  return true;
}

double finite(double value, const std::string& name) {
  if (!std::isfinite(value)) throw Error(fmt::format("llama-perplexity's {} is not a number", name));
  return value;
}

}  // namespace

KlFigures read_kl_divergence(std::string_view printed) {
  constexpr std::size_t kRowKl = 5, kRowTop1 = 9;
  constexpr double kPercent = 0.01;
  KlFigures figures;
  std::map<std::string, std::string> after;  // by what stands before the colon, its blanks as one
  std::vector<double> row;
  while (!printed.empty()) {
    const std::size_t end = std::min(printed.find('\n'), printed.size());
    const std::string_view line = printed.substr(0, end);
    printed.remove_prefix(std::min(end + 1, printed.size()));
    if (row_of(words_of(line), row)) {
      const std::string name = fmt::format("row of chunk {}", figures.running_kl.size() + 1);
      if (row.front() != static_cast<double>(figures.running_kl.size() + 1))
        throw Error(fmt::format("llama-perplexity printed no {}", name));
      figures.running_kl.push_back(finite(row[kRowKl], name));
      figures.running_top1.push_back(kPercent * finite(row[kRowTop1], name));
    } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
      after[fmt::format("{}", fmt::join(words_of(line.substr(0, colon)), " "))] = line.substr(colon + 1);
    }
  }
  const auto figure = [&](const char* name) {
    const auto found = after.find(name);
    const std::vector<std::string> words = found == after.end() ? std::vector<std::string>{} : words_of(found->second);
    Figure read;
    if (words.size() < 2 || !number_of(words[0], read.value) || !number_of(words[1], read.error))
      throw Error(fmt::format("llama-perplexity printed no `{}`, or not all of it", name));
    return Figure{finite(read.value, name), finite(read.error, name)};
  };
  figures.kl = figure("Mean KLD");
  figures.perplexity = figure("Mean PPL(Q)");
  figures.base_perplexity = figure("Mean PPL(base)");
  figures.top1 = figure("Same top p");
  figures.top1.value *= kPercent;
  figures.top1.error *= kPercent;
  if (figures.running_kl.empty()) throw Error("llama-perplexity printed no row of chunk 1");
  return figures;
}

}  // namespace oldiron
