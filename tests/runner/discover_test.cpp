#include "runner/discover.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "core/text.hpp"

namespace oldiron::discover_test {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string recorded(const std::string& name) {
  return read_file(std::string(OLDIRON_TEST_DATA "/engines/") + name);
}

CommandResult exited(int code, const std::string& out, const std::string& err = "") {
  CommandResult result;
  result.end.exit_code = code;
  result.out.append(out);
  result.err.append(err);
  return result;
}

class Discover : public testing::Test {
 protected:
  Discover() : dir_(fs::temp_directory_path() / ("oldiron_discover_" + std::to_string(getpid()))) {
    fs::remove_all(dir_);
    fs::create_directories(dir_);
  }

  ~Discover() override { fs::remove_all(dir_); }

  /// A script called llama-bench in `folder`; its content stays empty, as the tests' run function never
  /// starts it.
  std::string bench(const std::string& folder, const std::string& content = "#!/bin/sh\n") {
    const fs::path path = dir_ / folder / "llama-bench";
    fs::create_directories(path.parent_path());
    std::ofstream(path) << content;
    fs::permissions(path, fs::perms::owner_all);
    return path.string();
  }

  fs::path dir_;
};

TEST(FlagsOfHelp, KnowsTheFlagsOfBothEngines) {
  const auto ik = flags_of_help(recorded("ik_llama-4840/help.txt"));
  for (const char* flag : {"-rtr", "--run-time-repack", "-tgb", "-mmp", "-fa", "-ub", "--numa", "-v"})
    EXPECT_THAT(ik, Contains(flag));
  EXPECT_THAT(ik, Not(Contains("-lm")));
  const auto llama = flags_of_help(recorded("llama_cpp-10587/help.txt"));
  for (const char* flag : {"-lm", "--load-mode", "-d", "-ot", "--override-tensor", "-hfr", "-v"})
    EXPECT_THAT(llama, Contains(flag));
  EXPECT_THAT(llama, Not(Contains("-rtr")));
}

TEST(FlagsOfHelp, ProseIsNoFlag) {
  const auto flags =
      flags_of_help("  -mmp, --mmap <0|1>   (DEPRECATED IN FAVOUR OF --new-mode)\n  see --other\n-x=<n>\n");
  EXPECT_THAT(flags, ElementsAre("--mmap", "-mmp", "-x"));
}

TEST(EngineOfFlags, TellsTheEnginesApart) {
  EXPECT_EQ(*engine_of_flags(flags_of_help(recorded("ik_llama-4840/help.txt"))), Engine::ik_llama);
  EXPECT_EQ(*engine_of_flags(flags_of_help(recorded("llama_cpp-10587/help.txt"))), Engine::llama_cpp);
  EXPECT_THAT(engine_of_flags({"-h", "--help"}).reason(), HasSubstr("neither"));
}

TEST(VersionOfFooter, ReadsBuildAndCommit) {
  EXPECT_EQ(version_of_footer(Engine::ik_llama, recorded("ik_llama-4840/footer.md")),
            "ik_llama.cpp 4840 (8337e4cd3)");
  EXPECT_EQ(version_of_footer(Engine::llama_cpp, recorded("llama_cpp-10587/footer.md")),
            "llama.cpp 10587 (3f545becc)");
  EXPECT_EQ(version_of_footer(Engine::llama_cpp, "no footer"), "");
}

TEST_F(Discover, NamesWhyAFileIsNoProgram) {
  EXPECT_EQ(why_no_program(bench("script")), "");
  EXPECT_THAT(why_no_program(bench("text", "hello, this is a text")), HasSubstr("no Linux program"));
  std::string arm(64, '\0');
  arm.replace(0, 6,
              "\x7f"
              "ELF\x02\x01");
  arm[18] = '\xb7';
  EXPECT_THAT(why_no_program(bench("arm", arm)), HasSubstr("built for ARM64"));
  const std::string sleeping = bench("sleeping");
  fs::permissions(sleeping, fs::perms::owner_read);
  EXPECT_THAT(why_no_program(sleeping), HasSubstr("not executable"));
}

TEST(WhyNoHelp, NamesTheCause) {
  EXPECT_EQ(why_no_help("b", exited(0, "")), "");
  CommandResult illegal;
  illegal.end.signal = SIGILL;
  EXPECT_THAT(why_no_help("b", illegal), HasSubstr("built for another CPU"));
  EXPECT_THAT(why_no_help("b", exited(132, "")), HasSubstr("built for another CPU"));
  EXPECT_THAT(
      why_no_help("b", exited(127, "",
                              "b: error while loading shared libraries: libllama.so: cannot open shared "
                              "object file: No such file or directory\n")),
      HasSubstr("libllama.so: cannot open"));
  EXPECT_THAT(
      why_no_help("b", exited(1, "", "b: /lib/libc.so.6: version `GLIBC_2.38' not found (required by b)\n")),
      HasSubstr("newer system"));
  CommandResult hung;
  hung.timed_out = true;
  EXPECT_THAT(why_no_help("b", hung), HasSubstr("did not end"));
}

TEST_F(Discover, FindsBenchesTwoLevelsDownEachFolderOnce) {
  const std::string ik = bench("ik/build/bin"), llama = bench("llama.cpp/bin"), plain = bench("plain");
  bench("too/deep/now");
  bench(".hidden");
  fs::create_directory_symlink(dir_ / "plain", dir_ / "z");
  EXPECT_THAT(find_benches(dir_.string()), ElementsAre(ik, llama, plain));
  EXPECT_THAT(find_benches((dir_ / "ik").string()), ElementsAre(ik));
}

TEST_F(Discover, AsksEachAndKeepsTheReasonOfThoseThatCannotBeUsed) {
  const std::string broken = bench("broken"), ik = bench("ik"), llama = bench("llama");
  const auto run = [&](const std::vector<std::string>& argv, double) {
    if (argv[0] == broken) return exited(127, "", "error while loading shared libraries: libx.so\n");
    const std::string folder = argv[0] == ik ? "ik_llama-4840/" : "llama_cpp-10587/";
    return exited(0, recorded(folder + (argv[1] == "--help" ? "help.txt" : "footer.md")));
  };
  const Discovery discovery = discover(dir_.string(), run);
  ASSERT_EQ(discovery.engines.size(), 2u);
  EXPECT_EQ(discovery.engines[0].version, "ik_llama.cpp 4840 (8337e4cd3)");
  EXPECT_EQ(discovery.engines[1].version, "llama.cpp 10587 (3f545becc)");
  EXPECT_EQ(discovery.engines[1].bench, llama);
  EXPECT_TRUE(discovery.engines[0].knows("-rtr"));
  ASSERT_EQ(discovery.rejected.size(), 1u);
  EXPECT_THAT(discovery.rejected[0].reason, HasSubstr("libx.so"));
  EXPECT_EQ(discover(ik, run).engines.size(), 1u);
}

TEST_F(Discover, ABuildWithoutNumberIsKnownByItsFile) {
  const auto run = [](const std::vector<std::string>& argv, double) {
    return exited(0, argv[1] == "--help" ? recorded("ik_llama-4840/help.txt") : "");
  };
  bench("a", "#!/bin/sh\necho one\n");
  const std::string one = discover(dir_.string(), run).engines.at(0).version;
  bench("a", "#!/bin/sh\necho two\n");
  const std::string two = discover(dir_.string(), run).engines.at(0).version;
  EXPECT_THAT(one, HasSubstr("build unknown"));
  EXPECT_NE(one, two);
}

TEST_F(Discover, SaysWhatIsMissing) {
  EXPECT_THROW(discover((dir_ / "nowhere").string()), Error);
  EXPECT_THROW(discover(dir_.string()), Error);
}

TEST_F(Discover, ToolsAreAskedInAFolderOfTheirOwn) {
  const std::string relative = fs::relative(bench("asked", "#!/bin/sh\npwd\ntouch left_behind\n")).string();
  const std::string folder = ask_guarded({relative}, 20).out.text();
  EXPECT_NE(folder, fs::current_path().string() + "\n");
  EXPECT_FALSE(fs::exists(folder.substr(0, folder.find('\n')))) << "gone, with what was left behind";
  EXPECT_FALSE(fs::exists("left_behind"));
}

TEST_F(Discover, AsksARealProcess) {
  fs::create_symlink(OLDIRON_FAKE_ENGINE, dir_ / "llama-bench");
  std::ofstream(dir_ / "fake_engine.conf") << "engine=ik_llama\n";
  const Discovery discovery = discover(dir_.string());
  ASSERT_EQ(discovery.engines.size(), 1u) << discovery.rejected.at(0).reason;
  EXPECT_EQ(discovery.engines[0].version, "ik_llama.cpp 4242 (fa4e000)");
}

}  // namespace
}  // namespace oldiron::discover_test
