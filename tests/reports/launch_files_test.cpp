#include "reports/launch_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "core/audit/pasted_line.hpp"
#include "core/text.hpp"
#include "reports/report.hpp"

namespace oldiron::reports::launch_files_test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

const std::vector<std::string> kHostile = {"plain",       "with blank",  "it's",          "\"quoted\"", "$(touch pwned)", "`touch pwned`",  "$HOME",    "${HOME}",
                                           "50%n",        "%%",          "back\\slash\\", "new\nline",  "tab\there",      "; touch pwned;", ";",        "&",
                                           "--",          "",            "*",             "~",          "#no comment",    "a=b",            "\x1b[31m", "| touch pwned",
                                           "> pwned",     "(sub)",       "{a,b}",         "!!",         "'\"'\"'",        "end\\",          "\r",       "\x7f"};

class LaunchFiles : public testing::Test {
 protected:
  LaunchFiles() {
    std::string name = (fs::temp_directory_path() / "oldiron_launch_XXXXXX").string();
    dir_ = mkdtemp(name.data());
  }

  ~LaunchFiles() override { fs::remove_all(dir_); }

  /// A program that writes its arguments to `seen`, each with a NUL behind it.
  std::string program(const std::string& name) {
    const std::string path = (dir_ / name).string();
    write_file(path, "#!/bin/sh\nfor each; do printf '%s\\0' \"$each\"; done > '" + (dir_ / "seen").string() + "'\nprintf '%s' \"$SET\" > '" +
                         (dir_ / "set").string() + "'\n");
    fs::permissions(path, fs::perms::owner_all);
    return path;
  }

  std::vector<std::string> seen() const {
    std::istringstream text(read_file((dir_ / "seen").string()));
    std::vector<std::string> words;
    for (std::string word; std::getline(text, word, '\0');) words.push_back(word);
    return words;
  }

  int sh(const std::string& script) {
    const std::string path = (dir_ / "serve.sh").string();
    write_file(path, script);
    return std::system(("cd '" + dir_.string() + "' && sh ./serve.sh").c_str());
  }

  fs::path dir_;
};

TEST_F(LaunchFiles, AScriptHandsEveryWordThrough) {
  std::vector<std::string> argv = {program("a $(touch pwned) 'server\" %n")};
  argv.insert(argv.end(), kHostile.begin(), kHostile.end());
  EXPECT_EQ(sh(launch_script(argv, "tuned $(touch pwned)\ntouch pwned")), 0);
  EXPECT_EQ(seen(), kHostile);
  EXPECT_FALSE(fs::exists(dir_ / "pwned"));
}

TEST_F(LaunchFiles, AScriptSetsVariablesWhateverTheyHold) {
  const std::string value = "a b $(touch pwned) 'c'";
  EXPECT_EQ(sh(launch_script({"SET=" + value, program("server"), "-m", "x"}, "")), 0);
  EXPECT_EQ(read_file((dir_ / "set").string()), value);
  EXPECT_EQ(seen(), (std::vector<std::string>{"-m", "x"}));
  EXPECT_FALSE(fs::exists(dir_ / "pwned"));
}

TEST(PrintedLine, IsReadBackAsItself) {
  for (const std::string& word : kHostile) {
    const std::vector<std::string> argv = {"/opt/my engines/llama-server", "-m", word, "-c", "512"};
    std::vector<std::string> notes;
    EXPECT_EQ(shell_words(command_line(argv), notes), argv) << command_line(argv);
    EXPECT_TRUE(notes.empty()) << command_line(argv);
  }
}

TEST(LaunchUnit, EveryWordMeansItself) {
  const std::string unit = launch_unit({.about = "x\nExecStart=/bin/false", .argv = {"/opt/100% $HOME/llama-server", "-m", "it's $(x) 50% \"q\" \\ new\nline;", ";", ""}});
  EXPECT_THAT(unit, HasSubstr("ExecStart=\"/opt/100%% $HOME/llama-server\" -m \"it's $$(x) 50%% \\\"q\\\" \\\\ new\\x0aline;\" \";\" \"\"\n"));
  EXPECT_THAT(unit, Not(HasSubstr("\nExecStart=/bin/false")));
  EXPECT_THAT(unit, Not(HasSubstr("LimitMEMLOCK")));
  EXPECT_THAT(launch_unit({.argv = {"/opt/it's/llama-server"}}), HasSubstr("ExecStart=/usr/bin/env \"/opt/it's/llama-server\"\n"));
}

TEST(LaunchUnit, SaysWhatIsSetAroundTheProgram) {
  const std::string unit = launch_unit({.about = "a",
                                        .argv = {"/bin/true"},
                                        .environment = {{"GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"}, {"A", "b 50%"}},
                                        .cpus = {0, 2},
                                        .numa_policy = "interleave",
                                        .locks_memory = true});
  EXPECT_THAT(unit, HasSubstr("Environment=GLIBC_TUNABLES=glibc.malloc.hugetlb=1\nEnvironment=\"A=b 50%%\"\n"));
  EXPECT_THAT(unit, HasSubstr("LimitMEMLOCK=infinity\nCPUAffinity=0 2\nNUMAPolicy=interleave\nNUMAMask=all\n"));
  EXPECT_TRUE(locks_memory({"x", "--mlock"}));
  EXPECT_TRUE(locks_memory({"x", "-lm", "mmap+mlock"}));
  EXPECT_FALSE(locks_memory({"x", "-m", "--no-mmap"}));
}

TEST_F(LaunchFiles, SystemdTakesTheUnit) {
  if (std::system("systemd-analyze --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "there is no systemd-analyze";
  int number = 0;
  for (const std::string& name : {std::string("server"), std::string("a $HOME 50% server")}) {
    std::vector<std::string> argv = {program(name)};
    argv.insert(argv.end(), kHostile.begin(), kHostile.end());
    const std::string unit = (dir_ / ("oldiron" + std::to_string(++number) + ".service")).string(), said = (dir_ / "said").string();
    write_file(unit, launch_unit({.about = "50% of it's \"quoted\"", .argv = argv, .environment = {{"A", "b c"}}, .cpus = {0}, .numa_policy = "interleave", .locks_memory = true}));
    EXPECT_EQ(std::system(("systemd-analyze verify '" + unit + "' > '" + said + "' 2>&1").c_str()), 0) << read_file(said) << read_file(unit);
    EXPECT_THAT(read_file(said), Not(HasSubstr("oldiron"))) << read_file(unit);
  }
}

}  // namespace
}  // namespace oldiron::reports::launch_files_test
