// Two trials that are compared: what differs around them and was not asked for.
#include "core/trial_state.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace oldiron::trial_state_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Trial quiet() {
  Trial trial;
  trial.provenance.peak_rss_bytes = 10'000'000'000;
  trial.provenance.huge_page_bytes = 9'000'000'000;
  trial.provenance.places = {.file_system = "ext4",
                             .file_bytes = 8'000'000'000,
                             .cached_before_bytes = 8'000'000'000,
                             .cached_after_bytes = 8'000'000'000,
                             .swap_before_bytes = 5'000'000'000,
                             .swap_after_bytes = 5'000'000'000,
                             .node_bytes = {5'000'000'000, 5'000'000'000}};
  return trial;
}

std::vector<std::string> differences(const Trial& a, const Trial& b) { return state_differences(a, "the default", b, "the answer"); }

TEST(TrialState, EqualOnesAreComparedInSilence) {
  EXPECT_THAT(differences(quiet(), quiet()), IsEmpty());
  EXPECT_THAT(differences(quiet(), Trial{}), IsEmpty()) << "what was not read differs from nothing";
}

TEST(TrialState, AColdLoadBesideAWarmOne) {
  Trial cold = quiet();
  cold.provenance.places.cached_before_bytes = 400'000'000;
  EXPECT_THAT(differences(cold, quiet()),
              ElementsAre("before the load 5 % of the file was in the page cache for the default, 100 % for the answer: their loads cannot be "
                          "compared, and whoever read it first chose its NUMA nodes"));
  cold.provenance.places.node_bytes = {1};
  Trial other = quiet();
  other.provenance.places.node_bytes = {1};
  EXPECT_THAT(differences(cold, other), ElementsAre(testing::EndsWith("their loads cannot be compared")));
}

TEST(TrialState, HugePagesCountUnlessALeverAskedForThem) {
  Trial small = quiet();
  small.provenance.huge_page_bytes = 0;
  EXPECT_THAT(differences(small, quiet()), ElementsAre(HasSubstr("0 % of the memory lay in huge pages for the default, 90 % for the answer")));
  small.spec.config.malloc_pages = MallocPages::transparent;
  EXPECT_THAT(differences(small, quiet()), IsEmpty());
}

TEST(TrialState, AFileThatDoesNotStayAndMemoryThatIsSwapped) {
  Trial short_of_memory = quiet();
  short_of_memory.provenance.places.cached_after_bytes = 6'000'000'000;
  short_of_memory.provenance.places.swap_after_bytes = 6'200'000'000;
  EXPECT_THAT(differences(quiet(), short_of_memory),
              ElementsAre(HasSubstr("100 % of the file was in memory for the default, 75 % for the answer"), "1.2 GB went to swap while the answer ran"));
}

TEST(TrialState, OtherNodesUnlessALeverMovedThem) {
  Trial one = quiet();
  one.provenance.places.node_bytes = {10'000'000'000};
  EXPECT_THAT(differences(one, quiet()), ElementsAre("the memory lay on the NUMA nodes as 100 % for the default, 50 % / 50 % for the answer"));
  one.spec.config.node_policy = NodePolicy::interleave;
  EXPECT_THAT(differences(one, quiet()), IsEmpty());
}

}  // namespace
}  // namespace oldiron::trial_state_test
