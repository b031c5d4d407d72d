// llama.cpp's llama-bench: one thread count for both phases, repacking as the engine likes, every instruction
// set.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runner/engines/llama_bench.hpp"

namespace oldiron {
namespace {

Available<std::vector<std::string>> depth(int tokens) {
  return std::vector<std::string>{"-d", std::to_string(tokens)};
}

std::string disagreement(const Json& row, const Config& config) {
  if (config.load_mode == LoadMode::automatic) return "";
  const bool mapped = config.load_mode == LoadMode::mmap;
  if (auto bad = differs(row, "load_mode", mapped ? "mmap" : "none"); !bad.empty()) return bad;
  return differs(row, "use_mmap", mapped ? "1" : "0");  // builds before 2026-08-11
}

std::vector<std::string> declined(std::string_view, const Config&) { return {}; }

/// Since build 6325 the engine turns flash attention on where it can, which is everywhere on a CPU; its llama-bench leaves it off
/// unless told, until build 9437.
std::vector<std::string> own_defaults(const FoundEngine& found, const Config& config) {
  const int build = build_of(found.version);
  if (config.flash_attention != Switch::automatic || build < 6325 || build >= 9437) return {};
  return {"-fa", "1"};
}

constexpr int kLogitRows = 1;  // 541 MiB seen for 512 tokens of 262144 words

std::int64_t weight_bytes(const Config& config, const ModelSpec& model) {
  // The engine copies what it repacks and leaves the mapped original behind. Those pages are clean and read
  // no more, so the system may drop them: each weight counts once, though the process shows up to twice as
  // much (25.9 for 13.9 GB).
  const TensorSpec* embeddings = model.find("token_embd.weight");
  const bool second_head = config.load_mode == LoadMode::read && model.tied_head && embeddings != nullptr;
  return model.bytes() + (second_head ? embeddings->bytes() : 0);
}

std::string why_not(const Machine&, const ModelSpec& model) {
  // ik_llama.cpp numbers its own types from here on; llama.cpp's end at 42 and refuse anything above.
  constexpr int kFirstOfIk = 96;
  for (const auto& tensor : model.tensors)
    if (info(tensor.type).gguf_id >= kFirstOfIk)
      return fmt::format("llama.cpp cannot read {} (tensor {}), a type of ik_llama.cpp alone",
                         info(tensor.type).name, tensor.name);
  return "";
}

}  // namespace

const BenchDialect& llama_cpp_bench() {
  static const BenchDialect kDialect = {Engine::llama_cpp, depth, disagreement, declined, own_defaults, {"--no-warmup"}, false, kLogitRows, weight_bytes, why_not};
  return kDialect;
}

}  // namespace oldiron
