// A model in memory, for the commands that run it in this very process.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "app/options.hpp"
#include "core/machine.hpp"
#include "core/team.hpp"
#include "kernels/text_tokens.hpp"
#include "kernels/weights.hpp"

namespace oldiron {

class OwnSession {
 public:
  /// Reads nothing but shapes and the machine's state. Throws Error: no such model, a configuration that
  /// cannot run.
  explicit OwnSession(const Options& options);

  const ModelSpec& model() const { return model_; }

  const Config& config() const { return config_; }

  /// Starts the threads with the first call.
  Team& team();

  /// The weights of the session's own model, or of another. Throws Error, before loading if there is no room.
  std::shared_ptr<Weights> load() { return load(request_); }

  std::shared_ptr<Weights> load(const ModelRequest& request);

 private:
  ModelRequest request_;
  ModelSpec model_;
  Machine machine_;
  Config config_;
  std::unique_ptr<Team> team_;
};

/// What a GGUF names; nothing of a card.
TextTokens known_tokens(const ModelRequest& request, const ModelSpec& model);

/// "1,2,3"; throws Error for anything else, and for ids outside the vocabulary.
std::vector<std::int32_t> parse_tokens(const std::string& text, int vocab_size);

}  // namespace oldiron
