// Variables in front of a program, quoted so that a shell still takes them for such.
#include "core/front_words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace oldiron::front_words_test {
namespace {

using testing::ElementsAre;

TEST(FrontWords, OnlyTheValueOfAVariableIsQuoted) {
  EXPECT_THAT(quoted_words({"A=1", "OMP_PLACES={0:4}", "EMPTY=", "a b", "C=x y"}), ElementsAre("A=1", "OMP_PLACES='{0:4}'", "EMPTY=", "'a b'", "'C=x y'"));
  EXPECT_THAT(quoted_words({"X=$(reboot)", "x"}), ElementsAre("X='$(reboot)'", "x"));
  EXPECT_THAT(quoted_words({""}), ElementsAre("''"));
}

TEST(FrontWords, NotEveryEqualsSignIsAVariables) {
  EXPECT_EQ(count_assignments({"A=1", "_b2=", "./c=3", "D=4"}), 2U);
  for (const char* word : {"=x", "1A=x", "a-b=x", "a.b=x", "plain", ""}) EXPECT_EQ(assignment_in(word), std::string::npos) << word;
}

}  // namespace
}  // namespace oldiron::front_words_test
