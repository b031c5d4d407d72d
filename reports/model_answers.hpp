// ModelAnswers: what `oldiron model` says of one model on one machine, as data; its text and its JSON are written from it.
#pragma once

#include <cstdint>
#include <vector>

#include "core/accounting.hpp"
#include "core/check.hpp"
#include "core/forecast.hpp"
#include "core/memory_plan.hpp"
#include "reports/screens.hpp"

namespace oldiron::reports {

/// What a decode reads and how fast it is with so many tokens in the context.
struct DepthAnswer {
  std::int64_t context = 0;
  double token_bytes = 0;
  Estimate decode_tokens_per_s = {};
};

struct EngineMemory {
  Engine engine = Engine::oldiron;
  std::vector<MemoryPlan> plans = {};  ///< per context of the screen
  Available<std::int64_t> largest_context = Available<std::int64_t>::not_available("no memory was given");
};

/// Verification of n tokens, and a batch of n users, under one assumption of how they share experts.
struct StepAnswer {
  Routing routing = {};
  int tokens = 0;
  StepCost cost = {};
  double ratio = 0;         ///< its time to that of one plain step
  double tokens_per_s = 0;  ///< of all users together; 0: no bandwidth is known
};

/// A round of `drafted` drafts and their verification.
struct DraftAnswer {
  Routing routing = {};
  int drafted = 0;
  double round_bytes = 0;
  double break_even_tokens = 0;  ///< that a round must yield on average to beat plain decoding
};

struct ModelAnswers {
  Forecast forecast = {};  ///< of a turn: the prompt, then decode after it
  std::vector<DepthAnswer> depths = {};
  std::vector<EngineMemory> memory = {};  ///< ours, llama.cpp, ik_llama.cpp
  std::vector<StepAnswer> verify = {};    ///< for `independent`, then for the other routing
  std::vector<StepAnswer> batch = {};
  std::vector<DraftAnswer> drafts = {};
  Claim claim = {};
};

ModelAnswers answer(const ModelScreen& screen);

/// Contexts of the screen that the model was trained for.
std::vector<std::int64_t> contexts_of(const ModelScreen& screen);

}  // namespace oldiron::reports
