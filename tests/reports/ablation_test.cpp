#include "reports/ablation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "reports/audit_screen.hpp"
#include "reports/engines_screen.hpp"
#include "reports/layout.hpp"
#include "reports/svg.hpp"
#include "tests/reports/svg_checks.hpp"

namespace oldiron::reports::ablation_test {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Of "-rtr" (+20 %), a hostile file name (nothing), and five idle flags (-10 %).
struct Measured {
  Audit audit = judge(read_pasted_line({"llama-cli -rtr -ctk '\x1b[2J\xffq8_0" + std::string(60, 'k') + "' -smgs -sas -nkvo -mea 256 -ser 4,1"}), {.engine = Engine::ik_llama});
  Ablation ablation;

  explicit Measured(std::size_t passes = 6) {
    std::vector<std::size_t> rows;
    for (std::size_t i = 0; i < audit.rows.size(); ++i) rows.push_back(i);
    ablation = plan_ablation(audit, rows);
    ablation.passes = 6;
    ablation.work = "about 200 prompt tokens and 64 generated";
    const double speeds[] = {10, 12, 12, 10.8};
    for (std::size_t step = 0; step < ablation.steps.size(); ++step)
      for (std::size_t pass = 0; pass < passes; ++pass) {
        const double wobble = 1 + 0.002 * static_cast<double>((step * 3 + pass * 5) % 7);
        ablation.steps[step].speeds.push_back({speeds[step] * wobble, 20 * speeds[step] * wobble});
      }
  }
};

TEST(AblationText, EightyColumnsAndNothingHostile) {
  const Measured m;
  ASSERT_EQ(m.ablation.steps.size(), 4u);
  const std::string text = audit_text(m.audit, &m.ablation);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(columns(line), kScreenColumns) << line;
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, HasSubstr("bare defaults"));
  EXPECT_THAT(text, HasSubstr("+20 % ["));
  EXPECT_THAT(text, HasSubstr("none seen within"));
  EXPECT_THAT(text, HasSubstr("5 flags held for idle"));
}

TEST(AblationChart, AWaterfallOfBothSpeeds) {
  const Measured m;
  const Available<Chart> chart = ablation_chart(m.audit, m.ablation);
  ASSERT_TRUE(chart) << chart.reason();
  ASSERT_EQ(chart->panels.size(), 2u);
  EXPECT_EQ(chart->panels[0].x.names.size(), 5u) << "bare, three steps, the whole line";
  const std::string drawing = svg(*chart);
  expect_tidy(drawing);
  expect_well_formed(drawing);
}

TEST(AblationChart, NoPassNoChart) {
  const Measured m(0);
  EXPECT_FALSE(ablation_chart(m.audit, m.ablation));
  EXPECT_THAT(ablation_text(m.audit, m.ablation), Not(HasSubstr("tokens/s")));
}

TEST(AblationJson, HasTheKeysThatScriptsRelyOn) {
  const Measured m;
  const Json json = parse_json(audit_json(m.audit, &m.ablation), "audit")["ablation"];
  EXPECT_EQ(json["starts"], 24);
  ASSERT_EQ(json["steps"].size(), 4u);
  EXPECT_EQ(json["steps"][0]["decode"], nullptr);
  EXPECT_EQ(json["steps"][1]["flags"][0], "-rtr");
  EXPECT_EQ(json["steps"][1]["decode"]["clear"], true);
  EXPECT_EQ(json["steps"][2]["decode"]["clear"], false);
  EXPECT_EQ(json["steps"][3]["speeds"].size(), 6u);
  EXPECT_NEAR(json["whole"]["decode"]["ratio"], 1.08, 0.02);
}

TEST(EnginesScreen, TellsWhoIsThereOrHowToBuildOne) {
  EnginesScreen screen{.where = "/e\x1b[2J", .machine = {.isas = {"scalar", "avx2"}}};
  const std::string none = engines_text(screen);
  EXPECT_THAT(none, HasSubstr("git clone"));
  EXPECT_THAT(none, HasSubstr("nothing of this was run"));
  EXPECT_THAT(none, Not(HasSubstr("\x1b")));
  EngineBuild build{.folder = "/e/bin", .engine = Engine::ik_llama, .number = 4840, .commit = "8337e4cd3"};
  build.features = std::vector<std::string>{"AVX2", "FMA", "F16C"};
  build.tools = {{.name = "llama-server", .path = "/e/bin/llama-server", .flags = {"-t", "-rtr"}}, {.name = "llama-cli", .path = "/e/bin/llama-cli", .refusal = "it is broken"}};
  screen.builds = {build};
  const std::string text = engines_text(screen);
  EXPECT_THAT(text, HasSubstr("ik_llama.cpp 4840 (8337e4cd3)"));
  EXPECT_THAT(text, HasSubstr("(2 spellings)"));
  EXPECT_THAT(text, HasSubstr("it is broken"));
  EXPECT_THAT(text, Not(HasSubstr("git clone")));
  const Json json = parse_json(engines_json(screen), "engines");
  EXPECT_EQ(json["builds"][0]["tools"][0]["flags"].size(), 2u);
  EXPECT_EQ(json["builds"][0]["engine"], "ik_llama");
  EXPECT_EQ(json["advice"].size(), 0u);
}

}  // namespace
}  // namespace oldiron::reports::ablation_test
