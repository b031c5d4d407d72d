#include "probes/counters.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>

namespace oldiron::counters_test {
namespace {

using testing::HasSubstr;

const EventCount* find(const std::vector<EventCount>& counts, const char* event) {
  const auto found =
      std::find_if(counts.begin(), counts.end(), [&](const EventCount& each) { return each.event == event; });
  return found == counts.end() ? nullptr : &*found;
}

/// A thousand pages, each a fault.
void touch() {
  constexpr std::size_t kBytes = 1000 * 4096;
  void* memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  madvise(memory, kBytes, MADV_NOHUGEPAGE);
  for (std::size_t at = 0; at < kBytes; at += 4096) static_cast<volatile char*>(memory)[at] = 1;
  munmap(memory, kBytes);
}

TEST(Counters, counts_what_every_rank_does_between_start_and_stop) {
  Team team({-1, -1});
  TeamCounters counters(team, 2);
  touch();
  counters.start();
  team.run(2, [](int, int) { touch(); });
  const std::vector<EventCount> counts = counters.stop();
  const EventCount* faults = find(counts, "page_faults");
  ASSERT_NE(faults, nullptr);
  EXPECT_GE(faults->count, 2000);
  EXPECT_LT(faults->count, 3000) << "the thousand before start() count nowhere";
  EXPECT_NE(find(counts, "context_switches"), nullptr);
}

TEST(Counters, can_begin_anew) {
  Team team({-1});
  TeamCounters counters(team, 1);
  for (int round = 0; round < 3; ++round) {
    counters.start();
    team.run(1, [](int, int) { touch(); });
    const std::vector<EventCount> counts = counters.stop();
    ASSERT_NE(find(counts, "page_faults"), nullptr);
    EXPECT_LT(find(counts, "page_faults")->count, 2000) << round;
  }
}

TEST(Counters, hardware_events_are_counted_or_a_reason_is_given) {
  Team team({-1});
  TeamCounters counters(team, 1);
  counters.start();
  team.run(1, [](int, int) { touch(); });
  const std::vector<EventCount> counts = counters.stop();
  if (counters.why_no_hardware().empty()) {
    ASSERT_NE(find(counts, "instructions"), nullptr);
    EXPECT_GT(find(counts, "instructions")->count, 1000);
  } else {
    EXPECT_EQ(find(counts, "instructions"), nullptr) << "what is not counted is absent, not 0";
    EXPECT_EQ(find(counts, "cycles"), nullptr);
  }
}

TEST(Counters, reasons_say_what_to_do) {
  EXPECT_THAT(why_no_hardware_events(false, 4, false), HasSubstr("sudo sysctl kernel.perf_event_paranoid=2"));
  EXPECT_THAT(why_no_hardware_events(true, 4, true), HasSubstr("hypervisor"));
  EXPECT_THAT(why_no_hardware_events(false, 2, true), HasSubstr("hypervisor"));
  EXPECT_THAT(why_no_hardware_events(true, -2, false), HasSubstr("no perf events"));
  EXPECT_THAT(why_no_hardware_events(true, 1, false), HasSubstr("dmesg"));
}

}  // namespace
}  // namespace oldiron::counters_test
