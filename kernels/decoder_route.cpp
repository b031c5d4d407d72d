// Which experts a token goes to, and with which weights.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/decoder_impl.hpp"

namespace oldiron {

// Weights are the softmax of the chosen logits: that of all logits, of which the chosen are normalised to 1, is the same.
void Decoder::Impl::route(int layer, Routing& routes) const {
  const LayerWeights& w = layers[static_cast<std::size_t>(layer)];
  const int total = model.expert_count;
  const auto used = static_cast<std::size_t>(n_used);
  const auto columns = static_cast<std::size_t>(n());
  routes.expert.resize(columns * used);
  routes.weight.resize(columns * used);
  routes.logit.resize(static_cast<std::size_t>(total));
  routes.begin.assign(static_cast<std::size_t>(total) + 1, 0);
  std::vector<std::int32_t> order(static_cast<std::size_t>(total));

  for (std::size_t c = 0; c < columns; ++c) {
    const float* logit = z.data() + static_cast<std::int64_t>(c) * total;
    if (w.router_bias != nullptr) {
      for (int e = 0; e < total; ++e) routes.logit[static_cast<std::size_t>(e)] = logit[e] + w.router_bias[e];
      logit = routes.logit.data();
    }
    std::iota(order.begin(), order.end(), 0);
    std::partial_sort(order.begin(), order.begin() + n_used, order.end(),
                      [&](std::int32_t a, std::int32_t b) { return logit[a] > logit[b] || (logit[a] == logit[b] && a < b); });
    float* weight = routes.weight.data() + c * used;
    float sum = 0;
    for (std::size_t j = 0; j < used; ++j) sum += weight[j] = std::exp(logit[order[j]] - logit[order[0]]);
    for (std::size_t j = 0; j < used; ++j) {
      routes.expert[c * used + j] = order[j];
      weight[j] /= sum;
      ++routes.begin[static_cast<std::size_t>(order[j]) + 1];
    }
  }
  std::partial_sum(routes.begin.begin(), routes.begin.end(), routes.begin.begin());
  routes.tokens.resize(routes.expert.size());
  routes.slots.resize(routes.expert.size());
  std::vector<std::int32_t> next(routes.begin.begin(), routes.begin.end() - 1);
  for (std::size_t slot = 0; slot < routes.expert.size(); ++slot) {
    const auto at = static_cast<std::size_t>(next[static_cast<std::size_t>(routes.expert[slot])]++);
    routes.tokens[at] = static_cast<std::int32_t>(slot / used);
    routes.slots[at] = static_cast<std::int32_t>(slot);
  }
  if (w.expert_scale != nullptr)
    for (std::size_t slot = 0; slot < routes.expert.size(); ++slot) routes.weight[slot] *= w.expert_scale[routes.expert[slot]];
}

}  // namespace oldiron
