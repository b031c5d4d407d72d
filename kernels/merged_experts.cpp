#include "kernels/merged_experts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "core/check.hpp"

namespace oldiron {

namespace {

struct Part {
  std::string merged;  ///< "blk.0.ffn_gate_exps.weight"
  int expert;
};

/// Of "blk.0.ffn_gate.3.weight"; none for other names.
std::optional<Part> part_of(const std::string& name) {
  for (const char* which : {".ffn_gate.", ".ffn_up.", ".ffn_down."}) {
    const std::size_t at = name.find(which);
    if (at == std::string::npos || !name.ends_with(".weight")) continue;
    const char* number = name.data() + at + std::string_view(which).size();
    const char* end = name.data() + name.size() - std::string_view(".weight").size();
    int expert = -1;
    if (const auto [stop, error] = std::from_chars(number, end, expert); error != std::errc() || stop != end) return {};
    return Part{name.substr(0, at + std::string_view(which).size() - 1) + "_exps.weight", expert};
  }
  return {};
}

class MergedExperts final : public WeightSource {
 public:
  explicit MergedExperts(std::unique_ptr<WeightSource> source) : source_(std::move(source)), model_(source_->model()) {
    model_.tensors.clear();
    for (const TensorSpec& tensor : source_->model().tensors) {
      const std::optional<Part> part = part_of(tensor.name);
      if (!part) {
        model_.tensors.push_back(tensor);
        continue;
      }
      std::vector<const TensorSpec*>& parts = parts_[part->merged];
      if (parts.empty()) {
        TensorSpec merged = tensor;
        merged.name = part->merged;
        merged.ne[2] = model_.expert_count;
        merged.role = Role::exps;
        model_.tensors.push_back(merged);
        parts.resize(static_cast<std::size_t>(model_.expert_count));
      }
      const auto e = static_cast<std::size_t>(part->expert);
      if (e >= parts.size() || tensor.ne != first(parts, tensor).ne || tensor.type != first(parts, tensor).type)
        throw Error(fmt::format("{}: tensor {} does not go with those of the other {} experts; get the file again", model_.id,
                                tensor.name, model_.expert_count));
      parts[e] = &tensor;
    }
    for (const auto& [name, parts] : parts_) {
      if (std::find(parts.begin(), parts.end(), nullptr) != parts.end())
        throw Error(fmt::format("{}: {} lacks some of its {} experts; get the file again", model_.id, name, parts.size()));
    }
  }

  const ModelSpec& model() const override { return model_; }

  void read_rows(const TensorSpec& tensor, std::int64_t row_begin, std::int64_t row_end, std::byte* out) const override {
    const auto found = parts_.find(tensor.name);
    if (found == parts_.end()) return source_->read_rows(tensor, row_begin, row_end, out);
    while (row_begin < row_end) {
      const std::int64_t e = row_begin / tensor.ne[1], first_row = e * tensor.ne[1];
      const std::int64_t end = std::min(row_end, first_row + tensor.ne[1]);
      source_->read_rows(*found->second[static_cast<std::size_t>(e)], row_begin - first_row, end - first_row, out);
      out += (end - row_begin) * row_bytes(tensor.type, tensor.k());
      row_begin = end;
    }
  }

 private:
  static const TensorSpec& first(const std::vector<const TensorSpec*>& parts, const TensorSpec& otherwise) {
    const auto found = std::find_if(parts.begin(), parts.end(), [](const TensorSpec* part) { return part != nullptr; });
    return found == parts.end() ? otherwise : **found;
  }

  std::unique_ptr<WeightSource> source_;
  ModelSpec model_;
  std::map<std::string, std::vector<const TensorSpec*>> parts_;  ///< per merged tensor: that of each expert
};

}  // namespace

std::unique_ptr<WeightSource> merged_experts(std::unique_ptr<WeightSource> source) {
  const auto& tensors = source->model().tensors;
  const bool apart = std::any_of(tensors.begin(), tensors.end(), [](const TensorSpec& t) { return part_of(t.name).has_value(); });
  return apart ? std::make_unique<MergedExperts>(std::move(source)) : std::move(source);
}

}  // namespace oldiron
