// The screen of `oldiron model`: does it fit, how fast could it be, what limits it; then the figures behind it.
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

constexpr int kModelColumns = 22;

/// A row of cells behind a label of kModelColumns columns.
std::string row(std::string_view label, const std::vector<std::string>& cells, int width, std::string_view note = "") {
  std::string line = "  " + left(fit(label, kModelColumns - 1), kModelColumns);
  for (const std::string& cell : cells) line += right(cell, width);
  if (!note.empty()) line += "  " + std::string(note);
  return line + "\n";
}

std::string head(const ModelScreen& s, const ModelAnswers& a) {
  return fit(model_name(s.model) + " on " + machine_words(s), kScreenColumns) + "\n" + labelled("fits", fit_sentence(s, a)) +
         labelled("decode", decode_sentence(a)) + labelled("first token", first_token_sentence(s, a));
}

std::string shape(const ModelScreen& s) {
  const ModelSpec& m = s.model;
  std::string text = fmt::format("{}, {}, {} layers, {:.3g} billion parameters", one_line(m.architecture), types_text(m),
                                 m.block_count, static_cast<double>(m.n_params()) / 1e9);
  if (m.expert_count > 0) {
    const int used = s.config.n_experts > 0 ? s.config.n_experts : m.expert_used_count;
    text += ", " + glued(fmt::format("{} of {} experts", used, m.expert_count)) + " per token";
    if (used != m.expert_used_count) text += fmt::format(" (lossy: the model's own number is {})", m.expert_used_count);
  }
  std::string out = labelled("model", text);
  if (m.synthetic) out += labelled("", "from a model card: shapes and types are real, the weights are not there");
  for (const std::string& remark : m.remarks) out += labelled("", one_line(remark));
  return out;
}

std::string bytes_table(const ModelScreen& s) {
  constexpr int kBar = 26;
  const std::vector<RoleBytes> rows = role_bytes(s.model, s.config.n_experts, s.context, s.config.kv_type);
  double disk = 0, token = 0, most = 0;
  for (const RoleBytes& each : rows) {
    disk += each.disk_bytes;
    token += each.token_bytes;
    most = std::max(most, each.token_bytes);
  }
  const auto cell = [](double bytes) { return bytes > 0 ? bytes_text(bytes) : std::string("-"); };
  std::string out = row("one token reads", {"in the file", "per token"}, 12);
  for (const RoleBytes& each : rows)
    out += row(each.name, {cell(each.disk_bytes), cell(each.token_bytes)}, 12,
               bar(most > 0 ? each.token_bytes / most : 0, kBar));
  return out + row("total", {cell(disk), cell(token)}, 12,
                   disk > 0 ? percent_text(token / disk) + " of the file" : "");
}

std::string depth_table(const ModelAnswers& a) {
  std::vector<std::string> contexts, bytes, speeds;
  for (const DepthAnswer& depth : a.depths) {
    contexts.push_back(std::to_string(depth.context));
    bytes.push_back(bytes_text(depth.token_bytes));
    const Estimate& speed = depth.decode_tokens_per_s;
    speeds.push_back(speed.likely > 0 ? rate_text(speed.likely) : range_text(speed));
  }
  std::string out = row("with so many tokens", contexts, 14) + row("a token reads", bytes, 14);
  if (a.forecast.decode_tokens_per_s.high > 0) out += row("decode, t/s", speeds, 14);
  return out;
}

std::string memory_table(const ModelScreen& s, const ModelAnswers& a) {
  std::vector<std::string> contexts;
  for (const DepthAnswer& depth : a.depths) contexts.push_back(std::to_string(depth.context));
  contexts.emplace_back("longest");
  std::string out = row(s.parallel == 1 ? "memory at" : fmt::format("memory, {} users, each", s.parallel), contexts, 14);
  for (const EngineMemory& memory : a.memory) {
    std::vector<std::string> cells;
    for (const MemoryPlan& plan : memory.plans)
      cells.push_back(bytes_text(static_cast<double>(plan.total())) + (fits(s, plan) ? " " : "!"));
    cells.push_back(!memory.largest_context         ? "-"
                    : *memory.largest_context == 0 ? "none"
                                                   : std::to_string(*memory.largest_context));
    out += row(display_name(memory.engine), cells, 14);
  }
  const bool marked = std::any_of(a.memory.begin(), a.memory.end(), [&](const EngineMemory& memory) {
    return std::any_of(memory.plans.begin(), memory.plans.end(), [&](const MemoryPlan& p) { return !fits(s, p); });
  });
  if (marked)
    out += labelled("", fmt::format("! is more than the {} usable", bytes_text(static_cast<double>(*s.usable_memory_bytes))),
                    kModelColumns);
  return out;
}

/// Steps of one routing as a row: their experts, or what they cost.
template <class Cell>
std::string step_row(std::string_view label, const std::vector<StepAnswer>& steps, const Routing& routing, Cell cell,
                     std::string_view note) {
  std::vector<std::string> cells;
  for (const StepAnswer& step : steps)
    if (step.routing == routing) cells.push_back(cell(step));
  return row(label, cells, 8, note);
}

std::string steps_table(const ModelScreen& s, const ModelAnswers& a) {
  std::vector<std::string> tokens;
  std::vector<Routing> routings;
  for (const StepAnswer& step : a.verify) {
    if (routings.empty() || routings.back() != step.routing) routings.push_back(step.routing);
    if (step.routing == a.verify.front().routing) tokens.push_back(std::to_string(step.tokens));
  }
  const auto experts = [](const StepAnswer& step) { return fmt::format("{:.1f}", step.cost.distinct_experts); };
  const auto ratio = [](const StepAnswer& step) { return fmt::format("{:.2f}x", step.ratio); };
  const auto speed = [](const StepAnswer& step) { return rate_text(step.tokens_per_s); };
  std::string out = row("tokens in a step", tokens, 8);
  for (const Routing& routing : routings) {
    const std::string note = routings.size() > 1 ? routing_words(routing) : "";
    if (s.model.expert_count > 0) out += step_row("experts of a layer", a.verify, routing, experts, note);
    out += step_row("verifying costs", a.verify, routing, ratio, note);
  }
  if (a.batch.front().tokens_per_s > 0)
    out += step_row("as users, t/s", a.batch, a.batch.front().routing, speed, "all together");
  return out;
}

std::string drafts(const ModelScreen& s, const ModelAnswers& a) {
  std::string text;
  for (std::size_t i = 0; i < a.drafts.size(); ++i) {
    const DraftAnswer& draft = a.drafts[i];
    const bool first = i == 0 || a.drafts[i - 1].routing != draft.routing;
    if (first) text += fmt::format("{}{}", text.empty() ? "" : "; ", s.model.expert_count > 0 ? routing_words(draft.routing) + ": " : "");
    else text += ", ";
    text += glued(fmt::format("{:.2f} of {}", draft.break_even_tokens, draft.drafted + 1));
  }
  text += s.draft ? fmt::format("; drafting with {} counted", model_name(*s.draft)) : "; drafting itself not counted";
  return labelled("drafts pay above", text + " (tokens a round must yield, of those verified)", kModelColumns);
}

std::string notes(const ModelScreen& s) {
  std::string out;
  for (const std::string& note : basis_notes(s)) out += labelled(out.empty() ? "stands on" : "", note);
  std::string unverified;
  for (const std::string& each : s.unverified) unverified += (unverified.empty() ? "" : "; ") + one_line(each);
  if (!unverified.empty()) out += labelled("unverified", unverified);
  return out;
}

}  // namespace

std::string model_text(const ModelScreen& s) {
  const ModelAnswers a = answer(s);
  return head(s, a) + "\n" + shape(s) + "\n" + bytes_table(s) + "\n" + depth_table(a) + "\n" + memory_table(s, a) + "\n" +
         steps_table(s, a) + drafts(s, a) + "\n" + notes(s);
}

}  // namespace oldiron::reports
