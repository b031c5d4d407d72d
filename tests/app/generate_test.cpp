// `oldiron generate` and `oldiron quality` as a person calls them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/app/program.hpp"

namespace oldiron::test::generate_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string kDenseModel = test_data("golden/models/gemma4-dense.F32.gguf");

TEST(Generate, SaysTokensAcceptanceAndThatDraftsChangedNothing) {
  const Folder folder;
  const Ran ran =
      run({"generate", kTinyModel, "--tokens", "2,9,4", "--generate", "30", "--draft_len", "3",
           "--draft_kind", "model", "--draft-model", kTinyModel, "--check", "--json", "made.json"},
          folder.path());
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out,
              AllOf(HasSubstr("tokens   "), HasSubstr("model, up to 3 a round"), HasSubstr("100 % (")));
  EXPECT_THAT(ran.out, HasSubstr("the same tokens"));
  const Json made = read_json(folder / "made.json");
  EXPECT_EQ(made.at("tokens").size(), 30u);
  EXPECT_EQ(made.at("prompt"), Json::array({2, 9, 4}));
  EXPECT_TRUE(made.at("same_tokens").get<bool>());
  const Ran plain = run({"generate", kTinyModel, "--tokens", "2,9,4", "--generate", "30"});
  ASSERT_EQ(plain.exit_code, 0) << plain.err;
  EXPECT_EQ(plain.out.substr(0, plain.out.find('\n')), ran.out.substr(0, ran.out.find('\n')));
  EXPECT_THAT(plain.out, testing::Not(HasSubstr("drafts")));
}

TEST(Quality, SaysWhatFewerExpertsLose) {
  const Folder folder;
  const Ran ran = run({"quality", kTinyModel, "--set", "n_experts=1", "--texts", "3", "--text-tokens", "20",
                       "--json", "lost.json"},
                      folder.path());
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("with n_experts=1 beside its own configuration"),
                             HasSubstr("3 texts of 20 tokens"), HasSubstr("KL "), HasSubstr("top-1 "),
                             HasSubstr("loops ")));
  const Json lost = read_json(folder / "lost.json");
  EXPECT_EQ(lost.at("measurements").at(0).at("name"), "quality_kl");
  EXPECT_EQ(lost.at("measurements").at(0).at("samples").size(), 3u);
  EXPECT_GT(lost.at("measurements").at(0).at("median").get<double>(), 0);
}

TEST(Quality, ComparesFilesOnGivenTokens) {
  const Ran ran = run({"quality", kTinyModel, "--against", test_data("golden/models/gemma4-moe.F32.gguf"),
                       "--tokens", "2,9,4,31,17,5"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("beside gemma4-moe.F32.gguf, on the 6 tokens given"), HasSubstr("KL "),
                             HasSubstr("top-1 ")));
  EXPECT_THAT(ran.out, testing::Not(HasSubstr("95 %"))) << "one text has no interval";
}

}  // namespace
}  // namespace oldiron::test::generate_test
