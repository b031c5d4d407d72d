// Opening what a person names as a model: a GGUF file, or a card.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kernels/weight_source.hpp"

namespace oldiron {

/// A model as the command line gives it.
struct ModelRequest {
  std::string model;      ///< path of a GGUF, a card's name, or the path of a card (.json)
  std::string type;       ///< of a card: "q4_0", or a profile of it; empty: q4_0
  std::string head_type;  ///< of a card: type of the head; empty: q6_k, as the usual files have it
  int layers = 0;         ///< 0: all
};

/// Shapes only. `cards_dir` holds the cards. Throws Error: neither a file nor a card (names the cards).
ModelSpec describe_model(const ModelRequest& request, const std::string& cards_dir);

/// With weights: a GGUF's own, or generated ones.
std::shared_ptr<const WeightSource> open_model(const ModelRequest& request, const std::string& cards_dir);

/// True if the request is a GGUF rather than a card.
bool is_file(const ModelRequest& request);

std::vector<std::string> card_names(const std::string& cards_dir);

}  // namespace oldiron
