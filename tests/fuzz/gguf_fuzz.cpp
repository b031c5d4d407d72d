// Any bytes as a GGUF file: refused by an Error, or described and read to the last row. Run by libFuzzer (preset fuzz)
// and, over all files of tests/data/fuzz, by every build's tests.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "core/accounting.hpp"
#include "core/check.hpp"
#include "core/model.hpp"
#include "kernels/gguf.hpp"

namespace {

using namespace oldiron;

constexpr std::size_t kMaxParts = 3;

/// A folder in memory where there is one, since millions of files are written; gone at the end.
struct Folder {
  std::string path = access("/dev/shm", W_OK) == 0 ? "/dev/shm/oldiron-fuzz-XXXXXX" : "/tmp/oldiron-fuzz-XXXXXX";

  Folder() {
    if (mkdtemp(path.data()) == nullptr) std::abort();
  }

  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }

  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
};

const std::string& folder() {
  static const Folder folder;
  return folder.path;
}

std::string path_of(std::size_t number, std::size_t count) {
  if (count == 1) return folder() + "/whole.gguf";
  return fmt::format("{}/m-{:05}-of-{:05}.gguf", folder(), number, count);
}

void write(const std::string& path, std::string_view bytes) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0 || ::write(fd, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) std::abort();
  close(fd);
}

/// Each `GGUF` in the input begins a part of a split model.
std::vector<std::string_view> parts_of(std::string_view bytes) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  while (parts.size() + 1 < kMaxParts) {
    const std::size_t next = bytes.find("GGUF", begin + 1);
    if (next == std::string_view::npos) break;
    parts.push_back(bytes.substr(begin, next - begin));
    begin = next;
  }
  parts.push_back(bytes.substr(begin));
  return parts;
}

void use(const std::string& path) {
  const auto source = open_gguf(path);
  const ModelSpec& model = source->model();
  step_cost(model, verify_step(4, 4096, {}, {}));
  flops_per_token(model, 0, 4096, true);
  kv_bytes(model, 4096, 1, 512, KvType::q8_0);
  std::vector<std::byte> row;
  for (const TensorSpec& tensor : model.tensors) {
    if (tensor.type == TensorType::unknown) continue;
    row.resize(static_cast<std::size_t>(row_bytes(tensor.type, tensor.k())));
    source->read_rows(tensor, tensor.rows() - 1, tensor.rows(), row.data());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parts = parts_of({reinterpret_cast<const char*>(data), size});
  for (std::size_t i = 0; i < parts.size(); ++i) write(path_of(i + 1, parts.size()), parts[i]);
  try {
    use(path_of(parts.size(), parts.size()));
  } catch (const Error&) {
    return 0;
  }
  return 0;
}
