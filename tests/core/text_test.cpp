#include "core/text.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "core/check.hpp"

namespace oldiron::text_test {
namespace {

TEST(Text, Bytes) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(605552640), "605.6 MB");
  EXPECT_EQ(bytes_text(14.4e9), "14.4 GB");
  EXPECT_EQ(bytes_text(999.96e6), "1.0 GB");
  EXPECT_EQ(bytes_per_s_text(27.44e9), "27.4 GB/s");
}

TEST(Text, Operations) {
  EXPECT_EQ(ops_per_s_text(532.4e9), "532 GOP/s");
  EXPECT_EQ(ops_per_s_text(66.64e9), "66.6 GOP/s");
  EXPECT_EQ(ops_per_s_text(999.9e9), "1.00 TOP/s");
  EXPECT_EQ(ops_per_s_text(2.128e12), "2.13 TOP/s");
}

TEST(Text, Seconds) {
  EXPECT_EQ(seconds_text(0.0000251), "25 us");
  EXPECT_EQ(seconds_text(0.412), "412 ms");
  EXPECT_EQ(seconds_text(0.9996), "1.0 s");
  EXPECT_EQ(seconds_text(20.06), "20.1 s");
  EXPECT_EQ(seconds_text(59.97), "1 min 0 s");
  EXPECT_EQ(seconds_text(200), "3 min 20 s");
  EXPECT_EQ(seconds_text(7500), "2 h 5 min");
}

TEST(Text, RatesHaveThreeDigits) {
  EXPECT_EQ(rate_text(7.834), "7.83");
  EXPECT_EQ(rate_text(49.56), "49.6");
  EXPECT_EQ(rate_text(9.996), "10.0");
  EXPECT_EQ(rate_text(99.97), "100");
  EXPECT_EQ(rate_text(124.4), "124");
  EXPECT_EQ(rate_text(0.01234), "0.0123");
  EXPECT_EQ(rate_text(0), "0");
  EXPECT_EQ(percent_text(0.7349), "73 %");
}

TEST(Text, Nearest) {
  const std::vector<std::string> known = {"ubatch", "decode_threads", "prefill_threads"};
  EXPECT_EQ(nearest("ubach", known), "ubatch");
  EXPECT_EQ(nearest("decode_thread", known), "decode_threads");
  EXPECT_EQ(nearest("threads", known), "decode_threads");
  EXPECT_EQ(nearest("xyzzy", known), "");
  EXPECT_EQ(nearest("", known), "");
  EXPECT_EQ(did_you_mean("ubach", known), " (did you mean `ubatch`?)");
}

TEST(Text, Lists) {
  EXPECT_EQ(list_text({}, "or"), "");
  EXPECT_EQ(list_text({"a"}, "or"), "a");
  EXPECT_EQ(list_text({"a", "b", "c"}, "or"), "a, b or c");
}

TEST(Text, Quoting) {
  EXPECT_EQ(shell_quote("-t"), "-t");
  EXPECT_EQ(shell_quote("gemma4.expert_used_count=int:3"), "gemma4.expert_used_count=int:3");
  EXPECT_EQ(shell_quote(""), "''");
  EXPECT_EQ(shell_quote("my model.gguf"), "'my model.gguf'");
  EXPECT_EQ(shell_quote("it's; rm"), "'it'\\''s; rm'");
  EXPECT_EQ(html_escape("<a href=\"x\">Tom & Jerry's</a>"),
            "&lt;a href=&quot;x&quot;&gt;Tom &amp; Jerry&#39;s&lt;/a&gt;");
}

TEST(Text, FilesAreWrittenWhole) {
  const std::string folder = testing::TempDir() + "oldiron_text_" + std::to_string(::getpid());
  std::filesystem::create_directory(folder);
  const std::string path = folder + "/file";
  write_file(path, "one");
  write_file(path, std::string("two\0three", 9));
  EXPECT_EQ(read_file(path), std::string("two\0three", 9));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1) << "no temporary stays";
  EXPECT_THROW(write_file(folder + "/none/file", "x"), Error);
  std::filesystem::create_directory(folder + "/sub");
  EXPECT_THROW(write_file(folder + "/sub", "x"), Error);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 2) << "no temporary stays";
  EXPECT_THROW(read_file(folder), Error);
  std::filesystem::remove_all(folder);
  try {
    read_file(path);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.what(), "cannot read " + path + ": No such file or directory");
  }
}

TEST(Text, HashesDifferAndStay) {
  EXPECT_NE(hash64("a"), hash64("b"));
  EXPECT_NE(hash64("a"), hash64("a", 1));
  // Journals keep keys made of it: it must never change.
  EXPECT_EQ(hex16(hash64("oldiron")), "5e12bf86cf6714d4");
  EXPECT_EQ(hex16(255), "00000000000000ff");
}

TEST(Text, OfDivergenceKeepsTwoDigits) {
  EXPECT_EQ(kl_text(0), "0");
  EXPECT_EQ(kl_text(0.00002), "2e-05");
  EXPECT_EQ(kl_text(0.00123), "0.0012");
  EXPECT_EQ(kl_text(0.0214), "0.021");
  EXPECT_EQ(kl_text(0.214), "0.21");
  EXPECT_EQ(kl_text(2.14), "2.1");
  EXPECT_EQ(fine_percent_text(0.9612), "96.1 %");
}

}  // namespace
}  // namespace oldiron::text_test
