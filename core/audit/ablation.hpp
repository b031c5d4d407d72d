// Ablation: what each flag of a line does to the speed, measured by adding one after the other to bare defaults.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/audit/audit.hpp"
#include "core/stats.hpp"

namespace oldiron {

/// Of one start of the tool; 0: not told.
struct AblationSpeed {
  double decode = 0, prefill = 0;  ///< tokens/s
  bool operator==(const AblationSpeed&) const = default;
};

/// Flags that are added to the line together, behind those of the steps before. The first step has none: bare defaults.
struct AblationStep {
  std::vector<std::size_t> rows = {};  ///< of Audit::rows
  std::string why_together = {};       ///< of more than one; goes behind the flags
  bool idle = false;                   ///< the records hold them for doing nothing
  std::vector<AblationSpeed> speeds = {};  ///< one per pass
};

struct Ablation {
  std::vector<AblationStep> steps = {};
  std::vector<std::string> notes = {};  ///< flags that stand in every run, or that could not be added alone
  int passes = 0;                       ///< that are planned; an even one goes the steps backwards
  double seconds = 0;                   ///< of one start, expected before the first
  std::string work = {};                ///< of a start: "192 prompt tokens and 64 generated"
  std::string end = {};                 ///< why it stopped before its plan; empty: it did not

  int starts() const { return passes * static_cast<int>(steps.size()); }
};

/// How one speed over another comes out.
struct AblationEffect {
  std::size_t pairs = 0;   ///< 0: nothing is known
  Ratio ratio = {};        ///< of pairs taken side by side; 95 %
  Interval joint = {};     ///< of the mean ratio; 95 % for all comparisons of the ablation together
  bool clear = false;      ///< both intervals lie on one side of 1
};

enum class AblationMetric : std::uint8_t { decode, prefill };

/// The steps of a line, of the rows that stand in its command, in their order: those that need each other together, those that the
/// records hold for idle together and last. Rows about the text and the context stand in every run.
Ablation plan_ablation(const Audit& audit, const std::vector<std::size_t>& rows_in_command);

/// Of step `of` over step `over`, with the same passes of both. Fewer than four pairs are never clear.
AblationEffect ablation_effect(const Ablation& ablation, std::size_t of, std::size_t over, AblationMetric metric);

/// Median over the passes; 0: not told.
double ablation_speed(const AblationStep& step, AblationMetric metric);

/// "-rtr", "-ctk q8_0 and -khad", "5 flags that the records hold for idle"; of the first step "bare defaults".
std::string step_text(const Audit& audit, const AblationStep& step);

/// "+12 % [+10, +14]", or "none seen within ±3 %": what the joint interval leaves open; "not measured", "too noisy to tell".
std::string effect_text(const AblationEffect& effect);

/// Adds to each measured row's evidence what the A/B runs say.
void tell_ablation(Audit& audit, const Ablation& ablation);

}  // namespace oldiron
