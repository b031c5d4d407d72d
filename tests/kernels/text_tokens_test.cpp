#include "kernels/text_tokens.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/kernels/gguf_builder.hpp"

namespace oldiron::text_tokens_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Tokens : public GgufFolder {};

TEST_F(Tokens, OfAVocabularyBeginATextAndATurn) {
  ModelSpec model = model_from_gguf(
      read_gguf_header(OLDIRON_TEST_DATA "/golden/models/gemma4-dense.F32.gguf"), "dense");
  const auto embedding =
      std::find_if(model.tensors.begin(), model.tensors.end(),
                   [](const TensorSpec& tensor) { return tensor.name == "token_embd.weight"; });
  embedding->ne[1] = model.vocab_size = 300;
  const std::string path = folder_ + "/bytes.gguf";
  write_gguf(*generate_weights(model, 1), path, Vocabulary::bytes);
  const TextTokens tokens = text_tokens(read_gguf_header(path), 300);
  EXPECT_THAT(tokens.begin, ElementsAre(1));
  EXPECT_THAT(tokens.turn, ElementsAre(1, 3)) << "<|im_start|>; there is no token `user`";
  EXPECT_THAT(tokens.end, testing::IsSupersetOf({2, 4}));
  EXPECT_THAT(text_tokens(read_gguf_header(path), 3).turn, IsEmpty()) << "ids that the model does not have";
}

TEST_F(Tokens, OfARoleFarBehindAreFound) {
  GgufHeader header;
  header.chat_tokens = {{"<start_of_turn>", 105}, {"<end_of_turn>", 106}, {"user", 2364}};
  header.keys["tokenizer.ggml.bos_token_id"] = {.values = {std::uint64_t{2}}};
  EXPECT_THAT(text_tokens(header, 262144).turn, ElementsAre(2, 105, 2364));
  EXPECT_THAT(text_tokens(header, 262144).end, ElementsAre(106));
}

TEST_F(Tokens, OfNoVocabularyAreNone) {
  const TextTokens tokens = text_tokens(GgufHeader{}, 300);
  EXPECT_THAT(tokens.begin, IsEmpty());
  EXPECT_THAT(tokens.turn, IsEmpty());
  EXPECT_THAT(tokens.end, IsEmpty());
}

}  // namespace
}  // namespace oldiron::text_tokens_test
