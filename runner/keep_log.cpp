#include "runner/keep_log.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <filesystem>
#include <memory>

#include "core/clock.hpp"
#include "core/text.hpp"
#include "runner/engines/llama_bench.hpp"

namespace oldiron {
namespace {

struct Close {
  void operator()(gzFile_s* file) const { gzclose(file); }
};

using File = std::unique_ptr<gzFile_s, Close>;

}  // namespace

std::string keep_log(const std::string& dir, Engine engine, const std::vector<std::string>& command, const Output& out, const Output& err) {
  if (dir.empty()) return "";
  std::error_code refused;  // of which writing the file tells
  std::filesystem::create_directories(dir, refused);
  const std::string line = command_line(command);
  std::string path = fmt::format("{}/{}-{}.log.gz", dir, to_string(engine), hex16(hash64(fmt::format("{} {} {}", line, utc_now(), now_s()))));
  const std::string text = line + "\n" + out.text() + err.text();
  File file(gzopen(path.c_str(), "wb"));
  if (!file || gzwrite(file.get(), text.data(), static_cast<unsigned>(text.size())) != static_cast<int>(text.size()) || gzclose(file.release()) != Z_OK)
    throw Error(fmt::format("{}: the engine's output cannot be kept there; free some space, or choose another folder with --out", path));
  return path;
}

std::string read_log(const std::string& path) {
  const File file(gzopen(path.c_str(), "rb"));
  if (!file) throw Error(fmt::format("{}: cannot be read", path));
  std::string text;
  char bytes[65536];
  int got = 0;
  while ((got = gzread(file.get(), bytes, sizeof bytes)) > 0) text.append(bytes, static_cast<std::size_t>(got));
  if (got < 0) throw Error(fmt::format("{}: damaged", path));
  return text;
}

}  // namespace oldiron
