#include "core/buffer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <utility>

#include "core/check.hpp"

namespace oldiron {
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
}  // namespace oldiron
