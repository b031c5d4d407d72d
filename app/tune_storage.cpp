#include "app/tune_storage.hpp"

#include "app/cold_file.hpp"
#include "kernels/gguf.hpp"
#include "probes/storage.hpp"

namespace oldiron {

std::vector<std::string> files_of(const std::string& model) {
  std::vector<std::string> files;
  for (const GgufPart& part : read_gguf_header(model).parts) files.push_back(part.path);
  return files;
}

void look_at_storage(const std::vector<std::string>& files, const std::string& out_dir, TuneRecord& record) {
  if (const auto earlier = load_record(out_dir); earlier && earlier->storage && earlier->storage->file_bytes == bytes_of_files(files) && earlier->cold == record.cold) {
    record.storage = earlier->storage;
    return;
  }
  if (record.cold) drop_from_cache(files);
  record.storage = measure_storage(files);
}

}  // namespace oldiron
