// Builds found in a folder of files whose answers are made up: who they are, what is broken, what is kept.
#include "runner/engine_builds.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "core/text.hpp"
#include "runner/kept_answers.hpp"

namespace oldiron::engine_builds_test {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

CommandResult said(const std::string& text, int exit_code = 0) {
  CommandResult result;
  result.end.exit_code = exit_code;
  result.err.append(text);
  return result;
}

class EngineBuilds : public testing::Test {
 protected:
  EngineBuilds() : folder_(fs::temp_directory_path() / ("oldiron_builds_test_" + std::to_string(getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "build/bin");
  }

  ~EngineBuilds() override { fs::remove_all(folder_); }

  /// The head of a program of x86-64, and something of its own.
  static std::string program(const std::string& more = "") {
    return std::string("\x7f" "ELF\x02\x01", 6) + std::string(12, '\0') + std::string("\x3e\0", 2) + more;
  }

  void tool(const std::string& name, const std::string& content = program()) {
    const fs::path path = folder_ / "build/bin" / name;
    std::ofstream(path) << content;
    fs::permissions(path, fs::perms::owner_all);
  }

  /// As ik_llama.cpp answers, unless a test says otherwise.
  CommandResult answer(const std::vector<std::string>& argv) {
    ++calls_;
    if (argv[1] == "--list") return listing_;
    if (argv[1] == "--help") return help_;
    if (argv[1] == "--version") return said("version: 4840 (8337e4cd3)\nbuilt with cc\n");
    return said("system info | system_info=\"AVX = 1 | AVX2 = 1 | AVX512 = 0 | \"\nerror: no model\n", 1);
  }

  std::vector<EngineBuild> find() {
    return find_engine_builds({.dir = folder_.string(), .cache_dir = (folder_ / "cache").string(), .run = [this](const auto& argv, double) { return answer(argv); }});
  }

  fs::path folder_;
  int calls_ = 0;
  CommandResult listing_ = said("\tlibc.so.6 => /nowhere/libc.so.6 (0x00007f)\n");
  CommandResult help_ = said("  -t,    --threads N\n  -rtr,  --run-time-repack\n", 1);  // which fails after its help
};

TEST_F(EngineBuilds, NameEngineBuildFeaturesAndTools) {
  tool("llama-server");
  tool("llama-cli");
  const auto builds = find();
  ASSERT_EQ(builds.size(), 1u);
  EXPECT_EQ(*builds[0].engine, Engine::ik_llama);
  EXPECT_EQ(builds[0].number, 4840);
  EXPECT_EQ(builds[0].commit, "8337e4cd3");
  EXPECT_THAT(*builds[0].features, ElementsAre("AVX", "AVX2"));
  ASSERT_EQ(builds[0].tools.size(), 2u);
  EXPECT_THAT(builds[0].tools[0].flags, Contains("--run-time-repack"));
}

TEST_F(EngineBuilds, AnswersAreKeptByContents) {
  tool("llama-server");
  const auto first = find();
  EXPECT_EQ(calls_, 4);
  EXPECT_EQ(find(), first);
  EXPECT_EQ(calls_, 5) << "the loader alone is asked again";
  tool("llama-server", program("rebuilt"));
  find();
  EXPECT_EQ(calls_, 9);
}

TEST_F(EngineBuilds, AnotherLibraryIsAnotherKey) {
  const std::string library = (folder_ / "libllama.so").string();
  std::ofstream(library) << "one";
  listing_ = said("\tlibllama.so => " + library + " (0x00007f)\n");
  tool("llama-server");
  find();
  std::ofstream(library) << "two";
  find();
  EXPECT_EQ(calls_, 8);
}

TEST_F(EngineBuilds, AKeptFileThatIsBrokenIsAskedAgain) {
  tool("llama-server");
  find();
  for (const auto& each : fs::directory_iterator(folder_ / "cache")) std::ofstream(each.path()) << "{\"schema\": 3, \"exit_code\": \"x\"}";
  EXPECT_EQ(find()[0].number, 4840);
}

TEST_F(EngineBuilds, AScriptIsAskedEachTime) {
  tool("llama-server", "#!/bin/sh\nexec ../other/llama-server \"$@\"\n");
  find();
  find();
  EXPECT_EQ(calls_, 8);
}

TEST_F(EngineBuilds, BrokenToolsAreASentenceEach) {
  tool("llama-server");
  tool("llama-cli", std::string("\x7f" "ELF\x02\x01", 6) + std::string(12, '\0') + std::string("\xb7\0", 2) + std::string(40, '\0'));
  tool("llama-bench", "text");
  listing_ = said("\tlibggml.so => not found\n\tlibllama.so => not found\n");
  const auto builds = find();
  ASSERT_EQ(builds.size(), 1u);
  EXPECT_FALSE(builds[0].engine);
  EXPECT_THAT(builds[0].tools[0].refusal, HasSubstr("libggml.so and libllama.so are missing"));
  EXPECT_THAT(builds[0].tools[1].refusal, HasSubstr("built for ARM64"));
  EXPECT_THAT(builds[0].tools[2].refusal, HasSubstr("no Linux program"));
}

TEST_F(EngineBuilds, AnIllegalInstructionIsNamedAndNotKept) {
  tool("llama-server");
  help_ = CommandResult();
  help_.end.signal = SIGILL;
  EXPECT_THAT(find()[0].tools[0].refusal, HasSubstr("built for another CPU (illegal instruction)"));
  help_ = said("  -rtr,  --run-time-repack\n");
  EXPECT_THAT(find()[0].tools[0].refusal, IsEmpty());
}

TEST_F(EngineBuilds, AStrangerIsNoEngine) {
  tool("llama-bench");
  help_ = said("usage: true\n  --help\n  --version\n");
  const auto builds = find();
  EXPECT_FALSE(builds[0].engine);
  EXPECT_THAT(builds[0].tools[0].refusal, HasSubstr("neither that of a tool of llama.cpp"));
}

TEST_F(EngineBuilds, NothingThereIsNoError) {
  EXPECT_THAT(find(), IsEmpty());
  EXPECT_THROW(find_engine_builds({.dir = "/nowhere"}), Error);
}

TEST(LibrariesOfListing, AreReadInTheLoadersWords) {
  const LoadedLibraries libraries = libraries_of_listing(
      "\tlinux-vdso.so.1 (0x00007ffd)\n\tlibgomp.so.1 => /lib/x86_64-linux-gnu/libgomp.so.1 (0x00007f)\n\tlibx.so => not found\n\t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n");
  EXPECT_THAT(libraries.paths, ElementsAre("/lib/x86_64-linux-gnu/libgomp.so.1"));
  EXPECT_THAT(libraries.missing, ElementsAre("libx.so"));
}

}  // namespace
}  // namespace oldiron::engine_builds_test
