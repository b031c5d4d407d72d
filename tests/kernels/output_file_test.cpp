// A large file appears under its name only when whole, and nothing is left of one that failed.
#include "kernels/output_file.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "core/check.hpp"

namespace oldiron::output_file_test {
namespace {

TEST(OutputFile, has_its_name_after_commit_only) {
  std::string folder = (std::filesystem::temp_directory_path() / "oldiron_output_XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/file";
  const std::byte bytes[3] = {std::byte{'a'}, std::byte{'b'}, std::byte{'c'}};
  {
    OutputFile dropped(path, 3);
    dropped.write(bytes, 3);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  OutputFile kept(path, 3);
  kept.write(bytes, 2);
  kept.write(bytes + 2, 1);
  EXPECT_FALSE(std::filesystem::exists(path));
  kept.commit();
  std::string text;
  std::ifstream(path) >> text;
  EXPECT_EQ(text, "abc");
  EXPECT_EQ(kept.written(), 3U);
  std::filesystem::remove_all(folder);
}

TEST(OutputFile, a_name_that_cannot_be_taken_leaves_no_temporary) {
  std::string folder = (std::filesystem::temp_directory_path() / "oldiron_output_XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  {
    OutputFile file(folder + "/file", 0);
    std::filesystem::create_directory(folder + "/file");  // takes the name meanwhile
    EXPECT_THROW(file.commit(), Error);
  }
  std::filesystem::remove(folder + "/file");
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace oldiron::output_file_test
