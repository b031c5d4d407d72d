// Vocabularies for files whose weights are generated.
#include "kernels/gguf_vocabulary.hpp"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "core/check.hpp"

namespace oldiron {

namespace {

/// Kinds of tokens in GGUF.
enum TokenType { normal = 1, unknown = 2, control = 3, unused = 5, byte = 6 };

struct Token {
  std::string text;
  TokenType type;
};

/// Ids 0 to 4, whose numbers stand in the keys below, then the bytes and the space. Bytes beyond ASCII are read but not
/// shown: random ones are no UTF-8, and a server that has to answer them as JSON may end over it.
std::vector<Token> byte_tokens() {
  std::vector<Token> tokens = {{"<unk>", unknown},
                               {"<s>", control},
                               {"</s>", control},
                               {"<|im_start|>", control},
                               {"<|im_end|>", control}};
  for (int value = 0; value < 256; ++value) tokens.push_back({fmt::format("<0x{:02X}>", value), value < 128 ? byte : unused});
  tokens.push_back({"\u2581", normal});
  return tokens;
}

constexpr const char* kChatTemplate =
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + "
    "'\\n'}}{% endfor %}{% if add_generation_prompt %}{{'<|im_start|>assistant\\n'}}{% endif %}";

void put_bytes(const ModelSpec& model, HeaderWriter& out) {
  std::vector<Token> tokens = byte_tokens();
  const auto size = static_cast<std::size_t>(model.vocab_size);
  if (tokens.size() > size) {
    throw Error(fmt::format("{} has {} tokens, and a vocabulary of bytes needs {}; leave --tokenizer out", model.id, size,
                            tokens.size()));
  }
  for (std::size_t i = tokens.size(); i < size; ++i) tokens.push_back({fmt::format("\u2581word{}", i), normal});
  std::vector<std::string> texts;
  std::vector<float> scores;
  std::vector<int> types;
  for (Token& token : tokens) {
    texts.push_back(std::move(token.text));
    scores.push_back(0);
    types.push_back(token.type);
  }
  // The rules of SentencePiece are those that fall back to bytes; both engines call them llama.
  out.text("tokenizer.ggml.model", "llama");
  out.text_array("tokenizer.ggml.tokens", texts);
  out.f32_array("tokenizer.ggml.scores", scores);
  out.i32_array("tokenizer.ggml.token_type", types);
  out.u32("tokenizer.ggml.unknown_token_id", 0);
  out.u32("tokenizer.ggml.bos_token_id", 1);
  out.u32("tokenizer.ggml.eos_token_id", 2);
  out.u32("tokenizer.ggml.eot_token_id", 4);
  out.boolean("tokenizer.ggml.add_bos_token", true);
  out.boolean("tokenizer.ggml.add_eos_token", false);
  out.boolean("tokenizer.ggml.add_space_prefix", false);
  out.text("tokenizer.chat_template", kChatTemplate);
}

}  // namespace

void put_vocabulary(const ModelSpec& model, Vocabulary vocabulary, HeaderWriter& out) {
  if (vocabulary == Vocabulary::bytes) return put_bytes(model, out);
  out.text("tokenizer.ggml.model", "no_vocab");
}

}  // namespace oldiron
