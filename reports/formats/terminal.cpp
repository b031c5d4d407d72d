// The end screen of a tune: answer first, then what it stands on, in 80 columns. Prints only what was
// measured.
#include <fmt/format.h>

#include <algorithm>

#include "core/text.hpp"
#include "reports/charts.hpp"
#include "reports/formats.hpp"
#include "reports/layout.hpp"
#include "reports/sentences.hpp"

namespace oldiron::reports {
namespace {

/// The line, broken between flags so that it can be pasted as it stands.
std::string pasteable(const std::vector<std::string>& argv) {
  constexpr int kIndent = 4;
  std::string out;
  std::string line(kIndent, ' ');
  for (const std::string& word : command_words(argv)) {
    // Two columns for " \", which a broken line ends with.
    if (columns(line) > kIndent && columns(line) + columns(word) > kScreenColumns - 2) {
      out += line + "\\\n";
      line.assign(kIndent + 2, ' ');
    }
    line += word + " ";
  }
  line.pop_back();
  return out + line + "\n";
}

std::string launch_lines(const Report& report) {
  std::string out;
  for (const LineBlock& block : line_blocks(report)) {
    for (const std::string& part : wrap(block.heading, kScreenColumns - 2)) out += "  " + part + "\n";
    if (!block.argv.empty()) out += pasteable(block.argv);
  }
  return out;
}

std::string row(std::string_view name, std::string_view base, std::string_view tuned,
                std::string_view interval, std::string_view note, bool has_base) {
  // The caption of the first row may reach into the column of figures beside it.
  std::string line = "  " + left(name, 11);
  if (has_base) line += right(base, 21 - std::max(11, columns(name)));
  line += right(tuned, 11) + "  " + left(interval, 14);
  const std::string indent(static_cast<std::size_t>(columns(line)), ' ');
  std::string out;
  for (const std::string& part : wrap(note, kScreenColumns - columns(line)))
    out += (out.empty() ? line : indent) + part + "\n";
  if (out.empty()) out = line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  return out;
}

std::string table(const Report& report) {
  const Answer& answer = *report.lossless;
  const Answer* base = report.default_answer ? &*report.default_answer : nullptr;
  const bool has_base = base != nullptr;
  const std::string engine =
      answer.engine == Engine::oldiron ? "our kernels" : std::string(display_name(answer.engine));
  std::string out = row(engine, "default", "tuned", "95 % interval", "", has_base);
  const auto speeds = [&](std::string_view name, const Measurement& tuned, const Measurement* before,
                          std::string_view note) {
    if (tuned.median <= 0) return;
    out += row(name, before != nullptr && before->median > 0 ? speed_text(before->median) : "-",
               speed_text(tuned.median), interval_text(tuned.low, tuned.high), note, has_base);
  };
  out += row("one turn", has_base ? seconds_text(base->turn_s.median) : "",
             seconds_text(answer.turn_s.median), seconds_interval(answer.turn_s), "", has_base);
  const int prompt = report.workload.prompt_tokens;
  const auto first_token = [prompt](double rate) {
    return rate > 0 ? seconds_text(prompt / rate) : std::string("-");
  };
  if (answer.prefill.median > 0 && prompt > 0)
    out += row("first token", has_base ? first_token(base->prefill.median) : "",
               first_token(answer.prefill.median), "", fmt::format("after a prompt of {}", prompt), has_base);
  speeds("prefill", answer.prefill, has_base ? &base->prefill : nullptr, wall_text(answer.prefill_wall));
  speeds("decode", answer.decode, has_base ? &base->decode : nullptr, wall_text(answer.wall));
  if (answer.load_s > 0) {
    const std::string earned = has_base ? load_text(answer, *base) : "";
    out +=
        row("load", has_base && base->load_s > 0 ? seconds_text(base->load_s) : "-",
            seconds_text(answer.load_s), "", earned.empty() ? "" : "earned back after " + earned, has_base);
  }
  if (answer.memory_bytes > 0)
    out += row("memory",
               has_base && base->memory_bytes > 0 ? bytes_text(static_cast<double>(base->memory_bytes)) : "-",
               bytes_text(static_cast<double>(answer.memory_bytes)), "",
               "of " + bytes_text(static_cast<double>(report.machine.memory_bytes)), has_base);
  return out;
}

/// Largest first, in columns; what does not fit on a screen is in report.md.
std::string effects(std::string_view label, const std::vector<EffectRow>& rows) {
  constexpr std::size_t kMost = 4;
  int name_width = 0, change_width = 0;
  for (const EffectRow& row : rows) {
    name_width = std::max(name_width, std::min(30, columns(row.name)));
    if (!row.interval.empty()) change_width = std::max(change_width, columns(row.change));
  }
  std::string out;
  for (std::size_t i = 0; i < rows.size() && i < kMost; ++i) {
    const EffectRow& row = rows[i];
    std::string line = left(fit(row.name, name_width), name_width) + "  ";
    line += row.interval.empty() ? row.change : left(row.change, change_width) + "  (" + row.interval + ")";
    out += "  " + left(out.empty() ? label : "", 13) + fit(line, kScreenColumns - 15) + "\n";
  }
  if (rows.size() > kMost) out += labelled("", fmt::format("and {} more in report.md", rows.size() - kMost));
  return out;
}

std::string finding_lines(const Report& report) {
  std::string out;
  out += effects("helped", effect_rows(report, Verdict::helped));
  out += labelled("no effect", no_effect_text(report));
  out += effects("hurt", effect_rows(report, Verdict::hurt));
  out += effects("did not run", effect_rows(report, Verdict::failed));
  std::string label = "not tried";
  for (const LeftOut& item : report.left_out) {
    out += labelled(label, one_line(item.lever) + ": " + one_line(item.reason));
    label.clear();
  }
  label = "drafts";
  for (const std::string& text : draft_speed_texts(report)) {
    out += labelled(label, text);
    label.clear();
  }
  out += labelled(label, drafts_text(report));
  out += labelled("streams", streams_text(report));
  out += labelled("waits", waits_text(report));
  out += labelled("cores", cores_text(report));
  out += labelled("yours", not_compared_text(report));
  out += labelled("pages", pages_text(report));
  out += labelled("power", power_text(report));
  out += labelled("counted", counters_text(report));
  if (report.lossless) {
    out += labelled("lossless", "the answer keeps the model's weights, experts and KV type");
    out += labelled("lossy", lossy_text(report));
    for (const std::string& text : lossy_choice_texts(report)) out += labelled("", text);
  }
  return out;
}

/// Paper, measured, used: three bars of one scale.
std::string memory_bars(const Report& report) {
  std::vector<std::pair<double, std::string>> bars;
  if (report.machine.modules) {
    const MemoryModules& m = *report.machine.modules;
    bars.emplace_back(m.bytes_per_s, fmt::format("on paper ({} x {}-{:.0f})", m.populated, one_line(m.type),
                                                 m.transfers_per_s / 1e6));
  }
  // What the decode is taken of, where there is one.
  const bool has_wall = report.lossless && report.lossless->wall.fraction > 0;
  const double measured =
      has_wall ? std::max(report.lossless->wall.limit_bytes_per_s, report.profile.best_read_bytes_per_s())
               : report.profile.best_read_bytes_per_s();
  const bool own =
      has_wall && report.lossless->wall.own_pages && report.lossless->wall.limit_bytes_per_s >= measured;
  bars.emplace_back(measured, own ? "read: the weights' pages" : "read: fresh pages");
  if (report.lossless) bars.emplace_back(report.lossless->wall.bytes_per_s, "used by this decode");
  double most = 0;
  for (const auto& [value, name] : bars) most = std::max(most, value);
  std::string out;
  if (measured <= 0) return out;
  for (const auto& [value, name] : bars) {
    if (value <= 0) continue;
    out += labelled(out.empty() ? "RAM" : "",
                    bar(value / most, 28) + " " + glued(bytes_per_s_text(value)) + " " + name);
  }
  const std::string cache = cache_text(report);
  if (!cache.empty()) out += labelled("cache", cache);
  return out;
}

std::string footing(const Report& report) {
  std::string out = labelled("trust", trust_text(report));
  std::string state = "state";
  for (const std::string& text : report.state_differences) {
    out += labelled(state, "not alike: " + one_line(text));
    state.clear();
  }
  const std::string effort = effort_text(report);
  out += labelled(out.empty() ? "trials" : "", effort);
  std::string label = "failed";
  for (const std::string& reason : failure_reasons(report)) {
    out += labelled(label, reason);
    label.clear();
  }
  if (!report.out_dir.empty()) {
    std::string files = one_line(report.out_dir) + "/:";
    for (const ReportFormat& format : report_formats()) files += fmt::format(" {}", format.file_name);
    for (const ReportChart& chart : report_charts())
      if (chart.draw(report)) files += fmt::format(" {}", chart.file_name);
    for (const std::string& file : report.launch_files) files += " " + file;
    out += labelled("files", files);
  }
  return out;
}

}  // namespace

std::string terminal_report(const Report& report) {
  std::string out = subject(report) + "\n";
  for (const std::string& line : headline(report)) out += line + "\n";
  if (report.lossless) out += "\n" + launch_lines(report) + "\n" + table(report);
  for (const std::string& part : {finding_lines(report), memory_bars(report), footing(report)})
    if (!part.empty()) out += "\n" + part;
  return out;
}

}  // namespace oldiron::reports
