// Audits that run: what a log and /proc prove, how a line is rewritten, and engines that refuse, crash or hang.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/clock.hpp"
#include "core/text.hpp"
#include "runner/audit/evidence.hpp"
#include "runner/audit/run_log.hpp"
#include "runner/audit/rewrite.hpp"
#include "runner/audit/run_audit.hpp"

namespace oldiron::audit_test {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string kData = OLDIRON_TEST_DATA "/audit/";

Audit audit_of(const std::string& line, Engine engine) {
  AuditSurroundings around{.engine = engine};
  around.machine.nodes = 1;
  return judge(read_pasted_line({line}), around);
}

FlagRow& row(Audit& audit, const std::string& word) {
  for (FlagRow& each : audit.rows)
    if (each.flag.word == word) return each;
  throw Error("no row " + word);
}

/// Every row weighed by a recorded log, with nothing seen in /proc.
Audit weighed(const std::string& line, Engine engine, const std::string& log) {
  Audit audit = audit_of(line, engine);
  const std::string text = read_file(kData + log);
  for (FlagRow& each : audit.rows) weigh(each, {.log = text}, false);
  return audit;
}

TEST(MatchingLine, NumbersAndValuesAreFilledIn) {
  const std::string log = "first\n  K  (q8_0):   0.27 MiB \nRepacked 0 tensors\nn_ctx = 8192\n";
  EXPECT_EQ(matching_line(log, "K ({value}): {+}", "q8_0"), "K (q8_0): 0.27 MiB");
  EXPECT_EQ(matching_line(log, "K ({value}): {+}", "q4_0"), "");
  EXPECT_EQ(matching_line(log, "Repacked {} tensors", ""), "Repacked 0 tensors");
  EXPECT_EQ(matching_line(log, "Repacked {+} tensors", ""), "");
  EXPECT_EQ(matching_line(log, "n_ctx         = {value}", "8192"), "n_ctx = 8192");
  EXPECT_EQ(matching_line(log, "n_ctx = {value}", "8"), "") << "8 is not 8192";
  EXPECT_EQ(matching_line(log, "n_ctx = {value}", ""), "");
  EXPECT_EQ(matching_line("", "x", ""), "");
  EXPECT_EQ(matching_line(std::string(1 << 20, 'x'), "x{}", ""), "");
}

TEST(Weigh, TheLogOfIk) {
  Audit audit = weighed(
      "llama-cli -m m.gguf -c 512 -t 3 -rtr -muge -ctk q8_0 -ctv q8_0 -b 256 -ub 1024 -smgs -sas -smf32 -ser 4,1 -ger -mla 1 -mea 64",
      Engine::ik_llama, "ik_llama-4840.log");
  for (const char* flag : {"-c", "-rtr", "-muge", "-ctk", "-b"}) {
    EXPECT_EQ(row(audit, flag).verdict, FlagVerdict::took_effect) << flag;
    EXPECT_THAT(row(audit, flag).evidence, HasSubstr("its log: ")) << flag;
  }
  EXPECT_EQ(row(audit, "-ub").verdict, FlagVerdict::changed);
  EXPECT_THAT(row(audit, "-ub").evidence, HasSubstr("n_ubatch = 256"));
  EXPECT_EQ(row(audit, "-ctv").verdict, FlagVerdict::no_trace) << "that log keeps its values as f16";
  for (const char* flag : {"-smgs", "-sas", "-smf32", "-ger"}) EXPECT_EQ(row(audit, flag).verdict, FlagVerdict::echoed_only) << flag;
  EXPECT_EQ(row(audit, "-ser").verdict, FlagVerdict::inert);
  EXPECT_EQ(row(audit, "-mea").verdict, FlagVerdict::not_applicable);
  EXPECT_EQ(row(audit, "-mla").verdict, FlagVerdict::not_applicable);
  EXPECT_THAT(row(audit, "-mla").evidence, HasSubstr("no MLA"));
  EXPECT_EQ(row(audit, "-t").verdict, FlagVerdict::no_trace);
}

TEST(Weigh, TheLogOfLlama) {
  Audit audit = weighed("llama-cli -m m.gguf -c 512 -ctk q8_0 -b 256 -ub 1024 -sm row --spec-draft-n-max 4 --poll 0 -cmoe -np 1", Engine::llama_cpp,
                        "llama_cpp-10587.log");
  for (const char* flag : {"-c", "-ctk", "-b"}) EXPECT_EQ(row(audit, flag).verdict, FlagVerdict::took_effect) << flag;
  EXPECT_EQ(row(audit, "-ub").verdict, FlagVerdict::changed);
  for (const char* flag : {"-sm", "--spec-draft-n-max", "-cmoe", "-np"})
    EXPECT_EQ(row(audit, flag).verdict, FlagVerdict::not_applicable) << flag;
  EXPECT_EQ(row(audit, "--poll").verdict, FlagVerdict::inert);
}

/// llama-server 6482, September 2025, with -lv 4.
TEST(Weigh, TheLogOfLlamaAYearBack) {
  const std::string log = read_file(kData + "llama_cpp-6482.server.log");
  AuditSurroundings around{.engine = Engine::llama_cpp, .build = 6482};
  around.machine.nodes = 1;
  Audit audit = judge(read_pasted_line({"llama-server -m m.gguf -c 512 -np 2 -ub 256 -ctk q8_0 -ctv q8_0 -b 4096 -lm none"}), around);
  for (FlagRow& each : audit.rows) weigh(each, {.log = log, .seen = {.graph = graph_of_log(log), .times = times_of_log(log)}}, false);
  for (const char* flag : {"-c", "-ub", "-ctk"}) EXPECT_EQ(row(audit, flag).verdict, FlagVerdict::took_effect) << flag;
  for (const char* flag : {"-np", "-b"}) EXPECT_EQ(row(audit, flag).verdict, FlagVerdict::changed) << flag;
  EXPECT_NE(row(audit, "-ctv").verdict, FlagVerdict::took_effect);
  EXPECT_THAT(graph_of_log(log).nodes, ElementsAre(131));
  EXPECT_DOUBLE_EQ(graph_of_log(log).compute_mib, 2.51);
  EXPECT_DOUBLE_EQ(graph_of_log(log).repacked_mib, 1.27);
  EXPECT_EQ(times_of_log(log).prompt_tokens, 8);
  EXPECT_EQ(times_of_log(log).generated_tokens, 4);
  EXPECT_THAT(features_of_log(log), Contains("REPACK"));
}

// Every flag of both engines against both logs: what the records hold for idle is never called effective.
TEST(Weigh, NothingIdleTakesEffect) {
  for (const Engine engine : {Engine::ik_llama, Engine::llama_cpp}) {
    const std::string log = read_file(kData + "ik_llama-4840.log") + read_file(kData + "llama_cpp-10587.log");
    for (const FlagRecord& record : flag_records()) {
      if (!record.is_of(engine) || record.values < 0) continue;
      for (const FlagVerdict verdict : {FlagVerdict::inert, FlagVerdict::echoed_only, FlagVerdict::not_applicable, FlagVerdict::default_anyway}) {
        FlagRow each{.flag = {.word = std::string(record.name()), .values = {"512"}, .record = &record}, .verdict = verdict};
        weigh(each,
              {.log = log,
               .seen = {.looked = true, .locked_bytes = 100, .huge_page_bytes = 1 << 30, .model_mapped = false, .bound = true, .working_threads = 512,
                        .graph = {.nodes = {9}, .compute_mib = 9}, .times = {.drafted_tokens = 9}},
               .without = RunSeen{.looked = true, .graph = {.nodes = {8}, .compute_mib = 8}},
               .weight_bytes = 100},
              false);
        EXPECT_NE(each.verdict, FlagVerdict::took_effect) << record.spellings;
      }
    }
  }
}

TEST(Weigh, ProcProvesWhatLogsDoNotTell) {
  Audit audit = audit_of("llama-cli -m m.gguf --mlock --no-mmap -t 6 -c 512", Engine::ik_llama);
  const RunSeen seen{.looked = true, .locked_bytes = 95, .model_mapped = false, .working_threads = 6};
  for (FlagRow& each : audit.rows) weigh(each, {.log = "failed to mlock 5-byte buffer", .seen = seen, .weight_bytes = 100}, false);
  for (const char* flag : {"--mlock", "--no-mmap", "-t"}) EXPECT_EQ(row(audit, flag).verdict, FlagVerdict::took_effect) << flag;
  Audit failed = audit_of("llama-cli -m m.gguf --mlock --no-mmap -t 6 -c 512", Engine::ik_llama);
  for (FlagRow& each : failed.rows)
    weigh(each,
          {.log = "failed to mlock 5-byte buffer", .seen = {.looked = true, .locked_bytes = 5, .model_mapped = true, .working_threads = 2}, .weight_bytes = 100},
          false);
  EXPECT_EQ(row(failed, "--mlock").verdict, FlagVerdict::declined);
  for (const char* flag : {"--no-mmap", "-t"}) EXPECT_EQ(row(failed, flag).verdict, FlagVerdict::no_trace) << flag;
}

TEST(Weigh, AComparisonShowsWhatTheGraphLost) {
  const RunSeen with{.graph = {.nodes = {149}, .compute_mib = 9}}, without{.graph = {.nodes = {153}, .compute_mib = 9}};
  Audit audit = audit_of("llama-cli -m m.gguf -mqkv -no-fmoe", Engine::ik_llama);
  EXPECT_TRUE(wants_comparison(row(audit, "-mqkv")));
  weigh(row(audit, "-mqkv"), {.seen = with, .without = without}, false);
  EXPECT_EQ(row(audit, "-mqkv").verdict, FlagVerdict::took_effect);
  EXPECT_EQ(row(audit, "-mqkv").evidence, "149 graph nodes, 153 without it");
  weigh(row(audit, "-no-fmoe"), {.seen = with, .without = with}, false);
  EXPECT_EQ(row(audit, "-no-fmoe").verdict, FlagVerdict::no_trace);
  EXPECT_EQ(row(audit, "-no-fmoe").evidence, "149 graph nodes with it and without");
  EXPECT_FALSE(look_alike(with, without));
}

TEST(Weigh, ALockOfAPartIsNoLock) {
  Audit audit = audit_of("llama-server -m m.gguf --mlock --no-repack", Engine::llama_cpp);
  weigh(row(audit, "--mlock"), {.seen = {.looked = true, .locked_bytes = 316 << 10}, .weight_bytes = 3700000}, false);
  EXPECT_EQ(row(audit, "--mlock").verdict, FlagVerdict::declined);
  EXPECT_EQ(row(audit, "--mlock").evidence, "VmLck 323.6 kB of 3.7 MB weights");
  weigh(row(audit, "--no-repack"), {.without = RunSeen{.graph = {.repacked_mib = 3.3}}}, false);
  EXPECT_EQ(row(audit, "--no-repack").evidence, "0.0 MiB of weights repacked, 3.3 without it");
}

TEST(Weigh, HugePagesThatAreThereAnywayProveNothing) {
  const std::string line = "GLIBC_TUNABLES=glibc.malloc.hugetlb=1 llama-cli -m m.gguf --no-mmap";
  const RunSeen huge{.looked = true, .huge_page_bytes = 1 << 30}, few{.looked = true, .huge_page_bytes = 2 << 20};
  Audit anyway = audit_of(line, Engine::ik_llama), gained = audit_of(line, Engine::ik_llama);
  weigh(anyway.rows[0], {.seen = huge, .without = huge}, false);
  EXPECT_EQ(anyway.rows[0].verdict, FlagVerdict::no_trace);
  weigh(gained.rows[0], {.seen = huge, .without = few}, false);
  EXPECT_EQ(gained.rows[0].verdict, FlagVerdict::took_effect);
}

TEST(Weigh, WrappersByWhatProcShows) {
  Audit audit = judge(read_pasted_line({"numactl --interleave=all taskset -c 0 nice -n 5 llama-cli -m x"}),
                      {.machine = {.nodes = 2, .cores = {{.cpus = {0}}, {.cpus = {1}}}}});
  const RunSeen placed{.looked = true, .bound = true, .node_bytes = {5 << 20, 5 << 20}, .memory_policy = "interleave:0-1", .nice = 5};
  Audit bare = audit;
  for (FlagRow& each : audit.rows) weigh(each, {.seen = placed}, false);
  EXPECT_THAT(row(audit, "numactl").evidence, HasSubstr("numa_maps: interleave:0-1; 5.2 MB on node 0"));
  EXPECT_THAT(row(audit, "nice").evidence, HasSubstr("a niceness 5 above ours"));
  for (const char* word : {"numactl", "taskset", "nice"}) EXPECT_EQ(row(audit, word).verdict, FlagVerdict::took_effect) << word;
  for (FlagRow& each : bare.rows) weigh(each, {.seen = {.looked = true, .memory_policy = "default"}}, false);
  for (const char* word : {"numactl", "taskset", "nice"}) EXPECT_EQ(row(bare, word).verdict, FlagVerdict::no_trace) << word;
}

TEST(Rewrite, WhatNumactlTasksetAndNiceDoIsDoneWithoutThem) {
  const Audit audit = judge(read_pasted_line({"numactl -m 0 taskset -c 1 nice -n 5 llama-cli -m x"}), {.machine = {.nodes = 2, .cores = {{.cpus = {0}}, {.cpus = {1}}}}});
  const RunLine line = rewrite(audit, {.program = "p", .model = "m"}, {});
  EXPECT_EQ(line.command.argv.front(), "p");
  EXPECT_EQ(line.command.memory.kind, MemoryPolicy::Kind::bind);
  EXPECT_THAT(line.command.cpus, ElementsAre(1));
  EXPECT_EQ(line.command.nice, 5);
  EXPECT_THAT(line.front, ElementsAre("numactl", "-m", "0", "taskset", "-c", "1", "nice", "-n", "5"));
  const Audit nowhere = audit_of("taskset -c 9 numactl --interleave=all nice -n x llama-cli -m x", Engine::ik_llama);
  EXPECT_THAT(rewrite(nowhere, {.program = "p", .model = "m"}, {}).rewrites, Contains(HasSubstr("left out numactl --interleave=all: one NUMA node")));
  EXPECT_THAT(rewrite(nowhere, {.program = "p", .model = "m"}, {}).rewrites, Contains(HasSubstr("left out nice -n x: nice -n x is not read here")));
}

TEST(ComplaintOf, NamesTheFlag) {
  EXPECT_EQ(complaint_of("x\nerror: unknown argument: -C\n").flag, "-C");
  EXPECT_EQ(complaint_of("error: invalid argument: -rtr").flag, "-rtr");
  EXPECT_EQ(complaint_of("error: invalid parameter for argument: -sm\nusage").flag, "-sm");
  EXPECT_EQ(complaint_of("legacy speculative option '--draft-max' is disabled; use").flag, "--draft-max");
  EXPECT_EQ(complaint_of("error while handling argument \"--color\": error: unknown value").flag, "--color");
  EXPECT_EQ(complaint_of("all is well").flag, "");
}

TEST(Rewrite, ListensHereTalksToNobodyAndDownloadsNothing) {
  const Audit audit = audit_of("OMP_WAIT_POLICY=active LD_PRELOAD=x.so sudo llama-server -m there.gguf -hf some/model --host 0.0.0.0 --port 80 -cnv --jinja -md absent.gguf --api-key k",
                               Engine::ik_llama);
  const RunLine line = rewrite(audit, {.program = "/e/llama-server", .model = "/m.gguf", .port = 4711}, {});
  EXPECT_THAT(line.command.argv, ElementsAre("/e/llama-server", "--jinja", "-m", "/m.gguf", "-c", "4096", "--host", "127.0.0.1", "--port", "4711"));
  EXPECT_THAT(line.command.env, ElementsAre(std::pair<std::string, std::optional<std::string>>("OMP_WAIT_POLICY", "active")));
  for (const char* word : {"-cnv", "-hf", "absent.gguf", "sudo", "LD_PRELOAD", "-c 4096 instead", "127.0.0.1"})
    EXPECT_THAT(line.rewrites, Contains(HasSubstr(word))) << word;
}

TEST(Rewrite, ContextIsCutToWhatFits) {
  ModelSpec model{.context_length = 1 << 20, .layers = {LayerSpec{.n_head = 8, .n_head_kv = 8, .key_length = 128, .value_length = 128}}};
  model.tensors = {{.name = "blk.0.attn_k.weight", .layer = 0, .ne = {256, 1024, 1, 1}, .role = Role::attn}};
  const Audit audit = audit_of("llama-cli -m x -c 1048576", Engine::ik_llama);
  const RunLine line = rewrite(audit, {.program = "p", .model = "m", .usable_memory_bytes = std::int64_t{1} << 30, .spec = &model}, {});
  EXPECT_THAT(line.rewrites, Contains(HasSubstr("instead of 1048576")));
  ASSERT_EQ(line.altered.size(), 1u);
  EXPECT_EQ(line.altered[0]->flag.word, "-c");
}

TEST(RunAudit, AModelThatDoesNotFitIsNotLoaded) {
  ModelSpec model{.context_length = 4096, .layers = {LayerSpec{.n_head = 8, .n_head_kv = 8, .key_length = 128, .value_length = 128}}};
  model.tensors = {{.name = "blk.0.ffn_up.weight", .layer = 0, .ne = {1 << 15, 1 << 15, 1, 1}}};
  Audit audit = audit_of("llama-cli -m x", Engine::ik_llama);
  run_audit(audit, {.program = "/nowhere"}, {.model = "m", .usable_memory_bytes = 1 << 20, .spec = &model});
  EXPECT_THAT(audit.run_end, HasSubstr("not run: it needs more than"));
}

TEST(Rewrite, LeavesOutWhatItIsTold) {
  const Audit audit = audit_of("llama-bench -m x -rtr 1 -t 4 -n 500 -o md", Engine::ik_llama);
  const RunLine line = rewrite(audit, {.program = "p", .model = "m"}, {1});
  EXPECT_THAT(line.command.argv, ElementsAre("p", "-t", "4", "-m", "m", "-p", "64", "-n", "32", "-r", "1", "-o", "json", "-v"));
}

/// A folder with a fake llama-cli and its settings.
class AuditRuns : public testing::Test {
 protected:
  AuditRuns() : folder_(fs::temp_directory_path() / ("oldiron_audit_test_" + std::to_string(getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    fs::create_symlink(OLDIRON_FAKE_ENGINE, folder_ / "llama-cli");
    std::ofstream(folder_ / "m.gguf") << "weights";
  }

  ~AuditRuns() override { fs::remove_all(folder_); }

  Audit run(const std::string& line, const std::string& settings, double timeout_s = 60) {
    std::ofstream(folder_ / "fake_engine.conf") << "engine=ik_llama\nhelp=" << kData << "ik_llama-4840.help.txt\n" << settings;
    const AuditTool tool = find_tool(folder_.string(), "llama-cli", OLDIRON_BINARY);
    EXPECT_EQ(tool.engine, Engine::ik_llama);
    EXPECT_EQ(tool.version, "ik_llama.cpp 4242 (fa4e000)");
    Audit audit = audit_of(line, tool.engine);
    run_audit(audit, tool, {.model = (folder_ / "m.gguf").string(), .timeout_s = timeout_s, .guard_program = OLDIRON_BINARY});
    return audit;
  }

  fs::path folder_;
};

constexpr const char* kLine = "llama-cli -m m.gguf -c 512 -rtr -muge -ctk q8_0 -b 256 -ub 1024 -smgs -sas";
const std::string kSay = "say=" + kData + "ik_llama-4840.log\n";

TEST_F(AuditRuns, EvidenceOfARunThatEndsWell) {
  Audit audit = run(kLine, kSay);
  EXPECT_EQ(audit.run_end, "");
  EXPECT_EQ(row(audit, "-rtr").verdict, FlagVerdict::took_effect);
  EXPECT_EQ(row(audit, "-smgs").verdict, FlagVerdict::echoed_only);
  EXPECT_THAT(audit.ran, HasSubstr("-rtr"));
}

TEST_F(AuditRuns, ARefusedFlagIsNamedAndTheRestJudged) {
  Audit audit = run(std::string(kLine) + " --no-repack --draft-max 3", kSay);
  EXPECT_EQ(row(audit, "--no-repack").verdict, FlagVerdict::rejected);
  EXPECT_THAT(row(audit, "--no-repack").evidence, HasSubstr("invalid parameter for argument: --no-repack"));
  EXPECT_EQ(row(audit, "--draft-max").verdict, FlagVerdict::rejected);
  EXPECT_EQ(row(audit, "-rtr").verdict, FlagVerdict::took_effect);
  EXPECT_THAT(audit.ran, Not(HasSubstr("--no-repack")));
  EXPECT_THAT(audit.ran, Not(HasSubstr("--draft-max")));
  EXPECT_EQ(audit.run_end, "");
}

TEST_F(AuditRuns, ACrashIsNamedAndProvesNothing) {
  Audit audit = run(kLine, "fail=segv\n" + kSay);
  EXPECT_THAT(audit.run_end, HasSubstr("SIGSEGV"));
  EXPECT_THAT(audit.run_end, HasSubstr("those of the records"));
  EXPECT_EQ(row(audit, "-rtr").verdict, FlagVerdict::can_act);
}

TEST_F(AuditRuns, AHangIsStopped) {
  Audit audit = run(kLine, "fail=hang\n", 0.5);
  EXPECT_THAT(audit.run_end, HasSubstr("did not end"));
  EXPECT_EQ(row(audit, "-rtr").verdict, FlagVerdict::can_act);
}

TEST_F(AuditRuns, AFailedLoadIsTold) {
  const Audit audit = run(kLine, "fail=exit\n");
  EXPECT_THAT(audit.run_end, HasSubstr("exited with code 1"));
  EXPECT_THAT(audit.run_end, HasSubstr("failed to load model"));
}

TEST_F(AuditRuns, AServerIsAskedForTokensBehindAKey) {
  fs::create_symlink(OLDIRON_FAKE_ENGINE, folder_ / "llama-server");
  const std::string help = (folder_ / "help.txt").string();
  std::ofstream(help) << read_file(kData + "ik_llama-4840.help.txt") << "  --host HOST\n  --port PORT\n  --api-key KEY\n  --metrics\n";
  std::ofstream(folder_ / "fake_engine.conf") << "engine=ik_llama\nhelp=" << help << "\n" << kSay;
  const AuditTool tool = find_tool(folder_.string(), "llama-server", OLDIRON_BINARY);
  Audit audit = audit_of("llama-server -m m.gguf -rtr --no-repack --host 0.0.0.0 --port 80 --api-key theirs", tool.engine);
  const AuditRan ran = run_audit(audit, tool, {.model = (folder_ / "m.gguf").string(), .timeout_s = 60, .guard_program = OLDIRON_BINARY});
  EXPECT_TRUE(ran.worked) << audit.run_end;
  EXPECT_EQ(ran.times.prompt_tokens, 100) << "it answers nobody without the key";
  EXPECT_GT(ran.times.decode_tokens_per_s, 0);
  EXPECT_EQ(row(audit, "-rtr").verdict, FlagVerdict::took_effect);
  EXPECT_EQ(row(audit, "--no-repack").verdict, FlagVerdict::rejected);
  EXPECT_THAT(audit.ran, HasSubstr("--api-key KEY"));
  EXPECT_THAT(audit.ran, Not(HasSubstr("theirs")));
  EXPECT_THAT(audit.rewrites, Contains(HasSubstr("behind a random key")));
}

TEST_F(AuditRuns, AServerThatDiesIsTold) {
  fs::create_symlink(OLDIRON_FAKE_ENGINE, folder_ / "llama-server");
  std::ofstream(folder_ / "fake_engine.conf") << "engine=ik_llama\nfail=abort\n";
  Audit audit = audit_of("llama-server -m m.gguf -rtr", Engine::ik_llama);
  const AuditRan ran = run_audit(audit, {.program = (folder_ / "llama-server").string(), .engine = Engine::ik_llama},
                                 {.model = (folder_ / "m.gguf").string(), .timeout_s = 60, .guard_program = OLDIRON_BINARY});
  EXPECT_FALSE(ran.worked);
  EXPECT_EQ(row(audit, "-rtr").verdict, FlagVerdict::can_act);
}

TEST_F(AuditRuns, AToolThatIsNotThereIsRefused) {
  EXPECT_THROW(find_tool(folder_.string(), "llama-server", OLDIRON_BINARY), Error);
  EXPECT_THROW(find_tool("/nowhere", "llama-cli", OLDIRON_BINARY), Error);
}

}  // namespace
}  // namespace oldiron::audit_test
