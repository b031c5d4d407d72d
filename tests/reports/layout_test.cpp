#include "reports/layout.hpp"

#include <gtest/gtest.h>

namespace oldiron::reports::layout_test {
namespace {

TEST(OneLine, SpellsControlCharactersAndReplacesWhatDeceives) {
  EXPECT_EQ(one_line("a\nb\tc\rd\x1b[2J\x7f"), "a\\nb\\tc\\x0dd\\x1b[2J\\x7f");
  EXPECT_EQ(one_line("ok \xC3\xA9 \xF0\x9F\x98\x80"), "ok \xC3\xA9 \xF0\x9F\x98\x80");
  EXPECT_EQ(one_line("a\xE2\x80\xAE"), "a\xEF\xBF\xBD");  // right-to-left override
  EXPECT_EQ(one_line("a\xC2\x9B"), "a\xEF\xBF\xBD");      // a control sequence introducer of one character
}

TEST(OneLine, ReplacesEveryKindOfBrokenUtf8) {
  EXPECT_EQ(one_line("\xFF"), "\xEF\xBF\xBD");
  EXPECT_EQ(one_line("a\xE2\x80"), "a\xEF\xBF\xBD\xEF\xBF\xBD");            // cut short
  EXPECT_EQ(one_line("\xC0\xAF"), "\xEF\xBF\xBD\xEF\xBF\xBD");              // overlong '/'
  EXPECT_EQ(one_line("\xED\xA0\x80").find('\xED'), std::string::npos);      // surrogate
  EXPECT_EQ(one_line("\xF4\x90\x80\x80").find('\xF4'), std::string::npos);  // beyond Unicode
}

TEST(Columns, CountsWhatATerminalDraws) {
  EXPECT_EQ(columns("12.3 GB/s"), 9);
  EXPECT_EQ(columns("█▌ ±"), 4);
  EXPECT_EQ(columns("日本"), 4);
  EXPECT_EQ(columns("e\xCC\x81"), 1);
}

TEST(Fit, CutsToColumnsAndNeverInACharacter) {
  EXPECT_EQ(fit("abc", 3), "abc");
  EXPECT_EQ(fit("abcd", 3), "ab…");
  EXPECT_EQ(fit("日本語", 4), "日…");
}

TEST(Wrap, BreaksAtBlanksKeepsGluedAndCutsLongWords) {
  EXPECT_EQ(wrap("one two three", 7), (std::vector<std::string>{"one two", "three"}));
  EXPECT_EQ(wrap("at " + glued("77 %") + " now", 6), (std::vector<std::string>{"at", "77 %", "now"}));
  EXPECT_EQ(wrap("abcdefgh", 3), (std::vector<std::string>{"abc", "def", "gh"}));
  EXPECT_TRUE(wrap("", 10).empty());
}

TEST(Bar, DrawsEighthsAndASliverForLittle) {
  EXPECT_EQ(bar(0.5, 4), "██");
  EXPECT_EQ(bar(0.5, 5), "██▌");
  EXPECT_EQ(bar(1e-6, 5), "▏");
  EXPECT_EQ(bar(0, 5), "");
  EXPECT_EQ(bar(7, 2), "██");
  EXPECT_EQ(bar(0.0 / 0.0, 2), "");
  EXPECT_EQ(interval_bar(0.5, 0.75, 8), "████▒▒");
}

TEST(Labelled, IndentsWhatFollows) {
  EXPECT_EQ(labelled("RAM", "a b"), "  RAM          a b\n");
  const std::string two = labelled("RAM", std::string(60, 'a') + " " + std::string(60, 'b'));
  EXPECT_NE(two.find("\n               b"), std::string::npos);
  EXPECT_EQ(labelled("RAM", ""), "");
}

}  // namespace
}  // namespace oldiron::reports::layout_test
