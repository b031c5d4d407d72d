// The screen of `oldiron model`: what a token costs, what fits, and how fast it could at best be.
#include <fmt/format.h>

#include <algorithm>

#include "core/roofline.hpp"
#include "core/text.hpp"
#include "reports/layout.hpp"
#include "reports/report.hpp"
#include "reports/screens.hpp"
#include "reports/sentences.hpp"

namespace oldiron::reports {
namespace {

std::string head(const ModelScreen& s) {
  const ModelSpec& m = s.model;
  std::string out = fit(model_name(m), kScreenColumns) + "\n";
  std::string shape = fmt::format("{}, {}, {} layers, {:.3g} billion parameters", one_line(m.architecture),
                                  types_text(m), m.block_count, static_cast<double>(m.n_params()) / 1e9);
  if (m.expert_count > 0) {
    const int used = s.config.n_experts > 0 ? s.config.n_experts : m.expert_used_count;
    shape += fmt::format(", {} of {} experts per token", used, m.expert_count);
    if (used != m.expert_used_count)
      shape += fmt::format(" (lossy: the model's own number is {})", m.expert_used_count);
  }
  for (const std::string& line : wrap(shape, kScreenColumns)) out += line + "\n";
  if (m.synthetic) out += "from a model card: shapes and types are real, the weights are not there\n";
  return out;
}

std::string bytes_table(const ModelScreen& s) {
  constexpr int kBar = 26;
  const std::vector<RoleBytes> rows = role_bytes(s.model, s.config.n_experts, s.context, s.config.kv_type);
  double disk = 0, token = 0, most = 0;
  for (const RoleBytes& row : rows) {
    disk += row.disk_bytes;
    token += row.token_bytes;
    most = std::max(most, row.token_bytes);
  }
  const auto cell = [](double bytes) { return bytes > 0 ? bytes_text(bytes) : std::string("-"); };
  std::string out = "  " + left("", 20) + right("in the file", 12) + right("per token", 12) + "\n";
  for (const RoleBytes& row : rows)
    out += "  " + left(row.name, 20) + right(cell(row.disk_bytes), 12) + right(cell(row.token_bytes), 12) +
           "  " + bar(most > 0 ? row.token_bytes / most : 0, kBar) + "\n";
  out += "  " + left("total", 20) + right(cell(disk), 12) + right(cell(token), 12);
  if (disk > 0) out += fmt::format("  {} of the file", percent_text(token / disk));
  return out + "\n";
}

std::string memory(const ModelScreen& s) {
  std::string out;
  const auto weights = s.model.bytes();
  for (const std::int64_t context : s.memory_contexts) {
    if (s.model.context_length > 0 && context > s.model.context_length) continue;
    const std::int64_t kv = kv_bytes(s.model, context, 1, 0, s.config.kv_type);
    std::string text = fmt::format("{} at {} tokens of context (keys and values {})",
                                   bytes_text(static_cast<double>(weights + kv)), context,
                                   bytes_text(static_cast<double>(kv)));
    if (s.usable_memory_bytes && weights + kv > *s.usable_memory_bytes)
      text += fmt::format("; does not fit here ({} usable)",
                          bytes_text(static_cast<double>(*s.usable_memory_bytes)));
    out += labelled(out.empty() ? "memory" : "", text);
  }
  return out;
}

std::string ceilings(const ModelScreen& s) {
  const double bandwidth = s.profile.best_read_bytes_per_s();
  if (bandwidth <= 0)
    return labelled("at best", "not available: no read bandwidth is known here; `oldiron probe` measures it");
  const Prediction p = predict(s.model, s.config, s.workload, s.profile, s.flops_per_s);
  std::string out =
      labelled("at best", fmt::format("decode {}: predicted, from {} of read bandwidth",
                                      speed_text(p.decode_tokens_per_s), bytes_per_s_text(bandwidth)));
  out += labelled("", p.prefill_tokens_per_s > 0
                          ? fmt::format("prefill {}: predicted, from the measured rate of arithmetic",
                                        speed_text(p.prefill_tokens_per_s))
                          : std::string("prefill: not available, no rate of arithmetic was measured"));
  return out;
}

}  // namespace

std::string model_text(const ModelScreen& screen) {
  return head(screen) + "\n" + bytes_table(screen) + "\n" + memory(screen) + "\n" + ceilings(screen);
}

}  // namespace oldiron::reports
