// What is noted around a foreign engine's trial, with programs that behave as engines do.
#include "runner/placed_engine.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/text.hpp"
#include "probes/storage.hpp"

namespace oldiron::placed_engine_test {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kBytes = 8 << 20;

Command shell(const std::string& script) {
  Command command;
  command.argv = {"/bin/sh", "-c", script};
  return command;
}

/// Reads the file, as a load does.
class FakeTrials : public TrialEngine {
 public:
  FakeTrials(std::string file, std::shared_ptr<PlacesWatch> watch) : file_(std::move(file)), watch_(std::move(watch)) {}

  Trial run(const TrialSpec& spec) override {
    Trial trial;
    trial.spec = spec;
    const CommandResult result = run_watched(shell("cat " + shell_quote(file_) + " > /dev/null; sleep 1.2"), 20, *watch_, OLDIRON_BINARY);
    trial.status = result.end.ok() ? Status::ok : Status::failed;
    trial.measurements = {summarise(kDecode, "tokens/s", {1})};
    return trial;
  }
  std::string version() override { return "fake 1"; }

 private:
  std::string file_;
  std::shared_ptr<PlacesWatch> watch_;
};

FilesOfTrial always(const std::string& path) {
  return [path](const TrialSpec&) { return std::vector<std::string>{path}; };
}

class PlacedEngineTest : public testing::Test {
 protected:
  void SetUp() override {
    std::ofstream file(path_, std::ios::binary);
    file << std::string(static_cast<std::size_t>(kBytes), 'x');
    file.close();
    if (drop_from_cache({path_}) != "" || *cached_bytes({path_}) > 0) GTEST_SKIP() << "files here live in memory alone";
  }
  void TearDown() override { std::filesystem::remove(path_); }

  Trial run(bool cold) {
    const auto watch = std::make_shared<PlacesWatch>(kBytes);
    TrialSpec spec;
    spec.cold = cold;
    return make_placed(std::make_unique<FakeTrials>(path_, watch), always(path_), "ext4", watch)->run(spec);
  }

  std::string path_ = fmt::format("{}/placed-test-{}", std::filesystem::current_path().string(), getpid());
};

TEST_F(PlacedEngineTest, NotesTheCacheAroundATrialAndDropsItOnlyWhenAsked) {
  const MemoryPlaces first = run(false).provenance.places;
  EXPECT_EQ(first.file_bytes, kBytes);
  EXPECT_EQ(first.cached_before_bytes, 0);
  EXPECT_EQ(first.cached_after_bytes, kBytes);
  EXPECT_EQ(first.file_system, "ext4");
  EXPECT_GE(first.swap_before_bytes, 0);
  EXPECT_EQ(run(false).provenance.places.cached_before_bytes, kBytes) << "warm stays warm";
  EXPECT_EQ(run(true).provenance.places.cached_before_bytes, 0);
}

TEST_F(PlacedEngineTest, SaysWhereTheProgramsMemoryLayAndItsThreadsRan) {
  const Provenance provenance = run(false).provenance;
  EXPECT_FALSE(provenance.cpus.empty());
  EXPECT_GE(provenance.huge_page_bytes, 0);
  if (access("/proc/self/numa_maps", F_OK) == 0) {
    ASSERT_FALSE(provenance.places.node_bytes.empty());
    EXPECT_GT(provenance.places.node_bytes.front(), 0);
  }
}

TEST_F(PlacedEngineTest, AModelThatIsGoneIsAFailureInASentence) {
  const auto watch = std::make_shared<PlacesWatch>(kBytes);
  const Trial trial = make_placed(std::make_unique<FakeTrials>(path_, watch), always("/nowhere/x.gguf"), "ext4", watch)->run({});
  EXPECT_EQ(trial.status, Status::failed);
  EXPECT_THAT(trial.reason, HasSubstr("/nowhere/x.gguf"));
}

/// Reading in pieces with pauses takes twice the deadline, which does not count it; sleeping does count.
TEST_F(PlacedEngineTest, ReadingTheModelIsNoTimeout) {
  const std::string slow_load = "i=0; while [ $i -lt 16 ]; do dd if=" + shell_quote(path_) +
                                " of=/dev/null iflag=direct bs=1M count=1 skip=$((i % 8)) 2>/dev/null || exit 9; sleep 0.25; i=$((i+1)); done";
  constexpr double kDeadline_s = 2;
  PlacesWatch watch(4 * kBytes);
  watch.begin();
  const CommandResult loaded = run_watched(shell(slow_load), kDeadline_s, watch, OLDIRON_BINARY);
  if (loaded.end.exit_code == 9) GTEST_SKIP() << "no direct reading here";
  EXPECT_GT(watch.reading_s(), 0);
  EXPECT_FALSE(loaded.timed_out);
  watch.begin();
  EXPECT_TRUE(run_watched(shell("sleep 20"), kDeadline_s, watch, OLDIRON_BINARY).timed_out);
  EXPECT_EQ(watch.reading_s(), 0);
}

}  // namespace
}  // namespace oldiron::placed_engine_test
