#include "core/audit/audit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "core/audit/line_findings.hpp"
#include "core/text.hpp"

namespace oldiron::audit_test {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Machine machine_of(int cores, int nodes = 1) {
  Machine machine{.packages = 1, .nodes = nodes};
  for (int i = 0; i < cores; ++i) machine.cores.push_back({.id = i, .cpus = {i}});
  return machine;
}

ModelSpec model_of(const std::string& architecture, int experts) {
  return {.architecture = architecture, .expert_count = experts, .layers = {LayerSpec{}}};
}

AuditSurroundings old_server() { return {.machine = machine_of(8), .root = true}; }

Audit audit_of(const std::string& line, const AuditSurroundings& around = old_server()) { return judge(read_pasted_line({line}), around); }

/// Of the last row of that flag.
FlagVerdict verdict_of(const Audit& audit, const std::string& word) {
  for (auto row = audit.rows.rbegin(); row != audit.rows.rend(); ++row)
    if (row->flag.word == word) return row->verdict;
  ADD_FAILURE() << "no row " << word;
  return FlagVerdict::unknown;
}

std::vector<std::string> cells_of(const std::string& row) {
  std::vector<std::string> cells;
  std::istringstream stream(row.substr(1));
  for (std::string cell; std::getline(stream, cell, '|');) {
    const auto begin = cell.find_first_not_of(' ');
    cells.push_back(begin == std::string::npos ? "" : cell.substr(begin, cell.find_last_not_of(' ') - begin + 1));
  }
  return cells;
}

TEST(FlagRecords, AreWellFormed) {
  EXPECT_GE(flag_records().size(), 60u);
  for (const FlagRecord& record : flag_records()) {
    EXPECT_FALSE(record.does.empty()) << record.spellings;
    EXPECT_FALSE(record.values == kNotTaken && record.bench_values == kNotTaken) << record.spellings;
    EXPECT_NE(record.otherwise, FlagVerdict::took_effect) << record.spellings << ": no record can know that";
    for (const Case& each : record.cases) EXPECT_NE(each.verdict, FlagVerdict::took_effect) << record.spellings;
  }
}

TEST(FlagRecords, NameEveryFlagOnce) {
  for (const Engine engine : {Engine::ik_llama, Engine::llama_cpp}) {
    for (const char* tool : {"llama-server", "llama-bench"}) {
      std::set<std::string> seen;
      for (const FlagRecord& record : flag_records()) {
        if (!record.is_of(engine) || record.values_in(tool) == kNotTaken) continue;
        std::istringstream words{std::string(record.spellings)};
        for (std::string word; words >> word;)
          EXPECT_TRUE(seen.insert(word).second) << word << " of " << tool << " has two records";
      }
    }
  }
}

// The flags of a published line (2026-06-01), with the verdicts that its investigation came to.
constexpr const char* kPublished =
    "llama-cli -m gemma-4-26B-A4B-it-Q8_0.gguf --spec-type mtp --draft-max 3 --draft-p-min 0.0 --spec-autotune -cnv --color --jinja "
    "--special -sm graph -smgs -sas -mea 256 --split-mode-f32 --temp 0.7 -t 8 --parallel 8 --cpu-moe --merge-up-gate-experts "
    "--flash-attn on --mla-use 3 --mlock --run-time-repack --no-kv-offload";

TEST(Audit, ThePublishedLine) {
  AuditSurroundings around = old_server();
  around.model = model_of("gemma4", 128);
  const Audit audit = audit_of(kPublished, around);
  EXPECT_EQ(audit.engine, Engine::ik_llama);
  for (const char* flag : {"--draft-max", "--draft-p-min"}) EXPECT_EQ(verdict_of(audit, flag), FlagVerdict::rejected) << flag;
  EXPECT_EQ(verdict_of(audit, "-sm"), FlagVerdict::declined);
  for (const char* flag : {"-smgs", "-sas", "--split-mode-f32"}) EXPECT_EQ(verdict_of(audit, flag), FlagVerdict::echoed_only) << flag;
  for (const char* flag : {"-mea", "--cpu-moe", "--merge-up-gate-experts", "--no-kv-offload", "--parallel"})
    EXPECT_EQ(verdict_of(audit, flag), FlagVerdict::not_applicable) << flag;
  for (const char* flag : {"-t", "--flash-attn", "--mla-use"}) EXPECT_EQ(verdict_of(audit, flag), FlagVerdict::default_anyway) << flag;
  for (const char* flag : {"--mlock", "--run-time-repack", "--spec-type", "--spec-autotune"})
    EXPECT_EQ(verdict_of(audit, flag), FlagVerdict::can_act) << flag;
  for (const char* flag : {"-cnv", "--color", "--jinja", "--special", "--temp"})
    EXPECT_EQ(verdict_of(audit, flag), FlagVerdict::not_speed) << flag;
  EXPECT_THAT(audit.findings, Contains(HasSubstr("does not start: ik_llama.cpp refuses --draft-max 3 and --draft-p-min 0.0")));
  EXPECT_THAT(audit.findings, Contains(HasSubstr("No -c")));
  EXPECT_THAT(audit.findings, Contains(HasSubstr("eval runs = tokens - 1")));
}

TEST(Audit, ThePublishedLineOnTheBuildsOfItsDay) {
  AuditSurroundings around = old_server();
  around.model = model_of("gemma4", 128);
  around.build = 4550;
  const Audit audit = audit_of(kPublished, around);
  for (const char* flag : {"--draft-max", "--draft-p-min", "--spec-type", "--spec-autotune"})
    EXPECT_EQ(verdict_of(audit, flag), FlagVerdict::inert) << flag;
  EXPECT_THAT(audit.findings, Contains(HasSubstr("Nothing drafts")));
  EXPECT_THAT(audit.findings, Not(Contains(HasSubstr("does not start"))));
}

TEST(Audit, AgreesWithTheEstablishedTable) {
  std::istringstream table(read_file(OLDIRON_TEST_DATA "/audit/established.md"));
  int rows = 0;
  std::set<std::string> flags;
  for (std::string line; std::getline(table, line);) {
    if (!line.starts_with("| ik_llama |") && !line.starts_with("| llama_cpp |")) continue;
    const std::vector<std::string> cells = cells_of(line);
    ASSERT_GE(cells.size(), 8u) << line;
    AuditSurroundings around{.engine = engine_from_name(cells[0]), .machine = machine_of(2), .root = true};
    if (cells[6] != "-")
      around.model = model_of(cells[6].substr(0, cells[6].find('/')), cells[6].ends_with("/dense") ? 0 : 8);
    const Audit audit = audit_of(cells[1] + " -m m.gguf " + cells[2], around);
    EXPECT_EQ(to_string(verdict_of(audit, cells[3])), cells[4]) << line;
    const bool open = cells[4] == "can_act" || cells[4] == "changed";
    EXPECT_TRUE(cells[5] == cells[4] || cells[5] == "-" || open) << line << ": a run contradicts the record";
    ++rows;
    flags.insert(cells[0] + cells[3]);
  }
  EXPECT_GE(rows, 60);
  EXPECT_GE(flags.size(), 60u);
}

TEST(Audit, TheEngineIsToldByItsFlags) {
  EXPECT_EQ(audit_of("llama-server -m x -rtr -t 8").engine, Engine::ik_llama);
  EXPECT_EQ(audit_of("llama-server -m x --no-repack").engine, Engine::llama_cpp);
  EXPECT_EQ(audit_of("./ik_llama.cpp/build/bin/llama-server -m x").engine, Engine::ik_llama);
  EXPECT_THAT(audit_of("llama-server -m x -t 8").engine_reason, HasSubstr("either"));
  AuditSurroundings around = old_server();
  around.engine = Engine::llama_cpp;
  EXPECT_EQ(verdict_of(audit_of("llama-server -m x -rtr", around), "-rtr"), FlagVerdict::rejected);
}

TEST(Audit, ThreadsAreSetBesideTheCores) {
  EXPECT_EQ(verdict_of(audit_of("llama-server -m x -t 8"), "-t"), FlagVerdict::default_anyway);
  const Audit many = audit_of("llama-server -m x -t 16");
  EXPECT_EQ(verdict_of(many, "-t"), FlagVerdict::can_act);
  EXPECT_THAT(row_of(many, "-t")->why, HasSubstr("more threads than the 8 physical cores"));
  EXPECT_EQ(verdict_of(audit_of("llama-server -m x -t $(nproc)"), "-t"), FlagVerdict::unknown);
  EXPECT_EQ(verdict_of(audit_of("llama-server -m x -t 4 -tb 4"), "-tb"), FlagVerdict::default_anyway);
}

TEST(Audit, AYearOfBuildsHasSpellingsOfItsOwn) {
  const auto by = [](int build, const std::string& line, const char* flag) {
    AuditSurroundings around = old_server();
    around.engine = Engine::llama_cpp;
    around.build = build;
    return verdict_of(audit_of(line, around), flag);
  };
  struct Spelling {
    const char* line;
    const char* flag;
    FlagVerdict then, now;  ///< in builds 6482 and 10587
  };
  using enum FlagVerdict;
  for (const Spelling& each : std::initializer_list<Spelling>{
           {"llama-server -m x -lm none", "-lm", rejected, can_act},
           {"llama-server -m x -lm mmap", "-lm", rejected, default_anyway},
           {"llama-server -m x --mlock", "--mlock", can_act, changed},
           {"llama-server -m x --mmap", "--mmap", rejected, default_anyway},
           {"llama-server -m x --repack", "--repack", rejected, default_anyway},
           {"llama-server -m x --no-repack", "--no-repack", can_act, can_act},
           {"llama-server -m x -fit off", "-fit", rejected, can_act},
           {"llama-server -m x -cram 0", "-cram", rejected, can_act},
           {"llama-server -m x --no-host", "--no-host", rejected, not_applicable},
           {"llama-server -m x -kvu", "-kvu", can_act, default_anyway},
           {"llama-server -m x -md y --spec-type draft-simple", "--spec-type", rejected, can_act},
           {"llama-server -m x -md y", "-md", can_act, inert},
           {"llama-cli -m x -md y", "-md", rejected, inert},
           {"llama-server -m x -md y --draft-max 8", "--draft-max", can_act, rejected},
           {"llama-server -m x --draft-max 8", "--draft-max", not_applicable, rejected},
           {"llama-server -m x -md y --spec-draft-n-max 8", "--spec-draft-n-max", rejected, can_act},
           {"llama-cli -m x -C 0x3", "-C", inert, can_act},
           {"llama-server -m x -Cr 0-1", "-Cr", inert, can_act},
           {"llama-bench -m x -C 0x3", "-C", inert, can_act},
           {"llama-bench -m x -ncmoe 2", "-ncmoe", rejected, not_applicable},
           {"llama-server -m x -ncmoe 2", "-ncmoe", not_applicable, not_applicable},
           {"llama-bench -m x -fa 1", "-fa", can_act, default_anyway},
           {"llama-bench -m x -fa 0", "-fa", default_anyway, can_act}}) {
    EXPECT_EQ(by(6482, each.line, each.flag), each.then) << each.line;
    EXPECT_EQ(by(10587, each.line, each.flag), each.now) << each.line;
  }
  EXPECT_EQ(by(7000, "llama-cli -m x -C 0x3", "-C"), can_act);
  EXPECT_EQ(by(9000, "llama-cli -m x -C 0x3", "-C"), inert);
}

TEST(Audit, ProgramsInFrontHaveVerdictsOfTheirOwn) {
  const AuditSurroundings user{.machine = machine_of(4)};
  const Audit all = audit_of("numactl --interleave=all taskset -c 0-3 env X=1 nice -n -5 llama-server -m x", user);
  EXPECT_EQ(verdict_of(all, "numactl"), FlagVerdict::not_applicable);
  EXPECT_EQ(verdict_of(all, "taskset"), FlagVerdict::default_anyway);
  EXPECT_EQ(verdict_of(all, "nice"), FlagVerdict::declined);
  EXPECT_EQ(verdict_of(audit_of("sudo nice -n -5 llama-server -m x", user), "nice"), FlagVerdict::can_act);
  const Audit some = audit_of("taskset -c 0,1 llama-server -m x -t 4", user);
  EXPECT_EQ(verdict_of(some, "taskset"), FlagVerdict::can_act);
  EXPECT_THAT(some.rows.front().why, HasSubstr("2 of 4 CPUs, on which the 4 threads of -t take turns"));
}

TEST(Audit, WhatOnlyStartsTheToolIsSetAsideInOneSentence) {
  EXPECT_THAT(audit_of("sudo nohup stdbuf -oL llama-server -m x -c 1").findings, Contains("sudo, nohup and stdbuf only start the tool, and are set aside"));
  EXPECT_THAT(audit_of("time llama-server -m x -c 1").findings, Contains("time only starts the tool, and is set aside"));
  EXPECT_THAT(audit_of("docker run --cpus 2 i llama-server -m x -c 1").findings, Contains(HasSubstr("docker is set aside, and with it whatever its container limits")));
  EXPECT_THAT(audit_of("nice llama-server -m x -c 1").findings, Not(Contains(HasSubstr("set aside"))));
}

TEST(Audit, WhatTheMachineLacksIsSaid) {
  AuditSurroundings around{.machine = machine_of(2, 2)};
  EXPECT_EQ(verdict_of(audit_of("llama-server -m x --numa distribute", around), "--numa"), FlagVerdict::can_act);
  around.machine.nodes = 1;
  EXPECT_EQ(verdict_of(audit_of("llama-server -m x --numa distribute", around), "--numa"), FlagVerdict::not_applicable);
  EXPECT_EQ(verdict_of(audit_of("numactl --interleave=all llama-server -m x", around), "numactl"), FlagVerdict::not_applicable);
  around.facts.memlock_bytes = Fact<std::int64_t>::known(8 << 20, "limits");
  const Audit locked = audit_of("./ik_llama.cpp/llama-server -m x --mlock", around);
  EXPECT_EQ(verdict_of(locked, "--mlock"), FlagVerdict::declined);
  EXPECT_THAT(row_of(locked, "--mlock")->why, HasSubstr("8.4 MB"));
  EXPECT_EQ(verdict_of(audit_of("sudo ./ik_llama.cpp/llama-server -m x --mlock", around), "--mlock"), FlagVerdict::can_act);
  around.facts.huge_pages = Fact<std::int64_t>::known(0, "meminfo");
  EXPECT_EQ(verdict_of(audit_of("llama-server -m x -thp", around), "-thp"), FlagVerdict::declined);
  around.facts.huge_pages = Fact<std::int64_t>::known(9000, "meminfo");
  EXPECT_EQ(verdict_of(audit_of("llama-server -m x -thp", around), "-thp"), FlagVerdict::can_act);
}

TEST(Audit, TheLastOfAFlagCounts) {
  const Audit audit = audit_of("llama-server -m x -c 4096 --ctx-size 8192");
  EXPECT_EQ(verdict_of(audit, "-c"), FlagVerdict::not_applicable);
  EXPECT_EQ(verdict_of(audit, "--ctx-size"), FlagVerdict::can_act);
}

TEST(Audit, UnknownFlagsAndStrayWordsAreNamed) {
  const Audit audit = audit_of("llama-server -m x --brand-new 5 stray -t 8");
  EXPECT_EQ(verdict_of(audit, "--brand-new"), FlagVerdict::unknown);
  EXPECT_EQ(verdict_of(audit, "stray"), FlagVerdict::rejected);
  EXPECT_EQ(verdict_of(audit, "-t"), FlagVerdict::default_anyway);
}

TEST(Audit, LossIsAFinding) {
  EXPECT_THAT(audit_of("llama-server -m x -ctk q8_0 -c 4096").findings, Contains(HasSubstr("-ctk q8_0 can lose quality")));
  EXPECT_THAT(audit_of("llama-server -m x -ctk f16 -c 4096").findings, IsEmpty());
}

}  // namespace
}  // namespace oldiron::audit_test
