// Fingerprints of models: what must be equal for two measurements to be of the same model.
#include "kernels/fingerprint.hpp"

#include <fmt/format.h>

#include "core/text.hpp"

namespace oldiron {

std::string shapes_fingerprint(const ModelSpec& model) {
  std::string text = fmt::format("{} {} {} {}\n", model.architecture, model.block_count, model.expert_count,
                                 model.expert_used_count);
  for (const TensorSpec& tensor : model.tensors) {
    text += fmt::format("{} {} {} {} {} {}\n", tensor.name, tensor.ne[0], tensor.ne[1], tensor.ne[2],
                        tensor.ne[3], info(tensor.type).name);
  }
  return hex16(hash64(text));
}

std::string model_fingerprint(const ModelSpec& model, std::string_view weights) {
  return hex16(hash64(fmt::format("{} {}", shapes_fingerprint(model), weights)));
}

}  // namespace oldiron
