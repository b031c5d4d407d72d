#include "probes/memory_slots.hpp"

#include <gtest/gtest.h>

#include <set>

namespace oldiron::memory_slots_test {
namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

/// Distinct channels that the labels (slot, bank) name; 0 if they are not believed.
std::size_t channels(const Labels& labels) {
  std::vector<MemoryModule> table;
  for (const auto& [slot, bank] : labels) table.push_back({.slot = slot, .bank = bank});
  name_channels(table);
  std::set<std::string> names;
  for (const MemoryModule& module : table) names.insert(module.channel);
  names.erase("");
  return names.size();
}

TEST(MemorySlots, boards_that_spell_channels) {
  EXPECT_EQ(channels({{"DIMM 0", "P0 CHANNEL A"}, {"DIMM 0", "P0 CHANNEL B"}, {"DIMM 0", "P1 CHANNEL A"}}), 3U);
  // The bank's number differs for each slot of a channel here.
  EXPECT_EQ(channels({{"ChannelA-DIMM0", "BANK 0"},
                      {"ChannelA-DIMM1", "BANK 1"},
                      {"ChannelB-DIMM0", "BANK 2"},
                      {"ChannelB-DIMM1", "BANK 3"}}),
            2U);
  EXPECT_EQ(channels({{"Controller0-ChannelA-DIMM0", "BANK 0"}, {"Controller1-ChannelA-DIMM0", "BANK 0"}}), 2U);
  EXPECT_EQ(channels({{"DIMM 1", "NODE 0 CHANNEL 0 DIMM 0"}, {"DIMM 2", "NODE 0 CHANNEL 0 DIMM 1"}, {"DIMM 3", "NODE 1 CHANNEL 0 DIMM 0"}}),
            2U);
}

TEST(MemorySlots, boards_that_mean_channels_by_letters) {
  EXPECT_EQ(channels({{"P1-DIMMA1", ""}, {"P1-DIMMA2", ""}, {"P1-DIMMB1", ""}, {"P2-DIMME1", ""}}), 3U);
  EXPECT_EQ(channels({{"CPU1_DIMM_A1", ""}, {"CPU2_DIMM_A1", ""}}), 2U);
  EXPECT_EQ(channels({{"DIMM_P0_A0", "BANK 0"}, {"DIMM_P1_A0", "BANK 1"}}), 2U);
  EXPECT_EQ(channels({{"DDR4_A1", ""}, {"DDR4_B1", ""}}), 2U);
}

TEST(MemorySlots, letters_with_more_slots_than_a_channel_has_are_sockets) {
  Labels dell;
  for (const char* socket : {"A", "B"})
    for (int slot = 1; slot <= 9; ++slot) dell.push_back({socket + std::to_string(slot), ""});
  EXPECT_EQ(channels(dell), 0U);
}

TEST(MemorySlots, numbers_alone_and_half_named_boards_name_none) {
  EXPECT_EQ(channels({{"PROC 1 DIMM 1", ""}, {"PROC 1 DIMM 2", ""}}), 0U);
  EXPECT_EQ(channels({{"DIMM_A1", ""}, {"DIMM 2", ""}}), 0U);
  EXPECT_EQ(channels({}), 0U);
}

}  // namespace
}  // namespace oldiron::memory_slots_test
