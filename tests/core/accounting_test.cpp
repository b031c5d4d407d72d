// Accounting against the published byte budget of Gemma-4-26B-A4B, computed independently from its tensor
// list.
#include "core/accounting.hpp"

#include <gtest/gtest.h>

namespace oldiron::accounting_test {
namespace {

std::string card(const std::string& id) { return OLDIRON_SOURCE_DIR "/configs/models/" + id + ".json"; }

ModelSpec gemma(const char* type = "q4_0", const char* head_type = "q6_k") {
  return model_from_card(card("gemma-4-26b-a4b-it"), type, head_type);
}

struct Budget {
  const char *type, *head_type;
  double always_on, head, per_expert, total_3, total_8;
};

TEST(Accounting, ByteBudgetIsThePublishedOne) {
  const Budget budgets[] = {
      {"q4_0", "q6_k", 971604088, 605552640, 100362240, 1878243448, 2380054648},
      {"Q4_0_google_qat", "", 971604088, 605552640, 100362240, 1878243448, 2380054648},
      {"q4_0_flat", "", 971604088, 415236096, 100362240, 1687926904, 2189738104},
      {"q4_k_m_mainline", "", 1044459640, 605552640, 118204416, 2004625528, 2595647608},
      {"q4_k_m_ik", "", 1226981496, 605552640, 118204416, 2187147384, 2778169464},
      {"ud-q4_k_xl_inferred", "", 1794326648, 784334848, 112628736, 2916547704, 3479691384},
      {"q8_0", "", 1794326648, 784334848, 189573120, 3147380856, 4095246456},
  };
  for (const Budget& budget : budgets) {
    SCOPED_TRACE(budget.type);
    const ModelSpec model = gemma(budget.type, budget.head_type);
    const BytesPerToken three = bytes_per_token(model, 3, 0, KvType::f16);
    EXPECT_EQ(three.always_on, budget.always_on);
    EXPECT_EQ(three.head, budget.head);
    EXPECT_EQ(three.experts, 3 * budget.per_expert);
    EXPECT_EQ(three.total(), budget.total_3);
    EXPECT_EQ(bytes_per_token(model, 0, 0, KvType::f16).total(), budget.total_8)
        << "0 takes the model's own 8";
  }
}

TEST(Accounting, PartsOfAlwaysOn) {
  const BytesPerToken bytes = bytes_per_token(gemma(), 3, 0, KvType::f16);
  EXPECT_EQ(bytes.attention, 624476160);
  EXPECT_EQ(bytes.dense, 301086720);
  EXPECT_EQ(bytes.router, 43591680);
  EXPECT_EQ(bytes.norms, 2449528);
}

TEST(Accounting, HeadAloneByType) {
  const auto head = [](const char* type) {
    return bytes_per_token(gemma("q4_0", type), 3, 0, KvType::f16).head;
  };
  EXPECT_EQ(head("iq2_k"), 219152384);
  EXPECT_NEAR(head("iq1_m"), 161.481e6, 1e3);
  EXPECT_NEAR(head("bf16"), 1476.4e6, 0.05e6);
  EXPECT_NEAR(head("q3_k"), 317.2e6, 0.05e6);
}

TEST(Accounting, KvReadPerTokenRespectsTheWindow) {
  const ModelSpec model = gemma();
  const double mb[][3] = {{128, 28.8, 15.3},       {512, 115.3, 61.3},    {1024, 230.7, 122.6},
                          {2048, 251.7, 133.7},    {4096, 293.6, 156.0},  {8192, 377.5, 200.5},
                          {16384, 545.3, 289.7},   {32768, 880.8, 467.9}, {131072, 2894.1, 1537.5},
                          {262144, 5578.4, 2963.5}};
  for (const auto& [context, f16, q8_0] : mb) {
    const auto n = static_cast<std::int64_t>(context);
    EXPECT_NEAR(bytes_per_token(model, 3, n, KvType::f16).kv / 1e6, f16, 0.051) << n;
    EXPECT_NEAR(bytes_per_token(model, 3, n, KvType::q8_0).kv / 1e6, q8_0, 0.051) << n;
  }
}

TEST(Accounting, KvAllocated) {
  const ModelSpec model = gemma();
  EXPECT_EQ(kv_bytes(model, 1, 1, 0, KvType::f16), 225280);
  EXPECT_EQ(kv_bytes(model, 8192, 1, 512, KvType::f16), 25 * 8192 * 1536 + 5 * 4096 * 8192);
  EXPECT_EQ(kv_bytes(model, 8192, 3, 512, KvType::f32), 6 * (25ll * 8192 * 1536 + 5ll * 4096 * 8192));
  EXPECT_EQ(kv_bytes(model_from_card(card("gemma-4-31b-it"), "q4_0"), 1, 1, 0, KvType::f16), 901120);
  EXPECT_EQ(kv_bytes(model_from_card(card("qwen3-30b-a3b"), "q4_0"), 1, 1, 0, KvType::f16), 98304);
  EXPECT_EQ(kv_bytes(model_from_card(card("qwen3.6-35b-a3b"), "q4_0"), 1, 1, 0, KvType::f16), 20480);
  EXPECT_EQ(kv_bytes(model_from_card(card("gpt-oss-20b"), "q8_0"), 1, 1, 0, KvType::f16), 49152);
}

TEST(Accounting, LayersThatReadAnotherLayersCacheStoreNone) {
  const ModelSpec e4b = model_from_card(card("gemma-4-e4b-it"), "q4_0");
  EXPECT_EQ(kv_bytes(e4b, 1, 1, 0, KvType::f16), 57344);
  EXPECT_EQ(bytes_per_token(e4b, 0, 1, KvType::f16).kv, 35 * 2048 + 7 * 4096) << "all layers read";
  const ModelSpec assistant = model_from_card(card("gemma-4-26b-a4b-it-assistant"), "q4_0");
  EXPECT_EQ(kv_bytes(assistant, 100, 1, 0, KvType::f16), 0);
  EXPECT_EQ(bytes_per_token(assistant, 0, 1, KvType::f16).kv, 3 * 8192 + 4096);
}

TEST(Accounting, BytesPerTokenOfTheOtherCards) {
  const auto total_mb = [](const char* id, const char* type) {
    const BytesPerToken bytes = bytes_per_token(model_from_card(card(id), type), 0, 0, KvType::f16);
    return (bytes.total() - bytes.state) / 1e6;
  };
  EXPECT_NEAR(total_mb("qwen3-30b-a3b", "q4_k_m_mainline"), 1919.6, 0.06);
  EXPECT_NEAR(total_mb("qwen3-30b-a3b", "q8_0"), 3269.6, 0.06);
  EXPECT_NEAR(total_mb("qwen3-30b-a3b", "q4_0"), 1835.3, 0.06);
  EXPECT_NEAR(total_mb("gpt-oss-20b", "mxfp4_moe"), 2574.7, 0.06);
  EXPECT_NEAR(total_mb("llama-3.1-8b", "q4_k_m_mainline"), 4617.4, 0.06);
  EXPECT_NEAR(total_mb("llama-3.1-8b", "q8_0"), 7974.8, 0.06);
  EXPECT_NEAR(total_mb("llama-3.1-8b", "q4_0"), 4357.9, 0.06);
  EXPECT_NEAR(total_mb("mixtral-8x7b", "q4_k_m_mainline"), 7895, 0.6);
  EXPECT_NEAR(total_mb("mixtral-8x7b", "q8_0"), 13549, 0.6);
  EXPECT_NEAR(total_mb("mixtral-8x7b", "Q4_0_flat_attn"), 7209, 0.6);
  EXPECT_NEAR(total_mb("qwen3.6-35b-a3b", "q4_k_m_mainline"), 1975.7, 0.06);
  EXPECT_NEAR(total_mb("qwen3.6-35b-a3b", "q8_0"), 3195.8, 0.06);
  EXPECT_NEAR(total_mb("qwen3.6-35b-a3b", "q4_0"), 1864.8, 0.06);
  EXPECT_NEAR(total_mb("gemma-4-31b-it", "q4_0"), 17635, 0.6);
  EXPECT_NEAR(total_mb("gemma-4-e4b-it", "q4_0"), 2827, 0.6);
  EXPECT_NEAR(total_mb("gemma-4-26b-a4b-it-assistant", "q8_0"), 446.0, 0.06);
  EXPECT_NEAR(total_mb("gemma-4-26b-a4b-it-assistant", "q4_0"), 236.2, 0.06);
}

TEST(Accounting, AStepOfFourTokens) {
  // Always-on and head once, 29.1 experts: the published cost of verifying three drafts.
  const StepCost verify = step_cost(gemma(), verify_step(4, 0, {}, {}));
  EXPECT_NEAR((verify.bytes() - 971604088 - 605552640) / 100362240, 29.1, 0.051);
  EXPECT_NEAR(verify.distinct_experts, 29.1, 0.051);
  EXPECT_NEAR(step_cost(gemma(), {.context = 512, .n_experts = 3}).bytes(),
              bytes_per_token(gemma(), 3, 512, KvType::f16).total(), 1);
}

TEST(Accounting, FlopsCountTheWeightsUsed) {
  const ModelSpec model = gemma();
  // 3.82e9 weights per token with 8 experts and the head, twice (multiply and add).
  EXPECT_NEAR(flops_per_token(model, 0, 0, true) / 2, 3.82e9, 0.01e9);
  EXPECT_EQ(flops_per_token(model, 0, 0, true) - flops_per_token(model, 0, 0, false), 2.0 * 2816 * 262144);
  // Scores and values of 16 heads: 25 layers of 2 x 256 and 5 of 2 x 512, per key.
  EXPECT_EQ(flops_per_token(model, 0, 1, false) - flops_per_token(model, 0, 0, false),
            2.0 * 16 * (25 * 512 + 5 * 1024));
}

TEST(Accounting, StickyTokensTouchFewerExperts) {
  const StepCost independent = step_cost(gemma(), verify_step(4, 0, {}, {}));
  const StepCost sticky = step_cost(gemma(), verify_step(4, 0, {}, sticky_half()));
  EXPECT_NEAR(sticky.distinct_experts, 8 + 4 + 4 * (1 - 4.0 / 120) + 4 * (1 - (8 - 4.0 / 30) / 120), 1e-9);
  EXPECT_NEAR(independent.bytes() - sticky.bytes(),
              100362240 * (independent.distinct_experts - sticky.distinct_experts), 1);
  EXPECT_EQ(independent.flops(), sticky.flops()) << "every token computes its own experts";
}

TEST(Accounting, KeysAndValuesAreReadOncePerSequence) {
  const double one = step_cost(gemma(), decode_step(4096, {}))[Part::kv].read_bytes;
  EXPECT_EQ(step_cost(gemma(), verify_step(4, 4096, {}, {}))[Part::kv].read_bytes, one);
  EXPECT_EQ(step_cost(gemma(), batch_step(4, 4096, {}, {}))[Part::kv].read_bytes, 4 * one);
  EXPECT_EQ(step_cost(gemma(), prefill_step(512, 4096, {}))[Part::kv].read_bytes, one);
  EXPECT_EQ(step_cost(gemma(), verify_step(4, 0, {}, {}))[Part::kv].written_bytes, 4 * 225280);
}

TEST(Accounting, HeadIsReadForLogitsOnly) {
  EXPECT_EQ(step_cost(gemma(), prefill_step(512, 0, {}))[Part::head], PartCost{});
  const PartCost verify = step_cost(gemma(), verify_step(4, 0, {}, {}))[Part::head];
  EXPECT_EQ(verify.read_bytes, 605552640);
  EXPECT_EQ(verify.flops, 4 * 2.0 * 2816 * 262144);
}

// 30 of 40 layers keep 32 x 128 x 128 and 3 x 8192 floats, read and written by every token at any depth.
TEST(Accounting, LinearAttentionMovesItsState) {
  const ModelSpec model = model_from_card(card("qwen3.6-35b-a3b"), "q4_0");
  EXPECT_EQ(state_bytes(model, 1), 30 * (2097152 + 98304));
  EXPECT_EQ(state_bytes(model, 4), 4 * state_bytes(model, 1));
  for (const std::int64_t context : {0, 100000}) {
    const StepCost cost = step_cost(model, decode_step(context, {}));
    EXPECT_EQ(cost[Part::state].read_bytes, 65863680);
    EXPECT_EQ(cost[Part::state].written_bytes, 65863680);
    EXPECT_EQ(bytes_per_token(model, 0, context, KvType::f16).state, 131727360);
    EXPECT_EQ(cost[Part::state].flops, 30 * 7.0 * 524288);
    EXPECT_EQ(cost[Part::kv].read_bytes, static_cast<double>(context) * 20480);
  }
  EXPECT_GT(step_cost(model, decode_step(0, {}))[Part::linear_attention].read_bytes, 0);
  EXPECT_GT(step_cost(model, decode_step(0, {}))[Part::shared_expert].read_bytes, 0);
}

TEST(Accounting, PartsAddUpToTheToken) {
  for (const char* id : {"gemma-4-26b-a4b-it", "gemma-4-e4b-it", "gpt-oss-20b", "qwen3.6-35b-a3b"}) {
    const ModelSpec model = model_from_card(card(id), "q8_0");
    EXPECT_NEAR(step_cost(model, decode_step(777, {})).bytes(),
                bytes_per_token(model, 0, 777, KvType::f16).total(), 1)
        << id;
  }
}

}  // namespace
}  // namespace oldiron::accounting_test
