#include "probes/files.hpp"

#include <gtest/gtest.h>

namespace oldiron::files_test {
namespace {

TEST(Files, paths_below_a_root) {
  EXPECT_EQ(below("/", "/proc/stat"), "/proc/stat");
  EXPECT_EQ(below("", "/proc/stat"), "/proc/stat");
  EXPECT_EQ(below("/tree/", "/proc/stat"), "/tree/proc/stat");
}

TEST(Files, missing_file_is_nothing) {
  EXPECT_FALSE(read_text("/nowhere/at/all"));
  EXPECT_FALSE(read_number("/nowhere/at/all"));
}

// As those of a process that ends while it is looked at.
TEST(Files, what_opens_and_cannot_be_read_is_nothing) {
  EXPECT_FALSE(read_text("/"));
  EXPECT_FALSE(read_text("/proc/self/mem"));
}

TEST(Files, keys_are_whole_words_at_the_start_of_a_line) {
  const char* text = "cpu0 7\ncpu  12 13\nmodel name\t: AMD EPYC \nMemTotal:       42 kB\ntotal_x 3\nempty\n";
  EXPECT_EQ(number_after(text, "cpu"), 12);
  EXPECT_EQ(line_after(text, "cpu"), "12 13");
  EXPECT_EQ(line_after(text, "model name"), "AMD EPYC");
  EXPECT_EQ(number_after(text, "MemTotal"), 42);
  EXPECT_EQ(number_after(text, "x"), std::nullopt);
  EXPECT_EQ(line_after(text, "empty"), "");
  EXPECT_EQ(number_after(text, "empty"), std::nullopt);
}

TEST(Files, cpu_lists) {
  EXPECT_EQ(parse_cpu_list("0-3,8\n"), (std::vector<int>{0, 1, 2, 3, 8}));
  EXPECT_EQ(parse_cpu_list("5"), std::vector<int>{5});
  EXPECT_TRUE(parse_cpu_list("\n").empty());
}

}  // namespace
}  // namespace oldiron::files_test
