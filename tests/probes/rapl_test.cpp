#include "probes/rapl.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace oldiron::rapl_test {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

/// A powercap tree whose counters a test moves.
struct RaplTest : testing::Test {
  RaplTest() : root(fs::path(testing::TempDir()) / ("rapl_" + std::to_string(getpid()))) {
    fs::remove_all(root);
  }

  ~RaplTest() override { fs::remove_all(root); }

  void zone(const std::string& id, const std::string& name, long energy_uj, long range_uj = 262'143'328'850) {
    write(id, "name", name);
    write(id, "energy_uj", std::to_string(energy_uj));
    write(id, "max_energy_range_uj", std::to_string(range_uj));
  }

  void write(const std::string& id, const std::string& file, const std::string& text) {
    const fs::path folder = root / "sys/class/powercap" / id;
    fs::create_directories(folder);
    std::ofstream(folder / file) << text << "\n";
  }

  /// A server of two sockets, as the kernel shows it.
  void two_sockets() {
    fs::create_directories(root / "sys/class/powercap/intel-rapl");
    zone("intel-rapl:0", "package-0", 1'000'000);
    zone("intel-rapl:0:0", "dram", 100'000);
    zone("intel-rapl:0:1", "core", 700'000);
    zone("intel-rapl:1", "package-1", 2'000'000);
    zone("intel-rapl:1:0", "dram", 200'000);
    zone("intel-rapl-mmio:0", "package-0", 1'000'000);
    zone("intel-rapl:2", "psys", 5'000'000);
  }

  Rapl opened() const {
    Available<Rapl> rapl = Rapl::open(root);
    if (!rapl) throw Error(rapl.reason());
    return *rapl;
  }

  fs::path root;
};

TEST_F(RaplTest, counts_packages_and_memory_once_each) {
  two_sockets();
  Rapl rapl = opened();
  EXPECT_EQ(rapl.zones(), "2 packages and 2 DRAM");
  EXPECT_EQ(*rapl.joules(), 0);
  zone("intel-rapl:0", "package-0", 11'000'000);
  zone("intel-rapl:0:1", "core", 9'000'000);
  zone("intel-rapl:1:0", "dram", 1'200'000);
  zone("intel-rapl:2", "psys", 50'000'000);
  EXPECT_NEAR(*rapl.joules(), 11, 1e-9);
}

TEST_F(RaplTest, a_counter_that_begins_anew_goes_on) {
  zone("intel-rapl:0", "package-0", 262'143'000'000);
  Rapl rapl = opened();
  zone("intel-rapl:0", "package-0", 671'150);  // 328850 up to the end, and these behind it
  EXPECT_NEAR(*rapl.joules(), 1, 1e-9);
  zone("intel-rapl:0", "package-0", 2'671'150);
  EXPECT_NEAR(*rapl.joules(), 3, 1e-9);
  EXPECT_EQ(rapl.zones(), "1 package");
}

TEST_F(RaplTest, says_why_there_is_none) {
  EXPECT_THAT(Rapl::open(root).reason(), HasSubstr("a virtual machine has none"));
  write("intel-rapl:0", "name", "package-0");  // as for a user to whom energy_uj is closed
  EXPECT_THAT(Rapl::open(root).reason(),
              HasSubstr("sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj"));
}

TEST_F(RaplTest, a_counter_that_vanishes_is_said) {
  zone("intel-rapl:0", "package-0", 1);
  Rapl rapl = opened();
  fs::remove(root / "sys/class/powercap/intel-rapl:0/energy_uj");
  EXPECT_THAT(rapl.joules().reason(), HasSubstr("cannot be read any more"));
}

}  // namespace
}  // namespace oldiron::rapl_test
