// The decoder's inside: weights, cache, scratch, and the chain of operations that one rank runs.
#pragma once

#include <atomic>
#include <span>
#include <string>
#include <vector>

#include "kernels/architecture.hpp"
#include "kernels/attention_plan.hpp"
#include "kernels/decoder.hpp"
#include "kernels/kv_cache.hpp"
#include "kernels/layer_weights.hpp"
#include "kernels/quantised.hpp"
#include "kernels/rope.hpp"
#include "kernels/row_split.hpp"
#include "kernels/weights.hpp"

namespace oldiron {

/// Steps of at most this many tokens are computed between the products by every rank for itself, in memory of its own:
/// repeating a norm of 2816 floats costs less than a barrier. Larger steps share the columns out.
inline constexpr std::int64_t kReplicatedTokens = 16;

/// The largest of all layers.
struct Widths {
  std::int64_t queries = 0, keys = 0, rope_pairs = 0;  ///< of a token
  std::int64_t dense = 0, expert = 0;
};

/// What lies between the products: private to a rank in small steps, shared in large ones.
struct Work {
  std::vector<float> x, h;             ///< residual stream before and after attention [n][d]
  std::vector<float> a, m, r;          ///< normed inputs [n][d]: attention or dense, experts, router
  std::vector<float> wide;             ///< of a drafter: the target's embedding and hidden state [n][2 d of the target]
  std::vector<float> per_layer;        ///< gated input of a layer's own embedding [n][its length]
  std::vector<float> cos[2], sin[2];   ///< of the step's positions, per kind of layer (0 full, 1 sliding) [n][n_rot/2]
  Quantised a_q, m_q, r_q, o_q, dense_q, expert_q, wide_q, per_layer_q;

  /// For n columns, each of which goes to at most `used` experts.
  void resize(const ModelSpec& model, const Widths& widths, std::int64_t n, int used);
};

/// The products of a layer, as RowSplit numbers them; the experts' first ones follow, then the next layer.
enum LayerProduct : std::int64_t {
  kQ, kK, kV, kOutput, kRouter, kGate, kDown, kExpertsDown, kPerLayerGate, kPerLayerProjection, kExpertsUp
};

/// Products of no layer, after those of the last one.
enum GlobalProduct : std::int64_t { kHead, kPerLayerModel, kPreProjection, kPostProjection, kGlobalProducts };

/// A rank's part in one step.
struct Lane {
  int rank, active;
  Work& work;
  Range columns;    ///< those it norms and quantises: all of them in small steps
  bool replicated;  ///< small step: `work` is the rank's own
};

/// Which tokens go to which expert, in order of experts. Every rank builds its own copy: cheaper than waiting for one.
struct Routing {
  std::vector<float> logit;                  ///< scratch [expert_count], where the router has a bias
  std::vector<std::int32_t> expert;          ///< [slot], slot = token * used + rank of the expert
  std::vector<float> weight;                 ///< [slot]
  std::vector<std::int32_t> begin;           ///< [expert_count + 1] into tokens and slots
  std::vector<std::int32_t> tokens, slots;   ///< columns of each expert
  std::vector<float> product;                ///< [columns of one expert][rows of this rank]
};

/// What attention left of some queries: sums of values by unnormalised weights [query][head_dim], the largest score and
/// the sum of the weights [query].
struct Partials {
  std::vector<float> acc, max, sum;

  /// Makes room; never shrinks.
  void resize(std::int64_t queries, std::int64_t head_dim);
};

/// A rank's own.
struct AttentionScratch {
  AttentionPlan plan;
  Partials chunk;  ///< of one chunk, to be merged
  Partials state;  ///< of all chunks so far; the values lie in the layer's output
  Partials cut;    ///< chunks of items that several ranks share [slot][token of a tile][head], read by those who merge
};

struct Decoder::Impl {
  std::shared_ptr<const Weights> loaded;
  const Weights& weights;
  const ModelSpec& model;
  const Architecture& facts;
  DecoderOptions options;
  Team& team;
  const KernelSet& kernels;
  Impl* target;                    ///< of a drafter: whose keys and values it reads; else nullptr
  KvCache cache;
  std::vector<LayerWeights> layers;
  GlobalWeights global;
  RopeAngles rope[2];              ///< per kind of layer: 0 full, 1 sliding
  Widths widths;
  bool quantise = false;
  int n_used = 0;
  mutable RowSplit split_rows;     ///< with counters only if rows are handed out as ranks come for them
  std::vector<std::int64_t> ends;  ///< positions stored per sequence

  Work shared;
  std::vector<Work> private_work;      ///< per rank
  std::vector<Routing> routing;        ///< per rank
  std::vector<AttentionScratch> attention_scratch;  ///< per rank
  std::vector<float> q, k, v, o, y, z, dense, expert, up, b1, b2;  ///< outputs of products [n][...]
  std::vector<float> per_layer, per_layer_gate;  ///< what tokens add per layer [n][layers][length]; a layer's gate [n][length]
  std::vector<float> hidden;
  std::vector<int> distinct;
  std::atomic<bool> finite{true};

  std::span<const StepToken> tokens;   ///< of the running step
  std::vector<std::int32_t> logit_columns;
  float* logits = nullptr;
  std::span<const StepToken> queries;     ///< the same, at the last position that each sees
  const float* target_hidden = nullptr;   ///< of a drafter [n][embedding_length_out]
  float* next_hidden = nullptr;

  Impl(std::shared_ptr<const Weights> packed, const Config& config, const DecoderOptions& decoder_options, Team& worker_team,
       Impl* target_model = nullptr);

  std::int64_t d() const { return model.embedding_length; }

  std::int64_t n() const { return static_cast<std::int64_t>(tokens.size()); }

  void touch_all(std::int64_t max_step_tokens);
  void check_positions();
  void run_rank(int rank, int active);

  void run(std::span<const StepToken> step_tokens, int threads, float* step_logits);
  void embed(const Lane& lane);
  void embed_beside_target(const Lane& lane);
  void embed_per_layer(const Lane& lane);
  void attention(const Lane& lane, int layer);
  void store_keys_values(const Lane& lane, int layer, std::int64_t token, int head_kv);
  void prepare_queries(const Lane& lane, int layer, std::int64_t token, int head_kv);
  void rotate(const Lane& lane, const LayerSpec& spec, std::int64_t token, float* head) const;
  void attend(const Lane& lane, int layer);
  void attend_item(const Lane& lane, int layer, const AttentionItem& item);
  void attend_part(const Lane& lane, int layer, const AttentionItem& item, Range units);
  void attend_chunk(int layer, const AttentionItem& item, std::int64_t chunk, Partials& into, std::int64_t first, float* acc,
                    std::int64_t acc_stride);
  void merge(const Partials& from, std::int64_t from_query, bool is_first, std::int64_t heads, std::int64_t head_dim, float* acc,
             float* max, float* sum) const;
  void merge_cut(const Lane& lane, int layer, const AttentionItem& item, std::int64_t token, std::int64_t query_head);
  float weight_sum(int layer, std::int64_t head, float max, float sum) const;
  void feed_forward(const Lane& lane, int layer);
  void begin_feed_forward(const Lane& lane, const LayerWeights& w);
  void end_feed_forward(const Lane& lane, const LayerWeights& w);
  void per_layer_embedding(const Lane& lane, int layer);
  void gated(const GatedWeights& w, int e, Range rows, std::int64_t columns, const Activations& x,
             const std::int32_t* x_column, const std::int32_t* y_column, float* h);
  void route(int layer, Routing& routes) const;
  void experts_up(const Lane& lane, int layer, const Routing& routes, const Activations& in);
  void experts_down_rows(int layer, Range rows, const Activations& in, Routing& routes);
  void output(const Lane& lane);

  void quantise_column(Quantised& into, std::int64_t column, const float* x);

  /// result [n][matrix.m] = matrix x, the rows that fall to this rank.
  void product(const Lane& lane, std::int64_t layer, std::int64_t which, const Matrix& matrix, const Activations& x,
               float* result) const;

  /// Where a layer finds its keys and values.
  KvCache& kv(int layer) { return model.layers[static_cast<std::size_t>(layer)].kv_from == kTargetKv ? target->cache : cache; }

  int kv_layer(int layer) const;

  /// Keys seen by a query at the position of `queries`, that one included; 0: all.
  int window(const LayerSpec& spec) const { return spec.window - (target != nullptr && spec.window > 0 ? 1 : 0); }

  /// Calls f(Range) for the rows of a product that fall to this rank.
  template <class F>
  void in_rows(const Lane& lane, std::int64_t layer, std::int64_t which, std::int64_t rows, F f) const {
    split_rows.each(team, lane.rank, lane.active, layer * (kExpertsUp + model.expert_count) + which, rows,
                    lane.replicated ? kSmallStepRows : kLargeStepRows, f);
  }

  void sync(const Lane& lane) {
    if (!lane.replicated) team.barrier(lane.rank);
  }
};

}  // namespace oldiron
