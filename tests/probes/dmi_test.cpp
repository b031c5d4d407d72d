#include "probes/dmi.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/probes/smbios.hpp"

namespace oldiron::dmi_test {
namespace {

using testing::HasSubstr;
using Table = std::vector<unsigned char>;

TEST(Dmi, counts_channels_not_modules) {
  SmbiosTable table;
  table.add_other(4, {7, 7})
      .add({.slot = "DIMM 0", .bank = "P0 CHANNEL A", .rated = 2933, .configured = 2400})
      .add({.slot = "DIMM 1", .bank = "P0 CHANNEL A", .rated = 2933, .configured = 2400})
      .add({.slot = "DIMM 0", .bank = "P0 CHANNEL B", .rated = 2933, .configured = 2400})
      .add(empty_slot("DIMM 1", "P0 CHANNEL B"))
      .end()
      .add({.slot = "after the end", .bank = "P0 CHANNEL C"});
  const auto modules = parse_memory_modules(table.bytes());
  ASSERT_TRUE(modules) << modules.reason();
  EXPECT_EQ(modules->type, "DDR4");
  EXPECT_EQ(modules->populated, 3);
  EXPECT_EQ(modules->slots, 4);
  EXPECT_EQ(modules->transfers_per_s, 2400e6);
  EXPECT_EQ(modules->rated_transfers_per_s, 2933e6);
  EXPECT_EQ(modules->channels, 2);
  EXPECT_EQ(modules->bytes_per_s, 2400e6 * 8 * 2);
}

// A Supermicro X9DRi-F: two sockets, four channels each, two slots a channel; only the first slot of every channel filled.
TEST(Dmi, ddr3_in_8_of_16_slots) {
  SmbiosTable table;
  for (const char* socket : {"P1", "P2"})
    for (const char letter : std::string(socket[1] == '1' ? "ABCD" : "EFGH"))
      for (const int slot : {1, 2}) {
        const std::string name = std::string(socket) + "-DIMM" + letter + std::to_string(slot);
        table.add(slot == 1 ? Dimm{.slot = name,
                                   .bank = "P0_Node0_Channel" + std::to_string((letter - 'A') % 4) + "_Dimm0",
                                   .mebibytes = 8192,
                                   .type = 0x18,
                                   .rated = 1600,
                                   .configured = 1333,
                                   .maker = "Samsung",
                                   .part = "M393B1K70DH0-CK0  ",
                                   .serial = "3F2A11C0"}
                            : empty_slot(name));
      }
  const auto modules = parse_memory_modules(table.end().bytes());
  ASSERT_TRUE(modules) << modules.reason();
  EXPECT_EQ(modules->type, "DDR3");
  EXPECT_EQ(modules->populated, 8);
  EXPECT_EQ(modules->slots, 16);
  EXPECT_EQ(modules->channels, 8) << "the banks alone would name four";
  EXPECT_EQ(modules->all_channels, 8);
  EXPECT_EQ(modules->bytes_per_s, 1333e6 * 8 * 8);
  EXPECT_EQ(modules->full_bytes_per_s, modules->bytes_per_s) << "a second module adds no channel";
  const MemoryModule& first = modules->table[0];
  EXPECT_EQ(first.slot, "P1-DIMMA1");
  EXPECT_EQ(first.bytes, std::int64_t{8} << 30);
  EXPECT_EQ(first.ranks, 2);
  EXPECT_EQ(first.maker, "Samsung");
  EXPECT_EQ(first.part, "M393B1K70DH0-CK0");
  EXPECT_EQ(modules->table[1].bytes, 0);
  EXPECT_EQ(modules->table[1].slot, "P1-DIMMA2");
}

TEST(Dmi, empty_channels_tell_what_filling_them_gives) {
  SmbiosTable table;
  for (const char letter : std::string("ABCD")) {
    const std::string name = std::string("DIMM_") + letter + "1";
    table.add(letter < 'C' ? Dimm{.slot = name, .rated = 2133} : empty_slot(name));
  }
  const auto modules = parse_memory_modules(table.end().bytes());
  ASSERT_TRUE(modules) << modules.reason();
  EXPECT_EQ(modules->channels, 2);
  EXPECT_EQ(modules->all_channels, 4);
  EXPECT_EQ(modules->bytes_per_s, 2133e6 * 8 * 2);
  EXPECT_EQ(modules->full_bytes_per_s, 2133e6 * 8 * 4);
}

TEST(Dmi, without_names_of_channels_the_peak_is_unknown) {
  SmbiosTable table;
  table.add({.slot = "PROC 1 DIMM 1", .mebibytes = 8192, .type = 0x18, .rated = 1600})
      .add({.slot = "PROC 1 DIMM 9", .mebibytes = 8192, .type = 0x18, .rated = 1333});
  const auto modules = parse_memory_modules(table.bytes());
  ASSERT_TRUE(modules) << modules.reason();
  EXPECT_EQ(modules->type, "DDR3");
  EXPECT_EQ(modules->transfers_per_s, 1333e6);
  EXPECT_EQ(modules->bytes_per_s, 0);
  EXPECT_EQ(modules->channels, 0);
}

TEST(Dmi, large_modules_and_the_firmwares_own_chip) {
  SmbiosTable table;
  table.add({.slot = "SYSTEM ROM", .mebibytes = 8, .type = 0x09, .rated = 0})
      .add({.slot = "DIMM_A1", .mebibytes = 65536, .type = 0x22, .rated = 4800});
  const auto modules = parse_memory_modules(table.bytes());
  ASSERT_TRUE(modules) << modules.reason();
  EXPECT_EQ(modules->slots, 1);
  EXPECT_EQ(modules->type, "DDR5");
  EXPECT_EQ(modules->table[0].bytes, std::int64_t{64} << 30);
}

TEST(Dmi, a_guest_names_no_speed) {
  SmbiosTable table;
  table.add({.slot = "DIMM 0", .type = 0x07, .rated = 0});
  EXPECT_THAT(parse_memory_modules(table.bytes()).reason(), HasSubstr("neither type nor speed"));
}

TEST(Dmi, empty_and_cut_tables_are_no_crash) {
  EXPECT_FALSE(parse_memory_modules({}));
  SmbiosTable whole;
  whole.add({.slot = "DIMM 0", .bank = "P0 CHANNEL A"});
  const Table& table = whole.bytes();
  for (std::size_t size = 0; size < table.size(); ++size) {
    const Table cut(table.begin(), table.begin() + static_cast<std::ptrdiff_t>(size));
    parse_memory_modules(cut);
  }
}

TEST(Dmi, says_why_this_machine_has_none) {
  const auto modules = read_dmi_modules();
  EXPECT_EQ(modules.reason().empty(), static_cast<bool>(modules));
}

}  // namespace
}  // namespace oldiron::dmi_test
