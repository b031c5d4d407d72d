// Cards expand to the tensors of the real files: sizes are those published for the files.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/check.hpp"
#include "core/model.hpp"
#include "core/text.hpp"

namespace oldiron::model_card_test {
namespace {

std::string card(const std::string& id) { return OLDIRON_SOURCE_DIR "/configs/models/" + id + ".json"; }

struct FileSize {
  const char *id, *type, *head_type;
  std::int64_t bytes;
};

TEST(ModelCard, TensorBytesAreThoseOfThePublishedFiles) {
  const FileSize files[] = {
      {"gemma-4-26b-a4b-it", "q8_0", "", 26844036216},
      {"gemma-4-26b-a4b-it", "q4_0", "q6_k", 14423538808},
      {"gemma-4-26b-a4b-it", "Q4_0_google_qat", "", 14423538808},
      {"gemma-4-26b-a4b-it", "q4_k_m_mainline", "", 16780192888},
      {"gemma-4-26b-a4b-it", "Q4_K_M_ik", "", 16962714744},
      {"gemma-4-26b-a4b-it", "UD-Q4_K_XL_inferred", "", 16995155064},
      {"gemma-4-26b-a4b-it-assistant", "q8_0", "", 445999120},
      {"gemma-4-26b-a4b-it-assistant", "q4_0", "", 236152848},
      {"qwen3-30b-a3b", "q4_k_m_mainline", "", 18550716416},
      {"gpt-oss-20b", "mxfp4_moe", "", 12096558336},
      {"llama-3.1-8b", "q4_k_m_mainline", "", 4912898304},
      {"mixtral-8x7b", "q4_k_m_mainline", "", 28447727616},
  };
  for (const FileSize& file : files) {
    EXPECT_EQ(model_from_card(card(file.id), file.type, file.head_type).bytes(), file.bytes)
        << file.id << file.type;
  }
}

TEST(ModelCard, SizesPublishedInGibibytes) {
  const auto gib = [](const char* id, const char* type) {
    return static_cast<double>(model_from_card(card(id), type).bytes()) / (1 << 30);
  };
  EXPECT_NEAR(gib("qwen3.6-35b-a3b", "q4_k_m_mainline"), 19.70, 0.005);
  EXPECT_NEAR(gib("gemma-4-31b-it", "q4_0"), 16.42, 0.005);
  EXPECT_NEAR(gib("gemma-4-e4b-it", "q4_k_m_mainline"), 4.95, 0.005);
}

TEST(ModelCard, CutModelsKeepRopeDivisorsOnlyWhereALayerDividesByThem) {
  const ModelSpec whole = model_from_card(card("gemma-4-26b-a4b-it"), "q4_0");
  const ModelSpec sliding_only = cut_layers(whole, 5), with_a_full_layer = cut_layers(whole, 6);
  EXPECT_EQ(sliding_only.find("rope_freqs.weight"), nullptr);
  EXPECT_TRUE(sliding_only.rope_freqs.empty());
  EXPECT_NE(with_a_full_layer.find("rope_freqs.weight"), nullptr);
  EXPECT_EQ(with_a_full_layer.rope_freqs, whole.rope_freqs);
}

TEST(ModelCard, AllCardsExpandInBothPlainTypes) {
  int cards = 0;
  for (const auto& entry : std::filesystem::directory_iterator(OLDIRON_SOURCE_DIR "/configs/models")) {
    for (const char* type : {"q8_0", "q4_0", "q6_k", "iq2_k"}) {
      EXPECT_GT(model_from_card(entry.path(), type).bytes(), 0) << entry.path();
    }
    ++cards;
  }
  EXPECT_EQ(cards, 9);
}

TEST(ModelCard, LayersOfGemma) {
  const ModelSpec model = model_from_card(card("gemma-4-26b-a4b-it"), "q4_0", "q6_k");
  EXPECT_EQ(model.architecture, "gemma4");
  EXPECT_TRUE(model.synthetic);
  EXPECT_TRUE(model.tied_head);
  EXPECT_EQ(model.n_params(), 25233142046);
  EXPECT_NEAR(model.embedding_scale, 53.0660, 1e-4);
  EXPECT_EQ(model.final_logit_softcap, 30);
  const LayerSpec sliding{.sliding = true,
                          .n_head = 16,
                          .n_head_kv = 8,
                          .key_length = 256,
                          .value_length = 256,
                          .window = 1024,
                          .rope_freq_base = 1e4,
                          .rope_dimension_count = 256};
  const LayerSpec full{.n_head = 16,
                       .n_head_kv = 2,
                       .key_length = 512,
                       .value_length = 512,
                       .value_is_key = true,
                       .rope_freq_base = 1e6,
                       .rope_dimension_count = 512,
                       .rope_freqs = true};
  ASSERT_EQ(model.layers.size(), 30u);
  for (std::size_t i = 0; i < 30; ++i) EXPECT_EQ(model.layers[i], i % 6 == 5 ? full : sliding) << i;
  ASSERT_EQ(model.rope_freqs.size(), 256u);
  EXPECT_EQ(model.rope_freqs[63], 1);
  EXPECT_EQ(model.rope_freqs[64], 1e30);
}

TEST(ModelCard, LayersOfOtherArchitectures) {
  const ModelSpec llama = model_from_card(card("llama-3.1-8b"), "q8_0");
  ASSERT_EQ(llama.rope_freqs.size(), 64u);
  // The published divisors: none for the shortest waves, 8 for the longest, a ramp between.
  EXPECT_EQ(llama.rope_freqs[0], 1);
  EXPECT_EQ(llama.rope_freqs[28], 1);
  EXPECT_EQ(llama.rope_freqs[63], 8);
  EXPECT_NEAR(llama.rope_freqs[31], 2.0263132059050557, 1e-12);
  const ModelSpec qwen = model_from_card(card("qwen3.6-35b-a3b"), "q8_0");
  EXPECT_EQ(qwen.layers[0].n_head_kv, 0) << "linear attention keeps no keys";
  EXPECT_EQ(qwen.layers[3].n_head_kv, 2);
  EXPECT_FALSE(qwen.tied_head);
  const ModelSpec oss = model_from_card(card("gpt-oss-20b"), "q8_0");
  EXPECT_EQ(oss.rope_scaling, (RopeScaling{.factor = 32, .yarn = true, .original_context_length = 4096}));
  EXPECT_EQ(llama.rope_scaling, RopeScaling{});
  EXPECT_EQ(oss.layers[0].window, 128);
  EXPECT_EQ(oss.layers[1].window, 0);
}

TEST(ModelCard, LayersThatReadTheKeysOfOthers) {
  const ModelSpec e4b = model_from_card(card("gemma-4-e4b-it"), "q8_0");
  EXPECT_EQ(e4b.embedding_length_per_layer_input, 256);
  for (std::size_t i = 0; i < 42; ++i) {
    EXPECT_EQ(e4b.layers[i].kv_from, i < 24 ? kOwnKv : i % 6 == 5 ? 23 : 22) << i;
  }
  const ModelSpec drafter = model_from_card(card("gemma-4-26b-a4b-it-assistant"), "q8_0");
  EXPECT_EQ(drafter.embedding_length_out, 2816);
  for (const LayerSpec& layer : drafter.layers) EXPECT_EQ(layer.kv_from, kTargetKv);
  const ModelSpec cut = cut_layers(e4b, 30);
  EXPECT_EQ(cut.find("per_layer_token_embd.weight")->ne[0], 30 * 256);
  EXPECT_EQ(cut.find("per_layer_model_proj.weight")->ne[1], 30 * 256);
  ModelSpec none = cut_layers(e4b, 5);  // all of them sliding
  EXPECT_THROW(share_kv(none, 5), Error);
}

TEST(ModelCard, TypesFollowTheRules) {
  const ModelSpec model = model_from_card(card("gemma-4-26b-a4b-it"), "Q4_K", "q6_K");
  const auto type = [&](const char* name) { return model.find(name)->type; };
  EXPECT_EQ(type("token_embd.weight"), TensorType::q6_k);
  EXPECT_EQ(type("blk.0.attn_q.weight"), TensorType::q4_k);
  EXPECT_EQ(type("blk.0.ffn_down.weight"), TensorType::q5_0) << "2112 is no multiple of 256";
  EXPECT_EQ(type("blk.0.ffn_gate_inp.weight"), TensorType::f32);
  EXPECT_EQ(type("blk.0.attn_norm.weight"), TensorType::f32);
  EXPECT_EQ(type("blk.0.ffn_down_exps.scale"), TensorType::f32);
  const auto fallback = [](const char* wanted) {
    return model_from_card(card("gemma-4-26b-a4b-it"), wanted).find("blk.0.ffn_down_exps.weight")->type;
  };
  EXPECT_EQ(fallback("q2_k"), TensorType::q4_0);
  EXPECT_EQ(fallback("q5_k"), TensorType::q5_1);
  EXPECT_EQ(fallback("q6_k"), TensorType::q8_0);
  EXPECT_EQ(fallback("iq4_xs"), TensorType::iq4_nl);
  EXPECT_EQ(fallback("f16"), TensorType::f16);
}

TEST(ModelCard, FingerprintsTellTypesApart) {
  const auto fingerprint = [](const char* type, const char* head) {
    return model_from_card(card("gemma-4-26b-a4b-it"), type, head).fingerprint;
  };
  EXPECT_EQ(fingerprint("q4_0", "q6_k"), fingerprint("Q4_0_google_qat", ""));
  EXPECT_NE(fingerprint("q4_0", "q6_k"), fingerprint("q4_0", ""));
  EXPECT_EQ(fingerprint("q4_0", "").size(), 16u);
}

// Publishers' sizes are those of whole files: header, vocabulary and tensors.
TEST(ModelCard, WholeFilesHaveThePublishedSizes) {
  const FileSize files[] = {{"gemma-4-26b-a4b-it", "q4_0_google_qat", "", 14439363584},
                            {"gemma-4-26b-a4b-it", "q8_0", "", 26859859744},
                            {"gemma-4-26b-a4b-it", "ud-q4_k_xl_inferred", "", 17010980576},
                            {"gemma-4-26b-a4b-it", "q4_0_flat", "", 14249047104},
                            {"gemma-4-26b-a4b-it-assistant", "q8_0", "", 461785600},
                            {"gemma-4-26b-a4b-it-assistant", "q4_0", "", 251939328}};
  for (const FileSize& file : files) {
    const ModelSpec model = model_from_card(card(file.id), file.type);
    const auto bytes = static_cast<double>(model.bytes() + model.header_bytes);
    EXPECT_NEAR(bytes / static_cast<double>(file.bytes), 1, 0.0001) << file.id << " " << file.type;
  }
}

TEST(ModelCard, LinearAttentionKeepsAState) {
  const ModelSpec model = model_from_card(card("qwen3.6-35b-a3b"), "q8_0");
  EXPECT_EQ(model.layers[0].conv_state, 3 * 8192);
  EXPECT_EQ(model.layers[0].recurrent_state, 32 * 128 * 128);
  EXPECT_EQ(model.layers[3].recurrent_state, 0) << "a layer with keys and values";
}

/// The sentence that a card altered by `change` ends with.
std::string refusal(const std::string& from, const std::string& to, const char* type = "q4_0") {
  std::string text = read_file(card("llama-3.1-8b"));
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
  const std::string path = testing::TempDir() + "oldiron_card.json";
  write_file(path, text);
  try {
    model_from_card(path, type);
  } catch (const Error& error) {
    const std::string sentence = error.what();
    return sentence.starts_with(path + ": ") ? sentence.substr(path.size() + 2) : sentence;
  }
  return "accepted";
}

TEST(ModelCard, BadCardsAreRefusedInASentence) {
  EXPECT_EQ(refusal("\"block_count\"", "\"block_cout\""), "the key `block_count` is missing");
  EXPECT_EQ(refusal("\"rope.type\"", "\"rope.typ\""),
            "there is no key `rope.typ` (did you mean `rope.type`?)");
  EXPECT_EQ(refusal("\"block_count\": 32", "\"block_count\": \"many\""),
            "block_count must be a whole number, but is \"many\"");
  EXPECT_EQ(refusal("\"block_count\": 32", "\"block_count\": 31"),
            "its tensors are 283 with 7812149312 weights, but it says 292 with 8030261312");
  EXPECT_EQ(refusal("\"block_count\": 32", "\"block_count\": 0"), "block_count must be above 0");
  EXPECT_EQ(refusal("\"dense\"", "\"tense\""), "ffn_gate.weight has the unknown role \"tense\"");
  EXPECT_EQ(refusal("8192", "8192", "q4_9"),
            "there is no type `q4_9` (did you mean `q4_0`?); it can be q4_0, q4_k_m_mainline, q8_0, f32, "
            "f16, q4_0, "
            "q4_1, q5_0, q5_1, q8_0, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl, iq4_xs, iq1_m, bf16, mxfp4, q6_0, "
            "iq2_k, "
            "iq3_k or iq4_k");
  EXPECT_THROW(model_from_card("/no/such/card.json", "q4_0"), Error);
}

TEST(ModelCard, NoCardIsJsonAtAll) {
  const std::string path = testing::TempDir() + "oldiron_card.json";
  write_file(path, "{\"id\": ");
  EXPECT_THROW(model_from_card(path, "q4_0"), Error);
  write_file(path, "[1, 2]");
  EXPECT_THROW(model_from_card(path, "q4_0"), Error);
}

}  // namespace
}  // namespace oldiron::model_card_test
