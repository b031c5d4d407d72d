#include "probes/facts_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "probes/dmi.hpp"
#include "probes/identity.hpp"
#include "probes/memory_modules.hpp"
#include "tests/probes/smbios.hpp"
#include "tests/probes/tree.hpp"

namespace oldiron::facts_file_test {
namespace {

Tree machine(const std::string& memory = "MemTotal: 64000000 kB\n") {
  Tree tree;
  tree.add("/proc/cpuinfo", "model name\t: Xeon E5-2620 v4\n").add("/proc/meminfo", memory);
  return tree;
}

/// As root sees it, with a table.
Machine seen_by_root() {
  Tree tree = machine();
  SmbiosTable table;
  tree.add(kDmiTable, table.add({.slot = "DIMM_A1"}).add(empty_slot("DIMM_B1")).end().text());
  Machine seen;
  read_identity(tree.root(), seen);
  return seen;
}

TEST(FactsFile, what_root_read_once_others_read_later) {
  const Machine root = seen_by_root();
  ASSERT_TRUE(root.modules) << root.modules.reason();
  const auto facts = root_facts(root, {});
  ASSERT_TRUE(facts);
  Tree tree = machine();
  EXPECT_FALSE(read_memory_modules(tree.root()));
  tree.add(kFactsFile, root_facts_json(*facts));
  const auto modules = read_memory_modules(tree.root());
  ASSERT_TRUE(modules) << modules.reason();
  EXPECT_EQ(*modules, *root.modules);
  Machine user;
  read_identity(tree.root(), user);
  EXPECT_EQ(fingerprint(user), fingerprint(root));
}

TEST(FactsFile, of_another_machine_is_not_believed) {
  Tree tree = machine("MemTotal: 128000000 kB\n");
  tree.add(kFactsFile, root_facts_json(*root_facts(seen_by_root(), {})));
  EXPECT_THAT(read_root_facts(tree.root()).reason(), testing::HasSubstr("another CPU or amount of memory"));
  EXPECT_FALSE(read_memory_modules(tree.root()));
}

TEST(FactsFile, a_damaged_one_stops_nothing) {
  Tree tree = machine();
  for (const char* text : {"{\"schema\": 1", "{\"schema\": 2}", "[]", ""}) {
    tree.add(kFactsFile, text);
    EXPECT_THAT(read_root_facts(tree.root()).reason(), testing::HasSubstr("sudo oldiron facts")) << text;
    EXPECT_FALSE(read_memory_modules(tree.root()));
  }
}

TEST(FactsFile, nothing_is_written_where_root_has_nothing_to_add) {
  EXPECT_FALSE(root_facts(Machine{}, Facts{}));
}

}  // namespace
}  // namespace oldiron::facts_file_test
