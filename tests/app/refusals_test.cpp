// Bad input: one sentence that says what, where and what to do, exit code 2, and nothing half-written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "probes/state.hpp"
#include "tests/app/program.hpp"

namespace oldiron::test::refusals_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// A folder with files to stumble over.
class Refusals : public testing::Test {
 protected:
  Refusals() {
    fs::copy_file(kTinyModel, folder_ / "model.gguf");
    const std::string whole = read_file(kTinyModel);
    write_file(folder_ / "cut.gguf", whole.substr(0, whole.size() / 2));
    write_file(folder_ / "headless.gguf", whole.substr(0, 3000));
    write_file(folder_ / "far.gguf", with_offset(whole, std::uint64_t{1} << 40));
    write_file(folder_ / "wrapped.gguf", with_offset(whole, ~std::uint64_t{31}));
    write_file(folder_ / "odd.gguf", with_offset(whole, 33));
    write_file(folder_ / "text.gguf", "not a model");
    fs::create_directory(folder_ / "no_engine");
    before_ = listing();
  }

  /// The file with another offset of its tensor blk.1.attn_q.weight.
  static std::string with_offset(std::string bytes, std::uint64_t offset) {
    const std::string name = "blk.1.attn_q.weight";
    std::size_t at = bytes.find(name) + name.size();
    std::uint32_t dimensions = 0;
    std::memcpy(&dimensions, bytes.data() + at, sizeof dimensions);
    at += sizeof dimensions + dimensions * sizeof(std::uint64_t) + sizeof(std::uint32_t);  // sizes, type
    std::memcpy(bytes.data() + at, &offset, sizeof offset);
    return bytes;
  }

  std::vector<std::string> listing() const {
    std::vector<std::string> names = folder_.names();
    std::sort(names.begin(), names.end());
    return names;
  }

  void expect_refused(const std::vector<std::string>& arguments, const std::string& word,
                      const std::string& hint = "") {
    const Ran ran = run(arguments, folder_.path());
    const std::string command = testing::PrintToString(arguments);
    EXPECT_EQ(ran.exit_code, 2) << command << ran.err;
    EXPECT_EQ(ran.out, "") << command;
    EXPECT_THAT(ran.err, testing::StartsWith("oldiron: ")) << command;
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << command << ran.err;
    EXPECT_THAT(ran.err, AllOf(HasSubstr(word), HasSubstr(hint))) << command;
    EXPECT_EQ(listing(), before_) << command << " left something behind";
  }

  Folder folder_;
  std::vector<std::string> before_;
};

TEST_F(Refusals, OfFilesThatAreDamaged) {
  for (const std::string command : {"model", "tune", "logits"}) {
    const auto refused = [&](const std::string& file, const std::string& word, const std::string& hint) {
      std::vector<std::string> arguments = {command, file};
      if (command == "tune") arguments.insert(arguments.end(), {"--out", "out"});
      if (command == "logits") arguments.insert(arguments.end(), {"--tokens", "1", "--out", "out.json"});
      expect_refused(arguments, file, word);
      expect_refused(arguments, file, hint);
    };
    refused("cut.gguf", "is not whole", "get it again");
    refused("headless.gguf", "is damaged", "get the file again");
    refused("text.gguf", "no GGUF file", "");
    for (const char* file : {"far.gguf", "wrapped.gguf", "odd.gguf"})
      refused(file, "blk.1.attn_q.weight", "get");
    refused("absent.gguf", "cannot be opened", "check the path");
  }
}

TEST_F(Refusals, OfLeversAndValues) {
  const std::vector<std::vector<std::string>> commands = {
      {"model", "model.gguf"},
      {"tune", "model.gguf", "--out", "out"},
      {"logits", "model.gguf", "--tokens", "1", "--out", "out.json"}};
  for (std::vector<std::string> command : commands) {
    command.insert(command.end(), {"--set", ""});
    const auto refused = [&](const std::string& setting, const std::string& word, const std::string& hint) {
      command.back() = setting;
      expect_refused(command, word, hint);
    };
    refused("n_expert=1", "`n_expert`", "did you mean `n_experts`?");
    refused("turbo=on", "`turbo`", "the levers are");
    refused("n_experts=99", "n_experts=99", "more than the 8 experts");
    refused("n_experts=many", "n_experts", "a whole number");
    refused("n_experts=-1", "n_experts", "a whole number");
    refused("page_size=enormous", "page_size", "small, transparent or huge");
    refused("n_experts", "--set n_experts", "NAME=VALUE");
  }
}

TEST_F(Refusals, OfNumbersThatCannotBe) {
  for (const std::string option : {"--prompt", "--generate", "--max-trials"})
    expect_refused({"tune", "model.gguf", "--out", "out", option, "-3"}, option);
  expect_refused({"tune", "model.gguf", "--out", "out", "--budget", "soon"}, "--budget soon", "10m");
  expect_refused({"tune", "model.gguf", "--out", "out", "--budget", "-5m"}, "--budget -5m", "10m");
  expect_refused({"model", "model.gguf", "--context", "-1"}, "--context");
  expect_refused({"tune", "model.gguf", "--out", "out", "--depth", "-1"}, "--depth");
  expect_refused({"tune", "model.gguf", "--out", "out", "--streams", "0"}, "--streams");
  expect_refused({"tune", "model.gguf", "--out", "out", "--depth", "1000000"}, "--depth 1000000", "choose less");
  expect_refused({"tune", "model.gguf", "--out", "out", "--streams", "100000000"}, "--streams 100000000", "choose less");
}

TEST_F(Refusals, OfAFolderThatAProbeCannotWriteTo) {
  expect_refused({"probe", "--quick", "--out", "model.gguf"}, "--out model.gguf", "cannot be made");
  expect_refused({"probe", "--quick", "--out", "model.gguf/below"}, "--out model.gguf/below", "choose");
  expect_refused({"probe", "--quick", "--out", "/proc/nothing"}, "--out /proc/nothing", "choose");
}

TEST_F(Refusals, OfWhatTheDoctorCannotExamine) {
  expect_refused({"doctor", "--pid", "999999999"}, "--pid 999999999", "no such process");
  expect_refused({"doctor", "--pid", "-1"}, "--pid");
  expect_refused({"doctor", "--machine", "model.gguf"}, "model.gguf");
  expect_refused({"doctor", "--machine", "absent.json"}, "absent.json");
  expect_refused({"doctor", "--machine", "absent.json", "--measure"}, "--machine", "--measure");
}

TEST_F(Refusals, OfAModelThatDoesNotFit) {
  if (usable_memory_bytes(read_state()) > std::int64_t{150} << 30)
    GTEST_SKIP() << "the largest model of the cards fits here";
  expect_refused({"tune", "mixtral-8x7b", "--type", "f32", "--out", "out"},
                 "mixtral-8x7b does not fit: it needs 187", "can be had here; ");
  const Ran ran = run({"tune", "mixtral-8x7b", "--type", "f32", "--out", "out"}, folder_.path());
  EXPECT_THAT(ran.err, testing::AnyOf(
                           AllOf(HasSubstr("the largest type that fits is"), HasSubstr("tokens of context")),
                           HasSubstr("no type of it fits")));
  EXPECT_THAT(ran.err, testing::Not(HasSubstr("llama-server")));
}

TEST_F(Refusals, OfFoldersThatCannotBeWritten) {
  for (const std::string out : {"/proc/oldiron", "model.gguf", "model.gguf/below"})
    expect_refused({"tune", "model.gguf", "--out", out}, "--out " + out, "choose one that you may write to");
  expect_refused({"logits", "model.gguf", "--tokens", "1", "--out", "absent/out.json"}, "absent/out.json",
                 "absent");
  expect_refused({"model", "model.gguf", "--json", "absent/out.json"}, "absent/out.json", "absent");
  for (const std::string command : {"probe", "facts", "doctor"})
    expect_refused({command, "--json", "absent/out.json"}, "absent/out.json", "absent");
  expect_refused({"record", "-o", "absent/record.json"}, "absent/record.json", "absent");
  expect_refused({"synth", "gemma-4-26b-a4b-it", "--layers", "1", "-o", "absent/out.gguf"}, "absent/out.gguf",
                 "absent");
}

TEST_F(Refusals, OfEngineFolders) {
  expect_refused({"tune", "model.gguf", "--out", "out", "--engine", "absent"}, "absent",
                 "the folder that holds llama-bench");
  expect_refused({"tune", "model.gguf", "--out", "out", "--engine", "no_engine"}, "no_engine",
                 "no llama-bench in it");
}

TEST_F(Refusals, OfTextsAndHeadsThatCannotBe) {
  expect_refused({"tune", "model.gguf", "--out", "out", "--text", "text.gguf"}, "--text", "--engine DIR");
  expect_refused({"tune", "model.gguf", "--out", "out", "--engine", "no_engine", "--text", "absent.txt"}, "--text absent.txt", "no such file");
  expect_refused({"tune", "model.gguf", "--out", "out", "--engine", "no_engine", "--text", "text.gguf"}, "--text text.gguf", "too little");
  expect_refused({"tune", "model.gguf", "--out", "out", "--head_type", "q4_0"}, "--head_type", "llama-quantize");
}

TEST_F(Refusals, OfLinesToAudit) {
  expect_refused({"audit"}, "no command line", "--");
  expect_refused({"audit", "--", "ollama run gemma"}, "`ollama`", "llama-server");
  expect_refused({"audit", "--", "llama-cli -p 'never"}, "without an end", "close the quote");
  expect_refused({"audit", "--engine", "no_engine", "--", "llama-cli -m model.gguf"}, "no_engine", "llama-cli");
  expect_refused({"audit", "--model", "absent.gguf", "--", "llama-cli -m model.gguf"}, "absent.gguf", "check the path");
  expect_refused({"audit", "--json", "absent/out.json", "--", "llama-cli"}, "absent/out.json", "absent");
}

TEST_F(Refusals, OfCommandsAndWords) {
  expect_refused({"tun"}, "`tun`", "did you mean `tune`?");
  expect_refused({"frobnicate"}, "`frobnicate`", "the commands are");
  expect_refused({"model", "model.gguf", "model.gguf", "extra"}, "extra", "--help");
  expect_refused({"model", "model.gguf", "absent.gguf"}, "absent.gguf");
  expect_refused({"model", "model.gguf", "--machine", "epyc-7303"}, "epyc-7303", "did you mean");
  expect_refused({"model", "model.gguf", "--claim", "0"}, "--claim");
  expect_refused({"model", "model.gguf", "--routing", "random"}, "random", "sticky");
  expect_refused({"model", "model.gguf", "--frobnicate"}, "--frobnicate", "--help");
  expect_refused({"model", "gemma-4-26b-a4b"}, "no card of that name", "did you mean gemma-4-26b-a4b-it?");
  expect_refused({"report", "absent"}, "absent", "run oldiron tune");
}

TEST_F(Refusals, OfTokens) {
  expect_refused({"logits", "model.gguf", "--tokens", "1,256", "--out", "out.json"}, "id 256", "256 tokens");
  expect_refused({"logits", "model.gguf", "--tokens", "1,-2", "--out", "out.json"}, "-2");
  expect_refused({"logits", "model.gguf", "--tokens", "1;2", "--out", "out.json"}, "1;2", "1,2,3");
  expect_refused({"logits", "model.gguf", "--tokens", "", "--out", "out.json"}, "--tokens");
}

TEST_F(Refusals, OfDraftsAndQuality) {
  expect_refused({"generate", "model.gguf"}, "names no token that begins a text", "--tokens");
  expect_refused({"generate", "model.gguf", "--tokens", "1,256"}, "id 256", "256 tokens");
  expect_refused({"generate", "model.gguf", "--tokens", "1", "--generate", "0"}, "--generate");
  expect_refused({"generate", "model.gguf", "--tokens", "1", "--generate", "1024"}, "1024 of context", "generate fewer");
  expect_refused({"generate", "model.gguf", "--tokens", "1", "--draft_len", "2", "--draft_kind", "model"}, "draft_kind=model", "--draft-model F");
  expect_refused({"generate", "model.gguf", "--tokens", "1", "--draft_len", "2", "--draft_kind", "model", "--draft-model", "absent.gguf"},
                 "absent.gguf", "check the path");
  expect_refused({"generate", "model.gguf", "--tokens", "1", "--draft_len", "2", "--draft_kind", "model", "--draft-model", "gemma-4-26b-a4b-it"},
                 "262144 tokens", "vocabulary");
  expect_refused({"generate", "model.gguf", "--tokens", "1", "--draft_kind", "oracle"}, "draft_kind", "ngram");
  expect_refused({"generate", "model.gguf", "--tokens", "1", "--json", "absent/out.json"}, "absent/out.json", "absent");
  expect_refused({"quality", "model.gguf"}, "nothing to compare", "--against F");
  expect_refused({"quality", "model.gguf", "--set", "decode_threads=1"}, "nothing to compare", "n_experts");
  expect_refused({"quality", "model.gguf", "--against", "gemma-4-26b-a4b-it"}, "are generated", "real file");
  expect_refused({"quality", "gemma-4-26b-a4b-it", "--set", "n_experts=4"}, "are generated", "real file");
  expect_refused({"quality", "model.gguf", "--set", "n_experts=1", "--texts", "0"}, "--texts");
  expect_refused({"tune", "gemma-4-26b-a4b-it", "--layers", "1", "--out", "out", "--draft_len", "0,2"}, "are generated", "leave it out");
  expect_refused({"tune", "model.gguf", "--out", "out", "--draft_len", "2", "--draft_kind", "ngram,model"}, "draft_kind=model", "--draft-model F");
}

}  // namespace
}  // namespace oldiron::test::refusals_test
