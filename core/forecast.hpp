// Forecast: how fast a model will be on a machine, measured or described, and whether a claimed speed is possible.
#pragma once

#include <cstdint>
#include <string>

#include "core/machine_card.hpp"
#include "core/model.hpp"
#include "core/workload.hpp"

namespace oldiron {

/// Share of what reading reaches that a decode of ours moves: 65 to 102 %, median 82 % of what the same team read of
/// the same pages around it (docs/peers.md). Other engines: 74 % (i9-13900K, README of gemma4-cpu-moe).
inline constexpr Estimate kDecodeOfRead = {.low = 0.65, .likely = 0.82, .high = 1.0};

/// Share of the int8 peak that a prefill of ours computes: 48 % with vpmaddubsw and 50 and 53 % with vpdpbusd on one Zen
/// 5 guest (docs/peers.md), 24 to 31 % with vpmaddubsw on a guest of a Zen 3 whose cores have neighbours (docs/decisions.md).
/// llama.cpp reached 12 %, ik_llama.cpp 33 % beside the former.
inline constexpr Estimate kPrefillOfPeak = {.low = 0.24, .likely = 0.40, .high = 0.53};

/// What a machine can do for one model and configuration.
struct Ability {
  Estimate read_bytes_per_s = {};  ///< by the decode's threads; all 0: not known
  double paper_bytes_per_s = 0;    ///< 0: not known
  std::string memory_wall = {};    ///< "memory", or "per-core memory parallelism"
  Estimate ops_per_s = {};         ///< by the prefill's threads; all 0: not known
  std::string instruction = {};
  bool measured = false;  ///< on the machine itself, not taken from a card
  bool operator==(const Ability&) const = default;
};

Ability ability_of(const Machine& machine, const Profile& profile, const ModelSpec& model, const Config& config);
Ability ability_of(const MachineCard& card, const ModelSpec& model, const Config& config);

struct Forecast {
  Estimate decode_tokens_per_s = {};   ///< all 0: not known
  Estimate prefill_tokens_per_s = {};  ///< with our kernels; all 0: not known
  Estimate first_token_s = {};         ///< low is the fastest
  double decode_limit_tokens_per_s = 0;  ///< if all of the best reading were moved, or of the paper figure
  double token_bytes = 0;
  std::string decode_wall = {}, prefill_wall = {};
  bool operator==(const Forecast&) const = default;
};

/// Decode of one sequence with `context` tokens in it; prefill of a prompt of `prompt_tokens` from an empty context.
Forecast forecast(const ModelSpec& model, const Config& config, int prompt_tokens, std::int64_t context,
                  const Ability& ability);

/// Whether a decode speed that somebody claims can be.
struct Claim {
  enum class Verdict : std::uint8_t {
    unknown,     ///< nothing is known of the memory
    impossible,  ///< more than the memory carries on paper, or than was read at best where there is no paper
    doubtful,    ///< more than reading reaches
    stretched,   ///< more than decodes likely move
    possible,
  };
  Verdict verdict = Verdict::unknown;
  double tokens_per_s = 0;
  double token_bytes = 0;
  double bytes_per_s = 0;        ///< that it takes
  double limit_bytes_per_s = 0;  ///< of the memory: paper, or the best reading
  bool limit_is_paper = false;

  double limit_tokens_per_s() const { return token_bytes > 0 ? limit_bytes_per_s / token_bytes : 0; }

  bool operator==(const Claim&) const = default;
};

Claim judge_claim(double tokens_per_s, double token_bytes, const Ability& ability);

}  // namespace oldiron
