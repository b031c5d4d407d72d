// What the page cache holds of a file, on a file of this test.
#include "probes/storage.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/text.hpp"

namespace oldiron::storage_test {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kBytes = 16 << 20;

class StorageTest : public testing::Test {
 protected:
  void SetUp() override {
    std::ofstream file(path_, std::ios::binary);
    const std::string block(1 << 20, 'x');
    for (std::int64_t written = 0; written < kBytes; written += std::ssize(block)) file << block;
    file.close();
    if (drop_from_cache({path_}) != "" || *cached_bytes({path_}) > 0) GTEST_SKIP() << "files here live in memory alone";
  }
  void TearDown() override { std::filesystem::remove(path_); }

  // Beside the source: /tmp may be memory.
  std::string path_ = fmt::format("{}/storage-test-{}", std::filesystem::current_path().string(), getpid());
};

TEST_F(StorageTest, AFileThatWasReadIsInThePageCacheUntilItIsDropped) {
  EXPECT_EQ(*cached_bytes({path_}), 0);
  EXPECT_EQ(read_file(path_).size(), static_cast<std::size_t>(kBytes));
  EXPECT_EQ(*cached_bytes({path_}), kBytes);
  EXPECT_EQ(*cached_bytes({path_, path_}), 2 * kBytes);
  EXPECT_EQ(drop_from_cache({path_}), "");
  EXPECT_EQ(*cached_bytes({path_}), 0);
}

TEST_F(StorageTest, MeasuringReadsAndForgetsAgain) {
  const Storage cold = measure_storage({path_});
  EXPECT_EQ(cold.file_bytes, kBytes);
  EXPECT_EQ(cold.cached_bytes, 0);
  EXPECT_GT(cold.bytes_per_s, 0);
  EXPECT_EQ(cold.cached_bytes_per_s, 0);
  EXPECT_EQ(*cached_bytes({path_}), 0);
  EXPECT_NEAR(cold.load_s() * cold.bytes_per_s, kBytes, 1);
  EXPECT_FALSE(cold.file_system.empty());

  read_file(path_);
  const Storage warm = measure_storage({path_});
  EXPECT_EQ(warm.cached_bytes, kBytes);
  EXPECT_EQ(warm.bytes_per_s, 0) << "nothing is left to come from storage";
  EXPECT_GT(warm.cached_bytes_per_s, 0);
  EXPECT_EQ(*cached_bytes({path_}), kBytes);
}

TEST_F(StorageTest, OfSomebodyElsesFileNothingIsClaimed) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  std::filesystem::permissions(path_, std::filesystem::perms(0444));
  ASSERT_EQ(seteuid(65534), 0);
  std::string told;
  try {
    const Available<std::int64_t> cached = cached_bytes({path_});
    told = cached ? "claimed" : cached.reason();
  } catch (const Error&) {
    told = "the owner keeps its folder to itself";
  }
  ASSERT_EQ(seteuid(0), 0);
  EXPECT_THAT(told, HasSubstr("the owner"));
}

TEST(Storage, SaysWhatALoadWillTake) {
  Storage storage{.file_system = "ext4", .file_bytes = 10'000'000'000, .cached_bytes = 4'000'000'000, .bytes_per_s = 100e6, .cached_bytes_per_s = 4e9};
  EXPECT_DOUBLE_EQ(storage.load_s(), 61);
  EXPECT_DOUBLE_EQ(storage.cold_load_s(), 100);
  EXPECT_EQ(storage_text(storage), "10.0 GB on ext4, 40 % of it in the page cache; the rest comes at 100.0 MB/s: 1 min 1 s");
  storage.cached_bytes = storage.file_bytes;
  EXPECT_EQ(storage_text(storage), "10.0 GB on ext4, all of it in the page cache");
  storage.cached_bytes = 0;
  storage.network = true;
  EXPECT_EQ(storage_text(storage),
            "10.0 GB on ext4, a network file system, none of it in the page cache; it comes at 100.0 MB/s: 1 min 40 s");
}

TEST(Storage, AFileThatIsNotThereIsNamed) {
  try {
    measure_storage({"/nowhere/model.gguf"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("/nowhere/model.gguf"));
  }
}

}  // namespace
}  // namespace oldiron::storage_test
