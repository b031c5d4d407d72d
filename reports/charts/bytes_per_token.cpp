// Where a model's bytes lie, and which of them every token reads again: why memory bandwidth decides the
// decode.
#include <fmt/format.h>

#include "core/accounting.hpp"
#include "core/text.hpp"
#include "reports/charts.hpp"
#include "reports/layout.hpp"
#include "reports/sentences.hpp"

namespace oldiron::reports {

Chart model_bytes_chart(const ModelSpec& model, int n_experts, std::int64_t context, KvType kv_type) {
  const std::vector<RoleBytes> rows = role_bytes(model, n_experts, context, kv_type);
  ChartPanel panel;
  panel.y = {.title = "", .quantity = Quantity::bytes, .names = {}};
  ChartSeries disk{.name = "in the file", .style = SeriesStyle::bar, .colour = 3, .points = {}};
  ChartSeries token{.name = "read for every token", .style = SeriesStyle::bar, .colour = 0, .points = {}};
  RoleBytes total{"total", 0, 0};
  for (const RoleBytes& row : rows) {
    total.disk_bytes += row.disk_bytes;
    total.token_bytes += row.token_bytes;
  }
  std::vector<RoleBytes> all = {total};
  all.insert(all.end(), rows.begin(), rows.end());
  for (const RoleBytes& row : all) {
    const auto x = static_cast<double>(panel.x.names.size());
    panel.x.names.push_back(row.name);
    // Nothing of the context is in the file, so there is no bar to draw for it.
    if (row.disk_bytes > 0)
      disk.points.push_back(
          {.x = x, .y = row.disk_bytes, .low = 0, .high = 0, .label = bytes_text(row.disk_bytes)});
    std::string label = bytes_text(row.token_bytes);
    if (row.name != total.name && row.disk_bytes > 0 && row.token_bytes < 0.995 * row.disk_bytes)
      label += fmt::format(", {} of them", percent_text(row.token_bytes / row.disk_bytes));
    token.points.push_back({.x = x, .y = row.token_bytes, .low = 0, .high = 0, .label = label});
  }
  panel.series = {disk, token};
  const int used = n_experts > 0 ? n_experts : model.expert_used_count;
  Chart chart;
  chart.title = fmt::format("Every token reads {}; the file holds {}", bytes_text(total.token_bytes),
                            bytes_text(total.disk_bytes));
  chart.subtitle = one_line(model.id) + " · " + types_text(model);
  if (model.expert_count > 0)
    chart.subtitle += fmt::format(" · {} of {} experts per layer", used, model.expert_count);
  chart.panels = {panel};
  chart.notes = {
      fmt::format("Computed from the model's shapes and types, not measured. Keys and values (not in the "
                  "file) at {} tokens of context.",
                  context)};
  return chart;
}

Available<Chart> bytes_per_token_chart(const Report& report) {
  if (report.model.tensors.empty()) return Available<Chart>::not_available("the model was not read");
  const Config config = report.lossless ? report.lossless->config : Config{};
  const Workload& w = report.workload;
  return model_bytes_chart(report.model, config.n_experts,
                           w.depth_tokens + w.prompt_tokens + w.generate_tokens, config.kv_type);
}

}  // namespace oldiron::reports
