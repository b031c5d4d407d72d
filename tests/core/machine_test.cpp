#include "core/machine.hpp"

#include <gtest/gtest.h>

namespace oldiron::machine_test {
namespace {

TEST(Profile, LooksUpTheNearestMeasuredBelow) {
  Profile profile;
  EXPECT_EQ(profile.read_bytes_per_s(1), 0);
  EXPECT_EQ(profile.best_read_bytes_per_s(), 0);
  for (const auto& [threads, rate] : {std::pair(8, 50e9), std::pair(2, 27e9), std::pair(16, 45e9)}) {
    profile.read.push_back({.threads = threads, .bytes_per_s = summarise("read", "bytes/s", {rate})});
  }
  EXPECT_EQ(profile.read_bytes_per_s(8), 50e9);
  EXPECT_EQ(profile.read_bytes_per_s(7), 27e9);
  EXPECT_EQ(profile.read_bytes_per_s(99), 45e9);
  EXPECT_EQ(profile.read_bytes_per_s(1), 27e9) << "below all: the fewest threads measured";
  EXPECT_EQ(profile.best_read_bytes_per_s(), 50e9);
}

TEST(Machine, FingerprintIsWhatItIsNotHowItIs) {
  Machine machine{.cpu_model = "Xeon E5-2620 v4", .packages = 2, .nodes = 2};
  const std::string before = fingerprint(machine);
  EXPECT_EQ(before.size(), 16u);
  machine.cores.resize(3);
  machine.memory_bytes = 1;
  machine.kernel = "7.0";
  machine.transparent_huge_pages = "never";
  machine.modules = Available<MemoryModules>::not_available("needs root");
  EXPECT_EQ(fingerprint(machine), before);
  machine.modules = MemoryModules{.type = "DDR4", .populated = 8, .slots = 16};
  EXPECT_NE(fingerprint(machine), before);
  Machine other{.cpu_model = "Xeon E5-2620 v4", .packages = 1, .nodes = 2};
  EXPECT_NE(fingerprint(other), before);
}

}  // namespace
}  // namespace oldiron::machine_test
