#include "core/audit/pasted_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/check.hpp"

namespace oldiron::pasted_line_test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> notes;
  return shell_words(text, notes);
}

std::string refusal(const std::vector<std::string>& line) {
  try {
    read_pasted_line(line);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(ShellWords, AreSplitAsAShellDoes) {
  EXPECT_THAT(words("a  b\tc"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(words("a 'b  c' \"d 'e\" f\\ g"), ElementsAre("a", "b  c", "d 'e", "f", "g"));
  EXPECT_THAT(words(R"(-p "say \"hi\" to \$me" x''y "")"), ElementsAre("-p", "say \"hi\" to $me", "xy", ""));
  EXPECT_THAT(words("a \\\n  -b \\\r\n c"), ElementsAre("a", "-b", "c"));
  EXPECT_THAT(words("a # b\n"), ElementsAre("a"));
  EXPECT_THAT(words("a#b"), ElementsAre("a#b"));
  EXPECT_THAT(words(""), IsEmpty());
  EXPECT_THAT(words("\\"), IsEmpty());
}

TEST(ShellWords, AContinuationWithABlankBehindItGoesOn) {
  EXPECT_THAT(words("a \\ \n -b"), ElementsAre("a", "-b"));
  EXPECT_THAT(words("a \\ -b"), ElementsAre("a", "-b"));
}

TEST(ShellWords, LinesWithoutBackslashesGoOnWithFlagsAndEndOtherwise) {
  EXPECT_THAT(words("a -b 1\n  -c 2\nls"), ElementsAre("a", "-b", "1", "-c", "2"));
}

TEST(ShellWords, NothingIsRunOrExpanded) {
  const std::string mark = (std::filesystem::temp_directory_path() / ("oldiron_pasted_" + std::to_string(getpid()))).string();
  for (const std::string& text : {"a $(touch " + mark + ") b", "a `touch " + mark + "` b", "a; touch " + mark, "a | touch " + mark,
                                  "a && touch " + mark, "a > " + mark, "a \"$(touch " + mark + ")\"", "a <(touch " + mark + ")"}) {
    EXPECT_EQ(words(text).front(), "a") << text;
    EXPECT_FALSE(std::filesystem::exists(mark)) << text;
  }
  EXPECT_THAT(words("-t $(nproc --all) -c $N ~ *"), ElementsAre("-t", "$(nproc --all)", "-c", "$N", "~", "*"));
  EXPECT_THAT(words("$(a $(b) c) d"), ElementsAre("$(a $(b) c)", "d"));
  EXPECT_THAT(words("`a b` c"), ElementsAre("`a b`", "c"));
  EXPECT_THAT(words("$(never closed"), ElementsAre("$(never closed"));
}

TEST(ShellWords, WhatFollowsTheCommandIsLeftOutAndTold) {
  std::vector<std::string> notes;
  EXPECT_THAT(shell_words("a -b 2>&1 | tee log", notes), ElementsAre("a", "-b"));
  EXPECT_THAT(notes, Contains(HasSubstr("redirection")));
  EXPECT_THAT(notes, Contains(HasSubstr("the | was left out")));
  EXPECT_THAT(words("a > out -b"), ElementsAre("a", "-b"));
  EXPECT_THAT(words("a -b &"), ElementsAre("a", "-b"));
}

TEST(ShellWords, TypographicQuotesAreQuotes) {
  EXPECT_THAT(words("-p \u201chello world\u201d"), ElementsAre("-p", "hello world"));
}

TEST(ShellWords, AQuoteWithoutAnEndIsRefused) {
  EXPECT_THROW(words("a 'b"), Error);
  EXPECT_THROW(words("a \"b"), Error);
}

TEST(PastedLine, OneWordOrManyReadTheSame) {
  const PastedLine one = read_pasted_line({"./llama-server -m 'a b.gguf' -c 4096"});
  EXPECT_EQ(one, read_pasted_line({"./llama-server", "-m", "a b.gguf", "-c", "4096"}));
  EXPECT_EQ(one.tool, "llama-server");
  EXPECT_THAT(one.arguments, ElementsAre("-m", "a b.gguf", "-c", "4096"));
}

TEST(PastedLine, VariablesAndWrappersStandInFront) {
  const PastedLine line = read_pasted_line(
      {"$ OMP_NUM_THREADS=8 sudo -u llama env A=b numactl --interleave=all -N 0 nice -n 5 taskset -c 0-7 ~/ik_llama.cpp/build/bin/llama-cli -m x"});
  EXPECT_THAT(line.environment, ElementsAre(std::pair<std::string, std::string>("OMP_NUM_THREADS", "8"),
                                            std::pair<std::string, std::string>("A", "b")));
  EXPECT_THAT(line.wrappers, ElementsAre(Wrapper{"sudo", {"-u", "llama"}}, Wrapper{"env", {}},
                                         Wrapper{"numactl", {"--interleave=all", "-N", "0"}}, Wrapper{"nice", {"-n", "5"}},
                                         Wrapper{"taskset", {"-c", "0-7"}}));
  EXPECT_EQ(line.program, "~/ik_llama.cpp/build/bin/llama-cli");
}

TEST(PastedLine, AnOptionOfNumactlWithoutAValueTakesNone) {
  EXPECT_THAT(read_pasted_line({"numactl -l taskset -c 0 llama-cli -m x"}).wrappers, ElementsAre(Wrapper{"numactl", {"-l"}}, Wrapper{"taskset", {"-c", "0"}}));
}

TEST(PastedLine, AContainerIsAWrapperWhereItIsKnownWhatItStarts) {
  const PastedLine named = read_pasted_line({"sudo docker run --rm -it -v /m:/m --name llama-server image:1 /app/llama-cli -m /m/x"});
  EXPECT_EQ(named.tool, "llama-cli");
  EXPECT_THAT(named.wrappers, ElementsAre(Wrapper{"sudo", {}}, Wrapper{"docker", {"run", "--rm", "-it", "-v", "/m:/m", "--name", "llama-server", "image:1"}}));
  const PastedLine by_image = read_pasted_line({"podman run --cpus=4 -p 8080:8080 ghcr.io/ggml-org/llama.cpp:server-cuda -m /m/x -t 4"});
  EXPECT_EQ(by_image.tool, "llama-server");
  EXPECT_THAT(by_image.arguments, ElementsAre("-m", "/m/x", "-t", "4"));
  EXPECT_THAT(refusal({"docker run"}), HasSubstr("what the image starts"));
  EXPECT_THAT(refusal({"docker"}), HasSubstr("what the image starts"));
}

TEST(PastedLine, OldNamesAndWindowsNamesAreKnown) {
  EXPECT_EQ(read_pasted_line({"./main -m x"}).tool, "llama-cli");
  EXPECT_EQ(read_pasted_line({"./server -m x"}).tool, "llama-server");
  EXPECT_EQ(read_pasted_line({".\\llama-server.exe", "-m", "x"}).tool, "llama-server");
}

TEST(PastedLine, TypographicDashesAreMended) {
  const PastedLine line = read_pasted_line({"llama-cli \u2013flash-attn on \u2014jinja \u2013t 8"});
  EXPECT_THAT(line.arguments, ElementsAre("--flash-attn", "on", "--jinja", "-t", "8"));
  EXPECT_THAT(line.notes, Contains(HasSubstr("typographic dash")));
}

TEST(PastedLine, WhatIsNoToolIsRefusedInOneSentence) {
  EXPECT_THAT(refusal({}), HasSubstr("no command line"));
  EXPECT_THAT(refusal({"   "}), HasSubstr("no command line"));
  EXPECT_THAT(refusal({"ollama run gemma"}), HasSubstr("`ollama` is no tool"));
  EXPECT_THAT(refusal({"sudo"}), HasSubstr("starts no program"));
  EXPECT_THAT(refusal({"docker run -it image -m x"}), HasSubstr("what the image starts"));
  EXPECT_THAT(refusal({"llama-cli -p 'never"}), HasSubstr("without an end"));
}

}  // namespace
}  // namespace oldiron::pasted_line_test
