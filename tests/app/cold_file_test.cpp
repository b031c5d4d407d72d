// What --cold refuses before it drops anything.
#include "app/cold_file.hpp"

#include <gmock/gmock.h>

#include "tests/app/program.hpp"

namespace oldiron::test::cold_file_test {
namespace {

class ColdFile : public testing::Test {
 protected:
  ColdFile() {
    write_file(here_, std::string(1 << 20, 'w'));
    write_file(there_, std::string(1 << 20, 'w'));
  }

  std::string refusal(const std::vector<std::string>& files, const std::string& on_network) const {
    try {
      check_cold(files, [&](const std::string& file) { return FileSystem{.name = "nfs", .network = file == on_network}; });
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  Folder folder_;
  std::string here_ = folder_ / "a-00001-of-00002.gguf", there_ = folder_ / "a-00002-of-00002.gguf";
};

TEST_F(ColdFile, ANetworkFileSystemIsRefusedAndNothingDropped) {
  const auto before = cached_bytes({here_, there_});
  if (!before) GTEST_SKIP() << before.reason();
  ASSERT_GT(*before, 0);
  EXPECT_EQ(refusal({here_, there_}, there_), "--cold: " + there_ +
                                                  " lies on a network file system (nfs), whose server would have to send it again for each load; copy it here, or leave --cold out");
  EXPECT_EQ(*cached_bytes({here_, there_}), *before);
}

TEST_F(ColdFile, ALocalFileIsDropped) {
  if (!cached_bytes({here_}) || file_system_of(here_).name == "tmpfs") GTEST_SKIP() << "nothing can be dropped here";
  EXPECT_EQ(refusal({here_}, ""), "");
  EXPECT_EQ(*cached_bytes({here_}), 0);
}

}  // namespace
}  // namespace oldiron::test::cold_file_test
