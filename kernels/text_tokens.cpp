#include "kernels/text_tokens.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace oldiron {

namespace {

std::optional<std::int32_t> token_of(const GgufHeader& header, const std::string& name, int vocab_size) {
  const auto found = header.keys.find("tokenizer.ggml." + name + "_token_id");
  if (found == header.keys.end() || found->second.array) return {};
  const auto* id = std::get_if<std::uint64_t>(&found->second.values.front());
  if (id == nullptr || *id >= static_cast<std::uint64_t>(vocab_size)) return {};
  return static_cast<std::int32_t>(*id);
}

}  // namespace

TextTokens text_tokens(const GgufHeader& header, int vocab_size) {
  TextTokens tokens;
  if (const auto id = token_of(header, "bos", vocab_size)) tokens.begin.push_back(*id);
  const auto named = [&](const std::string& text) {
    const auto found = header.chat_tokens.find(text);
    return found != header.chat_tokens.end() && found->second < vocab_size ? std::optional(found->second)
                                                                           : std::nullopt;
  };
  for (const char* opening :
       {"<|turn>", "<start_of_turn>", "<|im_start|>", "<|start|>", "<|start_header_id|>", "[INST]"}) {
    const auto id = named(opening);
    if (!id) continue;
    tokens.turn = tokens.begin;
    tokens.turn.push_back(*id);
    if (const auto user = named("user"); user && std::string_view(opening) != "[INST]")
      tokens.turn.push_back(*user);
    break;
  }
  for (const char* ending : {"<turn|>", "<end_of_turn>", "<|im_end|>", "<|end|>", "<|return|>",
                             "<|end_of_text|>", "<|endoftext|>", "<|eot_id|>", "<eos>", "</s>"})
    if (const auto id = named(ending)) tokens.end.push_back(*id);
  for (const char* name : {"eos", "eot", "eom", "padding", "unknown"})
    if (const auto id = token_of(header, name, vocab_size)) tokens.end.push_back(*id);
  return tokens;
}

}  // namespace oldiron
