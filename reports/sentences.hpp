// The sentences that every document says alike. Plain one-line text, safe for a terminal; a format escapes it
// once more.
#pragma once

#include <string>
#include <vector>

#include "reports/report.hpp"

namespace oldiron::reports {

/// "AMD EPYC 9V74 (virtual machine)": the CPU's name without marks, clock and the word CPU.
std::string cpu_text(const Machine& machine);

/// "gemma-4-26b Q4_0": the id, with the main type if the id does not say it.
std::string model_name(const ModelSpec& model);

/// Model, workload, machine: what the figures are about.
std::string subject(const Report& report);

/// The answer in one or two lines, or why there is none.
std::vector<std::string> headline(const Report& report);

/// "yours: 9.10, tuned: 14.2 t/s, 1.56x (1.51–1.60)", or that there is no significant winner, or why there are no figures;
/// empty if no line was given.
std::string yours_text(const Report& report);

/// What of the user's line could not be compared, in one sentence; empty if all could.
std::string not_compared_text(const Report& report);

/// That the engine's defaults do not run, and what stood in for them; empty if they do.
std::string stand_in_text(const Report& report);

/// One engine's line: a heading that says what the line is worth, and the line (empty: there is none).
struct LineBlock {
  std::string heading;
  std::vector<std::string> argv;
};

/// Of the lossless answer: the engine that it was measured on first, then the others that were given or
/// derived.
std::vector<LineBlock> line_blocks(const Report& report);

/// "15.4 t/s", "3.50 t/s".
std::string speed_text(double tokens_per_s);

/// "15.2 .. 15.6", in the unit of the value beside it.
std::string interval_text(double low, double high);

/// "1.64x faster (1.60–1.68)", "no faster within the noise (0.99–1.02)"; empty if not compared.
std::string speedup_text(const Answer& answer);

/// "69 % of 27.4 GB/s, memory wall", "15 % of 2.13 TOP/s, compute: vpdpbusd peak"; empty if the limit is not known.
std::string wall_text(const Wall& wall);

/// The part of a decode step that its barriers take when nobody is late.
double barrier_share(const Answer& answer);

/// "6 barriers a layer and 4 beside".
std::string barriers_text(const BarrierWaits& waits, int layers);

/// How long ranks wait for each other in the answer's decode; empty if not measured.
std::string waits_text(const Report& report);

/// "products of weights in the caches did 300 GOP/s around these prefills (212 to 399), 37 % of …; prefill reached 78 % of
/// that"; empty if it was not measured.
std::string cores_text(const Report& report);

/// Which pages the answer asked for and what it got; empty if not read.
std::string pages_text(const Report& report);

/// The machine and the workload's turn as the answer draws power; idle 0 where not known.
TurnPower turn_power(const Report& report);

/// Watts, joules per token and cost, or why there are none; empty if nobody asked.
std::string power_text(const Report& report);

/// What CPU, kernel and memory controllers counted per token, and where they disagree with the bytes over the time; empty if nothing
/// was counted.
std::string counters_text(const Report& report);

/// What the caches add to the reading of one token's bytes again and again; empty if that was not looked at.
std::string cache_text(const Report& report);

/// "+77 %", "-0.3 %", "2.24x".
std::string change_text(double ratio);

/// "+74 % to +80 %".
std::string change_interval_text(const Ratio& ratio);

/// "33.1 .. 34.0", in the unit of the value beside it.
std::string seconds_interval(const Measurement& m);

struct EffectRow {
  std::string name;      ///< "repack=on"
  std::string change;    ///< "+77 % decode"; of a failure, why
  std::string interval;  ///< "+74 % to +80 %"
};

/// The effects with this verdict, largest first.
std::vector<EffectRow> effect_rows(const Report& report, Verdict verdict);

/// What was tried and did nothing, in one sentence with the widest of their intervals; empty if nothing was.
std::string no_effect_text(const Report& report);

/// The share of drafts that must be accepted, each with the same chance, for a round of `drafted` drafts to yield `tokens`
/// tokens: 1 + a + a^2 + ... = tokens. 1 if not even all of them would do.
double break_even_acceptance(double tokens, int drafted);

/// What a draft must yield to pay, from the costs of verification; empty if not measured.
std::string drafts_text(const Report& report);

/// One sentence per kind and length of drafts that ran.
std::vector<std::string> draft_speed_texts(const Report& report);

/// One sentence per lossy setting that was tried, but for that of lossy_text(): speed, and what it loses or why that is not known.
std::vector<std::string> lossy_choice_texts(const Report& report);

std::string streams_text(const Report& report);

/// The lossy answer with what it gives up, or why there is none.
std::string lossy_text(const Report& report);

/// What the answer stands on: basis, runs, noise.
std::string trust_text(const Report& report);

/// "14 trials: 12 ok, 1 noisy, 1 failed. 8 min 12 s of 10 min, 2 min 10 s of it loading (5 loads)."
std::string effort_text(const Report& report);

/// Why trials failed, each reason once with its count, most frequent first.
std::vector<std::string> failure_reasons(const Report& report);

/// "2 turns": after how many the longer load of the answer has paid; empty if it is not longer or not known.
std::string load_text(const Answer& answer, const Answer& base);

}  // namespace oldiron::reports
