// Audit: what each flag of a command line that somebody copied does here, from records and, after a run, from evidence.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/audit/flag_record.hpp"
#include "core/audit/pasted_line.hpp"
#include "core/facts.hpp"
#include "core/machine.hpp"
#include "core/model.hpp"

namespace oldiron {

/// What verdicts depend on beside the line. Whatever is not known decides nothing.
struct AuditSurroundings {
  std::optional<Engine> engine = {};  ///< of --engine; else the line's own flags tell
  int build = 0;                      ///< 0: not known; judged as the newest that the records were read from
  Machine machine = {};               ///< no cores: not known
  Facts facts = {};
  bool root = false;
  std::int64_t usable_memory_bytes = 0;  ///< 0: not known
  std::optional<ModelSpec> model = {};
};

/// A flag as it stands on the line, a variable in front of it, or a program that starts it.
struct GivenFlag {
  std::string word = {};
  std::vector<std::string> values = {};
  const FlagRecord* record = nullptr;  ///< nullptr: the engine has none
  std::size_t at = 0;                  ///< index of `word` in PastedLine::arguments; of no argument: npos
  std::string refusal = {};            ///< why the tool would not read it; empty: it would

  std::string value() const { return values.empty() ? "" : values.front(); }
  /// As a person wrote it: "-sm graph".
  std::string text() const;
};

struct FlagRow {
  GivenFlag flag;
  FlagVerdict verdict = FlagVerdict::unknown;
  std::string why = {};
  std::string evidence = {};  ///< what a run showed: a line of the log, a figure of /proc
};

struct Audit {
  PastedLine line;
  Engine engine = Engine::llama_cpp;
  std::string engine_reason = {};  ///< "by -rtr, -smgs"
  int build = 0;                   ///< 0: not known
  std::string version = {};        ///< of an engine that was asked; empty: none was
  std::vector<FlagRow> rows = {};
  std::vector<std::string> findings = {};  ///< on the line as a whole, a sentence each
  std::vector<std::string> rewrites = {};  ///< how the line that was run differs
  std::string ran = {};                    ///< the command that was run; empty: none
  std::string run_end = {};                ///< how it ended, if not well
};

/// Whose flags stand on the line, and by which of them; llama.cpp if they could be either's.
Engine engine_of_line(const PastedLine& line, std::string& reason);

/// Arguments cut into flags with their values, in their order; variables and wrappers first.
std::vector<GivenFlag> given_flags(const PastedLine& line, Engine engine);

/// Static verdicts: from the records, the machine and the model alone.
Audit judge(PastedLine line, const AuditSurroundings& surroundings);

}  // namespace oldiron
