// llama-perplexity of either engine as a TrialEngine: what a lossy configuration loses on a real text, as its own --kl-divergence tells it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/model.hpp"
#include "runner/engine.hpp"
#include "runner/engines/bench_rows.hpp"
#include "runner/engines/llama_quantize.hpp"

namespace oldiron {

/// The llama-perplexity in the folder of a found llama-bench, or why there is none that can be used.
Available<FoundTool> find_perplexity(const FoundEngine& bench, const RunCommand& run = ask_guarded);

/// A figure as the program prints it, with its standard error.
struct Figure {
  double value = 0, error = 0;
  bool operator==(const Figure&) const = default;
};

/// What --kl-divergence printed.
struct KlFigures {
  Figure kl;          ///< nats per token
  Figure top1;        ///< share of tokens with the same most likely one
  Figure perplexity;  ///< of the configuration
  Figure base_perplexity;
  /// Means over all chunks up to this one, to five decimals, as its table has them.
  std::vector<double> running_kl, running_top1;
};

/// Lines that it does not know are no error. Throws Error naming a figure that is missing or not a number.
KlFigures read_kl_divergence(std::string_view printed);

/// Bytes of the file that --kl-divergence-base writes: the second half of each chunk's positions, a word of two bytes for each
/// token of the vocabulary.
std::int64_t base_logits_bytes(int vocab_size, int chunks, int chunk_tokens);

/// Of one run: weights, keys and values, and F32 logits of a whole chunk, in the compute buffer and handed out.
std::int64_t perplexity_needs_bytes(const TrialSpec& spec, const ModelSpec& model);

/// What every Debian 12 has, and is long enough for the most texts that are asked for.
inline constexpr const char* kQualityText = "/usr/share/common-licenses/GFDL-1.3";

struct PerplexityOptions {
  std::string dir = ".";  ///< where the base logits lie until retire()
  std::string log_dir = {};
  std::string text = kQualityText;
  HeadFiles heads = {};
  std::function<void(const std::string&)> say = {};  ///< a sentence for people
};

inline constexpr const char* kPerplexity = "perplexity";
inline constexpr const char* kOwnPerplexity = "own_perplexity";  ///< of the model's own configuration

/// Reads quality_texts chunks of quality_tokens of the text, once with without_losses() of the configuration, whose logits are kept
/// until retire(), and once for each configuration. All levers that lose nothing are as the engine has them by itself but for the
/// threads.
std::unique_ptr<TrialEngine> make_llama_perplexity(FoundTool found, ModelSpec model, RunCommand run, PerplexityOptions options);

}  // namespace oldiron
