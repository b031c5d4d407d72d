// What llama-perplexity prints, and the adapter on a fake of it.
#include "runner/engines/llama_perplexity.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/quality.hpp"
#include "core/text.hpp"
#include "runner/engines/lossy_tools.hpp"

namespace oldiron::llama_perplexity_test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::SizeIs;

std::string recorded_path(Engine engine) {
  return std::string(OLDIRON_TEST_DATA "/engines/") + (engine == Engine::ik_llama ? "ik_llama-4840" : "llama_cpp-10587") + "/kl_divergence.txt";
}

std::string recorded(Engine engine) { return read_file(recorded_path(engine)); }

std::string refusal(const std::string& text) {
  try {
    read_kl_divergence(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  text.replace(text.find(what), what.size(), by);
  return text;
}

TEST(KlFigures, AreReadToTheDigit) {
  const KlFigures ik = read_kl_divergence(recorded(Engine::ik_llama));
  EXPECT_EQ(ik.kl, (Figure{0.279722, 0.009264}));
  EXPECT_DOUBLE_EQ(ik.top1.value, 0.95161);
  EXPECT_DOUBLE_EQ(ik.top1.error, 0.01365);
  EXPECT_EQ(ik.perplexity, (Figure{446.092086, 74.156591}));
  EXPECT_EQ(ik.base_perplexity, (Figure{466.768007, 78.581719}));
  EXPECT_THAT(ik.running_kl, SizeIs(8));
  EXPECT_DOUBLE_EQ(ik.running_kl.back(), 0.27972);
  EXPECT_DOUBLE_EQ(ik.running_top1.front(), 0.96774);
  const KlFigures llama = read_kl_divergence(recorded(Engine::llama_cpp));
  EXPECT_EQ(llama.kl, (Figure{0.275931, 0.009002}));
  EXPECT_DOUBLE_EQ(llama.top1.value, 0.94355);
  EXPECT_THAT(llama.running_kl, SizeIs(8));
}

TEST(KlFigures, MayStandAmongUnknownLines) {
  const std::string more = replaced(recorded(Engine::ik_llama), "Mean    KLD", "Entropy    KLD:   0.1 ±   0.2\nnote: x\nMean    KLD");
  EXPECT_EQ(read_kl_divergence("system: 1\n" + more + "bye: 12 34\n").kl.value, 0.279722);
}

TEST(KlFigures, AreRefusedByNameWhereOneIsMissing) {
  for (const Engine engine : {Engine::ik_llama, Engine::llama_cpp}) {
    EXPECT_THAT(refusal(replaced(recorded(engine), "Mean    KLD", "Middle  KLD")), HasSubstr("no `Mean KLD`"));
    EXPECT_THAT(refusal(replaced(recorded(engine), "Same top p:", "Same top q:")), HasSubstr("no `Same top p`"));
    EXPECT_THAT(refusal(replaced(recorded(engine), "Mean PPL(Q)  ", "Mean PPL(R)  ")), HasSubstr("no `Mean PPL(Q)`"));
    EXPECT_THAT(refusal(replaced(recorded(engine), "Mean PPL(base)", "Mean PPL(bass)")), HasSubstr("no `Mean PPL(base)`"));
    EXPECT_THAT(refusal(replaced(recorded(engine), "\n   3 ", "\n   4 ")), HasSubstr("no row of chunk 3"));
  }
}

TEST(KlFigures, AreRefusedWhereOneIsNotANumber) {
  const std::string text = recorded(Engine::llama_cpp);
  EXPECT_THAT(refusal(replaced(text, "0.275931", "-nan")), HasSubstr("Mean KLD is not a number"));
  EXPECT_THAT(refusal(replaced(text, "0.009002", "inf")), HasSubstr("Mean KLD is not a number"));
  EXPECT_THAT(refusal(replaced(text, "0.24513", "nan")), HasSubstr("row of chunk 1 is not a number"));
  EXPECT_THAT(refusal(replaced(text, "Mean    KLD:   0.275931 ±", "Mean    KLD:")), HasSubstr("not all of it"));
}

TEST(KlFigures, AreNeverReadFromHalfAnOutput) {
  const std::string text = recorded(Engine::llama_cpp);
  const std::size_t last = text.find("1.468 %", text.find("Same top p:"));
  for (std::size_t bytes = 0; bytes < last; ++bytes) EXPECT_NE(refusal(text.substr(0, bytes)), "") << bytes;
}

TEST(BaseLogits, TakeWhatTheEnginesWrote) {
  // llama-perplexity -c 64 --chunks 8 on 512 words, both engines.
  EXPECT_EQ(base_logits_bytes(512, 8, 64), 258004);
  EXPECT_EQ(base_logits_bytes(262144, 16, 256), 20 + 16L * (4 * 256 + 127 * 2 * 262148));
}

class Perplexity : public testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    fs::create_directories(dir_);
    for (const char* tool : {"llama-bench", "llama-perplexity"}) fs::create_symlink(OLDIRON_FAKE_ENGINE, dir_ / tool);
    write_file((dir_ / "text.txt").string(), "a text\n");
    configure("");
    model_.id = "small";
    model_.architecture = "gemma4";
    model_.vocab_size = 512;
    model_.expert_count = 8;
    model_.expert_used_count = 2;
    spec_.engine = GetParam();
    spec_.model = "small.gguf";
    spec_.workload = {.prompt_tokens = 0, .generate_tokens = 0, .quality_texts = 8, .quality_tokens = 64};
    spec_.config.decode_threads = 1;
    spec_.config.prefill_threads = 2;
    spec_.config.n_experts = 1;
    spec_.budget.seconds = 20;
  }
  void TearDown() override { fs::remove_all(dir_); }

  void configure(const std::string& more) {
    write_file((dir_ / "fake_engine.conf").string(),
               fmt::format("engine={}\nfigures={}\nlog={}/calls\n{}", to_string(GetParam()), recorded_path(GetParam()), dir_.string(), more));
  }

  std::unique_ptr<TrialEngine> adapter(PerplexityOptions options = {}) {
    const RunCommand run = [](const std::vector<std::string>& argv, double timeout_s) {
      Command command;
      command.argv = argv;
      return run_command(command, limit_s > 0 ? std::min(limit_s, timeout_s) : timeout_s, OLDIRON_BINARY);
    };
    FoundEngine bench{.engine = GetParam(), .bench = (dir_ / "llama-bench").string(), .version = "fake 1", .flags = {}};
    const auto found = find_perplexity(bench, run);
    EXPECT_TRUE(found) << found.reason();
    options.dir = dir_.string();
    if (options.text == kQualityText) options.text = (dir_ / "text.txt").string();
    return make_llama_perplexity(*found, model_, run, options);
  }

  std::vector<std::string> calls() const {
    std::vector<std::string> lines;
    std::ifstream file(dir_ / "calls");
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }

  bool keeps_logits() const {
    for (const auto& each : fs::directory_iterator(dir_))
      if (each.path().extension() == ".logits") return true;
    return false;
  }

  static inline double limit_s = 0;
  fs::path dir_ = fs::temp_directory_path() / fmt::format("perplexity test {}", getpid());
  ModelSpec model_;
  TrialSpec spec_;
};

INSTANTIATE_TEST_SUITE_P(Engines, Perplexity, testing::Values(Engine::llama_cpp, Engine::ik_llama),
                         [](const auto& param) { return std::string(to_string(param.param)); });

TEST_P(Perplexity, GivesWhatATuneReadsOfQuality) {
  const auto engine = adapter();
  const Trial trial = engine->run(spec_);
  ASSERT_EQ(trial.status, Status::ok) << trial.reason;
  const auto quality = quality_of(trial);
  ASSERT_TRUE(quality);
  const KlFigures figures = read_kl_divergence(recorded(GetParam()));
  EXPECT_EQ(quality->kl.median, figures.kl.value);
  EXPECT_DOUBLE_EQ(quality->kl.high, figures.kl.value + 1.96 * figures.kl.error);
  EXPECT_EQ(quality->top1.median, figures.top1.value);
  EXPECT_EQ(quality->texts, 8);
  EXPECT_EQ(quality->loops, -1) << "nothing was written";
  // Chunk 2 agreed in 28 of its 31 scored tokens: 30 of ik_llama.cpp's first 31 did, and 58 of 62.
  EXPECT_DOUBLE_EQ(quality->top1.samples[1], 28.0 / 31);
  EXPECT_EQ(trial.find(kPerplexity)->median, figures.perplexity.value);
}

TEST_P(Perplexity, AnotherHeadIsReadFromItsFileAndComparedWithTheModels) {
  const auto engine = adapter({.heads = {{HeadType::q4_0, "q4.gguf"}}});
  spec_.config.n_experts = 2;
  spec_.config.head_type = HeadType::q4_0;
  const Trial trial = engine->run(spec_);
  ASSERT_EQ(trial.status, Status::ok) << trial.reason;
  ASSERT_THAT(calls(), SizeIs(2));
  EXPECT_THAT(calls()[0], HasSubstr("-m small.gguf"));
  EXPECT_THAT(calls()[1], HasSubstr("-m q4.gguf"));
  spec_.config.head_type = HeadType::q8_0;
  EXPECT_EQ(engine->run(spec_).status, Status::unsupported);
}

TEST_P(Perplexity, ComparesWithTheModelsOwnConfigurationOnce) {
  const auto engine = adapter();
  engine->run(spec_);
  TrialSpec other = spec_;
  other.config.n_experts = 2;
  other.config.kv_type = KvType::q8_0;
  other.config.prefill_threads = 1;
  other.config.ubatch = 128;
  engine->run(other);
  const std::vector<std::string> lines = calls();
  ASSERT_THAT(lines, SizeIs(3)) << "one base for both";
  EXPECT_TRUE(lines[0].starts_with(GetParam() == Engine::ik_llama ? "--log-disable -m small.gguf -f " : "-m small.gguf -f ")) << lines[0];
  EXPECT_THAT(lines[0], HasSubstr("-c 64 -b 64 --chunks 8 -t 2 -tb 2 --kl-divergence-base "));
  EXPECT_THAT(lines[1], HasSubstr("kv gemma4.expert_used_count=int:1 "));
  EXPECT_THAT(lines[2], HasSubstr("-t 1 -tb 1 -ctk q8_0 -ctv q8_0 "));
  for (const char* absent : {"expert_used_count", "--kl-divergence "}) EXPECT_THAT(lines[0], testing::Not(HasSubstr(absent)));
  for (const int i : {1, 2}) EXPECT_TRUE(lines[static_cast<std::size_t>(i)].ends_with("--kl-divergence ")) << lines[static_cast<std::size_t>(i)];
}

TEST_P(Perplexity, RemovesTheLogitsWhenItIsRetiredAndWhenItEnds) {
  {
    const auto other = adapter();
    const auto engine = adapter();
    engine->run(spec_);
    EXPECT_TRUE(keeps_logits());
    engine->retire();
    EXPECT_FALSE(keeps_logits());
    engine->run(spec_);
    EXPECT_TRUE(keeps_logits());
    EXPECT_THAT(calls(), SizeIs(4));
    other->retire();
    EXPECT_TRUE(keeps_logits()) << "another adapter's";
  }
  EXPECT_FALSE(keeps_logits());
}

TEST_P(Perplexity, SaysWhatTheLogitsTakeBeforeItWritesThem) {
  std::string said;
  adapter({.say = [&](const std::string& text) { said = text; }})->run(spec_);
  EXPECT_THAT(said, HasSubstr("8 chunks of 64 tokens of "));
  EXPECT_THAT(said, HasSubstr(bytes_text(258004)));
}

TEST_P(Perplexity, RefusesADiskWithoutRoom) {
  model_.vocab_size = 2000000000;
  spec_.workload.quality_tokens = 1 << 20;
  const Trial trial = adapter()->run(spec_);
  EXPECT_EQ(trial.status, Status::failed);
  EXPECT_THAT(trial.reason, testing::AllOf(HasSubstr("the logits to compare with take "), HasSubstr(" free; choose another folder with --out")));
  EXPECT_THAT(calls(), SizeIs(0));
}

TEST_P(Perplexity, RefusesATextThatIsNotThere) {
  const Trial trial = adapter({.text = "/nowhere/text"})->run(spec_);
  EXPECT_EQ(trial.status, Status::failed);
  EXPECT_THAT(trial.reason, HasSubstr("/nowhere/text is no file"));
}

TEST_P(Perplexity, NamesEveryEndThatIsNone) {
  struct Case {
    const char* settings;
    const char* reason;
  };
  for (const Case& each : {Case{"fail=segv", "with the model's own configuration llama-perplexity died by SIGSEGV"},
                           Case{"fail=exit", "failed to load model 'small.gguf'"},
                           Case{"fail=half_base", "llama-perplexity left no whole file of logits"},
                           Case{"fail=nan", "llama-perplexity's Mean KLD is not a number"},
                           Case{"fail=missing", "llama-perplexity printed no `Mean KLD`"},
                           Case{"fail=truncated", "llama-perplexity printed no `"},
                           Case{"fail=segv\nfail_from=1", "llama-perplexity died by SIGSEGV"}}) {
    configure(std::string(each.settings) + "\n");
    fs::remove(dir_ / "calls");
    const Trial trial = adapter()->run(spec_);
    EXPECT_EQ(trial.status, Status::failed) << each.settings;
    EXPECT_THAT(trial.reason, HasSubstr(each.reason)) << each.settings;
    EXPECT_TRUE(trial.measurements.empty()) << each.settings;
  }
}

TEST_P(Perplexity, StopsOneThatHangs) {
  configure("fail=hang\n");
  limit_s = 0.5;
  const Trial trial = adapter()->run(spec_);
  limit_s = 0;
  EXPECT_EQ(trial.status, Status::timed_out) << trial.reason;
  EXPECT_FALSE(keeps_logits());
}

TEST_P(Perplexity, RunsLlamaCppAgainWhereTheEndOfItsLogIsLost) {
  configure("fail=lost\nfail_from=1\nfail_until=3\n");
  const Trial trial = adapter()->run(spec_);
  const bool ik = GetParam() == Engine::ik_llama;
  EXPECT_EQ(trial.status, ik ? Status::failed : Status::ok) << trial.reason;
  EXPECT_THAT(calls(), SizeIs(ik ? 2 : 4));
}

TEST_P(Perplexity, LeavesRepackingOutWhereThatCrashes) {
  configure("fail=segv\nfail_until=1\n");
  const Trial trial = adapter()->run(spec_);
  if (GetParam() == Engine::ik_llama) {
    EXPECT_EQ(trial.status, Status::failed);
    return;
  }
  EXPECT_EQ(trial.status, Status::ok) << trial.reason;
  const std::vector<std::string> lines = calls();
  ASSERT_THAT(lines, SizeIs(3));
  for (const int i : {1, 2}) EXPECT_THAT(lines[static_cast<std::size_t>(i)], HasSubstr("--no-repack"));
}

TEST_P(Perplexity, IsAskedForQualityAloneAndItsAbsenceIsTold) {
  TrialSpec speed = spec_;
  speed.workload.quality_texts = 0;
  const auto tools = make_lossy_tools(adapter(), nullptr, "there is none");
  const Trial none = tools->run(spec_);
  EXPECT_EQ(none.status, Status::unsupported);
  EXPECT_EQ(none.reason, "there is none");
  EXPECT_EQ(make_lossy_tools(nullptr, adapter(), "")->run(spec_).status, Status::ok);
}

}  // namespace
}  // namespace oldiron::llama_perplexity_test
