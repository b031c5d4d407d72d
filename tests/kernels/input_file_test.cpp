// Files that are read at any place, mapped or not, and files that shrink while they are open.
#include "kernels/input_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include "kernels/mapped_copy.hpp"
#include "tests/kernels/gguf_builder.hpp"

namespace oldiron::input_file_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class InputFileTest : public GgufFolder {
 protected:
  /// Byte i is i modulo 251.
  std::string counted(std::size_t bytes) {
    std::string text(bytes, '\0');
    for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>(i % 251);
    return file(text);
  }

  static std::vector<std::byte> read(const InputFile& file, std::uint64_t offset, std::size_t bytes) {
    std::vector<std::byte> out(bytes);
    file.read(offset, bytes, out.data());
    return out;
  }
};

constexpr std::size_t kMapped = 3 << 20, kSmall = 5000;

TEST_F(InputFileTest, any_place_of_small_and_mapped_files_is_read) {
  for (const std::size_t size : {kSmall, kMapped}) {
    const InputFile file(counted(size));
    EXPECT_EQ(file.size(), size);
    for (const std::size_t at : {std::size_t{0}, std::size_t{4095}, size - 10}) {
      const std::vector<std::byte> bytes = read(file, at, 10);
      for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(bytes[i], static_cast<std::byte>((at + i) % 251));
    }
  }
}

TEST_F(InputFileTest, reading_beyond_the_end_says_where_it_is) {
  for (const std::size_t size : {kSmall, kMapped}) {
    const InputFile file(counted(size));
    EXPECT_THAT(refusal([&] { read(file, size - 4, 8); }),
                AllOf(HasSubstr("ends at byte " + std::to_string(size)), HasSubstr("4 bytes too early")));
    EXPECT_THAT(refusal([&] { read(file, ~std::uint64_t{0} - 4, 8); }), HasSubstr(file.path()));
  }
}

TEST_F(InputFileTest, a_file_cut_while_it_is_open_is_an_error_and_no_signal) {
  const std::string path = counted(kMapped);
  const InputFile file(path);
  read(file, 0, 100);
  ASSERT_EQ(truncate(path.c_str(), 1 << 20), 0);
  for (int again = 0; again < 2; ++again) {
    EXPECT_THAT(refusal([&] { read(file, 2 << 20, 1000); }), AllOf(HasSubstr(path), HasSubstr("too early")));
    EXPECT_EQ(read(file, 251, 1)[0], std::byte{0});
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] { EXPECT_THAT(refusal([&] { read(file, 2 << 20, 1000); }), HasSubstr("too early")); });
  for (std::thread& thread : threads) thread.join();
}

TEST_F(InputFileTest, a_bus_error_elsewhere_still_kills) {
  const auto fail_elsewhere = [] {
    const std::byte from{};
    std::byte to{};
    copy_mapped(&to, &from, 1);
    raise(SIGBUS);  // gives the signal back
    raise(SIGBUS);
  };
  EXPECT_EXIT(fail_elsewhere(), testing::KilledBySignal(SIGBUS), "");
}

}  // namespace
}  // namespace oldiron::input_file_test
