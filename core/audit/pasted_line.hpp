// A command line as a person pastes it: read as text, never run and never given to a shell.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oldiron {

/// A program that starts another one: `numactl --interleave=all`, `sudo -u llama`.
struct Wrapper {
  std::string name = {};                ///< "numactl"
  std::vector<std::string> words = {};  ///< behind it, up to the next program
  bool operator==(const Wrapper&) const = default;
};

struct PastedLine {
  std::vector<std::pair<std::string, std::string>> environment = {};  ///< VAR=x in front of the program
  std::vector<Wrapper> wrappers = {};
  std::string program = {};  ///< as written: "./build/bin/llama-server"
  std::string tool = {};     ///< "llama-server"; old names as what they are called now
  std::vector<std::string> arguments = {};
  std::vector<std::string> notes = {};  ///< what was read otherwise than written, a sentence each
  bool operator==(const PastedLine&) const = default;
};

/// Words as a POSIX shell splits them, with quotes, continuations and comments, up to the first `;`, `|` or `&`
/// outside quotes. Nothing is expanded: $(…), `…`, $NAME, ~ and * stay the letters that they are. What is left out
/// is told in `notes`. Throws Error for a quote that does not end.
std::vector<std::string> shell_words(std::string_view text, std::vector<std::string>& notes);

/// The line of these words, of which a single one is split by shell_words(). Throws Error, in one sentence, if
/// nothing is there, or nothing that starts a tool of llama.cpp or ik_llama.cpp.
PastedLine read_pasted_line(const std::vector<std::string>& words);

}  // namespace oldiron
