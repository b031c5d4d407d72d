// report.md: the whole report, to read or to paste; the answer stands in the first lines.
#include <fmt/format.h>

#include <algorithm>

#include "core/text.hpp"
#include "reports/charts.hpp"
#include "reports/formats.hpp"
#include "reports/layout.hpp"
#include "reports/sentences.hpp"

namespace oldiron::reports {
namespace {

/// Text as text: nothing in it is markup, HTML, a link, a mention or a cell border.
std::string literal(std::string_view text) {
  std::string out;
  for (const char c : one_line(text)) {
    if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '&') out += "&amp;";
    else if (c == '@') out += "&#64;";
    else if (std::string_view("\\`*_{}[]#|~$!").find(c) != std::string_view::npos) (out += '\\') += c;
    else out += c;
  }
  return out;
}

/// A block that is shown as it is; its fence is longer than any row of backticks inside.
std::string code_block(std::string_view text) {
  std::size_t longest = 2, run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  const std::string fence(longest + 1, '`');
  return fmt::format("{}sh\n{}\n{}\n", fence, one_line(text), fence);
}

/// Cells are escaped already.
std::string table_row(const std::vector<std::string>& cells) {
  std::string out = "|";
  for (const std::string& cell : cells) out += " " + cell + " |";
  return out + "\n";
}

/// One letter per column: l or r.
std::string table_head(const std::vector<std::string>& cells, std::string_view alignment) {
  std::string out = table_row(cells) + "|";
  for (const char side : alignment) out += side == 'r' ? "---:|" : "---|";
  return out + "\n";
}

std::string section(std::string_view title, const std::string& body) {
  return body.empty() ? "" : fmt::format("\n## {}\n\n{}", title, body);
}

std::string sentence(const std::string& text) { return text.empty() ? "" : literal(text) + ".\n"; }

std::string lines(const Report& report) {
  std::string out;
  for (const LineBlock& block : line_blocks(report)) {
    out += "\n" + literal(block.heading) + "\n";
    if (!block.argv.empty()) out += "\n" + code_block(command_line(block.argv));
  }
  return out;
}

std::string speed_row(const char* name, const Measurement& tuned, const Measurement* base,
                      const std::string& wall) {
  if (tuned.median <= 0) return "";
  const bool has_base = base != nullptr && base->median > 0;
  return table_row({name, has_base ? speed_text(base->median) : "", speed_text(tuned.median),
                    interval_text(tuned.low, tuned.high), fmt::format("{}", tuned.samples.size()),
                    literal(wall)});
}

std::string measured(const Report& report) {
  if (!report.lossless) return "";
  const Answer& a = *report.lossless;
  const Answer* base = report.default_answer ? &*report.default_answer : nullptr;
  const std::string engine =
      a.engine == Engine::oldiron ? "oldiron's own kernels" : std::string(display_name(a.engine));
  std::string out =
      table_head({literal(engine), "default", "tuned", "95 % interval", "samples", "limit"}, "lrrlrl");
  out +=
      speed_row("prefill", a.prefill, base != nullptr ? &base->prefill : nullptr, wall_text(a.prefill_wall));
  out += speed_row("decode", a.decode, base != nullptr ? &base->decode : nullptr, wall_text(a.wall));
  out += table_row({"one turn", base != nullptr ? seconds_text(base->turn_s.median) : "",
                    seconds_text(a.turn_s.median), seconds_interval(a.turn_s), "", ""});
  if (a.load_s > 0)
    out += table_row({"load", base != nullptr && base->load_s > 0 ? seconds_text(base->load_s) : "",
                      seconds_text(a.load_s), "", "", ""});
  if (a.memory_bytes > 0)
    out += table_row(
        {"memory",
         base != nullptr && base->memory_bytes > 0 ? bytes_text(static_cast<double>(base->memory_bytes)) : "",
         bytes_text(static_cast<double>(a.memory_bytes)), "", "",
         "of " + bytes_text(static_cast<double>(report.machine.memory_bytes))});
  out += "\nA turn is " +
         fmt::format(
             "{} tokens read and {} tokens written. Lossless means the same weights, experts and KV type.\n",
             report.workload.prompt_tokens, report.workload.generate_tokens);
  out += "\n" + sentence(trust_text(report));
  for (const std::string& text : report.state_differences) out += sentence("Not alike: " + one_line(text));
  return out + sentence(not_compared_text(report));
}

std::string effects(const Report& report) {
  if (report.effects.empty()) return "";
  std::string out =
      table_head({"lever", "from", "to", "speed of", "change", "95 % interval", "verdict"}, "llllrll");
  for (const LeverEffect& e : report.effects)
    out += table_row({literal(e.lever) + (e.loss == Loss::lossy ? " (lossy)" : ""), literal(e.from),
                      literal(e.value),
                      e.phase == Phase::decode    ? "decode"
                      : e.phase == Phase::prefill ? "prefill"
                                                  : "turn",
                      e.ratio.median > 0 ? change_text(e.ratio.median) : "",
                      e.ratio.median > 0 ? change_interval_text(e.ratio) : "",
                      e.reason.empty()                ? std::string(to_string(e.verdict))
                      : e.verdict == Verdict::failed ? literal(e.reason)
                                                     : std::string(to_string(e.verdict)) + ": " + literal(e.reason)});
  return out;
}

std::string drafts(const Report& report) {
  if (report.verify.empty()) return "";
  std::string out = table_head({"tokens checked together", "time", "a round must yield more than", "of the drafts, accepted", "of the limit"}, "rrrrl");
  for (const VerifyCost& v : report.verify)
    out += table_row({fmt::format("{}", v.tokens), seconds_text(v.step_s),
                      fmt::format("{:.2f} tokens", v.break_even_tokens),
                      v.tokens < 2                            ? ""
                      : v.break_even_tokens >= v.tokens ? "never"
                                                        : percent_text(break_even_acceptance(v.break_even_tokens, v.tokens - 1)),
                      wall_text(v.wall)});
  out += "\nMeasured with oldiron's own kernels; the time of drafting is not counted.";
  if (report.lossless && report.lossless->config.draft_len == 0) out += " The answer drafts nothing.";
  if (report.model.synthetic) out += " What generated weights accept means nothing and is not measured.";
  return out + "\n";
}

std::string draft_speeds(const Report& report) {
  std::string out;
  for (const std::string& text : draft_speed_texts(report)) out += "- " + literal(text) + "\n";
  return out;
}

std::string lossy(const Report& report) {
  std::string out = sentence(lossy_text(report));
  if (report.lossy_choices.empty()) return out;
  out += "\n" + table_head({"setting", "decode", "KL, nats a token", "95 % interval", "top-1", "95 % interval", "texts that loop"}, "lrrlrlr");
  for (const LossyChoice& choice : report.lossy_choices) {
    const std::string decode = choice.decode.median > 0 ? speed_text(choice.decode.median) : "";
    if (!choice.quality) {
      out += table_row({literal(choice.changed), decode, literal(choice.quality.reason()), "", "", "", ""});
      continue;
    }
    const Quality& q = *choice.quality;
    out += table_row({literal(choice.changed), decode, kl_text(q.kl.median), kl_text(q.kl.low) + " .. " + kl_text(q.kl.high),
                      fine_percent_text(q.top1.median), fine_percent_text(q.top1.low) + " .. " + fine_percent_text(q.top1.high),
                      q.loops < 0 ? "not measured" : fmt::format("{} of {}, {} by itself", q.loops, q.texts, q.own_loops)});
  }
  if (!report.read_text.empty()) out += "\nMeasured on " + literal(report.read_text) + ".\n";
  return out;
}

std::string streams(const Report& report) {
  if (report.streams.empty()) return sentence(streams_text(report));
  std::string out = table_head({"sequences at once", "all together", "95 % interval", "of the limit"}, "rrll");
  for (const StreamSpeed& s : report.streams)
    out += table_row({fmt::format("{}", s.sequences), speed_text(s.tokens_per_s.median),
                      interval_text(s.tokens_per_s.low, s.tokens_per_s.high), wall_text(s.wall)});
  return out + "\nMeasured with " + literal(report.streams.front().by) + ".\n";
}

std::string waits(const Report& report) {
  if (!report.lossless || report.lossless->waits.share.empty()) return "";
  const Answer& a = *report.lossless;
  std::string out =
      table_head({"rank", "waits, of a decode step", "95 % interval", "for later ranks"}, "rrlr");
  const double empty = barrier_share(a);
  for (std::size_t rank = 0; rank < a.waits.share.size(); ++rank) {
    const Measurement& m = a.waits.share[rank];
    const auto percent = [](double share) { return fmt::format("{:.2f} %", share * 100); };
    out += table_row({fmt::format("{}", rank), percent(m.median), percent(m.low) + " .. " + percent(m.high),
                      percent(std::max(0.0, m.median - empty))});
  }
  return out + "\n" + sentence(waits_text(report));
}

std::string machine(const Report& report) {
  const Machine& m = report.machine;
  std::string out =
      fmt::format("{}; {} core{} usable, {} memory.", literal(cpu_text(m)), m.cores.size(),
                  m.cores.size() == 1 ? "" : "s", bytes_text(static_cast<double>(m.memory_bytes)));
  out += m.modules
             ? fmt::format(" {}, {} of {} slots, {} on paper.\n", literal(m.modules->type),
                           m.modules->populated, m.modules->slots, bytes_per_s_text(m.modules->bytes_per_s))
             : fmt::format(" Memory modules not available: {}.\n", literal(m.modules.reason()));
  if (report.profile.read.empty()) return out;
  out += "\n" + table_head({"threads", "reads", "95 % interval"}, "rrl");
  for (const BandwidthPoint& p : report.profile.read)
    out += table_row(
        {fmt::format("{}", p.threads), bytes_per_s_text(p.bytes_per_s.median),
         fmt::format("{} .. {}", bytes_per_s_text(p.bytes_per_s.low), bytes_per_s_text(p.bytes_per_s.high))});
  return out + (report.profile.read_saturated
                    ? "\nMore threads read hardly more: this is the memory wall.\n"
                    : "\nNot saturated: the limit is per-core memory parallelism.\n");
}

std::string trials(const Report& report) {
  if (report.trials.empty()) return "";
  const Config base = report.default_answer ? report.default_answer->config : Config{};
  std::string out = table_head({"", "engine", "setting", "status", "prefill", "decode", "why"}, "rlllrrl");
  int number = 0;
  for (const Trial& trial : report.trials) {
    const auto speed = [&trial](const char* metric) {
      const Measurement* m = trial.find(metric);
      return m != nullptr && m->median > 0 ? speed_text(m->median) : std::string();
    };
    std::string setting = differences(trial.spec.config, base);
    if (setting.empty()) setting = "defaults";
    out +=
        table_row({fmt::format("{}", ++number), literal(display_name(trial.spec.engine)), literal(setting),
                   literal(to_string(trial.status)), speed(kPrefill), speed(kDecode), literal(trial.reason)});
  }
  return out + "\n" + sentence(effort_text(report));
}

std::string charts(const Report& report) {
  std::string out;
  for (const ReportChart& chart : report_charts())
    if (const Available<Chart> drawing = chart.draw(report))
      out += fmt::format("\n![{}]({})\n", literal(drawing->title), chart.file_name);
  return out;
}

std::string not_tried(const Report& report) {
  std::string out;
  for (const LeftOut& item : report.left_out)
    out += fmt::format("- {}: {}\n", literal(item.lever), literal(item.reason));
  return out;
}

}  // namespace

std::string markdown_report(const Report& report) {
  std::string out;
  for (const std::string& line : headline(report)) out += (out.empty() ? "# " : "\n") + literal(line) + "\n";
  out += "\n" + literal(subject(report)) + "\n" + lines(report);
  out += section("Measured", measured(report));
  out += charts(report);
  out += section("What the levers did", effects(report));
  if (report.lossless) out += section("Lossy, not in the line", lossy(report));
  out += section("Drafts", draft_speeds(report));
  out += section("When drafts would pay", drafts(report));
  out += section("Several users", streams(report));
  out += section("Waiting for each other", waits(report));
  out += section("What the cores gave", sentence(cores_text(report)));
  out += section("Memory pages", sentence(pages_text(report)));
  out += section("Power", sentence(power_text(report)));
  out += section("Counted", sentence(counters_text(report)));
  out += section("Not tried", not_tried(report));
  out += section("Machine", machine(report));
  out += section("Trials", trials(report));
  if (!report.oldiron_version.empty())
    out += fmt::format("\n{}, {}\n", literal(report.oldiron_version), literal(report.created));
  return out;
}

}  // namespace oldiron::reports
