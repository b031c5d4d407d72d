#include "probes/dmi.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace oldiron {
namespace {

using testing::HasSubstr;
using Table = std::vector<unsigned char>;

void add_strings(Table& table, const std::vector<std::string>& strings) {
  for (const std::string& text : strings) {
    table.insert(table.end(), text.begin(), text.end());
    table.push_back(0);
  }
  if (strings.empty()) table.push_back(0);
  table.push_back(0);
}

/// A memory device (type 17) of version 2.8, 40 bytes: 16 GiB, 64 bits wide.
void add_module(Table& table, int size, int type, int rated, int configured, const std::string& slot,
                const std::string& bank) {
  Table device(40, 0);
  const auto put = [&](std::size_t at, int value) {
    device[at] = static_cast<unsigned char>(value & 0xff);
    device[at + 1] = static_cast<unsigned char>(value >> 8);
  };
  device[0] = 17;
  device[1] = 40;
  put(0x0a, 64);
  put(0x0c, size);
  device[0x10] = 1;
  device[0x11] = bank.empty() ? 0 : 2;
  device[0x12] = static_cast<unsigned char>(type);
  put(0x15, rated);
  put(0x20, configured);
  table.insert(table.end(), device.begin(), device.end());
  add_strings(table, bank.empty() ? std::vector{slot} : std::vector{slot, bank});
}

void add_other(Table& table, unsigned char type) {
  const Table other{type, 6, 1, 0, 7, 7};
  table.insert(table.end(), other.begin(), other.end());
  add_strings(table, {});
}

TEST(Dmi, counts_channels_not_modules) {
  Table table;
  add_other(table, 4);
  add_module(table, 16384, 0x1a, 2933, 2400, "DIMM 0", "P0 CHANNEL A");
  add_module(table, 16384, 0x1a, 2933, 2400, "DIMM 1", "P0 CHANNEL A");
  add_module(table, 16384, 0x1a, 2933, 2400, "DIMM 0", "P0 CHANNEL B");
  add_module(table, 0, 0x02, 0, 0, "DIMM 1", "P0 CHANNEL B");
  add_other(table, 127);
  add_module(table, 16384, 0x1a, 2933, 2400, "after the end", "P0 CHANNEL C");
  const auto modules = parse_memory_modules(table);
  ASSERT_TRUE(modules) << modules.reason();
  EXPECT_EQ(*modules, (MemoryModules{.type = "DDR4",
                                     .populated = 3,
                                     .slots = 4,
                                     .transfers_per_s = 2400e6,
                                     .bytes_per_s = 2400e6 * 8 * 2}));
}

TEST(Dmi, without_names_of_channels_the_peak_is_unknown) {
  Table table;
  add_module(table, 8192, 0x18, 1600, 0, "DIMM_A1", "");
  add_module(table, 8192, 0x18, 1333, 0, "DIMM_B1", "");
  const auto modules = parse_memory_modules(table);
  ASSERT_TRUE(modules) << modules.reason();
  EXPECT_EQ(modules->type, "DDR3");
  EXPECT_EQ(modules->transfers_per_s, 1333e6);
  EXPECT_EQ(modules->bytes_per_s, 0);
}

TEST(Dmi, a_guest_names_no_speed) {
  Table table;
  add_module(table, 16384, 0x07, 0, 0, "DIMM 0", "");
  EXPECT_THAT(parse_memory_modules(table).reason(), HasSubstr("neither type nor speed"));
}

TEST(Dmi, empty_and_cut_tables_are_no_crash) {
  EXPECT_FALSE(parse_memory_modules({}));
  Table table;
  add_module(table, 16384, 0x1a, 2933, 2400, "DIMM 0", "P0 CHANNEL A");
  for (std::size_t size = 0; size < table.size(); ++size) {
    const Table cut(table.begin(), table.begin() + static_cast<std::ptrdiff_t>(size));
    parse_memory_modules(cut);
  }
}

TEST(Dmi, says_why_this_machine_has_none) {
  const auto modules = read_memory_modules();
  EXPECT_EQ(modules.reason().empty(), static_cast<bool>(modules));
}

}  // namespace
}  // namespace oldiron
