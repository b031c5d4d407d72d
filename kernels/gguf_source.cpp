// The weights of a GGUF file as a WeightSource.
#include <string>
#include <unordered_map>

#include "core/check.hpp"
#include "kernels/gguf.hpp"
#include "kernels/input_file.hpp"
#include "kernels/weight_source.hpp"

namespace oldiron {

namespace {

/// Reads by pread, not by mapping: a file that shrinks meanwhile is an Error and no signal, and what is read
/// comes from the page cache at the speed of a copy.
class GgufSource final : public WeightSource {
 public:
  explicit GgufSource(const std::string& path) : GgufSource(path, read_gguf_header(path)) {}

  const ModelSpec& model() const override { return model_; }

  void read_rows(const TensorSpec& tensor, std::int64_t row_begin, std::int64_t row_end,
                 std::byte* out) const override {
    const auto found = offsets_.find(tensor.name);
    CHECK(found != offsets_.end(), "a tensor of this model");
    CHECK(row_begin >= 0 && row_begin <= row_end && row_end <= tensor.rows(), "rows of the tensor");
    const std::int64_t bytes = row_bytes(tensor.type, tensor.k());
    file_.read(found->second + static_cast<std::uint64_t>(row_begin * bytes),
               static_cast<std::size_t>((row_end - row_begin) * bytes), out);
  }

 private:
  GgufSource(const std::string& path, const GgufHeader& header)
      : file_(path), model_(model_from_gguf(header, path)) {
    for (const GgufTensor& tensor : header.tensors)
      offsets_.emplace(tensor.name, header.data_start + tensor.offset);
  }

  InputFile file_;
  ModelSpec model_;
  std::unordered_map<std::string, std::uint64_t> offsets_;  ///< of a tensor's first row, in the file
};

}  // namespace

std::unique_ptr<WeightSource> open_gguf(const std::string& path) {
  return std::make_unique<GgufSource>(path);
}

}  // namespace oldiron
