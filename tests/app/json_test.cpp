// What scripts read: --json of model and probe, the help's exit code, and the file of logits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/app/program.hpp"

namespace oldiron::test::json_test {
namespace {

using testing::HasSubstr;

TEST(ModelJson, HasTheByteBudgetOfTheReferenceModel) {
  const Folder folder;
  const Ran ran = run({"model", "gemma-4-26b-a4b-it", "--type", "q4_0", "--head-type", "q6_k", "--set",
                       "n_experts=3", "--json", folder / "model.json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const Json bytes = read_json(folder / "model.json").at("bytes_per_token");
  EXPECT_EQ(bytes.at("always_on").get<double>(), 971604088);
  EXPECT_EQ(bytes.at("head").get<double>(), 605552640);
  EXPECT_EQ(bytes.at("experts").get<double>(), 301086720);
  EXPECT_EQ(bytes.at("kv").get<double>(), 0);
  EXPECT_EQ(bytes.at("total").get<double>(), 1878243448);
  EXPECT_EQ(ran.err, "");
}

TEST(ProbeJson, HasTheReadBandwidthPerThreadCount) {
  const Folder folder;
  const Ran ran = run({"probe", "--quick", "--json", folder / "probe.json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const Json read = read_json(folder / "probe.json").at("bandwidth").at("read");
  ASSERT_FALSE(read.empty());
  for (const Json& each : read) {
    EXPECT_GE(each.at("threads").get<int>(), 1);
    EXPECT_GT(each.at("bytes_per_s").get<double>(), 1e8);
    EXPECT_LE(each.at("interval").at(0).get<double>(), each.at("bytes_per_s").get<double>());
    EXPECT_GE(each.at("interval").at(1).get<double>(), each.at("bytes_per_s").get<double>());
  }
}

TEST(ProbeOut, IsAFolderOfChartsAndWithoutItNothingIsWritten) {
  const Folder folder;
  write_file(folder / "latency.svg", "of an earlier run");
  const Ran ran = run({"probe", "--quick", "--out", folder.path()});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(folder.names(), testing::UnorderedElementsAre("probe.json", "probe.txt", "bandwidth.svg", "roofline.svg"));
  EXPECT_THAT(ran.err, HasSubstr("no latency.svg: latencies are measured by a full probe only"));
  EXPECT_EQ(read_file(folder / "probe.txt"), ran.out);
  const Folder empty;
  ASSERT_EQ(run({"probe", "--quick"}, empty.path()).exit_code, 0);
  EXPECT_TRUE(empty.names().empty());
}

TEST(LogitsJson, HasARowPerPosition) {
  const Folder folder;
  const Ran ran = run(
      {"logits", kTinyModel, "--tokens", "1,2,3", "--set", "kv_type=f32", "--out", folder / "logits.json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const Json logits = read_json(folder / "logits.json");
  EXPECT_EQ(logits.at("tokens"), Json({1, 2, 3}));
  ASSERT_EQ(logits.at("logits").size(), 3u);
  for (const Json& row : logits.at("logits")) EXPECT_EQ(row.size(), logits.at("n_vocab").get<std::size_t>());
  EXPECT_THAT(folder.names(), testing::ElementsAre("logits.json"));
}

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \n"), end = text.find_last_not_of(" \n");
  return begin == std::string::npos ? "" : text.substr(begin, end - begin + 1);
}

TEST(ProgramJson, FactsAndDoctor) {
  const Folder folder;
  const Ran facts = run({"facts", "--json", folder / "facts.json", "--out", folder / "root.json"});
  ASSERT_EQ(facts.exit_code, 0) << facts.err;
  const Json known = read_json(folder / "facts.json").at("facts");
  for (const auto& [name, fact] : known.items())
    EXPECT_NE(fact.contains("value"), fact.contains("not_available")) << name;
  const Ran doctor = run({"doctor", "--json", folder / "doctor.json"});
  ASSERT_EQ(doctor.exit_code, 0) << doctor.err;
  EXPECT_THAT(doctor.out, testing::HasSubstr("Nothing was changed."));
  const Json findings = read_json(folder / "doctor.json").at("findings");
  for (const Json& finding : findings)
    for (const char* key : {"id", "what", "why", "where", "fix", "undo"})
      EXPECT_FALSE(finding.at(key).get<std::string>().empty()) << key;
}

TEST(ProgramJson, ARecordCanBeExamined) {
  const Folder folder;
  const Ran record = run({"record", "-o", folder / "record.json"});
  ASSERT_EQ(record.exit_code, 0) << record.err;
  const Ran doctor = run({"doctor", "--machine", folder / "record.json"});
  ASSERT_EQ(doctor.exit_code, 0) << doctor.err;
  EXPECT_THAT(doctor.out, testing::HasSubstr("as it should be"));
}

// In README.md the help stands between <!-- help --> and <!-- /help -->, in a block of code.
TEST(Help, IsTheOneOfTheReadme) {
  const Ran ran = run({"--help"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.out, HasSubstr("tune"));
  const std::string path = std::string(OLDIRON_SOURCE_DIR) + "/README.md";
  if (!fs::exists(path)) GTEST_SKIP() << "there is no README.md";
  const std::string readme = read_file(path);
  const auto begin = readme.find("<!-- help -->"), end = readme.find("<!-- /help -->");
  ASSERT_NE(begin, std::string::npos);
  ASSERT_NE(end, std::string::npos);
  const std::string block = readme.substr(begin, end - begin);
  const auto fence = block.find("```"), last = block.rfind("```");
  ASSERT_LT(fence, last);
  const auto first_line = block.find('\n', fence);
  EXPECT_EQ(trimmed(block.substr(first_line, last - first_line)), trimmed(ran.out));
}

}  // namespace
}  // namespace oldiron::test::json_test
