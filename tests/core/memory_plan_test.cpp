#include "core/memory_plan.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "core/accounting.hpp"

namespace oldiron {
namespace {

constexpr double kMib = 1 << 20;

std::string card(const std::string& id) { return OLDIRON_SOURCE_DIR "/configs/models/" + id + ".json"; }

const ModelSpec& gemma_q8() {
  static const ModelSpec model = model_from_card(card("gemma-4-26b-a4b-it"), "q8_0");
  return model;
}

double mib(std::int64_t bytes) { return std::round(static_cast<double>(bytes) / kMib * 100) / 100; }

std::int64_t layer_bytes(const ModelSpec& model, int layer) {
  std::int64_t bytes = 0;
  for (const TensorSpec& tensor : model.tensors) bytes += tensor.layer == layer ? tensor.bytes() : 0;
  return bytes;
}

// What ik_llama.cpp printed for the Q8_0 file of Gemma-4-26B-A4B with no -c, so with all of 262144 tokens.
TEST(MemoryPlan, IsTheTableThatIkLlamaPrints) {
  const ModelSpec& model = gemma_q8();
  EXPECT_EQ(mib(layer_bytes(model, 0)), 825.98);
  EXPECT_EQ(mib(layer_bytes(model, 29)), 840.59);
  EXPECT_EQ(mib(model.find("token_embd.weight")->bytes()), 748.00);
  std::int64_t layers = 0;
  for (int i = 0; i < model.block_count; ++i) layers += layer_bytes(model, i);
  EXPECT_EQ(mib(layers), 24852.46);

  const MemoryRequest request{.engine = Engine::ik_llama, .context = 262144};
  const std::vector<std::int64_t> cells = kv_cells(model, request);
  EXPECT_EQ(static_cast<double>(cells[0]) * kv_cell_bytes(model.layers[0], KvType::f16) / kMib, 2048);
  EXPECT_EQ(static_cast<double>(cells[5]) * kv_cell_bytes(model.layers[5], KvType::f16) / kMib, 1024);
  const MemoryPlan plan = memory_plan(model, request);
  EXPECT_EQ(mib(plan.kv), 56320);
  EXPECT_EQ(mib(plan.activations), 77);
  EXPECT_EQ(mib(plan.logits), 512);
  EXPECT_EQ(mib(plan.logits - plan.activations), 435) << "its output layer's cache column";
  EXPECT_EQ(mib(plan.kv + plan.logits - plan.activations), 56755);
}

TEST(MemoryPlan, IkLlamaAllocatesAWindowsWholeContext) {
  const MemoryPlan plan = memory_plan(gemma_q8(), {.engine = Engine::ik_llama, .context = 8192});
  EXPECT_EQ(mib(plan.kv), 1760);
  const MemoryPlan four = memory_plan(gemma_q8(), {.engine = Engine::ik_llama, .context = 8000, .parallel = 4});
  EXPECT_EQ(four.kv, std::int64_t{32000} * 225280) << "rounded once, for all users together";
}

TEST(MemoryPlan, LlamaCppAllocatesWindowsPerUser) {
  const auto kv = [](std::int64_t context, int parallel) {
    return memory_plan(gemma_q8(), {.engine = Engine::llama_cpp, .context = context, .parallel = parallel}).kv;
  };
  EXPECT_EQ(kv(8192, 1), 25 * 8192 * 1536 + 5 * 4096 * 8192);
  EXPECT_EQ(kv(8192, 4), 4 * kv(8192, 1));
  EXPECT_EQ(kv(1000, 1), 225280 * 1024) << "no more cells than the padded context";
  EXPECT_EQ(kv(8100, 1), kv(8192, 1));
}

TEST(MemoryPlan, OursAllocatesWhatIsAsked) {
  const MemoryPlan plan = memory_plan(gemma_q8(), {.context = 8100, .parallel = 3});
  EXPECT_EQ(plan.kv, 3 * (25ll * 8192 * 1536 + 5ll * 4096 * 8100));
  EXPECT_EQ(plan.kv, kv_bytes(gemma_q8(), 8100, 3, 512, KvType::f16));
  EXPECT_EQ(plan.weights, gemma_q8().bytes());
}

TEST(MemoryPlan, ATiedHeadMayLieThereTwice) {
  const std::int64_t head = gemma_q8().find("token_embd.weight")->bytes();
  const auto weights = [](const ModelSpec& model, Engine engine, bool repack) {
    return memory_plan(model, {.engine = engine, .repack = repack}).weights;
  };
  EXPECT_EQ(weights(gemma_q8(), Engine::ik_llama, true), gemma_q8().bytes() + head);
  EXPECT_EQ(weights(gemma_q8(), Engine::ik_llama, false), gemma_q8().bytes());
  EXPECT_EQ(weights(gemma_q8(), Engine::llama_cpp, false), gemma_q8().bytes());
  const ModelSpec flat = model_from_card(card("gemma-4-26b-a4b-it"), "q4_0_flat");
  EXPECT_EQ(weights(flat, Engine::llama_cpp, false), flat.bytes() + flat.find("token_embd.weight")->bytes());
  const ModelSpec untied = model_from_card(card("llama-3.1-8b"), "q4_0");
  EXPECT_EQ(weights(untied, Engine::ik_llama, true), untied.bytes());
}

TEST(MemoryPlan, StatesAndSharedLayersAreCounted) {
  const ModelSpec qwen = model_from_card(card("qwen3.6-35b-a3b"), "q4_0");
  for (const Engine engine : {Engine::oldiron, Engine::llama_cpp, Engine::ik_llama}) {
    const MemoryPlan plan = memory_plan(qwen, {.engine = engine, .context = 4096, .parallel = 2});
    EXPECT_EQ(plan.state, 2 * 65863680);
    EXPECT_EQ(plan.kv, 2 * 4096 * 20480);
  }
  const ModelSpec e4b = model_from_card(card("gemma-4-e4b-it"), "q4_0");
  EXPECT_EQ(memory_plan(e4b, {.engine = Engine::ik_llama, .context = 4096}).kv, 4096 * 57344);
}

TEST(MemoryPlan, TheLargestContextIsTheLastThatFits) {
  for (const Engine engine : {Engine::oldiron, Engine::llama_cpp, Engine::ik_llama}) {
    MemoryRequest request{.engine = engine, .parallel = 2};
    const std::int64_t usable = 32'000'000'000;
    const std::int64_t context = largest_context(gemma_q8(), request, usable);
    EXPECT_EQ(context % 256, 0);
    request.context = context;
    EXPECT_LE(memory_plan(gemma_q8(), request).total(), usable);
    request.context = context + 256;
    EXPECT_GT(memory_plan(gemma_q8(), request).total(), usable);
  }
  EXPECT_EQ(largest_context(gemma_q8(), {}, 20'000'000'000), 0) << "the weights alone are more";
  EXPECT_EQ(largest_context(gemma_q8(), {}, std::int64_t{1} << 40), 262144) << "no more than it was trained with";
}

}  // namespace
}  // namespace oldiron
