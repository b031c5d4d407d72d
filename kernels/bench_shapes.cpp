#include "kernels/bench_shapes.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

#include "core/model.hpp"
#include "core/text.hpp"

namespace oldiron {
namespace {

namespace fs = std::filesystem;

bool is_product(Role role) {
  return role == Role::attn || role == Role::linattn || role == Role::dense || role == Role::shexp ||
         role == Role::exps || role == Role::head;
}

/// Gate and up are one gated product, in one tensor or in two of the same shape.
bool is_gate(const std::string& name) { return name.find("ffn_gate") != std::string::npos; }

bool is_up(const std::string& name) { return name.find("ffn_up") != std::string::npos; }

bool is_gate_and_up(const std::string& name) { return name.find("ffn_gate_up") != std::string::npos; }

struct Collected {
  std::set<BenchShape> matmul, gated;
  std::set<BenchHeads> attention;
  std::set<std::int64_t> widths;
};

void collect(const ModelSpec& model, Collected& all) {
  for (const TensorSpec& tensor : model.tensors) {
    // Biases and convolutions are no products.
    if (!is_product(tensor.role) || tensor.ne[1] < 16 || tensor.k() % 32 != 0) continue;
    const std::int64_t rows = std::min(tensor.ne[1], kMostBenchRows);
    if (is_gate_and_up(tensor.name)) all.gated.insert({tensor.k(), tensor.ne[1] / 2});
    else if (is_gate(tensor.name)) all.gated.insert({tensor.k(), rows});
    else if (!is_up(tensor.name)) all.matmul.insert({tensor.k(), rows});
  }
  for (const LayerSpec& layer : model.layers)
    if (layer.n_head_kv > 0) all.attention.insert({layer.n_head / layer.n_head_kv, layer.key_length});
  all.widths.insert(model.embedding_length);
}

template <class T>
std::vector<T> list(const std::set<T>& set) {
  return {set.begin(), set.end()};
}

}  // namespace

BenchShapes bench_shapes(const std::string& dir, const std::string& model) {
  Collected all;
  std::vector<std::string> known;
  std::error_code ignored;
  bool found = false;
  for (const fs::directory_entry& entry : fs::directory_iterator(dir, ignored)) {
    if (entry.path().extension() != ".json") continue;
    known.push_back(entry.path().stem().string());
    if (known.back().find(lower(model)) == std::string::npos) continue;
    found = true;
    collect(model_from_card(entry.path().string(), "f32"), all);
  }
  std::sort(known.begin(), known.end());
  if (known.empty())
    throw Error("there are no model cards in " + dir +
                "; set OLDIRON_CONFIGS to the folder configs of oldiron");
  if (!found)
    throw Error("--model=" + model + ": no card has that in its name; the cards are " +
                list_text(known, "and"));
  return {list(all.matmul), list(all.gated), list(all.attention), list(all.widths)};
}

}  // namespace oldiron
