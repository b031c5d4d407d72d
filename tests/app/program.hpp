// The built program as a person starts it: in a folder, with its streams kept, and marked so that nothing
// hides.
#pragma once

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.hpp"
#include "core/json.hpp"
#include "core/text.hpp"
#include "runner/process.hpp"
#include "tests/marked.hpp"

namespace oldiron::test {

namespace fs = std::filesystem;

/// Seconds of waiting, counted in naps: a machine may be busy, and a test that was stopped for a while has
/// not waited.
inline constexpr double kPatience_s = 200;

inline std::string test_data(const std::string& name) { return std::string(OLDIRON_TEST_DATA) + "/" + name; }

inline const std::string kTinyModel = test_data("golden/models/gemma4-moe.Q8_0.gguf");

/// A folder that goes with the object.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "oldiron_app_XXXXXX").string();
    path_ = mkdtemp(name.data());
  }

  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  const std::string& path() const { return path_; }

  /// Names of all that lies in it, folders too.
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(path_))
      found.push_back(fs::relative(entry.path(), path_).string());
    return found;
  }

 private:
  std::string path_;
};

struct Ran {
  int exit_code = -1;  ///< -1: by a signal
  int signal = 0;
  std::string out, err;
};

/// `oldiron ARGUMENTS` while it runs; killed with the object.
class Running {
 public:
  explicit Running(std::vector<std::string> arguments, const std::string& folder = "")
      : process_(command(std::move(arguments), folder)) {}

  void kill(int signal_number) const { ::kill(process_.pid(), signal_number); }

  std::string err() const { return read_file(streams_ / "err"); }

  const std::string& mark() const { return mark_; }

  Ran wait() {
    auto end = process_.wait(now_s() + 1);
    for (double waited_s = 1; !end && waited_s < kPatience_s; ++waited_s) end = process_.wait(now_s() + 1);
    EXPECT_TRUE(end.has_value()) << "the program did not end; it said:\n" << err();
    if (!end) return {};
    return {end->exit_code, end->signal, read_file(streams_ / "out"), err()};
  }

 private:
  Command command(std::vector<std::string> arguments, const std::string& folder) const {
    arguments.insert(arguments.begin(), OLDIRON_BINARY);
    return {.argv = std::move(arguments),
            .env = {{kMark, mark_}, {"XDG_CACHE_HOME", streams_ / "cache"}},
            .folder = folder,
            .out = {Redirect::Kind::file, streams_ / "out"},
            .err = {Redirect::Kind::file, streams_ / "err"}};
  }

  Folder streams_;
  std::string mark_ = new_mark();
  Process process_;
};

inline Ran run(std::vector<std::string> arguments, const std::string& folder = "") {
  return Running(std::move(arguments), folder).wait();
}

inline Json read_json(const std::string& path) { return parse_json(read_file(path), path); }

/// Waits until `done` says so; false if it never does.
template <class Done>
bool wait_until(Done done) {
  constexpr double kNap_s = 0.005;
  for (double waited_s = 0; waited_s < kPatience_s; waited_s += kNap_s) {
    if (done()) return true;
    std::this_thread::sleep_for(std::chrono::duration<double>(kNap_s));
  }
  return done();
}

}  // namespace oldiron::test
