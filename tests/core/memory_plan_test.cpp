#include "core/memory_plan.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "core/accounting.hpp"

namespace oldiron::memory_plan_test {
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

// "KV buffer size", "RS buffer size" and "compute buffer size" of llama-server, f16 keys and values, ubatch 512, for files of
// the small cards: llama.cpp 3f545bec and ik_llama.cpp 8337e4cd. -c is context x parallel.
struct Logged {
  const char* card;
  std::int64_t context;
  int parallel;
  double llama_cpp_kv, llama_cpp_compute, ik_llama_kv, ik_llama_compute, state = 0;
};

constexpr Logged kLogged[] = {
    {"small-gemma4-moe", 4096, 1, 2.00 + 1.88, 8.79, 12, 11.01}, {"small-gemma4-moe", 4096, 2, 4.00 + 3.75, 8.79, 24, 19.01},
    {"small-gemma4-e", 4096, 1, 4.00 + 1.50, 10.77, 12, 12.57},  {"small-gemma4-e", 4096, 2, 8.00 + 3.00, 10.77, 24, 20.57},
    {"small-llama", 4096, 1, 8.00, 8.51, 8, 6.01},               {"small-llama", 4096, 2, 16.00, 8.51, 16, 10.01},
    {"small-qwen3moe", 4096, 1, 8.00, 12.01, 8, 9.07},           {"small-qwen3moe", 4096, 2, 16.00, 12.01, 16, 13.07},
    {"small-gpt-oss", 4096, 1, 4.00 + 0.75, 10.33, 8, 12.38},    {"small-gpt-oss", 4096, 2, 8.00 + 1.50, 10.33, 16, 20.38},
    {"small-qwen35moe", 4096, 1, 4.00, 12.08, 4, 12.29, 0.79},   {"small-qwen35moe", 4096, 2, 8.00, 12.08, 8, 16.29, 1.57},
};

TEST(MemoryPlan, IsWhatTheEnginesLogForSmallModels) {
  for (const Logged& log : kLogged) {
    const ModelSpec model = model_from_card(std::string(OLDIRON_TEST_DATA) + "/cards/" + log.card + ".json", "q4_k_m");
    for (const Engine engine : {Engine::llama_cpp, Engine::ik_llama}) {
      const bool ik = engine == Engine::ik_llama;
      const MemoryPlan plan = memory_plan(model, {.engine = engine, .context = log.context, .parallel = log.parallel});
      EXPECT_NEAR(mib(plan.kv), ik ? log.ik_llama_kv : log.llama_cpp_kv, 0.011) << log.card << ik;
      EXPECT_NEAR(mib(plan.state), log.state, 0.011) << log.card << ik;
      const double compute = ik ? log.ik_llama_compute : log.llama_cpp_compute;
      EXPECT_NEAR(mib(plan.compute), compute, 0.25 * compute) << log.card << ik;
    }
  }
}

// llama-batched-bench of ik_llama.cpp for six layers of Gemma-4-26B-A4B: the logits twice, since they are capped.
TEST(MemoryPlan, CappedLogitsLieThereTwice) {
  const ModelSpec model = cut_layers(model_from_card(card("gemma-4-26b-a4b-it"), "q4_0", "q6_k"), 6);
  for (const std::int64_t context : {16384, 65536})
    EXPECT_EQ(mib(memory_plan(model, {.engine = Engine::ik_llama, .context = context}).compute), 1029.5);
  EXPECT_EQ(mib(memory_plan(model, {.engine = Engine::ik_llama, .context = 16384, .ubatch = 128}).compute), 257.38);
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
}  // namespace oldiron::memory_plan_test
