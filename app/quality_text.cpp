#include "app/quality_text.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "core/text.hpp"
#include "runner/engines/llama_perplexity.hpp"

namespace oldiron {
namespace {

namespace fs = std::filesystem;

// A chunk of 256 tokens is a kilobyte or so, and four are the least that is read.
constexpr std::uintmax_t kLeastText_bytes = 8192;

}  // namespace

void take_text(const std::string& path, bool foreign, TuneRecord& record) {
  if (path.empty()) return;
  if (!foreign)
    throw Error("--text: our own engine writes the texts that it measures quality on; --text is for foreign engines (--engine DIR)");
  std::error_code error;
  const std::uintmax_t bytes = fs::is_regular_file(path, error) ? fs::file_size(path, error) : 0;
  if (error || bytes == 0) throw Error(fmt::format("--text {}: no such file, or an empty one", path));
  if (bytes < kLeastText_bytes)
    throw Error(fmt::format("--text {}: {} are too little to measure quality on; {} is the least", path, bytes_text(static_cast<double>(bytes)),
                            bytes_text(static_cast<double>(kLeastText_bytes))));
  record.quality_text = fs::absolute(path).lexically_normal();
  record.quality_name = fmt::format("quality on {} ({})", record.quality_text, hex16(hash64(read_file(record.quality_text))));
}

std::string text_of(const TuneRecord& record) { return record.quality_text.empty() ? kQualityText : record.quality_text; }

}  // namespace oldiron
