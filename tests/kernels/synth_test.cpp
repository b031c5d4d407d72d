// Generated files of every architecture: written from small cards, and read back as the same model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <tuple>

#include "kernels/gguf.hpp"
#include "tests/kernels/gguf_builder.hpp"

namespace oldiron::synth_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string card(const std::string& name) { return OLDIRON_TEST_DATA "/cards/" + name + ".json"; }

std::string text_of(const GgufHeader& header, const std::string& key) {
  return std::get<std::string>(header.keys.at(key).values.at(0));
}

std::uint64_t number_of(const GgufHeader& header, const std::string& key) {
  return std::get<std::uint64_t>(header.keys.at(key).values.at(0));
}

class Synth : public GgufFolder {
 protected:
  std::string write(const ModelSpec& model, Vocabulary vocabulary = Vocabulary::none) {
    const std::string path = folder_ + "/synth.gguf";
    write_gguf(*generate_weights(model, 5), path, vocabulary);
    return path;
  }
};

class SynthOfCard : public Synth, public testing::WithParamInterface<std::tuple<const char*, const char*>> {};

TEST_P(SynthOfCard, reads_back_as_the_card) {
  const auto [name, type] = GetParam();
  const ModelSpec written = model_from_card(card(name), type);
  const std::string path = write(written, Vocabulary::bytes);
  const ModelSpec read = open_gguf(path)->model();
  ASSERT_EQ(read.tensors.size(), written.tensors.size());
  for (std::size_t i = 0; i < read.tensors.size(); ++i) {
    EXPECT_EQ(read.tensors[i].name, written.tensors[i].name);
    EXPECT_EQ(read.tensors[i].ne, written.tensors[i].ne) << read.tensors[i].name;
    EXPECT_EQ(read.tensors[i].type, written.tensors[i].type) << read.tensors[i].name;
  }
  ASSERT_EQ(read.layers.size(), written.layers.size());
  for (std::size_t i = 0; i < read.layers.size(); ++i) {
    if (written.layers[i].n_head == 0) continue;  // of a layer without attention the keys say nothing
    EXPECT_EQ(read.layers[i], written.layers[i]) << i;
  }
  EXPECT_EQ(read.architecture, written.architecture);
  EXPECT_EQ(read.embedding_length, written.embedding_length);
  EXPECT_EQ(read.vocab_size, written.vocab_size);
  EXPECT_EQ(read.context_length, written.context_length);
  EXPECT_EQ(read.feed_forward_length, written.feed_forward_length);
  EXPECT_EQ(read.expert_count, written.expert_count);
  EXPECT_EQ(read.expert_used_count, written.expert_used_count);
  EXPECT_EQ(read.norm_eps, written.norm_eps);
  EXPECT_NEAR(read.attention_scale, written.attention_scale, 1e-12);
  EXPECT_EQ(read.embedding_scale, written.embedding_scale);
  EXPECT_EQ(read.final_logit_softcap, written.final_logit_softcap);
  EXPECT_EQ(read.tied_head, written.tied_head);
  EXPECT_EQ(read.fingerprint, generate_weights(written, 5)->model().fingerprint);
  EXPECT_TRUE(read.remarks.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Cards, SynthOfCard,
    testing::Combine(testing::Values("small-gemma4-moe", "small-gemma4-dense", "small-gemma4-e", "small-llama",
                                     "small-llama-moe", "small-qwen3moe", "small-qwen35moe"),
                     testing::Values("q4_0", "q4_k_m", "iq4_xs")),
    [](const auto& name) {
      std::string text = std::string(std::get<0>(name.param)) + "_" + std::get<1>(name.param);
      std::replace(text.begin(), text.end(), '-', '_');
      return text;
    });

TEST_F(Synth, keys_without_a_field_come_from_the_shapes) {
  const GgufHeader e = read_gguf_header(write(model_from_card(card("small-gemma4-e"), "q4_0")));
  EXPECT_EQ(number_of(e, "gemma4.embedding_length_per_layer_input"), 32U);
  EXPECT_EQ(number_of(e, "gemma4.attention.shared_kv_layers"), 6U);
  const GgufHeader drafter = read_gguf_header(write(model_from_card(card("small-gemma4-assistant"), "q4_0")));
  EXPECT_EQ(number_of(drafter, "gemma4-assistant.embedding_length_out"), 256U);
  EXPECT_EQ(number_of(drafter, "gemma4-assistant.nextn_predict_layers"), 4U);
  EXPECT_EQ(number_of(drafter, "gemma4-assistant.attention.shared_kv_layers"), 4U);
  const GgufHeader linear = read_gguf_header(write(model_from_card(card("small-qwen35moe"), "q4_0")));
  EXPECT_EQ(number_of(linear, "qwen35moe.ssm.conv_kernel"), 4U);
  EXPECT_EQ(number_of(linear, "qwen35moe.ssm.state_size"), 128U);
  EXPECT_EQ(number_of(linear, "qwen35moe.ssm.group_count"), 2U);
  EXPECT_EQ(number_of(linear, "qwen35moe.ssm.time_step_rank"), 4U);
  EXPECT_EQ(number_of(linear, "qwen35moe.ssm.inner_size"), 512U);
  EXPECT_EQ(number_of(linear, "qwen35moe.full_attention_interval"), 4U);
  EXPECT_EQ(number_of(linear, "qwen35moe.expert_shared_feed_forward_length"), 256U);
  EXPECT_THAT(linear.keys.at("qwen35moe.rope.dimension_sections").values,
              ElementsAre(GgufScalar(std::int64_t{11}), GgufScalar(std::int64_t{11}), GgufScalar(std::int64_t{10}),
                          GgufScalar(std::int64_t{0})));
}

TEST_F(Synth, a_vocabulary_of_bytes_fills_the_head_of_the_model) {
  const GgufHeader header = read_gguf_header(write(model_from_card(card("small-llama"), "q4_0"), Vocabulary::bytes));
  EXPECT_EQ(text_of(header, "tokenizer.ggml.model"), "llama");
  for (const char* key : {"tokenizer.ggml.tokens", "tokenizer.ggml.scores", "tokenizer.ggml.token_type"})
    EXPECT_EQ(header.keys.at(key).count, 512U) << key;
  const auto& tokens = header.keys.at("tokenizer.ggml.tokens").values;
  const auto token = [&](const char* key) {
    return std::get<std::string>(tokens.at(number_of(header, std::string("tokenizer.ggml.") + key)));
  };
  EXPECT_EQ(token("unknown_token_id"), "<unk>");
  EXPECT_EQ(token("bos_token_id"), "<s>");
  EXPECT_EQ(token("eos_token_id"), "</s>");
  EXPECT_EQ(token("eot_token_id"), "<|im_end|>");
  EXPECT_EQ(std::get<std::string>(tokens.at(5 + 10)), "<0x0A>");
  const auto& types = header.keys.at("tokenizer.ggml.token_type").values;
  EXPECT_EQ(types.at(5 + 127), GgufScalar(std::int64_t{6}));
  EXPECT_EQ(types.at(5 + 128), GgufScalar(std::int64_t{5}));  // shown to no client: it is no UTF-8 alone
  EXPECT_EQ(types.at(511), GgufScalar(std::int64_t{1}));
  EXPECT_THAT(text_of(header, "tokenizer.chat_template"), HasSubstr("<|im_start|>assistant"));
}

TEST_F(Synth, a_vocabulary_that_has_no_room_for_the_bytes_is_refused) {
  ModelSpec model = model_from_card(card("small-llama"), "q4_0");
  model.vocab_size = 261;
  EXPECT_THAT(refusal([&] { write(model, Vocabulary::bytes); }), HasSubstr("261 tokens"));
  EXPECT_EQ(files_in_folder(), 0U);
}

TEST_F(Synth, without_a_vocabulary_a_file_says_so) {
  const GgufHeader header = read_gguf_header(write(model_from_card(card("small-llama"), "q4_0")));
  EXPECT_EQ(text_of(header, "tokenizer.ggml.model"), "no_vocab");
  EXPECT_FALSE(header.keys.contains("tokenizer.ggml.tokens"));
}

}  // namespace
}  // namespace oldiron::synth_test
