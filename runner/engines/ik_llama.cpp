// ik_llama.cpp's llama-bench: thread counts per phase, repacking on request, everything compiled for AVX2 or
// better.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runner/engines/llama_bench.hpp"

namespace oldiron {
namespace {

Available<std::vector<std::string>> depth(int) {
  return Available<std::vector<std::string>>::not_available(
      "ik_llama.cpp's llama-bench has no start depth (-d)");
}

std::string disagreement(const Json& row, const Config& config) {
  if (config.repack != Switch::automatic)
    if (auto bad = differs(row, "repack", config.repack == Switch::on ? "1" : "0"); !bad.empty()) return bad;
  if (config.load_mode != LoadMode::automatic)
    return differs(row, "use_mmap", config.load_mode == LoadMode::mmap ? "1" : "0");
  return "";
}

std::vector<std::string> declined(std::string_view log, const Config& config) {
  if (config.repack != Switch::on || log.find("Repacked ") != std::string_view::npos) return {};
  return {"repack=on: the engine repacked no tensor"};
}

std::vector<std::string> own_defaults(const FoundEngine&, const Config&) { return {}; }

constexpr int kLogitRows = 2;  // before and after the soft-cap; 1029 MiB seen for 512 tokens of 262144 words

std::int64_t weight_bytes(const Config& config, const ModelSpec& model) {
  // -rtr turns mapping off. Read into memory, a tied head is a tensor of its own beside the embeddings.
  const bool mapped = config.repack != Switch::on && config.load_mode != LoadMode::read;
  const TensorSpec* embeddings = model.find("token_embd.weight");
  return model.bytes() + (!mapped && model.tied_head && embeddings != nullptr ? embeddings->bytes() : 0);
}

std::string why_not(const Machine& machine, const ModelSpec&) {
  if (std::find(machine.isas.begin(), machine.isas.end(), "avx2") != machine.isas.end()) return "";
  return fmt::format("ik_llama.cpp does not build without AVX2, which this CPU ({}) does not have",
                     machine.cpu_model);
}

}  // namespace

const BenchDialect& ik_llama_bench() {
  // 4.9 tokens/s in the first of three generations of 32, 17 to 19 in the others; prompts show nothing of the kind.
  constexpr bool kColdGeneration = true;
  static const BenchDialect kDialect = {Engine::ik_llama, depth, disagreement, declined, own_defaults, {"-w", "0"}, kColdGeneration, kLogitRows, weight_bytes, why_not};
  return kDialect;
}

}  // namespace oldiron
