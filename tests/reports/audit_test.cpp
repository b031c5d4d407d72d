#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "core/json.hpp"
#include "reports/audit_screen.hpp"
#include "reports/layout.hpp"

namespace oldiron::reports::audit_test {
namespace {

using testing::HasSubstr;
using testing::Not;

Audit audit_of(const std::string& line) { return judge(read_pasted_line({line}), {}); }

TEST(AuditScreen, EightyColumns) {
  const Audit audit = audit_of("llama-cli -m m.gguf -sm graph -smgs --mla-use 3 --okv x --override-kv " + std::string(200, 'k') + " --brand-new -rtr --jinja");
  std::istringstream lines(audit_text(audit));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(columns(line), kScreenColumns) << line;
}

TEST(AuditScreen, WhatStopsTheLineStandsFirst) {
  const std::string text = audit_text(audit_of("llama-cli -m m.gguf -rtr -smgs --draft-max 3"));
  EXPECT_LT(text.find("rejected: "), text.find("can act: "));
  EXPECT_LT(text.find("can act: "), text.find("echoed only: "));
  EXPECT_THAT(text, HasSubstr("nothing was run"));
}

TEST(AuditScreen, HostileWordsAreHarmless) {
  const std::string text = audit_text(audit_of("llama-cli -m 'm\x1b[2J\xff\n.gguf' '\x1b]0;x'"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("\xff")));
}

TEST(AuditScreen, JsonHasTheKeysThatScriptsRelyOn) {
  const Json json = parse_json(audit_json(audit_of("llama-server -m m.gguf -rtr -smgs -t $(nproc)")), "audit");
  EXPECT_EQ(json["tool"], "llama-server");
  EXPECT_EQ(json["engine"], "ik_llama");
  EXPECT_EQ(json["flags"][2]["flag"], "-smgs");
  EXPECT_EQ(json["flags"][2]["verdict"], "echoed_only");
  EXPECT_EQ(json["flags"][3]["values"][0], "$(nproc)");
  EXPECT_EQ(json["notes"].size(), 1u);
  EXPECT_GE(json["findings"].size(), 1u);
}

}  // namespace
}  // namespace oldiron::reports::audit_test
