#include "probes/anonymise.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "probes/dmi.hpp"
#include "tests/probes/smbios.hpp"

namespace oldiron::anonymise_test {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Anonymise, nothing_tells_whose_machine_it_is) {
  const std::map<std::string, std::string> files = {
      {"/proc/cmdline", "root=/dev/mapper/alice--vg-root mitigations=off ip=10.1.2.3 token=hunter2\n"},
      {"/proc/self/status", "Name:\toldiron\nUid:\t1001 1001\nCpus_allowed_list:\t0-3\nCapEff:\t00\n"},
      {"/proc/self/cgroup", "0::/lxc/alices-box/deadbeef0123\n"},
      {"/proc/self/mountinfo", "26 1 254:0 / / rw - ext4 /dev/mapper/alice--vg-root rw\n31 1 0:28 /lxc/alices-box /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n40 1 8:1 / /home/alice rw - ext4 /dev/sda1 rw\n"},
      {"/sys/fs/cgroup/lxc/alices-box/deadbeef0123/cpu.max", "150000 100000\n"},
      {"/proc/swaps", "Filename Type\n/dev/mapper/alice--vg-swap partition 1000 0 -2\n/dev/zram0 partition 5 5 1\n"},
      {"/run/udev/data/+dmi:id", "E:ID_SERIAL=S123\nE:MEMORY_DEVICE_0_SIZE=1\nE:MEMORY_DEVICE_0_SERIAL_NUMBER=S456\n"},
      {"/proc/sys/kernel/osrelease", "6.1.0-alicehost 12345678-9abc-def0-1234-56789abcdef0\n"}};
  const auto anonymous = anonymous_files(files, "alicehost");
  std::string all;
  for (const auto& [path, text] : anonymous) all += path + "\n" + text;
  for (const char* secret : {"alice", "hunter2", "10.1.2.3", "deadbeef", "S123", "S456", "1001", "12345678"})
    EXPECT_THAT(all, Not(HasSubstr(secret)));
  for (const char* fact : {"mitigations=off", "Cpus_allowed_list:\t0-3", "150000 100000", "/dev/zram0", "/lxc/", "MEMORY_DEVICE_0_SIZE=1"})
    EXPECT_THAT(all, HasSubstr(fact));
  EXPECT_EQ(anonymous.count("/sys/fs/cgroup/lxc/group1/group2/cpu.max"), 1U) << "the files are still found by the groups";
  EXPECT_EQ(anonymous.at("/proc/self/cgroup"), "0::/lxc/group1/group2\n");
}

TEST(Anonymise, the_table_of_modules_keeps_no_serial_number) {
  SmbiosTable table;
  table.add_other(1, {1, 2, 3, 4}, {"Maker", "Model", "SERIAL-OF-SYSTEM"})
      .add({.slot = "DIMM_A1", .maker = "Samsung", .part = "M393", .serial = "SERIAL-OF-MODULE"})
      .end();
  const std::string kept = anonymous_table(table.bytes());
  EXPECT_THAT(kept, Not(HasSubstr("SERIAL")));
  const auto modules = parse_memory_modules({reinterpret_cast<const unsigned char*>(kept.data()), kept.size()});
  ASSERT_TRUE(modules) << modules.reason();
  EXPECT_EQ(*modules, *parse_memory_modules(table.bytes()));
}

}  // namespace
}  // namespace oldiron::anonymise_test
