// What a workload costs at measured rates.
#include "core/workload.hpp"

#include <limits>

namespace oldiron {
namespace {

double part_s(int tokens, double per_s) {
  if (tokens == 0) return 0;
  return per_s > 0 ? tokens / per_s : std::numeric_limits<double>::infinity();
}

}  // namespace

double turn_s(const Workload& workload, double prefill_tokens_per_s, double decode_tokens_per_s) {
  return part_s(workload.prompt_tokens, prefill_tokens_per_s) +
         part_s(workload.generate_tokens, decode_tokens_per_s);
}

}  // namespace oldiron
