// A file with another head, by a stand-in for llama-quantize that writes files of ours.
#include "runner/engines/llama_quantize.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "core/text.hpp"
#include "kernels/gguf.hpp"
#include "runner/engines/llama_perplexity.hpp"

namespace oldiron::llama_quantize_test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

ModelSpec model_of(const std::string& head, const std::string& type = "q4_0") {
  return model_from_card(OLDIRON_TEST_DATA "/cards/tiny-gpt-oss.json", type, head);
}

FoundTool tool(Engine engine) { return {.engine = engine, .name = "llama-quantize", .program = "/o/llama-quantize", .version = "fake 1", .flags = {}}; }

std::string command_text(const std::vector<std::string>& argv) { return fmt::format("{}", fmt::join(argv, " ")); }

std::string refusal(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

class HeadFile : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(dir_);
    write_gguf(*generate_weights(model_of("q8_0"), 7), dir_ / "in.gguf");
  }
  void TearDown() override { fs::remove_all(dir_); }

  std::string write(HeadType head) {
    const RunCommand run = [this](const std::vector<std::string>& argv, double) {
      calls_.push_back(argv);
      CommandResult result;
      result.end.exit_code = exit_code_;
      if (writes_) write_gguf(*generate_weights(*writes_, 7), argv[argv.size() - 3]);
      return result;
    };
    return write_head_file({.model = dir_ / "in.gguf", .head = head, .dir = dir_, .say = [this](const std::string& text) { said_ += text; }}, tool(Engine::llama_cpp), run);
  }

  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& each : fs::directory_iterator(dir_)) names.push_back(each.path().filename());
    return names;
  }

  fs::path dir_ = fs::path(testing::TempDir()) / ("head_file_" + std::to_string(getpid()));
  std::optional<ModelSpec> writes_ = model_of("q4_0");
  int exit_code_ = 0;
  std::vector<std::vector<std::string>> calls_;
  std::string said_;
};

TEST_F(HeadFile, IsWrittenOnce) {
  const std::string path = write(HeadType::q4_0);
  EXPECT_THAT(path, HasSubstr("-head-q4_0.gguf"));
  EXPECT_EQ(model_from_gguf(read_gguf_header(path), path).find("output.weight")->type, TensorType::q4_0);
  EXPECT_THAT(said_, AllOf(HasSubstr(path), HasSubstr("llama-quantize")));
  EXPECT_EQ(write(HeadType::q4_0), path);
  EXPECT_EQ(calls_.size(), 1U);
  EXPECT_THAT(files(), Not(Contains(HasSubstr(".part"))));
}

TEST_F(HeadFile, OfAProgramThatDidMoreThanAskedIsRefused) {
  writes_ = model_of("q4_0", "q8_0");
  EXPECT_THAT(refusal([&] { write(HeadType::q4_0); }), AllOf(HasSubstr("llama-quantize did more than was asked"), HasSubstr("Q8_0, not Q4_0")));
  EXPECT_THAT(files(), testing::ElementsAre("in.gguf"));
}

TEST_F(HeadFile, OfAProgramThatDidNothingIsRefused) {
  writes_ = model_of("q8_0");
  EXPECT_THAT(refusal([&] { write(HeadType::q4_0); }), HasSubstr("output.weight is Q8_0, not Q4_0"));
  writes_.reset();
  EXPECT_THAT(refusal([&] { write(HeadType::q4_0); }), HasSubstr("wrote no file"));
  exit_code_ = 1;
  EXPECT_THAT(refusal([&] { write(HeadType::q4_0); }), HasSubstr("--head_type q4_0: llama-quantize exited with code 1"));
  EXPECT_THAT(files(), testing::ElementsAre("in.gguf"));
}

TEST_F(HeadFile, ThatIsNoSuchFileAnyMoreIsNamed) {
  const std::string path = write(HeadType::q4_0);
  write_gguf(*generate_weights(model_of("q8_0", "q8_0"), 7), path);
  EXPECT_THAT(refusal([&] { write(HeadType::q4_0); }), AllOf(HasSubstr(path), HasSubstr("remove it")));
}

TEST(QuantizeArgv, KeepsEveryOtherTensorInEachEnginesSpelling) {
  ModelSpec model;
  model.tensors = {{"token_embd.weight", -1, {32, 64, 1, 1}, TensorType::q6_k, Role::embd},
                   {"blk.0.attn_norm.weight", 0, {32, 1, 1, 1}, TensorType::f32, Role::norm},
                   {"blk.0.attn_q.weight", 0, {32, 32, 1, 1}, TensorType::q4_0, Role::attn},
                   {"blk.0.ffn_up.weight", 0, {32, 32, 1, 1}, TensorType::q4_1, Role::dense}};
  model.tied_head = true;
  EXPECT_EQ(command_text(quantize_argv(tool(Engine::llama_cpp), model, TensorType::q4_0, 2, 4, "in", "out")),
            "/o/llama-quantize --allow-requantize --token-embedding-type q4_0 --tensor-type ^blk.0.attn_q.weight$=q4_0 --tensor-type "
            "^blk.0.ffn_up.weight$=q4_1 in out 2 4");
  ModelSpec per_layer = model;
  per_layer.tensors.push_back({"per_layer_token_embd.weight", -1, {32, 64, 1, 1}, TensorType::q5_0, Role::embd});
  EXPECT_THAT(command_text(quantize_argv(tool(Engine::llama_cpp), per_layer, TensorType::q4_0, 2, 4, "in", "out")),
              AllOf(Not(HasSubstr("--token-embedding-type")), HasSubstr("^token_embd.weight$=q4_0"), HasSubstr("^per_layer_token_embd.weight$=q5_0")));
  model.tied_head = false;
  model.tensors.push_back({"output.weight", -1, {32, 64, 1, 1}, TensorType::q6_k, Role::head});
  EXPECT_EQ(command_text(quantize_argv(tool(Engine::ik_llama), model, TensorType::q8_0, 2, 4, "in", "out")),
            "/o/llama-quantize --allow-requantize --output-tensor-type q8_0 --custom-q "
            "^token_embd.weight$=q6_K,^blk.0.attn_q.weight$=q4_0,^blk.0.ffn_up.weight$=q4_1 in out 2 4");
}

/// Says which file it was asked to read.
class Asked : public TrialEngine {
 public:
  explicit Asked(std::vector<TrialSpec>& specs) : specs_(specs) {}
  Trial run(const TrialSpec& spec) override {
    specs_.push_back(spec);
    return {.spec = spec};
  }
  std::string version() override { return "asked 1"; }

 private:
  std::vector<TrialSpec>& specs_;
};

TEST(WithHeads, ATrialReadsTheFileOfItsHead) {
  std::vector<TrialSpec> specs;
  const auto engine = make_with_heads(std::make_unique<Asked>(specs), {{HeadType::q4_0, "q4.gguf"}});
  TrialSpec spec;
  spec.model = "model.gguf";
  EXPECT_EQ(engine->run(spec).spec, spec);
  spec.config.head_type = HeadType::q4_0;
  EXPECT_EQ(engine->run(spec).spec, spec) << "the record is of what was asked";
  spec.config.head_type = HeadType::q8_0;
  engine->run(spec);
  EXPECT_EQ(specs[0].model, "model.gguf");
  EXPECT_EQ(specs[1].model, "q4.gguf");
  EXPECT_EQ(specs[1].config.head_type, HeadType::as_is);
  EXPECT_EQ(specs[2].config.head_type, HeadType::q8_0) << "a head without a file is for the engine to refuse";
}

}  // namespace
}  // namespace oldiron::llama_quantize_test
