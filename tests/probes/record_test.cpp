#include "probes/record.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/json.hpp"
#include "core/text.hpp"
#include "probes/facts.hpp"
#include "probes/probe_machine.hpp"
#include "probes/state.hpp"
#include "tests/probes/tree.hpp"

namespace oldiron::record_test {
namespace {

using testing::HasSubstr;

TEST(Record, this_machine_is_the_same_when_loaded) {
  Tree folder;
  folder.add("/record.json", record_machine());
  const RecordedMachine record(folder.root() + "/record.json");
  const Machine here = read_machine();
  const Machine loaded = record.machine();
  EXPECT_EQ(loaded.cores, here.cores);
  EXPECT_EQ(loaded.caches, here.caches);
  EXPECT_EQ(loaded.isas, here.isas);
  EXPECT_EQ(loaded.cpu_model, here.cpu_model);
  EXPECT_EQ(fingerprint(loaded), fingerprint(here));
  EXPECT_EQ(record.state().cpu_quota, read_state().cpu_quota);
  EXPECT_EQ(record.state().allowed_cpus, read_state().allowed_cpus);
  const Facts facts = record.facts(), now = read_facts("/", here);
  EXPECT_EQ(facts.transparent_huge_pages, now.transparent_huge_pages);
  EXPECT_EQ(facts.memory_limit_bytes, now.memory_limit_bytes);
  EXPECT_EQ(facts.memlock_bytes, now.memlock_bytes);
  EXPECT_EQ(facts.kernel_options, now.kernel_options);
}

TEST(Record, the_folder_goes_with_the_object) {
  Tree folder;
  folder.add("/record.json", record_machine());
  std::string root;
  {
    const RecordedMachine record(folder.root() + "/record.json");
    root = record.root();
    EXPECT_TRUE(std::filesystem::exists(root + "/proc/cpuinfo"));
  }
  EXPECT_FALSE(std::filesystem::exists(root));
}

TEST(Record, damaged_ones_are_refused) {
  Tree folder;
  const Json whole = parse_json(record_machine(), "record");
  const auto refused = [&](const char* key, const Json& value) {
    Json bad = whole;
    bad[key] = value;
    folder.add("/record.json", dump_json(bad));
    EXPECT_THROW(RecordedMachine(folder.root() + "/record.json"), Error) << key << " " << value;
  };
  refused("schema", 2);
  refused("files", Json::array());
  refused("files", {{"/../../etc/passwd", "x"}});
  refused("files", {{"relative", "x"}});
  refused("files", {{"/proc/stat", 3}});
  refused("tables", {{"/sys/firmware/dmi/tables/DMI", "zz"}});
  refused("unknown", 1);
  EXPECT_THROW(RecordedMachine("/nowhere.json"), Error);
}

}  // namespace
}  // namespace oldiron::record_test
