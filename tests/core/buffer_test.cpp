#include "core/buffer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <utility>

#include "core/check.hpp"

namespace oldiron::buffer_test {
namespace {

using testing::HasSubstr;

constexpr std::size_t kMiB = std::size_t{1} << 20;

std::string transparent_huge_pages() {
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string text;
  std::getline(file, text);
  return text;
}

TEST(Buffer, is_aligned_and_zero) {
  for (const PageSize page : {PageSize::small, PageSize::transparent}) {
    Buffer buffer(3 * kMiB + 5, page);
    ASSERT_NE(buffer.data(), nullptr);
    EXPECT_EQ(buffer.size(), 3 * kMiB + 5);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % (2 * kMiB), 0U);
    EXPECT_EQ(buffer.data()[3 * kMiB + 4], std::byte{0});
    std::memset(buffer.data(), 0x5a, buffer.size());
  }
}

TEST(Buffer, empty_holds_nothing) {
  Buffer buffer(0, PageSize::small);
  EXPECT_EQ(buffer.data(), nullptr);
  EXPECT_EQ(buffer.size(), 0U);
  EXPECT_EQ(buffer.huge_page_bytes(), 0);
}

TEST(Buffer, moves) {
  Buffer first(kMiB, PageSize::small);
  first.data()[7] = std::byte{9};
  std::byte* const data = first.data();
  Buffer second(std::move(first));
  EXPECT_EQ(second.data(), data);
  Buffer third;
  third = std::move(second);
  EXPECT_EQ(third.data(), data);
  EXPECT_EQ(third.data()[7], std::byte{9});
  EXPECT_EQ(third.size(), kMiB);
}

TEST(Buffer, small_pages_are_never_huge) {
  Buffer buffer(8 * kMiB, PageSize::small);
  std::memset(buffer.data(), 1, buffer.size());
  EXPECT_EQ(buffer.huge_page_bytes(), 0);
}

TEST(Buffer, transparent_pages_are_huge_where_the_system_offers_them) {
  const std::string offered = transparent_huge_pages();
  if (offered.empty() || offered.find("[never]") != std::string::npos)
    GTEST_SKIP() << "no transparent huge pages";
  Buffer buffer(8 * kMiB, PageSize::transparent);
  Buffer neighbour(8 * kMiB, PageSize::transparent);
  EXPECT_EQ(buffer.huge_page_bytes(), 0);
  std::memset(buffer.data(), 1, buffer.size());
  std::memset(neighbour.data(), 1, neighbour.size());
  EXPECT_GT(buffer.huge_page_bytes(), 0);
  EXPECT_LE(buffer.huge_page_bytes(), static_cast<std::int64_t>(8 * kMiB));
}

TEST(Buffer, touching_keeps_the_content) {
  Buffer buffer(3 * kMiB + 5, PageSize::small);
  buffer.data()[4096] = std::byte{9};
  buffer.touch(0, buffer.size());
  EXPECT_EQ(buffer.data()[4096], std::byte{9});
  EXPECT_EQ(buffer.data()[3 * kMiB], std::byte{0});
}

std::int64_t faults() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_minflt;
}

TEST(Buffer, what_was_touched_faults_no_more) {
  Buffer buffer(4 * kMiB + 100, PageSize::small);
  buffer.touch(0, buffer.size());
  const std::int64_t before = faults();
  std::memset(buffer.data(), 1, buffer.size());
  EXPECT_LT(faults() - before, 16);
}

/// Small pages where huge ones were asked for, as on a machine that does not offer them by itself.
TEST(Buffer, collapses_what_the_first_touch_got_in_small_pages) {
  Buffer buffer(8 * kMiB, PageSize::transparent);
  if (madvise(buffer.data(), buffer.size(), MADV_NOHUGEPAGE) != 0)
    GTEST_SKIP() << "no transparent huge pages";
  for (std::size_t i = 0; i < buffer.size(); ++i) buffer.data()[i] = static_cast<std::byte>(i * 7);
  EXPECT_EQ(buffer.huge_page_bytes(), 0);
  madvise(buffer.data(), buffer.size(), MADV_HUGEPAGE);
  if (madvise(buffer.data(), 2 * kMiB, 25) != 0) GTEST_SKIP() << "MADV_COLLAPSE: " << std::strerror(errno);
  buffer.collapse();
  EXPECT_GT(buffer.huge_page_bytes(), static_cast<std::int64_t>(4 * kMiB));
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < buffer.size(); ++i) wrong += buffer.data()[i] != static_cast<std::byte>(i * 7);
  EXPECT_EQ(wrong, 0U);
}

TEST(Buffer, small_pages_are_not_collapsed) {
  Buffer buffer(4 * kMiB, PageSize::small);
  std::memset(buffer.data(), 1, buffer.size());
  buffer.collapse();
  EXPECT_EQ(buffer.huge_page_bytes(), 0);
}

/// Sets 2 MiB pages aside, as root, and gives them back.
class SetAside {
 public:
  explicit SetAside(int pages) {
    std::ifstream(kPath) >> before_;
    std::ofstream(kPath) << before_ + pages;
    int now = 0;
    std::ifstream(kPath) >> now;
    enough_ = before_ >= 0 && now >= before_ + pages;
  }

  ~SetAside() {
    if (before_ >= 0) std::ofstream(kPath) << before_;
  }

  SetAside(const SetAside&) = delete;
  SetAside& operator=(const SetAside&) = delete;

  bool enough() const { return enough_; }

 private:
  static constexpr const char* kPath = "/proc/sys/vm/nr_hugepages";
  int before_ = -1;
  bool enough_ = false;
};

TEST(Buffer, explicit_pages_that_are_set_aside) {
  const SetAside pages(3);
  if (!pages.enough()) GTEST_SKIP() << "3 pages of 2 MiB cannot be set aside: not root, or memory in pieces";
  Buffer buffer(5 * kMiB, PageSize::huge);
  buffer.touch(0, buffer.size());
  EXPECT_EQ(buffer.huge_page_bytes(), static_cast<std::int64_t>(6 * kMiB));
  buffer.collapse();
  EXPECT_EQ(buffer.huge_page_bytes(), static_cast<std::int64_t>(6 * kMiB));
}

TEST(Buffer, huge_pages_that_are_not_there_are_refused_with_the_way_out) {
  // 64 TiB of pages set aside: no machine has them.
  try {
    Buffer buffer(std::size_t{64} << 40, PageSize::huge);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("33554432 are needed and "));
    EXPECT_THAT(error.what(), HasSubstr(" are free; run `sysctl vm.nr_hugepages=33554432`"));
  }
}

TEST(Buffer, more_than_the_address_space_is_an_error) {
  EXPECT_THROW(Buffer(std::size_t{1} << 60, PageSize::small), Error);
}

TEST(BufferDeathTest, reading_past_the_end_faults) {
  Buffer buffer(4096, PageSize::small);
  volatile std::byte* data = buffer.data();
  EXPECT_DEATH(static_cast<void>(data[4096]), "");
  EXPECT_DEATH(static_cast<void>(data[-1]), "");
}

}  // namespace
}  // namespace oldiron::buffer_test
