// The screens of `oldiron model` and `oldiron probe`, as text and as JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/check.hpp"
#include "core/config.hpp"
#include "core/facts.hpp"
#include "core/forecast.hpp"
#include "core/machine.hpp"
#include "core/model.hpp"
#include "core/routing.hpp"
#include "core/workload.hpp"

namespace oldiron::reports {

/// Tokens in the context that a claimed speed is judged at, unless told: a short chat, whose keys and values are
/// few, so that the claim is given its best case.
inline constexpr std::int64_t kClaimContext = 128;

/// A model, and the machine that is asked about: this one, or one that a file describes.
struct ModelScreen {
  ModelSpec model;
  Config config;             ///< experts, KV type and threads that the figures are for
  std::int64_t context = 0;  ///< tokens whose keys and values a step reads
  std::vector<std::int64_t> contexts = {4096, 32768, 131072};  ///< of memory and speed over depth
  int parallel = 1;                                            ///< users, for the memory
  Workload workload;
  Routing routing = sticky_half();  ///< of neighbouring tokens, beside independent
  std::optional<ModelSpec> draft = {};
  double claim_tokens_per_s = 0;  ///< 0: nobody claims anything
  Machine machine;
  Ability ability;          ///< nothing known: no speeds
  bool described = false;   ///< the machine is a file's, not this one
  std::vector<std::string> unverified = {}, sources = {};  ///< of the file
  Available<std::int64_t> usable_memory_bytes =
      Available<std::int64_t>::not_available("no machine was given");
};

std::string model_text(const ModelScreen& screen);

/// Two models side by side, on the same machine.
std::string models_text(const ModelScreen& a, const ModelScreen& b);

/// Whether the claimed speed can be, in one line.
std::string claim_text(const ModelScreen& screen);

/// {"bytes_per_token": {"always_on", "head", "experts", "kv", "total", …}, "steps": {"decode": […], "prefill": […]},
/// "verify": […], "batch": […], "drafts": […], "memory": […], "largest_context": {…}, "predicted": {…} | null,
/// "claim": {…} | null, "machine": {…}}
std::string model_json(const ModelScreen& screen);

/// {"models": [two of the above]}
std::string models_json(const ModelScreen& a, const ModelScreen& b);

struct ProbeScreen {
  Machine machine;
  MachineState state;
  Facts facts;
  Profile profile;
  std::optional<ModelSpec> model = {};  ///< whose steps are placed on the roofline
};

std::string probe_text(const ProbeScreen& screen);

/// {"machine": …, "state": …, "facts": …, "bandwidth": {"read": [{"threads", "bytes_per_s", "interval", …}]}, …}
std::string probe_json(const ProbeScreen& screen);

struct FactsScreen {
  Machine machine;
  Facts facts;
};

/// Every fact with its source, or why it is not known and how to get it; and the slots with their modules.
std::string facts_text(const FactsScreen& screen);

/// {"machine": …, "fingerprint": …, "facts": …}
std::string facts_json(const FactsScreen& screen);

/// The facts that are known, a paragraph per group, and the names of those that are not.
std::string facts_summary(const Facts& facts);

}  // namespace oldiron::reports
