#include "probes/process_facts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/text.hpp"
#include "probes/doctor/process_doctor.hpp"
#include "tests/probes/tree.hpp"

namespace oldiron::process_facts_test {
namespace {

using testing::Contains;
using testing::HasSubstr;

/// An engine half in swap, with three threads on one CPU.
Tree engine() {
  Tree tree;
  tree.add("/proc/77/status", "Name:\tollama\nVmRSS:\t 9000000 kB\nVmSwap:\t 5000000 kB\nVmLck:\t 0 kB\nRssAnon:\t 1000 kB\n")
      .add("/proc/77/stat", "77 (ol (la) ma) S 1 1 1 0 -1 0 500 0 1234 0 200 100 0 0\n")
      .add("/proc/77/smaps",
           "7f0000000000-7f0100000000 r--s 00000000 fd:00 12 /models/big one.gguf\n"
           "Size:            8000000 kB\nRss:             4000000 kB\nAnonHugePages:         0 kB\nFilePmdMapped:      2048 kB\n"
           "7f0200000000-7f0200001000 r--p 00000000 fd:00 13 /lib/libc.so.6\nSize: 4 kB\nRss: 4 kB\n"
           "7f0300000000-7f0400000000 rw-p 00000000 00:00 0 \nSize: 100000 kB\nRss: 100000 kB\nAnonHugePages:    6144 kB\n")
      .add("/proc/77/numa_maps",
           "7f0000000000 default file=/models/big mapped=10 N0=8 N1=2 kernelpagesize_kB=4\n"
           "7f0300000000 default anon=3 N0=3 kernelpagesize_kB=2048\n");
  for (const char* id : {"77", "78", "79"})
    tree.add(std::string("/proc/77/task/") + id + "/stat", std::string(id) + " (w) R 1 1 1 0 -1 0 0 0 0 0 100 0 0 0\n")
        .add(std::string("/proc/77/task/") + id + "/status", "Cpus_allowed_list:\t5\n");
  return tree;
}

TEST(ProcessFacts, reads_a_process) {
  const Tree tree = engine();
  const ProcessFacts p = read_process(77, tree.root(), 0);
  EXPECT_EQ(p.name, "ollama");
  EXPECT_EQ(p.resident_bytes, 9000000 * kKiB);
  EXPECT_EQ(p.swapped_bytes, 5000000 * kKiB);
  EXPECT_EQ(p.major_faults, 1234) << "behind a name with blanks and brackets";
  ASSERT_EQ(p.threads.size(), 3U);
  EXPECT_EQ(p.threads[0].cpus, std::vector<int>{5});
  ASSERT_TRUE(p.huge_page_bytes);
  EXPECT_EQ(*p.huge_page_bytes, (6144 + 2048) * kKiB);
  ASSERT_TRUE(p.model);
  EXPECT_EQ(*p.model, (MappedFile{"/models/big one.gguf", 8000000 * kKiB, 4000000 * kKiB}));
  ASSERT_TRUE(p.node_bytes);
  EXPECT_EQ(*p.node_bytes, (std::vector<std::int64_t>{8 * 4 * kKiB + 3 * 2048 * kKiB, 2 * 4 * kKiB}));
  EXPECT_EQ(p.memory_policy, "default");
}

TEST(ProcessFacts, no_such_process_is_an_error) { EXPECT_THROW(read_process(77, "/nowhere", 0), Error); }

TEST(ProcessFacts, reads_this_process) {
  const ProcessFacts p = read_process(getpid(), "/", 0);
  EXPECT_GT(p.resident_bytes, 0);
  EXPECT_GE(p.threads.size(), 1U);
  EXPECT_TRUE(p.model) << p.model.reason();
}

/// Busy as if it had been watched.
ProcessFacts watched() {
  const Tree tree = engine();
  ProcessFacts p = read_process(77, tree.root(), 0);
  p.watched_s = 1;
  for (ProcessThread& thread : p.threads) thread.busy = 0.33;
  return p;
}

Patient server() {
  Patient patient;
  patient.machine.nodes = patient.machine.packages = 2;
  patient.machine.cores.resize(2);
  patient.state.allowed_cpus = 2;
  patient.state.memory_available_bytes = 1;
  return patient;
}

std::vector<std::string> ids(const Diagnosis& diagnosis) {
  std::vector<std::string> ids;
  for (const Finding& finding : diagnosis.findings) ids.push_back(finding.id);
  return ids;
}

TEST(ProcessDoctor, tells_what_is_wrong_with_it) {
  EXPECT_EQ(ids(diagnose_process(watched(), server())),
            (std::vector<std::string>{"process_swapped", "process_masks", "process_nodes", "process_threads",
                                      "model_not_resident", "process_pages"}));
}

TEST(ProcessDoctor, a_model_that_does_not_stay_in_memory) {
  ProcessFacts p = watched();
  p.major_faults_per_s = 800;
  EXPECT_EQ(ids(diagnose_process(p, server()))[0], "process_faults");
}

TEST(ProcessDoctor, a_healthy_one) {
  ProcessFacts p{.pid = 1, .name = "llama-server", .resident_bytes = 10'000'000'000, .watched_s = 1};
  p.threads = {{.id = 1, .cpus = {0}, .busy = 1}, {.id = 2, .cpus = {1}, .busy = 1}};
  p.huge_page_bytes = std::int64_t{9'900'000'000};
  p.model = MappedFile{"/m.gguf", 10'000'000'000, 10'000'000'000};
  p.node_bytes = std::vector<std::int64_t>{5, 5};
  EXPECT_THAT(ids(diagnose_process(p, server())), testing::IsEmpty());
}

TEST(ProcessDoctor, what_only_the_owner_may_read_is_not_guessed) {
  ProcessFacts p{.pid = 9, .name = "ollama", .resident_bytes = 10'000'000'000};
  p.huge_page_bytes = Available<std::int64_t>::not_available("/proc/9/smaps is for its owner and root");
  const Diagnosis diagnosis = diagnose_process(p, server());
  EXPECT_THAT(diagnosis.findings, testing::IsEmpty());
  EXPECT_THAT(diagnosis.not_checked, Contains(HasSubstr("for its owner and root")));
}

}  // namespace
}  // namespace oldiron::process_facts_test
