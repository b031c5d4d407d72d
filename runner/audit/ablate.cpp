#include "runner/audit/ablate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "core/text.hpp"
#include "runner/audit/rewrite.hpp"
#include "runner/audit/start_line.hpp"
#include "runner/signals.hpp"

namespace oldiron {
namespace {

constexpr double kWorkOfEach_s = 2;  // of the prompt and of the generated tokens: long beside a timer, short beside a load

int clamped(double value, int least, int most) { return static_cast<int>(std::clamp(value, double(least), double(most))); }

/// Users that share the context.
int users_of(const Audit& audit) {
  int users = audit.line.tool == "llama-server" && audit.engine == Engine::llama_cpp ? 4 : 1;
  for (const FlagRow& row : audit.rows)
    if (row.flag.record != nullptr && row.flag.record->spells("-np")) users = std::max(users, std::atoi(row.flag.value().c_str()));
  return users;
}

/// As much as takes kWorkOfEach_s at the speeds of the first run, within the context of one user.
RunWork work_of(const Audit& audit, const AuditRan& ran) {
  RunWork work{.whole_length = true, .evidence = false};
  const WorkTimes& seen = ran.times;
  const std::int64_t room = ran.context > 0 ? ran.context / users_of(audit) : 4096;
  const int most_generated = clamped(static_cast<double>(room) / 4, 16, 256);
  work.generate_tokens = clamped(seen.decode_tokens_per_s * kWorkOfEach_s, 16, most_generated);
  const double most_prompt = std::max(1.0, static_cast<double>(room) / 2);
  work.prompt_tokens = clamped(seen.prefill_tokens_per_s * kWorkOfEach_s, 64, clamped(most_prompt, 64, 2048));
  if (seen.prompt_tokens > 0) work.prompt_repeats = clamped(static_cast<double>(work.prompt_tokens) / seen.prompt_tokens, 1, 64);
  return work;
}

class Ablator {
 public:
  Ablator(const Audit& audit, const AuditTool& tool, const AuditRun& run, const AuditRan& ran, int passes)
      : audit_(audit), tool_(tool), run_(run), ran_(ran), work_(work_of(audit, ran)), plan_(plan_ablation(audit, ran.rows)) {
    plan_.passes = passes;
    plan_.seconds = ran.wall_s + seconds_of_work();
    plan_.work = fmt::format("about {} prompt tokens and {} generated",
                             audit.line.tool == "llama-bench" ? work_.prompt_tokens : work_.prompt_repeats * std::max(1, ran.times.prompt_tokens),
                             work_.generate_tokens);
  }

  Ablation go(const TellPlan& tell) {
    if (plan_.steps.size() < 2) {
      plan_.end = "no flag on the line is about speed: there is nothing to take away";
      return std::move(plan_);
    }
    tell(plan_lines());
    try {
      for (int pass = 0; pass < plan_.passes && plan_.end.empty(); ++pass) measure(pass);
    } catch (const Interrupted&) {
      plan_.end = fmt::format("interrupted in pass {} of {}", plan_.steps.back().speeds.size() + 1, plan_.passes);
    }
    const std::size_t last = plan_.steps.size() - 1;
    const auto clear = [&](AblationMetric metric) { return ablation_effect(plan_, last, last - 1, metric).clear; };
    if (plan_.steps[last].idle && (clear(AblationMetric::decode) || clear(AblationMetric::prefill)))
      plan_.notes.push_back(fmt::format("{} was held for idle and changes the speed all the same: look at each alone", step_text(audit_, plan_.steps[last])));
    return std::move(plan_);
  }

 private:
  double seconds_of_work() const {
    const WorkTimes& seen = ran_.times;
    const double prompt_tokens = audit_.line.tool == "llama-bench" ? work_.prompt_tokens : work_.prompt_repeats * seen.prompt_tokens;
    return (seen.prefill_tokens_per_s > 0 ? prompt_tokens / seen.prefill_tokens_per_s : 0) +
           (seen.decode_tokens_per_s > 0 ? work_.generate_tokens / seen.decode_tokens_per_s : 0);
  }

  std::vector<std::string> plan_lines() const {
    std::vector<std::string> lines = {
        fmt::format("ablation: bare defaults and {} {} in the order of the line, {} passes there and back", plan_.steps.size() - 1,
                    plan_.steps.size() == 2 ? "step" : "steps", plan_.passes),
        fmt::format("{} starts of {}, each of which loads the model: {} loads", plan_.starts(), audit_.line.tool, plan_.starts()),
        fmt::format("each start: {}; at {} a start about {}; Ctrl-C keeps what there is", plan_.work, seconds_text(plan_.seconds),
                    seconds_text(plan_.seconds * plan_.starts()))};
    for (const AblationStep& step : plan_.steps)
      if (step.rows.size() > 1) lines.push_back(fmt::format("together: {} ({})", step_text(audit_, step), step.why_together));
    return lines;
  }

  /// Steps that turn out not to run alone are joined while the pass goes on.
  void measure(int pass) {
    const bool back = pass % 2 == 1;
    if (back) {
      for (std::size_t i = plan_.steps.size(); i-- > 0 && plan_.end.empty();) step(i, pass);
    } else {
      for (std::size_t i = 0; i < plan_.steps.size() && plan_.end.empty();) i += step(i, pass) ? 1 : 0;
    }
  }

  /// False if the step was joined with the one behind it.
  bool step(std::size_t i, int pass) {
    const LineStart start = start_step(i);
    if (start.worked && !start.no_tokens) {
      AblationStep& step = plan_.steps[i];
      step.speeds.resize(static_cast<std::size_t>(pass));
      step.speeds.push_back({start.seen.times.decode_tokens_per_s, start.seen.times.prefill_tokens_per_s});
      return true;
    }
    const std::string said = last_line_of_error(start.log());
    const std::string end = start.no_tokens ? "it gave no tokens" : start.end + (said.empty() ? "" : ": " + said);
    if (i + 1 < plan_.steps.size() && i > 0 && pass == 0) return join(i, end);
    if (i == 0 && pass == 0) plan_.end = fmt::format("bare defaults do not run here ({})", end);
    else plan_.end = fmt::format("pass {} of {}: {} failed ({})", pass + 1, plan_.passes, step_text(audit_, plan_.steps[i]), end);
    return true;
  }

  bool join(std::size_t i, const std::string& end) {
    AblationStep &alone = plan_.steps[i], &next = plan_.steps[i + 1];
    plan_.notes.push_back(fmt::format("{} cannot be added alone ({}); measured together with {}", step_text(audit_, alone), end, step_text(audit_, next)));
    next.rows.insert(next.rows.begin(), alone.rows.begin(), alone.rows.end());
    next.idle = false;
    next.why_together = "they do not run one without the other";
    plan_.steps.erase(plan_.steps.begin() + static_cast<std::ptrdiff_t>(i));
    return false;
  }

  LineStart start_step(std::size_t i) const {
    std::vector<std::size_t> left_out = ran_.left_out;
    for (std::size_t later = i + 1; later < plan_.steps.size(); ++later)
      left_out.insert(left_out.end(), plan_.steps[later].rows.begin(), plan_.steps[later].rows.end());
    return start_line(audit_line(audit_, tool_, run_, left_out, work_, ran_.context), audit_.line.tool,
                      {.model = run_.model, .timeout_s = run_.timeout_s, .guard_program = run_.guard_program, .watch = false});
  }

  const Audit& audit_;
  const AuditTool& tool_;
  const AuditRun& run_;
  const AuditRan& ran_;
  RunWork work_;
  Ablation plan_;
};

}  // namespace

Ablation ablate(const Audit& audit, const AuditTool& tool, const AuditRun& run, const AuditRan& ran, int passes, const TellPlan& tell) {
  return Ablator(audit, tool, run, ran, passes).go(tell);
}

}  // namespace oldiron
