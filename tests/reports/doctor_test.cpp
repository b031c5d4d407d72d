#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "core/json.hpp"
#include "reports/doctor_screen.hpp"
#include "reports/layout.hpp"
#include "tests/reports/sample.hpp"

namespace oldiron::reports::doctor_test {
namespace {

using testing::HasSubstr;
using testing::Not;

DoctorScreen sample_doctor() {
  DoctorScreen screen{.diagnosis = {}, .decode_tokens_per_s = 10};
  const Finding pages{.id = "transparent_huge_pages",
                      .what = "transparent huge pages are given to those who ask only (madvise)",
                      .why = "an engine that does not ask reads its weights through 4 KiB pages",
                      .stake = {.basis = StakeBasis::measured, .low = 0.052, .high = 0.091, .how = "a model: 10.0 tokens/s with 4 KiB pages, 10.7 with huge ones"},
                      .fix = "echo always | sudo tee /sys/kernel/mm/transparent_hugepage/enabled",
                      .undo = "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled",
                      .lasting = "the kernel option transparent_hugepage=always"};
  const Finding channels{.id = "memory_channels", .what = "2 of 4 memory channels are empty", .why = "half the bandwidth",
                         .stake = {.basis = StakeBasis::computed, .high = 1, .how = "2 of 4 channels, on paper"},
                         .place = Place::hardware, .fix = "put modules into C1, D1", .undo = "take them out"};
  const Finding counters{.id = "performance_counters", .what = "there are no performance counters", .why = "no speed is lost",
                         .stake = {.basis = StakeBasis::nothing}, .place = Place::hypervisor, .fix = "pmu=on", .undo = "pmu=off"};
  screen.diagnosis = {{counters, pages, channels}, {"governor", "turbo"}, {"NUMA setting: a guest's nodes are the hypervisor's choice"}};
  rank(screen.diagnosis.findings);
  return screen;
}

TEST(Doctor, Golden) { EXPECT_EQ(golden_difference("doctor.txt", doctor_text(sample_doctor())), ""); }

TEST(Doctor, CommandsAreNotBroken) {
  DoctorScreen screen = sample_doctor();
  const std::string command = "echo performance | sudo tee " + std::string(90, 'x');
  screen.diagnosis.findings[0].fix = command;
  EXPECT_THAT(doctor_text(screen), HasSubstr("fix      " + command + "\n"));
}

TEST(Doctor, OneNoteForNoFindings) {
  EXPECT_THAT(doctor_text({}), HasSubstr("Nothing found."));
  EXPECT_THAT(doctor_text(sample_doctor()), Not(HasSubstr("Nothing found.")));
}

TEST(Doctor, JsonHasTheKeysThatScriptsRelyOn) {
  const Json json = parse_json(doctor_json(sample_doctor()), "doctor");
  ASSERT_EQ(json["findings"].size(), 3u);
  EXPECT_EQ(json["findings"][0]["id"], "memory_channels");
  EXPECT_EQ(json["findings"][1]["stake"]["basis"], "measured");
  EXPECT_EQ(json["findings"][2]["where"], "hypervisor");
  EXPECT_EQ(json["fine"][0], "governor");
}

TEST(Doctor, HostileNamesAreHarmless) {
  DoctorScreen screen = sample_doctor();
  screen.subject = kHostile;
  Finding& finding = screen.diagnosis.findings[0];
  finding.what = finding.why = finding.fix = finding.undo = finding.lasting = finding.stake.how = kHostile;
  screen.diagnosis.not_checked = {kHostile};
  for (const char c : doctor_text(screen)) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
  parse_json(doctor_json(screen), "doctor");
}

}  // namespace
}  // namespace oldiron::reports::doctor_test
