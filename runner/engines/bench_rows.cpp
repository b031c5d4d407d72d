#include "runner/engines/bench_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "probes/files.hpp"
#include "runner/engines/engine_end.hpp"
#include "runner/engines/llama_bench.hpp"

namespace oldiron {
namespace {

namespace fs = std::filesystem;
using Argv = std::vector<std::string>;

struct Column {
  std::string_view title, name;
};

constexpr std::array<Column, 10> kColumns = {{{"PP", "pp"},
                                              {"TG", "tg"},
                                              {"B", "pl"},
                                              {"N_KV", "n_kv"},
                                              {"T_PP s", "t_pp"},
                                              {"S_PP t/s", "speed_pp"},
                                              {"T_TG s", "t_tg"},
                                              {"S_TG t/s", "speed_tg"},
                                              {"T s", "t"},
                                              {"S t/s", "speed"}}};

template <typename Number>
std::optional<Number> number_of(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return number;
}

Json value_of(std::string_view text) {
  if (const auto integer = number_of<std::int64_t>(text)) return *integer;
  if (const auto number = number_of<double>(text)) return *number;
  return std::string(text);
}

/// Between the bars of "| a | b |".
std::vector<std::string_view> cells_of(std::string_view line) {
  std::vector<std::string_view> cells;
  line.remove_prefix(1);
  for (auto bar = line.find('|'); bar != std::string_view::npos; bar = line.find('|')) {
    cells.push_back(trim(line.substr(0, bar)));
    line.remove_prefix(bar + 1);
  }
  return cells;
}

class Table {
 public:
  /// "main: n_kv_max = 2048, n_batch = 2048": what all rows share.
  void head(std::string_view line) {
    shared_ = Json::object();
    line.remove_prefix(line.find(": ") + 2);
    while (!line.empty()) {
      const std::string_view part = line.substr(0, line.find(", "));
      line.remove_prefix(std::min(line.size(), part.size() + 2));
      if (const auto equals = part.find(" = "); equals != std::string_view::npos)
        shared_[std::string(trim(part.substr(0, equals)))] = value_of(trim(part.substr(equals + 3)));
    }
  }

  void line(std::string_view line, std::vector<Json>& rows) {
    const auto cells = cells_of(line);
    if (std::find(cells.begin(), cells.end(), "N_KV") != cells.end()) {
      names_.clear();
      for (const std::string_view cell : cells) {
        const auto column = std::find_if(kColumns.begin(), kColumns.end(), [&](const Column& each) { return each.title == cell; });
        names_.emplace_back(column == kColumns.end() ? cell : column->name);
      }
      return;
    }
    if (names_.empty() || cells.empty() || cells.front().starts_with("--")) return;
    Json row = shared_;
    for (std::size_t i = 0; i < std::min(cells.size(), names_.size()); ++i) row[names_[i]] = value_of(cells[i]);
    rows.push_back(std::move(row));
  }

 private:
  Json shared_ = Json::object();
  std::vector<std::string> names_ = {};
};

const Json& required(const Json& row, const char* name, std::string_view tool) {
  if (!row.is_object() || !row.contains(name)) throw Error(fmt::format("{}'s rows have no field {}; this build is not known yet", tool, name));
  return row[name];
}

}  // namespace

Available<FoundTool> find_tool_beside(const FoundEngine& bench, const std::string& name, const std::vector<std::string>& needed, const RunCommand& run) {
  const auto none = [](std::string reason) { return Available<FoundTool>::not_available(std::move(reason)); };
  const std::string program = (fs::absolute(bench.bench).lexically_normal().parent_path() / name).string();
  if (!is_file(program)) return none(fmt::format("there is no {} beside {}; build that target too", name, bench.bench));
  if (const std::string why = why_no_program(program); !why.empty()) return none(why);
  const CommandResult help = run({program, "--help"}, kHelpPatience_s);
  const std::string text = help.out.text() + help.err.text();
  FoundTool found{.engine = bench.engine, .name = name, .program = program, .version = bench.version, .flags = flags_of_help(text),
                  .reads_key = text.find("LLAMA_API_KEY") != std::string::npos};
  const auto unknown = std::find_if(needed.begin(), needed.end(), [&](const std::string& flag) { return !found.knows(flag); });
  if (unknown == needed.end()) return found;
  // Those of ik_llama.cpp print their help and then fail.
  if (found.flags.empty())
    if (const std::string why = why_no_help(program, help); !why.empty()) return none(why);
  return none(fmt::format("{}: its --help lists no {}; this build is not known yet", program, *unknown));
}

Available<Argv> common_argv(const TrialSpec& spec, const FoundTool& found, const ModelSpec& model, int context) {
  const auto cannot = [](std::string reason) { return Available<Argv>::not_available(std::move(reason)); };
  if (!spec.more_front.empty() || !spec.more_flags.empty()) return cannot("flags that are handed through are those of llama-bench");
  if (!spec.type.empty() || spec.layers != 0) return cannot(found.name + " reads a whole GGUF file; write one with oldiron synth");
  if (spec.config.draft_len > 0) return cannot(found.name + " makes no drafts");
  Config config = spec.config;
  config.parallel = Config{}.parallel;
  config.draft_kind = Config{}.draft_kind;
  const Flags flags = flags_for(config, found.engine, Tool::server, [&](std::string_view flag) { return found.knows(flag); }, false, &model);
  if (!flags.unsupported.empty()) return cannot(fmt::format("{}", fmt::join(flags.unsupported, "; ")));
  Argv argv = {found.program, "-m", spec.model, "-c", std::to_string(context)};
  argv.insert(argv.end(), flags.argv.begin(), flags.argv.end());
  // ik_llama.cpp's tools leave llama.log in the folder where they are started.
  if (found.engine == Engine::ik_llama && found.knows("--log-file")) argv.insert(argv.end(), {"--log-file", "/dev/null"});
  return argv;
}

std::vector<Json> bench_rows(std::string_view text, std::string_view tool) {
  std::vector<Json> rows;
  Table table;
  while (!text.empty()) {
    const std::string_view whole = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), whole.size() + 1));
    const std::string_view line = trim(whole);
    if (line.starts_with("{\"")) {
      Json row = Json::parse(line, nullptr, false);
      if (row.is_discarded()) throw Error(fmt::format("{}'s JSON is broken or stops early: {}", tool, line.substr(0, 80)));
      rows.push_back(std::move(row));
    } else if (line.find(": n_kv_max = ") != std::string_view::npos) {
      table.head(line);
    } else if (line.starts_with('|')) {
      table.line(line, rows);
    }
  }
  return rows;
}

double row_number(const Json& row, const char* name, std::string_view tool) {
  const Json& value = required(row, name, tool);
  const double number = value.is_number() ? value.get<double>() : std::nan("");
  if (!std::isfinite(number) || number <= 0) throw Error(fmt::format("{}'s field {} is not a number above 0", tool, name));
  return number;
}

int row_integer(const Json& row, const char* name, std::string_view tool) {
  const Json& value = required(row, name, tool);
  constexpr std::int64_t kMost = 1 << 30;
  const std::int64_t number = value.is_number_integer() ? value.get<std::int64_t>() : -1;
  if (number < 0 || number > kMost) throw Error(fmt::format("{}'s field {} is no integer of at least 0", tool, name));
  return static_cast<int>(number);
}

void check_row(const Json& row, const Config& config, std::string_view tool) {
  const auto expect = [&](const char* field, int asked) {
    const std::string disagreement = asked > 0 ? differs(row, field, std::to_string(asked)) : "";
    if (!disagreement.empty()) throw Error(fmt::format("{} did not run what was asked: {}", tool, disagreement));
  };
  expect("n_threads", config.decode_threads);
  expect("n_threads_batch", config.prefill_threads);
  expect("n_ubatch", config.ubatch);
}

}  // namespace oldiron
