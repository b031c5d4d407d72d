// The weights of a GGUF file as a WeightSource.
#include <deque>
#include <string>
#include <unordered_map>

#include "core/check.hpp"
#include "kernels/gguf.hpp"
#include "kernels/input_file.hpp"
#include "kernels/merged_experts.hpp"
#include "kernels/weight_source.hpp"

namespace oldiron {

namespace {

/// Rows are copied, and no pointer into the mapped files is given away: one that shrinks meanwhile is an Error and no
/// signal.
class GgufSource final : public WeightSource {
 public:
  explicit GgufSource(const std::string& path) : GgufSource(path, read_gguf_header(path)) {}

  const ModelSpec& model() const override { return model_; }

  void read_rows(const TensorSpec& tensor, std::int64_t row_begin, std::int64_t row_end,
                 std::byte* out) const override {
    const auto found = places_.find(tensor.name);
    CHECK(found != places_.end(), "a tensor of this model");
    CHECK(row_begin >= 0 && row_begin <= row_end && row_end <= tensor.rows(), "rows of the tensor");
    const std::int64_t bytes = row_bytes(tensor.type, tensor.k());
    files_[found->second.part].read(found->second.offset + static_cast<std::uint64_t>(row_begin * bytes),
                                    static_cast<std::size_t>((row_end - row_begin) * bytes), out);
  }

 private:
  struct Place {
    std::size_t part;
    std::uint64_t offset;  ///< of the tensor's first row, in the file of that part
  };

  GgufSource(const std::string& path, const GgufHeader& header) : model_(model_from_gguf(header, path)) {
    for (const GgufPart& part : header.parts) files_.emplace_back(part.path);
    for (const GgufTensor& tensor : header.tensors)
      places_.emplace(tensor.name, Place{tensor.part, header.parts[tensor.part].data_start + tensor.offset});
  }

  std::deque<InputFile> files_;  ///< one per part
  ModelSpec model_;
  std::unordered_map<std::string, Place> places_;
};

}  // namespace

std::unique_ptr<WeightSource> open_gguf(const std::string& path) {
  return merged_experts(std::make_unique<GgufSource>(path));
}

}  // namespace oldiron
