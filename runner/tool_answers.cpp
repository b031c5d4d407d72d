#include "runner/tool_answers.hpp"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/json.hpp"
#include "core/text.hpp"

namespace oldiron {
namespace {

constexpr int kSchema = 2;  // of what is asked and how it is read

}  // namespace

std::string FileHashes::of(std::vector<std::string> paths) {
  std::sort(paths.begin(), paths.end());
  std::string all;
  for (const std::string& path : paths) {
    auto found = hashes_.find(path);
    if (found == hashes_.end()) {
      std::uint64_t hash = hash64(path);
      try {
        hash = hash64(read_file(path));
      } catch (const Error&) {
        // The loader will tell.
      }
      found = hashes_.emplace(path, hash).first;
    }
    all += hex16(found->second);
  }
  return hex16(hash64(all, kSchema)) + hex16(hash64(all, kSchema + 1));
}

Available<ToolAnswers> ToolAnswerCache::find(const std::string& key) const {
  using Answers = Available<ToolAnswers>;
  if (dir_.empty()) return Answers::not_available("nothing is kept");
  try {
    const Json json = parse_json(read_file(dir_ + "/" + key + ".json"), key);
    if (json.at("schema") != kSchema) return Answers::not_available("kept by another version");
    const std::string engine = json.at("engine");
    return ToolAnswers{.flags = json.at("flags"),
                       .engine = engine.empty() ? std::nullopt : std::optional(engine_from_name(engine)),
                       .build = json.at("build"),
                       .commit = json.at("commit"),
                       .features = json.at("features")};
  } catch (const std::exception& error) {  // nothing there, or a file that somebody else wrote
    return Answers::not_available(error.what());
  }
}

void ToolAnswerCache::keep(const std::string& key, const ToolAnswers& answers) const {
  if (dir_.empty()) return;
  std::error_code ignored;
  std::filesystem::create_directories(dir_, ignored);
  const Json json = {{"schema", kSchema},         {"flags", answers.flags},   {"engine", answers.engine ? std::string(to_string(*answers.engine)) : ""},
                     {"build", answers.build},    {"commit", answers.commit}, {"features", answers.features}};
  try {
    write_file(dir_ + "/" + key + ".json", dump_json(json, 1) + "\n");
  } catch (const Error&) {
    // It is asked again next time.
  }
}

}  // namespace oldiron
