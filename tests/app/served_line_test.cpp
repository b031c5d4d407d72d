// The end of a tune on a foreign engine: its line is started as it is printed, and written as files that start it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "core/audit/pasted_line.hpp"
#include "tests/app/program.hpp"

namespace oldiron::test::served_line_test {
namespace {

using testing::Contains;
using testing::HasSubstr;

class ServedLine : public testing::Test {
 protected:
  ServedLine() {
    fs::create_directory(folder_ / "engine's $(touch pwned)");
    for (const char* tool : {"llama-bench", "llama-server"}) fs::create_symlink(OLDIRON_FAKE_ENGINE, engine() + "/" + tool);
    fs::create_symlink(kTinyModel, model());
  }

  std::string engine() const { return folder_ / "engine's $(touch pwned)"; }

  std::string model() const { return folder_ / "a %n \"model\"\n$(touch pwned).gguf"; }

  Ran tune(const std::string& settings) const {
    write_file(engine() + "/fake_engine.conf", "engine=ik_llama\nlog=" + (folder_ / "log") + "\n" + settings);
    return run({"tune", model(), "--engine", engine(), "--out", folder_ / "out", "--budget", "20h", "--quiet-wait", "0", "--max-trials", "6"}, folder_.path());
  }

  Json flags() const { return read_json(folder_ / "out/report.json").at("answer").at("lossless").at("flags").at("ik_llama_cpp"); }

  Folder folder_;
};

TEST_F(ServedLine, IsStartedAsItIsPrintedAndWrittenAsFiles) {
  const Ran ran = tune("");
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const Json line = flags();
  EXPECT_EQ(line.at("basis"), "confirmed") << line.dump();
  EXPECT_GT(line.at("served").at("decode_tokens_per_s").at("median").get<double>(), 0);
  EXPECT_EQ(line.at("served").at("finding"), "") << "the fake is as fast in both tools";
  std::vector<std::string> notes;
  const auto argv = line.at("argv").get<std::vector<std::string>>();
  EXPECT_EQ(shell_words(line.at("line").get<std::string>(), notes), argv);
  EXPECT_THAT(argv.front(), testing::EndsWith("/llama-server"));
  EXPECT_THAT(argv, Contains(fs::canonical(folder_.path()).string() + "/a %n \"model\"\n$(touch pwned).gguf"));
  EXPECT_THAT(argv, Contains("127.0.0.1"));
  // What the log has is what was run.
  std::string joined;
  for (std::size_t i = 1; i < argv.size(); ++i) joined += argv[i] + " ";
  EXPECT_THAT(read_file(folder_ / "log"), HasSubstr(joined + "\n"));
  EXPECT_THAT(ran.out, HasSubstr("this very line was started and asked"));
  EXPECT_THAT(read_file(folder_ / "out/serve.sh"), HasSubstr("llama-server"));
  EXPECT_TRUE(fs::exists(folder_ / "out/llama-server.service"));
  EXPECT_FALSE(fs::exists(folder_ / "pwned"));
  EXPECT_EQ(run({"report", folder_ / "out"}, folder_.path()).exit_code, 0);
  EXPECT_EQ(flags(), line) << "a report that is written again";
}

TEST_F(ServedLine, ACrashOfRepackingIsMendedInTheLine) {
  write_file(engine() + "/fake_engine.conf", "engine=llama_cpp\nfail=segv\nfail_flag=--port\nfail_without=--no-repack\n");
  const Ran ran = run({"tune", model(), "--engine", engine(), "--out", folder_ / "out", "--budget", "20h", "--quiet-wait", "0", "--max-trials", "6"}, folder_.path());
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const Json line = read_json(folder_ / "out/report.json").at("answer").at("lossless").at("flags").at("llama_cpp");
  EXPECT_EQ(line.at("basis"), "confirmed") << line.dump();
  EXPECT_THAT(line.at("argv").get<std::vector<std::string>>(), Contains("--no-repack"));
  EXPECT_THAT(line.at("served").at("finding").get<std::string>(), testing::StartsWith("with repack=off: without it the server crashed"));
  EXPECT_THAT(read_file(folder_ / "out/serve.sh"), HasSubstr("--no-repack"));
}

TEST_F(ServedLine, WhatStandsInFrontIsTheUnitsOwnSetting) {
  write_file(engine() + "/fake_engine.conf", "engine=ik_llama\n");
  const Ran ran = run({"tune", model(), "--engine", engine(), "--out", folder_ / "out", "--budget", "20h", "--quiet-wait", "0", "--max-trials", "4", "--set", "malloc_pages=transparent", "--set",
                       "node_policy=interleave", "--set", "cpu_set=cores"},
                      folder_.path());
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const std::string unit = read_file(folder_ / "out/llama-server.service");
  EXPECT_THAT(unit, HasSubstr("\nEnvironment=GLIBC_TUNABLES=glibc.malloc.hugetlb=1\nExecStart="));
  EXPECT_THAT(unit, HasSubstr("\nCPUAffinity=0"));
  EXPECT_THAT(unit, HasSubstr("\nNUMAPolicy=interleave\nNUMAMask=all\n"));
  EXPECT_THAT(unit, testing::Not(HasSubstr("numactl")));
  EXPECT_THAT(unit, testing::Not(HasSubstr("taskset")));
  EXPECT_THAT(read_file(folder_ / "out/serve.sh"), HasSubstr("exec env GLIBC_TUNABLES=glibc.malloc.hugetlb=1 numactl --interleave=all taskset -c "));
  for (const char* program : {"numactl", "taskset"}) {
    const bool here = std::system((std::string("command -v ") + program + " > /dev/null 2>&1").c_str()) == 0;
    const std::string finding = flags().at("served").at("finding");
    EXPECT_EQ(finding.find(std::string(program) + " is not installed here") == std::string::npos, here) << finding;
  }
}

TEST_F(ServedLine, AServerThatFailsIsToldAndTheTuneStands) {
  for (const char* fail : {"segv", "exit", "kill", "null"}) {
    const Ran ran = tune("fail_flag=--port\nfail_at=generation\nfail=" + std::string(fail) + "\n");
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_EQ(flags().at("basis"), "untested");
    EXPECT_THAT(flags().at("reason").get<std::string>(), HasSubstr("started once, and llama-server"));
    EXPECT_FALSE(fs::exists(folder_ / "out/serve.sh")) << "a script of a line that does not run";
  }
  // It runs again once the engine is mended.
  EXPECT_EQ(tune("").exit_code, 0);
  EXPECT_EQ(flags().at("basis"), "confirmed");
}

}  // namespace
}  // namespace oldiron::test::served_line_test
