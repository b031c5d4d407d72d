#include "reports/sentences.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/text.hpp"
#include "reports/layout.hpp"

namespace oldiron::reports {
namespace {

const FlagLine& flag_line(const Answer& answer, Engine engine) {
  return engine == Engine::ik_llama ? answer.ik_llama : answer.llama_cpp;
}

void erase_all(std::string& text, std::string_view what) {
  for (std::size_t at; (at = text.find(what)) != std::string::npos;) text.erase(at, what.size());
}

std::string engine_possessive(Engine engine) {
  return engine == Engine::oldiron ? "the" : fmt::format("{}'s", display_name(engine));
}

std::string no_engine_text(const Report& report) {
  return report.engines.empty() ? "no engine was given" : "no given engine gave a result";
}

std::string line_heading(const FlagLine& flags, Engine engine, bool measured_here) {
  const std::string_view name = display_name(engine);
  const std::string reason = one_line(flags.reason);
  switch (flags.basis) {
    case Basis::confirmed:
      if (!flags.served_decode.samples.empty())
        return fmt::format("{}, confirmed: this very line was started and asked, decode {}, prefill {}{}", name, speed_text(flags.served_decode.median),
                           speed_text(flags.served_prefill.median), flags.finding.empty() ? "" : "; " + one_line(flags.finding));
      if (measured_here || flags.turn_s <= 0)
        return fmt::format("{}, confirmed: this very line ran here", name);
      return fmt::format("{}, confirmed: ran here too, {} per turn", name, seconds_text(flags.turn_s));
    case Basis::untested:
      return fmt::format("{}, untested: {}", name,
                         reason.empty() ? "derived from our kernels, so no speed is claimed" : reason);
    case Basis::none:
      return fmt::format("{}, no line: {}", name, reason);
  }
  return std::string(name);
}

std::string version_of(const Report& report, Engine engine) {
  for (const GivenEngine& given : report.engines)
    if (given.engine == engine && given.version) return one_line(*given.version);
  return std::string(display_name(engine));
}

/// "10 min", "9 min 12 s", never broken.
std::string span_text(double seconds) {
  std::string text = seconds_text(seconds);
  const std::size_t nothing = text.find(" min 0 s");
  if (nothing != std::string::npos) text.erase(nothing + 4);
  return glued(text);
}

std::string effect_name(const LeverEffect& effect) {
  return one_line(fmt::format("{}={}", effect.lever, effect.value)) +
         (effect.loss == Loss::lossy ? " (lossy)" : "");
}

/// Largest change first.
std::vector<const LeverEffect*> effects_of(const Report& report, Verdict verdict) {
  std::vector<const LeverEffect*> chosen;
  for (const LeverEffect& effect : report.effects)
    if (effect.verdict == verdict) chosen.push_back(&effect);
  std::stable_sort(chosen.begin(), chosen.end(), [](const LeverEffect* a, const LeverEffect* b) {
    return std::abs(std::log(std::max(a->ratio.median, 1e-9))) >
           std::abs(std::log(std::max(b->ratio.median, 1e-9)));
  });
  return chosen;
}

/// "; another start: decode 15.9 to 19.8, prefill 130 to 149 t/s (95 %, …)"; empty if too little is known.
std::string next_start_text(const Answer& answer) {
  std::vector<std::string> speeds;
  for (const auto& [name, next] : {std::pair{"decode", &answer.next_decode}, std::pair{"prefill", &answer.next_prefill}})
    if (*next) speeds.push_back(fmt::format("{} {} to {}", name, rate_text((*next)->low), rate_text((*next)->high)));
  return speeds.empty() ? "" : fmt::format("; another start: {} t/s (95 %, by how starts of one line differed here)", fmt::join(speeds, ", "));
}

}  // namespace

std::string cpu_text(const Machine& machine) {
  std::string text = one_line(machine.cpu_model);
  for (const char* mark : {"(R)", "(TM)", "(r)", "(tm)", " CPU", " Processor"}) erase_all(text, mark);
  text = text.substr(0, text.find(" @ "));
  if (text.empty()) text = "unknown CPU";
  return machine.hypervisor.empty() ? text : text + " (VM)";
}

std::string model_name(const ModelSpec& model) {
  const std::string id = one_line(model.id), types = types_text(model);
  const std::string type = types.substr(0, types.find(','));
  return id.find(type) == std::string::npos ? id + " " + type : id;
}

std::string subject(const Report& report) {
  const Workload& turn = report.workload;
  const std::string behind = turn.depth_tokens > 0 ? fmt::format(", behind {}", turn.depth_tokens) : "";
  const std::string work = fmt::format(" · {} tokens in, {} out{} · ", turn.prompt_tokens, turn.generate_tokens, behind);
  std::string model = model_name(report.model);
  const std::string cpu = cpu_text(report.machine);
  const int room = kScreenColumns - columns(work);
  const int for_cpu = std::min(columns(cpu), std::max(room - columns(model), room / 3));
  model = fit(model, room - for_cpu);
  return model + work + fit(cpu, for_cpu);
}

std::string speed_text(double tokens_per_s) { return rate_text(tokens_per_s) + " t/s"; }

std::string interval_text(double low, double high) {
  return fmt::format("{} .. {}", rate_text(low), rate_text(high));
}

std::string speedup_text(const Answer& answer) {
  const Ratio& r = answer.speedup;
  if (r.median <= 0) return "";
  // One pair has no interval.
  const std::string interval =
      r.interval.low < r.interval.high ? fmt::format("({:.2f}–{:.2f})", r.interval.low, r.interval.high) : "in the one pair of runs";
  if (r.interval.low <= 1 && r.interval.high >= 1)
    return fmt::format("no faster within the noise {}", interval);
  return fmt::format("{:.2f}x {} {}", r.median, r.median > 1 ? "faster" : "as fast", interval);
}

std::vector<std::string> headline(const Report& report) {
  if (!report.lossless) return wrap("No answer: " + one_line(report.lossless.reason()), kScreenColumns);
  const Answer& answer = *report.lossless;
  std::string result = fmt::format("{} per turn", seconds_text(answer.turn_s.median));
  std::string compared;
  if (report.default_answer) {
    const Answer& base = *report.default_answer;
    if (differences(answer.config, base.config).empty()) {
      // What was not compared is no best.
      compared = report.effects.empty() ? fmt::format("no other setting than {} defaults was tried", engine_possessive(answer.engine))
                                        : fmt::format("{} defaults are the best found", engine_possessive(answer.engine));
    } else {
      compared = fmt::format("{} defaults need {}", engine_possessive(answer.engine),
                             seconds_text(base.turn_s.median));
      const std::string speedup = speedup_text(answer);
      if (!speedup.empty()) compared += ": " + speedup;
    }
  }
  std::vector<std::string> lines;
  if (answer.engine == Engine::oldiron) {
    lines = {result + ", measured with oldiron's own kernels; " + no_engine_text(report)};
    if (!compared.empty()) lines.push_back(compared);
  } else if (compared.empty()) {
    lines = {fmt::format("{} with {}", result, display_name(answer.engine))};
  } else if (columns(result) + 2 + columns(compared) <= kScreenColumns) {
    lines = {result + "; " + compared};
  } else {
    lines = {result, compared};
  }
  for (const std::string& text : {stand_in_text(report), yours_text(report)})
    for (std::string& line : wrap(text, kScreenColumns))
      if (!line.empty()) lines.push_back(std::move(line));
  return lines;
}

std::vector<LineBlock> line_blocks(const Report& report) {
  std::vector<LineBlock> blocks;
  if (!report.lossless) return blocks;
  const Answer& answer = *report.lossless;
  std::vector<Engine> order = {Engine::ik_llama, Engine::llama_cpp};
  if (answer.engine == Engine::llama_cpp) std::swap(order[0], order[1]);
  for (const Engine engine : order) {
    const FlagLine& flags = flag_line(answer, engine);
    blocks.push_back({line_heading(flags, engine, engine == answer.engine),
                      flags.basis == Basis::none ? std::vector<std::string>{} : flags.argv});
  }
  return blocks;
}

std::string wall_text(const Wall& wall) {
  if (wall.fraction <= 0) return "";
  const std::string name = wall.name == "memory" ? "memory wall" : one_line(wall.name);
  if (wall.limit_ops_per_s > 0)
    return fmt::format("{} of {}, {}", percent_text(wall.fraction), ops_per_s_text(wall.limit_ops_per_s),
                       name);
  return fmt::format("{} of {}, {}", percent_text(wall.fraction), bytes_per_s_text(wall.limit_bytes_per_s),
                     name);
}

std::string cache_text(const Report& report) {
  if (!report.cyclic)
    return report.cyclic.reason() == "not measured" ? ""
                                                    : "not available: " + one_line(report.cyclic.reason());
  const CyclicRead& read = *report.cyclic;
  std::string text = fmt::format("reading one token's {} again and again, not {}: {} ({}), ",
                                 bytes_text(static_cast<double>(read.token_bytes)),
                                 bytes_text(static_cast<double>(read.large_bytes)),
                                 change_text(read.speedup.median), change_interval_text(read.speedup));
  return text + (read.cache_helps() ? "the last-level cache helps decode"
                                    : "no help of the caches beyond the noise");
}

std::string change_text(double ratio) {
  if (ratio >= 2) return fmt::format("{:.2f}x", ratio);
  const double percent = (ratio - 1) * 100;
  return std::abs(percent) < 10 ? fmt::format("{:+.1f} %", percent) : fmt::format("{:+.0f} %", percent);
}

std::string change_interval_text(const Ratio& ratio) {
  return fmt::format("{} to {}", change_text(ratio.interval.low), change_text(ratio.interval.high));
}

std::string seconds_interval(const Measurement& m) {
  const std::string low = seconds_text(m.low), high = seconds_text(m.high);
  // Minutes would not fit in a column, and their interval is told better in seconds.
  if (m.high >= 59.95) return fmt::format("{:.0f} .. {:.0f} s", m.low, m.high);
  if (m.low >= 0.9995) return low.substr(0, low.find(' ')) + " .. " + high.substr(0, high.find(' '));
  return low + " .. " + high;
}

std::vector<EffectRow> effect_rows(const Report& report, Verdict verdict) {
  std::vector<EffectRow> rows;
  for (const LeverEffect* effect : effects_of(report, verdict)) {
    const std::string what = effect->phase == Phase::decode    ? " decode"
                             : effect->phase == Phase::prefill ? " prefill"
                                                               : " overall";
    if (effect->ratio.median > 0)
      rows.push_back({effect_name(*effect), change_text(effect->ratio.median) + what,
                      change_interval_text(effect->ratio)});
    else rows.push_back({effect_name(*effect), one_line(effect->reason), ""});
  }
  return rows;
}

std::string no_effect_text(const Report& report) {
  std::string text, taken_back;
  double widest = 0;
  for (const LeverEffect* effect : effects_of(report, Verdict::no_effect)) {
    if (!effect->reason.empty()) {
      taken_back += fmt::format("{}{}: {}", taken_back.empty() ? "" : "; ", glued(effect_name(*effect)), one_line(effect->reason));
      continue;
    }
    text += (text.empty() ? "" : " · ") + glued(effect_name(*effect));
    widest = std::max({widest, effect->ratio.interval.high - 1, 1 - effect->ratio.interval.low});
  }
  if (!text.empty()) text += " " + glued(fmt::format("(inside ±{:.1f} %)", widest * 100));
  return text + (text.empty() || taken_back.empty() ? "" : "; ") + taken_back;
}

std::string drafts_text(const Report& report) {
  std::string text;
  for (const VerifyCost& cost : report.verify) {
    if (cost.tokens != 2 && cost.tokens != 4 && cost.tokens != 8) continue;
    text +=
        fmt::format("{}{}", text.empty() ? "" : ", ",
                    glued(fmt::format("{:.1f} with {} drafted ({})", cost.break_even_tokens, cost.tokens - 1,
                                      cost.break_even_tokens >= cost.tokens
                                          ? "never"
                                          : percent_text(break_even_acceptance(cost.break_even_tokens, cost.tokens - 1)) + " accepted")));
  }
  if (text.empty()) return text;
  text = "pay above this many tokens a round: " + text + "; oldiron's kernels, drafting itself not counted";
  if (report.model.synthetic) text += "; what generated weights accept means nothing and is not measured";
  return text;
}

double break_even_acceptance(double tokens, int drafted) {
  double low = 0, high = 1;
  for (int halving = 0; halving < 50; ++halving) {
    const double middle = (low + high) / 2;
    double yield = 1;
    for (int i = 0; i < drafted; ++i) yield = 1 + middle * yield;
    (yield < tokens ? low : high) = middle;
  }
  return high;
}

std::vector<std::string> draft_speed_texts(const Report& report) {
  std::vector<std::string> texts;
  for (const DraftSpeed& speed : report.drafts) {
    std::string accepted;
    for (const Measurement& m : speed.acceptance) accepted += fmt::format("{}{:.0f}", accepted.empty() ? "" : ", ", 100 * m.median);
    std::string text = fmt::format("{}, {} drafted: {} beside {} without", one_line(speed.kind), speed.length, speed_text(speed.decode.median),
                                   speed_text(speed.plain.median));
    if (speed.round_tokens.median > 0) text += fmt::format(", {:.2f} tokens a round", speed.round_tokens.median);
    text += accepted.empty() ? "; nothing was proposed" : "; accepted " + accepted + " % by position, on a text of the model's own";
    for (const std::string& tag : speed.decode.tags)
      if (tag.find("repeats") != std::string::npos) text += "; " + one_line(tag);
    texts.push_back(std::move(text));
  }
  return texts;
}

std::string streams_text(const Report& report) {
  if (report.streams.empty()) return report.no_streams.empty() ? "" : "not measured: " + one_line(report.no_streams);
  std::string text;
  bool any_wall = false;
  for (const StreamSpeed& speed : report.streams) {
    std::string one = fmt::format("{} user{} {}", speed.sequences, speed.sequences == 1 ? "" : "s", speed_text(speed.tokens_per_s.median));
    if (speed.wall.fraction > 0) one += fmt::format(" ({} {})", speed.wall.limit_ops_per_s > 0 ? "compute" : "memory", percent_text(speed.wall.fraction));
    any_wall = any_wall || speed.wall.fraction > 0;
    text += (text.empty() ? "decode of all together: " : ", ") + glued(one);
  }
  return fmt::format("{}{}; by {}", text, any_wall ? ": shares of the wall that a step meets first" : "", one_line(report.streams.front().by));
}

std::string trust_text(const Report& report) {
  if (!report.lossless) return "";
  const Answer& answer = *report.lossless;
  const bool ours = answer.engine == Engine::oldiron;
  const bool confirmed = !ours && flag_line(answer, answer.engine).basis == Basis::confirmed;
  std::string text = confirmed ? "confirmed: this line ran in " + version_of(report, answer.engine)
                     : ours    ? std::string("measured with oldiron's own kernels")
                               : "measured in " + version_of(report, answer.engine);
  if (answer.pairs > 0)
    text += fmt::format(", {0}+{0} runs alternating with the defaults, fresh processes", answer.pairs);
  text += next_start_text(answer);
  if (!answer.confirmed) text += "; put together from trials of prefill and of decode";
  if (!confirmed) text += ours ? "; the lines above have not run" : "; not with this whole line";
  std::vector<std::string> tags;
  for (const Measurement* m : {&answer.prefill, &answer.decode})
    for (const std::string& tag : m->tags)
      if (!tag.starts_with("disturbed: ")) tags.push_back(one_line(tag));  // a few samples: the median does not know
  for (const std::string& tag : merged_tags(tags)) text += "; " + tag;
  if (report.model.synthetic)
    text += "; weights are synthetic: speeds are real, any text would be meaningless";
  return text;
}

std::string effort_text(const Report& report) {
  const std::array<int, 5> counts = count_by_status(report.trials);
  const std::size_t n = report.trials.size();
  std::string text = fmt::format("{} trial{}", n, n == 1 ? "" : "s");
  bool first = true;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    std::string name(to_string(static_cast<Status>(i)));
    std::replace(name.begin(), name.end(), '_', ' ');
    text += fmt::format("{}{} {}", first ? ": " : ", ", counts[i], name);
    first = false;
  }
  const BudgetUse& budget = report.budget;
  if (budget.remembered > 0) text += fmt::format(", {} of them remembered from before", budget.remembered);
  text += ". " + span_text(budget.used_s);
  if (budget.limit_s > 0) text += " of " + span_text(budget.limit_s);
  if (budget.loads > 0)
    text += fmt::format(", {} of it loading ({} load{})", span_text(budget.load_s), budget.loads,
                        budget.loads == 1 ? "" : "s");
  if (budget.stopped_by == "signal") text += "; interrupted, the same command goes on";
  else if (budget.stopped_by != "done")
    text += fmt::format("; the search ended by the limit on {}",
                        budget.stopped_by == "budget" ? "time" : "trials");
  return text;
}

std::vector<std::string> failure_reasons(const Report& report) {
  std::vector<std::pair<std::string, int>> counted;
  for (const Trial& trial : report.trials) {
    if (trial.status == Status::ok || trial.status == Status::noisy) continue;
    const std::string reason = trial.reason.empty() ? "no reason was given" : one_line(trial.reason);
    const auto known =
        std::find_if(counted.begin(), counted.end(), [&](const auto& c) { return c.first == reason; });
    if (known == counted.end()) counted.emplace_back(reason, 1);
    else ++known->second;
  }
  std::stable_sort(counted.begin(), counted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::vector<std::string> reasons;
  for (const auto& [reason, count] : counted) reasons.push_back(fmt::format("{} x {}", count, reason));
  return reasons;
}

std::string load_text(const Answer& answer, const Answer& base) {
  const double more_s = answer.load_s - base.load_s, saved_s = base.turn_s.median - answer.turn_s.median;
  if (answer.load_s <= 0 || base.load_s <= 0 || more_s <= 0 || saved_s <= 0) return "";
  const auto turns = static_cast<int>(std::ceil(more_s / saved_s));
  return fmt::format("{} turn{}", turns, turns == 1 ? "" : "s");
}

}  // namespace oldiron::reports
