// What a probe's figures say, each as one sentence without a full stop: titles of charts, lines of the
// screen.
#pragma once

#include <string>
#include <vector>

#include "core/machine.hpp"
#include "core/model.hpp"

namespace oldiron::reports {

/// "2 threads reach 25.3 GB/s; the second adds 60 %". Of a profile with reads.
std::string read_finding(const Machine& machine, const Profile& profile);

/// "a load from memory waits 120 ns, 86.1 ns with huge pages". Of abilities with latencies.
std::string latency_finding(const Abilities& abilities);

/// "a load waits 331 ns alone, 285 ns while others read 7.0 GB/s". Of abilities with two loaded latencies.
std::string loaded_latency_finding(const Abilities& abilities);

/// Where a step of a model lies on a roofline.
struct StepPlace {
  std::string name = {};  ///< "decode ×1", "×4", "prefill 512"
  double ops_per_byte = 0;
  bool operator==(const StepPlace&) const = default;
};

/// Tokens in the context of each sequence of a decode there, and in a prompt.
inline constexpr int kPlacedTokens = 512;

/// Decode of 1, 4 and 16 sequences and a prefill, counted from the model's tensors: weights are read once a
/// step, experts by their union under independent routing.
std::vector<StepPlace> step_places(const ModelSpec& model);

/// The peak that a model is multiplied with here: the highest of int8, without one the highest of all;
/// nullptr if none was measured.
const ComputePeak* decisive_peak(const Profile& profile);

/// "reading is the limit below 33 operations a byte; a decode of gemma-4 has 3.6, a prefill of 512 tokens
/// 210"; `model` nullptr: without the second half. Of a profile with reads and a peak.
std::string roofline_finding(const Profile& profile, const ModelSpec* model);

/// The same with a capital.
std::string as_title(std::string finding);

}  // namespace oldiron::reports
