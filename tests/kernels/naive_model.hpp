// A forward pass as one writes it down: one token at a time, in double, without a thought of speed. It shares nothing with
// the decoder but the formats of tensors.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <numeric>
#include <string>
#include <vector>

#include "kernels/formats/format.hpp"
#include "kernels/weight_source.hpp"

namespace oldiron {

class NaiveModel {
 public:
  using Vec = std::vector<double>;

  explicit NaiveModel(const WeightSource& source) : spec_(source.model()), keys_(spec_.layers.size()), values_(keys_) {
    for (const TensorSpec& tensor : spec_.tensors) {
      std::vector<std::byte> raw(static_cast<std::size_t>(tensor.bytes()));
      source.read_rows(tensor, 0, tensor.rows(), raw.data());
      std::vector<float> all(static_cast<std::size_t>(tensor.k() * tensor.rows()));
      format(tensor.type)->dequantise(raw.data(), tensor.k() * tensor.rows(), all.data());
      tensors_[tensor.name] = Vec(all.begin(), all.end());
    }
  }

  /// Logits after `token` at the next position.
  Vec next(int token) {
    const int p = static_cast<int>(positions_++);
    Vec x = embedding(token);
    per_layer_.clear();
    if (spec_.embedding_length_per_layer_input > 0) per_layer_inputs(token, x);
    for (int l = 0; l < spec_.block_count; ++l) x = layer(l, x, p, nullptr);
    hidden = rms(x, tensors_.at("output_norm.weight"));
    return logits(hidden);
  }

  /// A drafter's step: logits, and the next hidden state in `hidden`.
  Vec draft(NaiveModel& target, int token, const Vec& target_hidden, int p) {
    Vec both = target.embedding(token);
    both.insert(both.end(), target_hidden.begin(), target_hidden.end());
    Vec x = times("nextn.pre_projection.weight", both);
    for (int l = 0; l < spec_.block_count; ++l) x = layer(l, x, p, &target);
    const Vec n = rms(x, tensors_.at("output_norm.weight"));
    hidden = times("nextn.post_projection.weight", n);
    return logits(n);
  }

  Vec hidden;  ///< of the last step, after output_norm; of a drafter what it hands to its next step

 private:
  bool is(const char* architecture) const { return spec_.architecture == architecture; }

  bool gemma() const { return spec_.architecture.starts_with("gemma4"); }

  bool has(const std::string& name) const { return tensors_.contains(name); }

  /// Row-major product, of expert `e` where there are several.
  Vec times(const std::string& name, const Vec& x, std::int64_t e = 0) const {
    const TensorSpec& t = *spec_.find(name);
    const Vec& w = tensors_.at(name);
    Vec y(static_cast<std::size_t>(t.ne[1]));
    for (std::size_t r = 0; r < y.size(); ++r) {
      const std::size_t row = (static_cast<std::size_t>(e * t.ne[1]) + r) * x.size();
      for (std::size_t c = 0; c < x.size(); ++c) y[r] += w[row + c] * x[c];
    }
    return y;
  }

  Vec rms(const Vec& x, const Vec& w) const {
    double squares = 0;
    for (const double v : x) squares += v * v;
    Vec y(x.size());
    const double size = std::sqrt(squares / static_cast<double>(x.size()) + spec_.norm_eps);
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] / size * (w.empty() ? 1 : w[i]);
    return y;
  }

  static Vec plus(Vec a, const Vec& b) {
    for (std::size_t i = 0; i < a.size(); ++i) a[i] += b[i];
    return a;
  }

  Vec row(const std::string& name, std::int64_t r, std::int64_t n) const {
    const Vec& all = tensors_.at(name);
    return {all.begin() + r * n, all.begin() + (r + 1) * n};
  }

  Vec embedding(int token) const {
    Vec x = row("token_embd.weight", token, spec_.embedding_length);
    if (is("gemma4"))
      for (double& v : x) v *= std::sqrt(static_cast<double>(spec_.embedding_length));
    return x;
  }

  /// I = (RMS(W x / sqrt(d); norm) + sqrt(length) T) / sqrt(2), layer by layer.
  void per_layer_inputs(int token, const Vec& x) {
    const auto n = static_cast<std::size_t>(spec_.embedding_length_per_layer_input);
    const Vec projected = times("per_layer_model_proj.weight", x);
    const Vec t = row("per_layer_token_embd.weight", token, static_cast<std::int64_t>(projected.size()));
    for (std::size_t l = 0; l < projected.size() / n; ++l) {
      Vec p(projected.begin() + static_cast<std::ptrdiff_t>(l * n), projected.begin() + static_cast<std::ptrdiff_t>((l + 1) * n));
      for (double& v : p) v /= std::sqrt(static_cast<double>(spec_.embedding_length));
      p = rms(p, tensors_.at("per_layer_proj_norm.weight"));
      for (std::size_t i = 0; i < n; ++i) p[i] = (p[i] + std::sqrt(static_cast<double>(n)) * t[l * n + i]) / std::sqrt(2.0);
      per_layer_.push_back(p);
    }
  }

  double frequency(const LayerSpec& s, int i, double& magnitude) const {
    const double n = s.rope_dimension_count;
    double f = std::pow(s.rope_freq_base, -2.0 * i / n);
    if (has("rope_freqs.weight") && !s.sliding) f /= tensors_.at("rope_freqs.weight")[static_cast<std::size_t>(i)];
    magnitude = 1;
    if (!is("gpt-oss")) return f;
    const double factor = 32, context = 4096;
    const auto pair = [&](double turns) {
      return n * std::log(context / (turns * 2 * std::numbers::pi)) / (2 * std::log(s.rope_freq_base));
    };
    const double low = std::max(std::floor(pair(32)), 0.0), high = std::min(std::ceil(pair(1)), n - 1);
    const double ramp = std::clamp((i - low) / (high - low), 0.0, 1.0);
    magnitude = 0.1 * std::log(factor) + 1;
    return f / factor * ramp + f * (1 - ramp);
  }

  Vec rotated(Vec head, const LayerSpec& s, int p) const {
    const int half = s.rope_dimension_count / 2;
    for (int i = 0; i < half; ++i) {
      double magnitude = 1;
      const double angle = p * frequency(s, i, magnitude);
      double& u = head[static_cast<std::size_t>(is("llama") ? 2 * i : i)];
      double& v = head[static_cast<std::size_t>(is("llama") ? 2 * i + 1 : i + half)];
      const double a = u, b = v;
      u = magnitude * (a * std::cos(angle) - b * std::sin(angle));
      v = magnitude * (a * std::sin(angle) + b * std::cos(angle));
    }
    return head;
  }

  static double gelu(double x) { return 0.5 * x * (1 + std::tanh(0.7978845608028654 * x * (1 + 0.044715 * x * x))); }

  double gate(double g, double u) const {
    if (gemma()) return gelu(g) * u;
    if (!is("gpt-oss")) return g / (1 + std::exp(-g)) * u;
    g = std::min(g, 7.0);
    u = std::clamp(u, -7.0, 7.0);
    return g / (1 + std::exp(-1.702 * g)) * (u + 1);
  }

  /// One product with its bias, if it has one.
  Vec linear(const std::string& name, const Vec& x, std::int64_t e = 0) const {
    Vec y = times(name + ".weight", x, e);
    return has(name + ".bias") ? plus(y, row(name + ".bias", e, static_cast<std::int64_t>(y.size()))) : y;
  }

  Vec head_of(const Vec& all, int h, int length) const {
    return {all.begin() + std::ptrdiff_t{h} * length, all.begin() + std::ptrdiff_t{h + 1} * length};
  }

  Vec attention(int l, const Vec& a, int p, NaiveModel* target) {
    const LayerSpec& s = spec_.layers[static_cast<std::size_t>(l)];
    const std::string b = "blk." + std::to_string(l) + ".";
    const int n = s.key_length;
    const auto normed = [&](const Vec& head, const std::string& name) { return has(name) ? rms(head, tensors_.at(name)) : head; };
    // E-series and drafters: the last layer of the same kind that has keys of its own.
    NaiveModel& owner = target != nullptr ? *target : *this;
    const bool own = target == nullptr && s.kv_from == kOwnKv;
    int from = l;
    for (int i = 0; !own && i < owner.spec_.block_count; ++i) {
      const LayerSpec& other = owner.spec_.layers[static_cast<std::size_t>(i)];
      if (other.kv_from == kOwnKv && other.sliding == s.sliding) from = i;
    }
    if (own) {
      const Vec k = linear(b + "attn_k", a), v = has(b + "attn_v.weight") ? linear(b + "attn_v", a) : k;
      std::vector<Vec> ks, vs;
      for (int g = 0; g < s.n_head_kv; ++g) {
        ks.push_back(rotated(normed(head_of(k, g, n), b + "attn_k_norm.weight"), s, p));
        vs.push_back(gemma() ? rms(head_of(v, g, n), {}) : head_of(v, g, n));
      }
      keys_[static_cast<std::size_t>(l)].push_back(ks);
      values_[static_cast<std::size_t>(l)].push_back(vs);
    }
    const Vec q = linear(b + "attn_q", a);
    Vec out;
    for (int h = 0; h < s.n_head; ++h) {
      const auto g = static_cast<std::size_t>(h / (s.n_head / s.n_head_kv));
      const Vec query = rotated(normed(head_of(q, h, n), b + "attn_q_norm.weight"), s, p);
      const auto& ks = owner.keys_[static_cast<std::size_t>(from)];
      const auto& vs = owner.values_[static_cast<std::size_t>(from)];
      const int end = target != nullptr ? p : p + 1;  // a drafter's position is not stored yet
      const int begin = s.window > 0 ? std::max(0, p + 1 - s.window) : 0;
      double denominator = has(b + "attn_sinks.weight") ? std::exp(tensors_.at(b + "attn_sinks.weight")[static_cast<std::size_t>(h)]) : 0;
      Vec o(static_cast<std::size_t>(n));
      for (int j = begin; j < end; ++j) {
        const auto at = static_cast<std::size_t>(j);
        const double score = std::inner_product(query.begin(), query.end(), ks[at][g].begin(), 0.0) *
                             (gemma() ? 1 : 1 / std::sqrt(static_cast<double>(n)));
        denominator += std::exp(score);
        for (std::size_t i = 0; i < o.size(); ++i) o[i] += std::exp(score) * vs[at][g][i];
      }
      for (const double v : o) out.push_back(v / denominator);
    }
    return linear(b + "attn_output", out);
  }

  Vec feed_forward(const std::string& b, const std::string& middle, const Vec& m, std::int64_t e = 0) const {
    const Vec g = linear(b + "ffn_gate" + middle, m, e), u = linear(b + "ffn_up" + middle, m, e);
    Vec h(g.size());
    for (std::size_t i = 0; i < h.size(); ++i) h[i] = gate(g[i], u[i]);
    return linear(b + "ffn_down" + middle, h, e);
  }

  Vec experts(const std::string& b, const Vec& m) const {
    const Vec z = linear(b + "ffn_gate_inp", m);
    std::vector<std::size_t> order(z.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) { return z[x] > z[y]; });
    order.resize(static_cast<std::size_t>(spec_.expert_used_count));
    double sum = 0;
    for (const std::size_t e : order) sum += std::exp(z[e]);
    Vec out(static_cast<std::size_t>(spec_.embedding_length));
    for (const std::size_t e : order) {
      const Vec y = feed_forward(b, "_exps", m, static_cast<std::int64_t>(e));
      for (std::size_t i = 0; i < out.size(); ++i) out[i] += std::exp(z[e]) / sum * y[i];
    }
    return out;
  }

  Vec layer(int l, const Vec& x, int p, NaiveModel* target) {
    const std::string b = "blk." + std::to_string(l) + ".";
    const auto norm = [&](const char* name, const Vec& v) { return rms(v, tensors_.at(b + name)); };
    Vec y = attention(l, norm("attn_norm.weight", x), p, target);
    if (gemma()) y = norm("post_attention_norm.weight", y);
    const Vec h = plus(x, y);
    const Vec m = norm(is("gpt-oss") ? "post_attention_norm.weight" : "ffn_norm.weight", h);
    Vec f = has(b + "ffn_gate_inp.weight") ? experts(b, m) : feed_forward(b, "", m);
    if (gemma()) f = norm("post_ffw_norm.weight", f);
    Vec out = plus(h, f);
    if (!per_layer_.empty()) {
      Vec i = times(b + "inp_gate.weight", out);
      for (std::size_t at = 0; at < i.size(); ++at) i[at] = gelu(i[at]) * per_layer_[static_cast<std::size_t>(l)][at];
      out = plus(out, norm("post_norm.weight", times(b + "proj.weight", i)));
    }
    if (gemma())
      for (double& v : out) v *= tensors_.at(b + "layer_output_scale.weight")[0];
    return out;
  }

  Vec logits(const Vec& n) const {
    Vec out = times(has("output.weight") ? "output.weight" : "token_embd.weight", n);
    if (is("gemma4"))
      for (double& v : out) v = 30 * std::tanh(v / 30);
    return out;
  }

  ModelSpec spec_;
  std::map<std::string, Vec> tensors_;
  std::vector<std::vector<std::vector<Vec>>> keys_, values_;  ///< [layer][position][KV head]
  std::vector<Vec> per_layer_;                                ///< of the current token
  std::size_t positions_ = 0;
};

}  // namespace oldiron
