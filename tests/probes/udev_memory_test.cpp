#include "probes/udev_memory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace oldiron::udev_memory_test {
namespace {

constexpr const char* kTwoOfThree = R"(I:4403451
E:ID_VENDOR=Supermicro
E:MEMORY_ARRAY_NUM_DEVICES=3
E:MEMORY_DEVICE_0_DATA_WIDTH=64
E:MEMORY_DEVICE_0_SIZE=17179869184
E:MEMORY_DEVICE_0_LOCATOR=P1-DIMMA1
E:MEMORY_DEVICE_0_TYPE=DDR4
E:MEMORY_DEVICE_0_SPEED_MTS=2400
E:MEMORY_DEVICE_0_MANUFACTURER=SK Hynix
E:MEMORY_DEVICE_0_SERIAL_NUMBER=2B1F00AA
E:MEMORY_DEVICE_0_PART_NUMBER=HMA42GR7AFR4N-UH
E:MEMORY_DEVICE_0_RANK=2
E:MEMORY_DEVICE_0_CONFIGURED_SPEED_MTS=2133
E:MEMORY_DEVICE_1_PRESENT=0
E:MEMORY_DEVICE_1_LOCATOR=P1-DIMMB1
E:MEMORY_DEVICE_2_SIZE=17179869184
E:MEMORY_DEVICE_2_LOCATOR=P1-DIMMC1
E:MEMORY_DEVICE_2_TYPE=DDR4
E:MEMORY_DEVICE_2_SPEED_MTS=2400
E:MEMORY_DEVICE_2_CONFIGURED_SPEED_MTS=2133
E:MEMORY_DEVICE_broken
)";

TEST(UdevMemory, reads_the_table_that_needs_no_root) {
  const auto modules = parse_udev_modules(kTwoOfThree, "udev");
  ASSERT_TRUE(modules) << modules.reason();
  EXPECT_EQ(modules->source, "udev");
  EXPECT_EQ(modules->slots, 3);
  EXPECT_EQ(modules->populated, 2);
  EXPECT_EQ(modules->channels, 2);
  EXPECT_EQ(modules->all_channels, 3);
  EXPECT_EQ(modules->bytes_per_s, 2133e6 * 8 * 2);
  EXPECT_EQ(modules->rated_transfers_per_s, 2400e6);
  EXPECT_EQ(modules->table[0].part, "HMA42GR7AFR4N-UH");
  EXPECT_EQ(modules->table[0].ranks, 2);
}

TEST(UdevMemory, says_why_there_is_none) {
  EXPECT_THAT(read_udev_modules("/nowhere").reason(), testing::HasSubstr("no /run/udev/data/+dmi:id"));
  EXPECT_FALSE(parse_udev_modules("E:ID_VENDOR=x\n"));
}

}  // namespace
}  // namespace oldiron::udev_memory_test
