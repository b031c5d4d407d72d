// Splitting of a pasted line into words, as a POSIX shell does it, without anything that a shell would run.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "core/audit/pasted_line.hpp"
#include "core/check.hpp"
#include "core/text.hpp"

namespace oldiron {
namespace {

constexpr std::string_view kBlanks = " \t\r";

class Splitter {
 public:
  Splitter(std::string text, std::vector<std::string>& notes) : text_(std::move(text)), notes_(notes) {}

  std::vector<std::string> split() {
    while (at_ < text_.size() && !ended_) step();
    end_word();
    return words_;
  }

 private:
  char here() const { return text_[at_]; }

  bool starts(std::string_view what) const { return std::string_view(text_).substr(at_).starts_with(what); }

  void end_word() {
    if (in_word_) words_.push_back(word_);
    word_.clear();
    in_word_ = false;
  }

  void take(std::size_t count) {
    word_.append(text_, at_, count);
    at_ += count;
    in_word_ = true;
  }

  void step() {
    if (starts("\\\n")) at_ += 2;
    else if (starts("\\\r\n")) at_ += 3;
    else if (here() == '\\') escape();
    else if (here() == '\'' || here() == '"') quoted(here());
    else if (here() == '`') substitution("`", "`");
    else if (starts("$(")) substitution("$(", ")");
    else if (starts("$'")) ansi_quoted();
    else if (here() == '\n') newline();
    else if (kBlanks.find(here()) != std::string_view::npos) end_word(), ++at_;
    else if (here() == '#' && !in_word_) comment();
    else if (here() == '>' || here() == '<' || starts("&>")) redirect();
    else if (std::string_view(";|&").find(here()) != std::string_view::npos) operator_();
    else take(1);
  }

  /// A blank behind a backslash is a continuation that lost its line break, or whose line had a blank at its end.
  void escape() {
    ++at_;
    if (at_ == text_.size()) return;
    const std::size_t next = text_.find_first_not_of(kBlanks, at_);
    const bool broken = kBlanks.find(here()) != std::string_view::npos;
    if (!broken) return take(1);
    if (next != std::string::npos && text_[next] == '\n') at_ = next + 1;
    end_word();
    notes_.emplace_back("a backslash with a blank behind it was read as a line that goes on");
  }

  void quoted(char quote) {
    in_word_ = true;
    for (++at_; at_ < text_.size() && here() != quote; ++at_) {
      const bool escaped = quote == '"' && here() == '\\' && at_ + 1 < text_.size() &&
                           std::string_view("\"\\$`\n").find(text_[at_ + 1]) != std::string_view::npos;
      if (escaped && text_[++at_] == '\n') continue;
      word_ += here();
    }
    if (at_ == text_.size())
      throw Error(fmt::format("the command line has a {} without an end; close the quote and paste it again", quote));
    ++at_;
  }

  /// bash's $'…', of whose escapes those that stand for one character by its letter or its number in hexadecimal are known.
  void ansi_quoted() {
    in_word_ = true;
    constexpr std::string_view kLetters = "abefnrtv", kMeant = "\a\b\x1b\f\n\r\t\v";
    for (at_ += 2; at_ < text_.size() && here() != '\''; ++at_) {
      if (here() == '\\' && at_ + 1 < text_.size()) ++at_;
      else {
        word_ += here();
        continue;
      }
      unsigned number = 0;
      const char* const digits = text_.data() + at_ + 1;
      const char* const end = text_.data() + text_.size();
      const auto [stop, error] = std::from_chars(digits, std::min(digits + 2, end), number, 16);
      const auto letter = kLetters.find(here());
      if (here() == 'x' && error == std::errc()) {
        word_ += static_cast<char>(number);
        at_ += static_cast<std::size_t>(stop - digits);
      } else word_ += letter == std::string_view::npos ? here() : kMeant[letter];
    }
    if (at_ == text_.size()) throw Error("the command line has a $' without an end; close the quote and paste it again");
    ++at_;
  }

  /// Kept as text, blanks and all.
  void substitution(std::string_view open, std::string_view close) {
    std::size_t depth = 0, end = at_;
    do {
      if (open != close && std::string_view(text_).substr(end).starts_with(open)) ++depth, end += open.size();
      else if (text_[end] == close.front() && (depth > 0 || end > at_)) ++end, depth -= depth > 0 ? 1 : 0;
      else { ++end; continue; }
      if (depth == 0 && end > at_ + 1) break;
    } while (end < text_.size());
    const std::string_view whole = std::string_view(text_).substr(at_, end - at_);
    notes_.push_back(fmt::format("{} was not run: what a shell would put there is not known", whole));
    take(end - at_);
  }

  void newline() {
    end_word();
    at_ = std::min(text_.size(), text_.find_first_not_of(" \t\r\n", at_));
    if (at_ == text_.size() || words_.empty()) return;
    // A page that lost its backslashes: flags at the start of a line belong to the command above.
    ended_ = here() != '-';
    notes_.emplace_back(ended_ ? "only the first command was read" : "a line that starts with a flag was read as going on");
  }

  void comment() { at_ = std::min(text_.size(), text_.find('\n', at_)); }

  void redirect() {
    if (!word_.empty() && word_.find_first_not_of("0123456789") == std::string::npos) word_.clear(), in_word_ = false;
    end_word();
    at_ = std::min(text_.size(), text_.find_first_not_of("<>&| \t", at_));
    at_ = std::min(text_.size(), text_.find_first_of(" \t\r\n;|&", at_));
    notes_.emplace_back("a redirection was left out");
  }

  void operator_() {
    end_word();
    ended_ = !words_.empty();
    const bool more = text_.find_first_not_of("; \t\r\n&|", at_) != std::string::npos;
    if (ended_ && more) notes_.push_back(fmt::format("what follows the {} was left out", here()));
    ++at_;
  }

  std::string text_, word_;
  std::vector<std::string>& notes_;
  std::vector<std::string> words_;
  std::size_t at_ = 0;
  bool in_word_ = false, ended_ = false;
};

}  // namespace

std::vector<std::string> shell_words(std::string_view text, std::vector<std::string>& notes) {
  std::string plain(text.substr(0, text.find('\0')));
  const std::string before = plain;
  // What text processors make of quotes and blanks.
  for (const std::string_view quote : {"\u201c", "\u201d"}) replace_all(plain, quote, "\"");
  for (const std::string_view quote : {"\u2018", "\u2019"}) replace_all(plain, quote, "'");
  replace_all(plain, "\u00a0", " ");
  if (plain != before) notes.emplace_back("typographic quotes or blanks were read as plain ones");
  return Splitter(plain, notes).split();
}

}  // namespace oldiron
