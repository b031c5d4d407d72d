// Ablations of a fake llama-bench, whose speeds are known: what acts is found in its size, what does nothing is not.
#include "runner/audit/ablate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/text.hpp"

namespace oldiron::ablate_test {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Ablates : public testing::Test {
 protected:
  Ablates() : folder_(fs::temp_directory_path() / ("oldiron_ablate_test_" + std::to_string(getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    fs::create_symlink(OLDIRON_FAKE_ENGINE, folder_ / "llama-bench");
    std::ofstream(folder_ / "m.gguf") << "weights";
  }

  ~Ablates() override { fs::remove_all(folder_); }

  Ablation run(const std::string& line, const std::string& settings = "", int passes = 6) {
    std::ofstream(folder_ / "fake_engine.conf") << "engine=ik_llama\nlog=" << (folder_ / "log").string() << "\n" << settings;
    const AuditTool tool = find_tool(folder_.string(), "llama-bench", OLDIRON_BINARY);
    audit_ = judge(read_pasted_line({line}), {.engine = Engine::ik_llama});
    const AuditRun run{.model = (folder_ / "m.gguf").string(), .timeout_s = 60, .guard_program = OLDIRON_BINARY};
    const AuditRan ran = run_audit(audit_, tool, run);
    EXPECT_TRUE(ran.worked) << audit_.run_end;
    return ablate(audit_, tool, run, ran, passes, [this](const std::vector<std::string>& lines) { told_ = lines; });
  }

  std::vector<std::string> calls() const {
    std::ifstream log(folder_ / "log");
    std::vector<std::string> calls;
    for (std::string call; std::getline(log, call);) calls.push_back(call);
    return calls;
  }

  fs::path folder_;
  Audit audit_;
  std::vector<std::string> told_;
};

TEST_F(Ablates, FindsWhatActsAndNothingElse) {
  const Ablation ablation = run("llama-bench -m m.gguf -rtr 1 -mmp 0 -v -thp 1", "noise=0\nsay=" OLDIRON_TEST_DATA "/audit/ik_llama-4840.log\n");
  ASSERT_EQ(ablation.end, "");
  ASSERT_EQ(ablation.steps.size(), 4u) << "bare, -rtr, -mmp, and -thp, which the line makes idle";
  using enum AblationMetric;
  const AblationEffect repack = ablation_effect(ablation, 1, 0, decode), mapped = ablation_effect(ablation, 2, 1, prefill), huge = ablation_effect(ablation, 3, 2, decode);
  EXPECT_TRUE(repack.clear);
  EXPECT_NEAR(repack.ratio.median, 1.5, 0.02);
  EXPECT_TRUE(mapped.clear);
  EXPECT_NEAR(mapped.ratio.median, 1.4, 0.02);
  EXPECT_FALSE(huge.clear);
  EXPECT_NEAR(ablation_effect(ablation, 3, 0, decode).ratio.median, 2.1, 0.02);
}

TEST_F(Ablates, GoesThereAndBackAsItSaidBefore) {
  const Ablation ablation = run("llama-bench -m m.gguf -rtr 1", "", 4);
  EXPECT_EQ(ablation.starts(), 8);
  ASSERT_GE(told_.size(), 3u);
  EXPECT_THAT(told_[1], HasSubstr("8 starts of llama-bench, each of which loads the model: 8 loads"));
  std::string order;
  for (const std::string& call : calls())
    if (call.find(" -v") == std::string::npos) order += call.find("-rtr") == std::string::npos ? 'A' : 'B';
  EXPECT_EQ(order, "ABBAABBA") << "all but the run that was looked at for evidence";
}

TEST_F(Ablates, AFlagThatCannotStandAloneIsJoined) {
  fs::rename(folder_ / "llama-bench", folder_ / "real");
  // Refuses -ctv q8_0 while attention is not asked for, as an engine does whose default is off.
  std::ofstream(folder_ / "llama-bench") << "#!/bin/sh\ncase \"$*\" in *-ctv*-rtr*|*--help*|*'-n 0'*) ;; *-ctv*) echo 'error: V cannot be quantised without it' >&2; exit 1;; esac\n"
                                         << "exec " << (folder_ / "real").string() << " \"$@\"\n";
  fs::permissions(folder_ / "llama-bench", fs::perms::owner_all);
  const Ablation ablation = run("llama-bench -m m.gguf -ctv q8_0 -rtr 1", "", 4);
  ASSERT_EQ(ablation.end, "");
  ASSERT_EQ(ablation.steps.size(), 2u);
  EXPECT_EQ(step_text(audit_, ablation.steps[1]), "-ctv q8_0 and -rtr 1");
  EXPECT_THAT(ablation.notes, Contains(HasSubstr("-ctv q8_0 cannot be added alone")));
  EXPECT_THAT(ablation.notes, Contains(HasSubstr("V cannot be quantised without it")));
  EXPECT_TRUE(ablation_effect(ablation, 1, 0, AblationMetric::decode).clear);
}

TEST_F(Ablates, KeepsWhatThereIs) {
  // The evidence run is call 0; bare and whole line follow.
  const Ablation ablation = run("llama-bench -m m.gguf -rtr 1", "fail=abort\nfail_from=4\n", 8);
  EXPECT_THAT(ablation.end, HasSubstr("failed"));
  EXPECT_EQ(ablation.steps[1].speeds.size(), 2u);
  EXPECT_FALSE(ablation_effect(ablation, 1, 0, AblationMetric::decode).clear);
}

// It says nothing of repacking, so that -rtr is held for declined; its speed says otherwise.
TEST_F(Ablates, RecordsAreContradictedByASpeed) {
  const Ablation ablation = run("llama-bench -m m.gguf -rtr 1");
  ASSERT_EQ(ablation.steps.size(), 2u);
  EXPECT_TRUE(ablation.steps[1].idle);
  EXPECT_THAT(ablation.notes, Contains(HasSubstr("-rtr 1 was held for idle and changes the speed")));
}

TEST_F(Ablates, ALineWithoutSuchFlagsHasNothingToTakeAway) {
  const Ablation ablation = run("llama-bench -m m.gguf -r 3");
  EXPECT_THAT(ablation.end, HasSubstr("nothing to take away"));
  EXPECT_THAT(told_, IsEmpty());
}

}  // namespace
}  // namespace oldiron::ablate_test
