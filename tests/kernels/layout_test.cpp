// Packing is a permutation of bytes, at the places that the layout's description names.
#include "kernels/layout.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace oldiron::layout_test {
namespace {

constexpr TensorType kPacked[] = {TensorType::f32,  TensorType::f16,  TensorType::bf16,
                                  TensorType::q8_0, TensorType::q4_0, TensorType::q5_0,
                                  TensorType::q4_1, TensorType::q5_1, TensorType::mxfp4,
                                  TensorType::q4_k, TensorType::q5_k, TensorType::q6_k};

std::vector<std::byte> random_bytes(std::int64_t n) {
  std::mt19937 random(static_cast<unsigned>(n));
  std::vector<std::byte> out(static_cast<std::size_t>(n));
  for (std::byte& byte : out) byte = static_cast<std::byte>(random());
  return out;
}

/// The group's byte at which `byte` of block `b` of row `r` must lie, straight from the description in
/// layout.hpp.
std::int64_t place(TensorType type, std::int64_t k, std::int64_t b, std::int64_t byte, std::int64_t r) {
  const auto word = [&](std::int64_t plane, std::int64_t words, std::int64_t at) {
    return plane + ((b * words + at / 4) * 16 + r) * 4 + at % 4;
  };
  switch (type) {
    case TensorType::f32:
      return (b * 16 + r) * 4 + byte;
    case TensorType::f16:
    case TensorType::bf16:
      return (b * 16 + r) * 2 + byte;
    case TensorType::q4_0:
      return byte < 2 ? k / 32 * 256 + (b * 16 + r) * 2 + byte : word(0, 4, byte - 2);
    case TensorType::q5_0:  // the bits of qh are tested apart
      if (byte < 2) return k / 32 * 320 + (b * 16 + r) * 2 + byte;
      return byte < 6 ? word(k / 32 * 256, 1, byte - 2) : word(0, 4, byte - 6);
    case TensorType::q4_1:
      return byte < 4 ? k / 32 * 256 + ((b * 2 + byte / 2) * 16 + r) * 2 + byte % 2 : word(0, 4, byte - 4);
    case TensorType::q5_1:
      if (byte < 4) return k / 32 * 320 + ((b * 2 + byte / 2) * 16 + r) * 2 + byte % 2;
      return byte < 8 ? word(k / 32 * 256, 1, byte - 4) : word(0, 4, byte - 8);
    case TensorType::mxfp4:
      return byte < 1 ? k / 32 * 256 + b * 16 + r : word(0, 4, byte - 1);
    case TensorType::q8_0:
      return byte < 2 ? k / 32 * 512 + (b * 16 + r) * 2 + byte : word(0, 8, byte - 2);
    default:
      break;
  }
  const std::int64_t blocks = k / 256;
  if (type == TensorType::q4_k || type == TensorType::q5_k) {  // qs, qh, scales, d and dmin
    const std::int64_t high = type == TensorType::q5_k ? 32 : 0, scales = blocks * 64 * (32 + high / 4);
    if (byte < 4) return scales + blocks * 192 + ((b * 2 + byte / 2) * 16 + r) * 2 + byte % 2;
    if (byte < 16) return word(scales, 3, byte - 4);
    return byte < 16 + high ? word(blocks * 2048, 8, byte - 16) : word(0, 32, byte - 16 - high);
  }
  // q6_k: ql, qh, scales, d
  if (byte < 128) return word(0, 32, byte);
  if (byte < 192) return word(blocks * 2048, 16, byte - 128);
  if (byte < 208) return blocks * 3072 + (b * 16 + byte - 192) * 16 + r;
  return blocks * 3328 + (b * 16 + r) * 2 + byte - 208;
}

std::vector<std::int64_t> lengths(TensorType type) {
  if (info(type).block == 256) return {256, 2816, 4096};
  if (info(type).block > 1) return {32, 96, 704, 2112, 2816, 4096};
  return {1, 5, 32, 96, 704, 2112, 2816, 4096};
}

TEST(Layout, every_byte_lands_where_the_description_says) {
  for (const TensorType type : kPacked) {
    for (const std::int64_t k : lengths(type)) {
      const std::int64_t bytes = row_bytes(type, k), block_bytes = info(type).block_bytes;
      const std::vector<std::byte> rows = random_bytes(16 * bytes);
      std::vector<std::byte> group(rows.size());
      pack_group(type, rows.data(), k, group.data());
      for (std::int64_t i = 0; i < 16 * bytes; ++i) {
        const std::int64_t row = i / bytes, in_row = i % bytes;
        const std::int64_t at = in_row % block_bytes;
        if (type == TensorType::q5_0 && at >= 2 && at < 6) continue;
        if (type == TensorType::q5_1 && at >= 4 && at < 8) continue;
        const std::int64_t to = place(type, k, in_row / block_bytes, in_row % block_bytes, row);
        ASSERT_EQ(group[static_cast<std::size_t>(to)], rows[static_cast<std::size_t>(i)])
            << info(type).name << " k " << k << " row " << row << " byte " << in_row;
      }
    }
  }
}

TEST(Layout, fifth_bits_are_sorted_by_the_byte_that_they_complete) {
  for (const auto& [type, block_bytes, at] : {std::tuple{TensorType::q5_0, 22, 2}, {TensorType::q5_1, 24, 4}}) {
    constexpr std::int64_t k = 96;
    const std::int64_t bytes = k / 32 * block_bytes;
    const std::vector<std::byte> rows = random_bytes(16 * bytes);
    std::vector<std::byte> group(rows.size());
    pack_group(type, rows.data(), k, group.data());
    const auto bit = [](const std::vector<std::byte>& in, std::int64_t place, std::int64_t i) {
      return static_cast<int>(in[static_cast<std::size_t>(place + i / 8)] >> (i % 8) & std::byte{1});
    };
    for (std::int64_t r = 0; r < 16; ++r) {
      for (std::int64_t b = 0; b < k / 32; ++b) {
        for (std::int64_t i = 0; i < 32; ++i) {
          ASSERT_EQ(bit(group, place(type, k, b, at, r), 8 * (i % 4) + i / 4),
                    bit(rows, r * bytes + b * block_bytes + at, i))
              << "row " << r << " block " << b << " weight " << i;
        }
      }
    }
  }
}

TEST(Layout, every_row_comes_back_and_nothing_around_it_is_touched) {
  for (const TensorType type : kPacked) {
    for (const std::int64_t k : lengths(type)) {
      const std::int64_t bytes = row_bytes(type, k);
      const std::vector<std::byte> rows = random_bytes(16 * bytes);
      std::vector<std::byte> group(rows.size() + 64, std::byte{0x5a});
      pack_group(type, rows.data(), k, group.data());
      for (std::size_t i = rows.size(); i < group.size(); ++i) ASSERT_EQ(group[i], std::byte{0x5a});
      for (int r = 0; r < 16; ++r) {
        std::vector<std::byte> out(static_cast<std::size_t>(bytes) + 8, std::byte{0x5a});
        unpack_row(type, group.data(), k, r, out.data());
        ASSERT_TRUE(std::equal(out.begin(), out.end() - 8, rows.begin() + r * bytes))
            << info(type).name << ' ' << r;
        for (auto byte = out.end() - 8; byte != out.end(); ++byte) ASSERT_EQ(*byte, std::byte{0x5a});
      }
    }
  }
}

TEST(Layout, types_without_a_packed_kernel_stay_rows) {
  for (const TensorType type : kPacked) EXPECT_EQ(layout_of(type), Layout::r16);
  EXPECT_EQ(layout_of(TensorType::iq4_xs), Layout::rows);
}

TEST(Layout, packed_bytes_count_the_padding_of_the_last_group) {
  EXPECT_EQ(packed_bytes(TensorType::q4_0, Layout::r16, 16, 64), 16 * 36);
  EXPECT_EQ(packed_bytes(TensorType::q4_0, Layout::r16, 17, 64), 32 * 36);
  EXPECT_EQ(packed_bytes(TensorType::q4_k, Layout::rows, 17, 256), 17 * 144);
  EXPECT_EQ(packed_bytes(TensorType::f32, Layout::r16, 1, 3), 16 * 12);
}

TEST(LayoutDeath, packing_a_type_that_has_no_packed_layout_is_a_broken_promise) {
  std::vector<std::byte> bytes(16 * 144);
  EXPECT_DEATH(pack_group(TensorType::iq4_xs, bytes.data(), 256, bytes.data()), "broken promise");
}

}  // namespace
}  // namespace oldiron::layout_test
