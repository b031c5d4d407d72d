// Accounting against the published byte budget of Gemma-4-26B-A4B, computed independently from its tensor
// list.
#include "core/model.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

namespace oldiron {
namespace {

std::string card(const std::string& id) { return OLDIRON_SOURCE_DIR "/configs/models/" + id + ".json"; }

ModelSpec gemma(const char* type = "q4_0", const char* head_type = "q6_k") {
  return model_from_card(card("gemma-4-26b-a4b-it"), type, head_type);
}

struct Budget {
  const char *type, *head_type;
  double always_on, head, per_expert, total_3, total_8;
};

TEST(Model, ByteBudgetIsThePublishedOne) {
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

TEST(Model, PartsOfAlwaysOn) {
  const BytesPerToken bytes = bytes_per_token(gemma(), 3, 0, KvType::f16);
  EXPECT_EQ(bytes.attention, 624476160);
  EXPECT_EQ(bytes.dense, 301086720);
  EXPECT_EQ(bytes.router, 43591680);
  EXPECT_EQ(bytes.norms, 2449528);
}

TEST(Model, HeadAloneByType) {
  const auto head = [](const char* type) {
    return bytes_per_token(gemma("q4_0", type), 3, 0, KvType::f16).head;
  };
  EXPECT_EQ(head("iq2_k"), 219152384);
  EXPECT_NEAR(head("iq1_m"), 161.481e6, 1e3);
  EXPECT_NEAR(head("bf16"), 1476.4e6, 0.05e6);
  EXPECT_NEAR(head("q3_k"), 317.2e6, 0.05e6);
}

TEST(Model, KvReadPerTokenRespectsTheWindow) {
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

TEST(Model, KvAllocated) {
  const ModelSpec model = gemma();
  EXPECT_EQ(kv_bytes(model, 1, 1, 0, KvType::f16), 225280);
  EXPECT_EQ(kv_bytes(model, 8192, 1, 512, KvType::f16), 25 * 8192 * 1536 + 5 * 4096 * 8192);
  EXPECT_EQ(kv_bytes(model, 8192, 3, 512, KvType::f32), 6 * (25ll * 8192 * 1536 + 5ll * 4096 * 8192));
  EXPECT_EQ(kv_bytes(model_from_card(card("gemma-4-31b-it"), "q4_0"), 1, 1, 0, KvType::f16), 901120);
  EXPECT_EQ(kv_bytes(model_from_card(card("qwen3-30b-a3b"), "q4_0"), 1, 1, 0, KvType::f16), 98304);
  EXPECT_EQ(kv_bytes(model_from_card(card("qwen3.6-35b-a3b"), "q4_0"), 1, 1, 0, KvType::f16), 20480);
  EXPECT_EQ(kv_bytes(model_from_card(card("gpt-oss-20b"), "q8_0"), 1, 1, 0, KvType::f16), 49152);
}

TEST(Model, LayersThatReadAnotherLayersCacheStoreNone) {
  const ModelSpec e4b = model_from_card(card("gemma-4-e4b-it"), "q4_0");
  EXPECT_EQ(kv_bytes(e4b, 1, 1, 0, KvType::f16), 57344);
  EXPECT_EQ(bytes_per_token(e4b, 0, 1, KvType::f16).kv, 35 * 2048 + 7 * 4096) << "all layers read";
  const ModelSpec assistant = model_from_card(card("gemma-4-26b-a4b-it-assistant"), "q4_0");
  EXPECT_EQ(kv_bytes(assistant, 100, 1, 0, KvType::f16), 0);
  EXPECT_EQ(bytes_per_token(assistant, 0, 1, KvType::f16).kv, 3 * 8192 + 4096);
}

TEST(Model, BytesPerTokenOfTheOtherCards) {
  const auto total_mb = [](const char* id, const char* type) {
    return bytes_per_token(model_from_card(card(id), type), 0, 0, KvType::f16).total() / 1e6;
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

TEST(Model, ExpectedDistinctExperts) {
  const double eight[][2] = {{1, 8},    {2, 15.5},  {3, 22.5},   {4, 29.1},  {5, 35.3},
                             {8, 51.6}, {16, 82.4}, {32, 111.8}, {64, 125.9}};
  for (const auto& [tokens, distinct] : eight) {
    EXPECT_NEAR(expected_experts(128, 8, static_cast<int>(tokens)), distinct, 0.051);
  }
  EXPECT_NEAR(expected_experts(8, 2, 4), 5.5, 0.051);
  EXPECT_NEAR(expected_experts(256, 8, 4), 30.5, 0.051);
  EXPECT_EQ(expected_experts(0, 0, 4), 0);
}

TEST(Model, AStepOfFourTokens) {
  // Always-on and head once, 29.1 experts: the published cost of verifying three drafts.
  const double verify = bytes_per_step(gemma(), 0, 4, 0, KvType::f16);
  EXPECT_NEAR((verify - 971604088 - 605552640) / 100362240, 29.1, 0.051);
  EXPECT_NEAR(bytes_per_step(gemma(), 3, 1, 512, KvType::f16),
              bytes_per_token(gemma(), 3, 512, KvType::f16).total(), 1);
}

TEST(Model, FlopsCountTheWeightsUsed) {
  const ModelSpec model = gemma();
  // 3.82e9 weights per token with 8 experts and the head, twice (multiply and add).
  EXPECT_NEAR(flops_per_token(model, 0, 0, true) / 2, 3.82e9, 0.01e9);
  EXPECT_EQ(flops_per_token(model, 0, 0, true) - flops_per_token(model, 0, 0, false), 2.0 * 2816 * 262144);
  // Scores and values of 16 heads: 25 layers of 2 x 256 and 5 of 2 x 512, per key.
  EXPECT_EQ(flops_per_token(model, 0, 1, false) - flops_per_token(model, 0, 0, false),
            2.0 * 16 * (25 * 512 + 5 * 1024));
}

TEST(Model, CutKeepsTheFirstLayers) {
  const ModelSpec whole = gemma(), cut = cut_layers(whole, 6);
  EXPECT_EQ(cut.block_count, 6);
  EXPECT_EQ(cut.layers.size(), 6u);
  EXPECT_NE(cut.find("blk.5.attn_q.weight"), nullptr);
  EXPECT_EQ(cut.find("blk.6.attn_q.weight"), nullptr);
  EXPECT_NE(cut.find("token_embd.weight"), nullptr);
  EXPECT_EQ(bytes_per_token(cut, 8, 0, KvType::f16).experts * 5,
            bytes_per_token(whole, 8, 0, KvType::f16).experts);
  EXPECT_NE(cut.fingerprint, whole.fingerprint);
  EXPECT_EQ(cut_layers(whole, 0), whole);
  EXPECT_EQ(cut_layers(whole, 30), whole);
}

TEST(Model, RolesFollowFromNamesAsTheCardsSay) {
  for (const auto& entry : std::filesystem::directory_iterator(OLDIRON_SOURCE_DIR "/configs/models")) {
    const ModelSpec model = model_from_card(entry.path(), "q8_0");
    for (const TensorSpec& tensor : model.tensors) {
      if (tensor.role == Role::unused) continue;  // a matter of the keys, not of the name
      ASSERT_EQ(to_string(role_of(tensor.name, model.tied_head)), to_string(tensor.role))
          << model.id << tensor.name;
    }
  }
}

TEST(Model, RoleNamesAreDistinct) {
  std::set<std::string_view> names;
  for (int role = 0; role <= static_cast<int>(Role::unused); ++role) {
    EXPECT_TRUE(names.insert(to_string(static_cast<Role>(role))).second);
  }
}

}  // namespace
}  // namespace oldiron
