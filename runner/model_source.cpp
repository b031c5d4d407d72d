#include "runner/model_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "core/text.hpp"
#include "kernels/gguf.hpp"

namespace oldiron {

namespace {

namespace fs = std::filesystem;

// Every synthetic model is made from this seed, so that a file written here and weights made there are the same.
constexpr std::uint64_t kSeed = 20260601;

bool is_card_path(const ModelRequest& request) { return request.model.ends_with(".json"); }

std::string card_path(const ModelRequest& request, const std::string& cards_dir) {
  if (is_card_path(request)) return request.model;
  const std::vector<std::string> known = card_names(cards_dir);
  if (std::find(known.begin(), known.end(), request.model) != known.end()) return cards_dir + "/" + request.model + ".json";
  const std::string near = nearest(request.model, known);
  throw Error(fmt::format("{}: no such GGUF file, and no card of that name; {}cards: {}", request.model,
                          near.empty() ? "" : fmt::format("did you mean {}? ", near), fmt::join(known, ", ")));
}

ModelSpec model_of_card(const ModelRequest& request, const std::string& cards_dir) {
  const std::string type = request.type.empty() ? "q4_0" : request.type;
  const std::string head = request.head_type.empty() && type == "q4_0" ? "q6_k" : request.head_type;
  ModelSpec model = model_from_card(card_path(request, cards_dir), type, head);
  return request.layers > 0 ? cut_layers(std::move(model), request.layers) : model;
}

}  // namespace

bool is_file(const ModelRequest& request) {
  return !is_card_path(request) && (fs::exists(request.model) || request.model.ends_with(".gguf"));
}

std::vector<std::string> card_names(const std::string& cards_dir) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(cards_dir, error))
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

ModelSpec describe_model(const ModelRequest& request, const std::string& cards_dir) {
  if (is_file(request)) return model_from_gguf(read_gguf_header(request.model), request.model);
  return model_of_card(request, cards_dir);
}

std::shared_ptr<const WeightSource> open_model(const ModelRequest& request, const std::string& cards_dir) {
  if (is_file(request)) return open_gguf(request.model);
  return generate_weights(model_of_card(request, cards_dir), kSeed);
}

}  // namespace oldiron
