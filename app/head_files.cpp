#include "app/head_files.hpp"

#include "core/text.hpp"

namespace oldiron {

std::vector<HeadType> asked_heads(const TuneRecord& record) {
  std::vector<HeadType> heads;
  const auto values = record.settings.find("head_type");
  if (values == record.settings.end()) return heads;
  for (const std::string_view value : split(values->second, ",")) {
    Config config;
    lever("head_type").set(config, value);
    if (config.head_type != HeadType::as_is) heads.push_back(config.head_type);
  }
  return heads;
}

HeadFiles head_files(const FoundEngine& bench, const ModelRequest& file, const TuneRecord& record, const std::string& out_dir, const RunCommand& run,
                     const std::function<void(const std::string&)>& say) {
  HeadFiles files;
  const std::vector<HeadType> heads = asked_heads(record);
  if (heads.empty()) return files;
  const Available<FoundTool> quantize = find_quantize(bench);
  if (!quantize) throw Error("--head_type: " + quantize.reason());
  for (const HeadType head : heads)
    files[head] = write_head_file({.model = file.model, .head = head, .dir = out_dir, .log_dir = out_dir + "/logs",
                                   .threads = usable_threads(record.machine, record.state), .say = say}, *quantize, run);
  return files;
}

}  // namespace oldiron
