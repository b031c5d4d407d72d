// Workload: what is asked of a model in one trial. No levers here.
#pragma once

#include <cstdint>
#include <string>

namespace oldiron {

struct Workload {
  std::string name = "turn";
  int prompt_tokens = 512;    ///< prefill length; 0: prefill is not measured
  int generate_tokens = 128;  ///< decode steps; 0: decode is not measured
  int depth_tokens = 0;       ///< context when the prefill starts, and when the decode starts, as in llama-bench
  int verify_max = 0;         ///< measures verify(n) for n = 1..verify_max; 0: not
  int streams_max = 0;        ///< measures batch(n) for n = 1, 2, 4 .. streams_max; 0: not
  int quality_texts = 0;      ///< measures the quality of the configuration on so many texts; 0: not
  int quality_tokens = 0;     ///< of each text
  std::uint64_t seed = 1;     ///< of the token ids, the same for every engine
  bool operator==(const Workload&) const = default;
};

/// Its turn alone: prefill and decode, without verification, streams and quality.
inline Workload turn_of(Workload workload) {
  workload.verify_max = workload.streams_max = workload.quality_texts = workload.quality_tokens = 0;
  return workload;
}

/// Seconds of one turn: prompt / prefill rate + generate / decode rate.
double turn_s(const Workload& workload, double prefill_tokens_per_s, double decode_tokens_per_s);

}  // namespace oldiron
