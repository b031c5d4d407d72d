// A tune beside the line that a person has, and what it notes of the state around its trials; on an engine of known speeds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/app/program.hpp"

namespace oldiron::test::baseline_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Baseline : public testing::Test {
 protected:
  Baseline() {
    fs::create_directory(folder_ / "engine");
    fs::create_symlink(OLDIRON_FAKE_ENGINE, folder_ / "engine/llama-bench");
    write_file(folder_ / "engine/fake_engine.conf", "engine=ik_llama\nlog=" + folder_ / "log" + "\n");
  }

  /// Few trials: repacking alone is searched.
  Ran tune(const std::vector<std::string>& more) const {
    std::vector<std::string> arguments = {"tune",    kTinyModel, "--engine", folder_ / "engine", "--out",   folder_ / "out", "--budget", "20h", "--quiet-wait", "0",
                                          "--decode_threads", "1",        "--prefill_threads", "1", "--set", "ubatch=512", "--set", "load_mode=automatic",
                                          "--set", "flash_attention=on", "--set", "malloc_pages=automatic"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }

  Json report() const { return read_json(folder_ / "out/report.json"); }

  Folder folder_;
};

TEST_F(Baseline, TheLineRunsInTurnsAndIsComparedAndWhatItCannotSayIsTold) {
  const Ran ran = tune({"--baseline", "--", "OMP_PROC_BIND=close numactl --interleave=all ./llama-server -m " + kTinyModel + " -t 1 -tb 1 -fa on -b 1024 -c 8192 --jinja"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.err, AllOf(HasSubstr("not in the comparison: -c 8192: "), HasSubstr("not in the comparison: --jinja: ")));
  EXPECT_THAT(ran.out, testing::ContainsRegex("yours: [0-9.]+, tuned: [0-9.]+ t/s, 1\\.[0-9]+x \\(1\\.[0-9]+–1\\.[0-9]+\\)"));
  EXPECT_THAT(ran.out, HasSubstr("--jinja: llama-bench has no such flag"));
  const Json yours = report()["yours"];
  EXPECT_EQ(yours["winner"], "tuned");
  EXPECT_EQ(yours["pairs"], 3);
  const Json& command = yours["command"];
  EXPECT_EQ(command[0], "OMP_PROC_BIND=close");
  EXPECT_EQ(command[1], "numactl");
  EXPECT_EQ(command[2], "--interleave=all");
  EXPECT_NE(std::find(command.begin(), command.end(), "1024"), command.end());
  // The same again from the journal: nothing runs, and the words are the same.
  const std::string log = read_file(folder_ / "log");
  const Ran again = run({"report", folder_ / "out"});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(read_file(folder_ / "log"), log);
  EXPECT_EQ(report()["yours"], yours);
}

TEST_F(Baseline, ALineThatIsTheBestFindsNoWinner) {
  const Ran ran = tune({"--set", "repack=on", "--baseline", "--", "llama-server", "-m", kTinyModel, "-t", "1", "-rtr", "-fa", "on"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, testing::ContainsRegex("no[ \n]significant winner"));
  EXPECT_EQ(report()["yours"]["winner"], "none");
}

class ServerOnly : public Baseline {
 protected:
  ServerOnly() { fs::create_symlink(OLDIRON_FAKE_ENGINE, folder_ / "engine/llama-server"); }

  void expect_all_by_server() const {
    for (const Json& trial : report()["trials"]) {
      const auto command = trial["provenance"]["command"].get<std::vector<std::string>>();
      EXPECT_TRUE(std::any_of(command.begin(), command.end(), [](const std::string& word) { return word.ends_with("/llama-server"); })) << trial["provenance"].dump();
      EXPECT_TRUE(trial["provenance"]["places"].contains("file_bytes"));
    }
  }
};

TEST_F(ServerOnly, AFlagThatLlamaBenchLacksTakesTheWholeComparisonToTheServer) {
  write_file(folder_ / "engine/fake_engine.conf", "engine=llama_cpp\nlog=" + folder_ / "log" + "\n");
  const Ran ran = run({"tune", kTinyModel, "--engine", folder_ / "engine", "--out", folder_ / "out", "--budget", "20h", "--quiet-wait", "0", "--decode_threads", "2", "--set", "ubatch=512", "--set",
                       "load_mode=automatic,read", "--set", "flash_attention=on", "--set", "malloc_pages=automatic", "--baseline", "--",
                       "llama-server -m " + kTinyModel + " -t 2 -tb 1 -np 2 --override-kv gemma4.expert_used_count=int:1 -c 512 --port 1"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.err, AllOf(HasSubstr("every trial runs through llama-server"), HasSubstr("of your line: llama-bench cannot say it"),
                             HasSubstr("not in the comparison: -c 512: "), HasSubstr("not in the comparison: --port 1: ")));
  expect_all_by_server();
  const Json yours = report()["yours"];
  EXPECT_EQ(yours["winner"], "tuned");
  EXPECT_EQ(yours["pairs"], 3);
  const std::string command = yours["command"].dump();
  EXPECT_THAT(command, AllOf(HasSubstr("\"-tb\",\"1\""), HasSubstr("\"-np\",\"2\""), HasSubstr("gemma4.expert_used_count=int:1")));
  EXPECT_THAT(ran.out, testing::ContainsRegex("through[ \n]+llama-server"));  // a line may end between
  const std::string log = read_file(folder_ / "log");
  ASSERT_EQ(run({"report", folder_ / "out"}).exit_code, 0);
  EXPECT_EQ(read_file(folder_ / "log"), log) << "all from the journal";
  EXPECT_EQ(report()["yours"], yours);
}

TEST_F(ServerOnly, ASettingThatLlamaBenchLacksTakesAllTrialsToTheServer) {
  write_file(folder_ / "engine/fake_engine.conf", "engine=llama_cpp\n");
  const auto tune = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"tune", kTinyModel, "--engine", folder_ / "engine", "--out", folder_ / "out", "--budget", "20h", "--quiet-wait", "0", "--set", "ubatch=512",
                                          "--set", "load_mode=automatic", "--set", "flash_attention=on", "--set", "malloc_pages=automatic"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  };
  const Ran ran = tune({"--set", "decode_threads=2", "--set", "prefill_threads=2,1", "--set", "n_experts=2,1"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("every trial runs through llama-server, so that all figures come from one program (n_experts=1: llama-bench has no --override-kv)"));
  EXPECT_THAT(ran.err, HasSubstr("then the answer is started once more by its own line"));
  expect_all_by_server();
  EXPECT_EQ(report()["answer"]["lossless"]["config"]["n_experts"], 2) << "fewer experts without a measured quality are no answer";
  fs::remove(folder_ / "engine/llama-server");
  const Ran refused = tune({"--set", "decode_threads=2", "--set", "prefill_threads=2,1"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("--prefill_threads: prefill_threads=1: llama-bench has one thread count for both phases, and there is no llama-server beside"));
  EXPECT_EQ(tune({"--set", "decode_threads=2", "--set", "prefill_threads=2"}).exit_code, 0) << "one count is what llama-bench has";
}

TEST_F(Baseline, TrialsNoteWhereTheirMemoryCameFrom) {
  const Ran ran = tune({"--max-trials", "2", "--set", "malloc_pages=transparent", "--set", "node_policy=interleave"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.err, AllOf(HasSubstr("model: "), HasSubstr("loads of the model (the first about ")));
  const Json trial = report()["trials"][0];
  EXPECT_EQ(trial["provenance"]["command"][0], "GLIBC_TUNABLES=glibc.malloc.hugetlb=1");
  EXPECT_EQ(trial["provenance"]["command"][1], "numactl");
  EXPECT_EQ(trial["provenance"]["places"]["file_bytes"], fs::file_size(kTinyModel));
  EXPECT_THAT(ran.out, HasSubstr("    GLIBC_TUNABLES=glibc.malloc.hugetlb=1 numactl "));
}

TEST_F(Baseline, WhatMakesNoSenseIsRefused) {
  const auto refused = [&](const std::vector<std::string>& arguments, const char* words) {
    const Ran ran = run(arguments);
    EXPECT_EQ(ran.exit_code, 2);
    EXPECT_THAT(ran.err, HasSubstr(words));
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
  };
  refused({"tune", kTinyModel, "--baseline"}, "whose folder --engine names");
  refused({"tune", kTinyModel, "--cold"}, "--cold: our own engine");
  refused({"tune", kTinyModel, "--engine", folder_ / "engine", "--", "llama-server"}, "--baseline is not given");
  refused({"tune", kTinyModel, "--engine", folder_ / "engine", "--baseline", "--", "ls -la"}, "oldiron: ");
}

}  // namespace
}  // namespace oldiron::test::baseline_test
