// Two models side by side.
#include <fmt/format.h>

#include <algorithm>

#include "core/text.hpp"
#include "reports/formats/model_words.hpp"
#include "reports/layout.hpp"
#include "reports/report.hpp"
#include "reports/screens.hpp"
#include "reports/sentences.hpp"

namespace oldiron::reports {
namespace {

constexpr int kSideLabel = 24, kColumn = 26;

struct Side {
  const ModelScreen& screen;
  ModelAnswers answers;
  std::vector<RoleBytes> roles;

  explicit Side(const ModelScreen& s)
      : screen(s),
        answers(answer(s)),
        roles(role_bytes(s.model, s.config.n_experts, s.context, s.config.kv_type)) {}
};

class Table {
 public:
  Table(const Side& a, const Side& b) : a_(a), b_(b) {}

  /// A row of what `cell` says of each side; none if both say nothing.
  template <class Cell>
  void row(std::string_view label, Cell cell) {
    const std::string a = cell(a_), b = cell(b_);
    if (a.empty() && b.empty()) return;
    out_ += "  " + left(label, kSideLabel) + left(fit(a.empty() ? "-" : a, kColumn - 1), kColumn) +
            fit(b.empty() ? "-" : b, kColumn) + "\n";
  }

  void gap() { out_ += "\n"; }

  const std::string& text() const { return out_; }

 private:
  const Side &a_, &b_;
  std::string out_;
};

std::string fits_cell(const Side& side) {
  const ModelScreen& s = side.screen;
  std::int64_t low = 0, high = 0;
  for (const EngineMemory& memory : side.answers.memory) {
    const std::int64_t total = memory.plans.front().total();
    low = low == 0 ? total : std::min(low, total);
    high = std::max(high, total);
  }
  const std::string most = bytes_text(static_cast<double>(high));
  if (!s.usable_memory_bytes) return most;
  return (high <= *s.usable_memory_bytes ? "fits, " : low <= *s.usable_memory_bytes ? "some engines, " : "no, ") + most;
}

std::string largest_cell(const Side& side, Engine engine) {
  for (const EngineMemory& memory : side.answers.memory)
    if (memory.engine == engine && memory.largest_context)
      return *memory.largest_context > 0 ? fmt::format("{} tokens", *memory.largest_context) : "does not fit";
  return "";
}

std::string role_cell(const Side& side, std::string_view name) {
  for (const RoleBytes& role : side.roles)
    if (role.name == name && role.token_bytes > 0) return bytes_text(role.token_bytes);
  return "";
}

/// "2.19x independent, 1.75x 50 % kept".
std::string verify_cell(const Side& side, int tokens) {
  std::string text;
  for (const StepAnswer& step : side.answers.verify)
    if (step.tokens == tokens) text += fmt::format("{}{:.2f}x", text.empty() ? "" : " / ", step.ratio);
  return text;
}

void name_rows(Table& table) {
  table.row("", [](const Side& s) { return one_line(s.screen.model.id); });
  table.row("", [](const Side& s) { return types_text(s.screen.model); });
}

void answer_rows(Table& table) {
  table.row("memory", fits_cell);
  table.row("decode, t/s", [](const Side& s) {
    return s.answers.forecast.decode_tokens_per_s.high > 0 ? range_text(s.answers.forecast.decode_tokens_per_s) : "";
  });
  table.row("prefill, t/s", [](const Side& s) {
    return s.answers.forecast.prefill_tokens_per_s.high > 0 ? range_text(s.answers.forecast.prefill_tokens_per_s) : "";
  });
  table.row("first token after", [](const Side& s) {
    const Estimate& wait = s.answers.forecast.first_token_s;
    return wait.high > 0 ? seconds_text(wait.likely > 0 ? wait.likely : wait.high) : "";
  });
  for (const Engine engine : {Engine::llama_cpp, Engine::ik_llama})
    table.row(fmt::format("longest, {}", display_name(engine)), [&](const Side& s) { return largest_cell(s, engine); });
}

void byte_rows(Table& table, const Side& a, const Side& b) {
  table.row("parameters", [](const Side& s) {
    return fmt::format("{:.3g} billion", static_cast<double>(s.screen.model.n_params()) / 1e9);
  });
  table.row("experts of a layer", [](const Side& s) {
    const ModelSpec& m = s.screen.model;
    const int used = s.screen.config.n_experts > 0 ? s.screen.config.n_experts : m.expert_used_count;
    return m.expert_count > 0 ? fmt::format("{} of {}", used, m.expert_count) : std::string();
  });
  table.row("in the file", [](const Side& s) { return bytes_text(static_cast<double>(s.screen.model.bytes())); });
  table.row("one token reads", [](const Side& s) {
    double total = 0;
    for (const RoleBytes& role : s.roles) total += role.token_bytes;
    return bytes_text(total);
  });
  std::vector<std::string> names;
  for (const Side* side : {&a, &b})
    for (const RoleBytes& role : side->roles)
      if (std::find(names.begin(), names.end(), role.name) == names.end()) names.push_back(role.name);
  for (const std::string& name : names) table.row("  " + name, [&](const Side& s) { return role_cell(s, name); });
}

void context_rows(Table& table) {
  table.row("a token more keeps", [](const Side& s) {
    return bytes_text(static_cast<double>(kv_bytes(s.screen.model, 1, 1, 0, s.screen.config.kv_type)));
  });
  table.row("state of a user", [](const Side& s) {
    const std::int64_t bytes = state_bytes(s.screen.model, 1);
    return bytes > 0 ? bytes_text(static_cast<double>(bytes)) : std::string();
  });
  for (const std::int64_t context : {std::int64_t{4096}, std::int64_t{32768}, std::int64_t{131072}})
    table.row(fmt::format("decode at {}", context), [&](const Side& s) {
      for (const DepthAnswer& depth : s.answers.depths)
        if (depth.context == context && depth.decode_tokens_per_s.high > 0)
          return range_text(depth.decode_tokens_per_s);
      return std::string();
    });
  for (const int tokens : {2, 4, 8})
    table.row(fmt::format("verifying {} costs", tokens), [&](const Side& s) { return verify_cell(s, tokens); });
}

}  // namespace

std::string models_text(const ModelScreen& a, const ModelScreen& b) {
  const Side left_side(a), right_side(b);
  Table table(left_side, right_side);
  name_rows(table);
  table.gap();
  answer_rows(table);
  table.gap();
  byte_rows(table, left_side, right_side);
  table.gap();
  context_rows(table);
  std::string out = fit("on " + machine_words(a), kScreenColumns) + "\n\n" + table.text();
  const std::string note =
      "Memory is that of the engine that needs most, at the first context. Verifying is beside one plain step, for "
      "independent experts / for " + routing_words(a.routing) + " of the token before.";
  out += "\n";
  for (const std::string& line : wrap(note, kScreenColumns - 2)) out += "  " + line + "\n";
  return out;
}

}  // namespace oldiron::reports
