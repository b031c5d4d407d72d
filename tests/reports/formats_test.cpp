#include "reports/formats.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "core/json.hpp"
#include "reports/layout.hpp"
#include "reports/sentences.hpp"
#include "tests/reports/sample.hpp"

namespace oldiron::reports::formats_test {
namespace {

using testing::HasSubstr;
using testing::Not;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(Golden, EveryFormatOfEveryReport) {
  const std::pair<const char*, Report> reports[] = {{"one_engine", sample_report()},
                                                    {"no_engine", no_engine_report()},
                                                    {"two_engines", two_engines_report()},
                                                    {"all_failed", failed_report()},
                                                    {"hostile", hostile_report()}};
  for (const auto& [name, report] : reports)
    for (const ReportFormat& format : report_formats()) {
      if (format.name != "terminal" && std::string(name) != "one_engine") continue;
      EXPECT_EQ(
          golden_difference(std::string(name) + "." + std::string(format.file_name), format.write(report)),
          "");
    }
}

TEST(Terminal, FitsEightyColumnsButForWordsOfALine) {
  for (const Report& report : {sample_report(), no_engine_report(), two_engines_report(), failed_report()})
    for (const std::string& line : lines_of(terminal_report(report)))
      EXPECT_LE(columns(line), kScreenColumns) << line;
}

TEST(Sentences, WhyThereAreNoStreamsAndWhoMeasuredThemIsSaid) {
  Report report = sample_report();
  EXPECT_THAT(streams_text(report), HasSubstr("; by oldiron's kernels"));
  for (StreamSpeed& speed : report.streams) speed.by = "llama-batched-bench of llama.cpp 10587 (3f545becc)";
  EXPECT_THAT(streams_text(report), HasSubstr("; by llama-batched-bench of llama.cpp 10587 (3f545becc)"));
  report.streams.clear();
  EXPECT_EQ(streams_text(report), "");
  report.no_streams = "no time was left";
  EXPECT_EQ(streams_text(report), "not measured: no time was left");
}

TEST(Terminal, SaysSubjectAnswerAndLineFirst) {
  const std::vector<std::string> lines = lines_of(terminal_report(sample_report()));
  EXPECT_THAT(lines[0], HasSubstr("synthetic-26b-a4b-Q4_0 · 512 tokens in, 128 out · Invented I-2620 v4"));
  Report deep = sample_report();
  deep.workload.depth_tokens = 4096;
  EXPECT_THAT(subject(deep), HasSubstr("512 tokens in, 128 out, behind 4096 · "));
  EXPECT_EQ(lines[1], "16.6 s per turn; ik_llama.cpp's defaults need 24.8 s: 1.49x faster (1.46–1.53)");
  EXPECT_EQ(lines[3], "  ik_llama.cpp, confirmed: this very line ran here");
  EXPECT_THAT(lines[4], HasSubstr("llama-bench -m "));
}

TEST(Terminal, BrokenLineCanBePasted) {
  const std::vector<std::string> lines = lines_of(terminal_report(sample_report()));
  ASSERT_EQ(lines[4].back(), '\\');
  EXPECT_THAT(lines[5], HasSubstr("-rtr 1 -mmp 0"));
}

TEST(Terminal, WithoutAnEngineSaysWhoseResultItIs) {
  const std::string text = terminal_report(no_engine_report());
  EXPECT_THAT(lines_of(text)[1], HasSubstr("measured with oldiron's own kernels; no engine was given"));
  EXPECT_THAT(text, HasSubstr("our kernels"));
  EXPECT_THAT(text, Not(HasSubstr("confirmed")));
}

// The blocks of lines end where the table begins; no speed may stand among untested ones.
TEST(Terminal, NoSpeedBesideAnUntestedLine) {
  Report report = no_engine_report();
  for (const LineBlock& block : line_blocks(report)) {
    EXPECT_THAT(block.heading, HasSubstr("untested"));
    EXPECT_THAT(block.heading, Not(HasSubstr("t/s")));
    EXPECT_THAT(block.heading, Not(HasSubstr("per turn")));
  }
}

TEST(Terminal, ALineWithBasisNoneIsNeverPrinted) {
  Report report = sample_report();
  (*report.lossless).llama_cpp.argv = {"llama-bench", "--never"};
  for (const ReportFormat& format : report_formats())
    EXPECT_THAT(format.write(report), Not(HasSubstr("--never"))) << format.name;
}

TEST(Terminal, EverythingFailedGivesReasonsAndNoLine) {
  const std::string text = terminal_report(failed_report());
  EXPECT_EQ(lines_of(text)[1], "No answer: all 5 trials failed");
  EXPECT_THAT(text, HasSubstr("4 x llama-bench ended with exit code 1: failed to load model"));
  EXPECT_THAT(text, HasSubstr("1 x no result after 120 s"));
  EXPECT_THAT(text, Not(HasSubstr("t/s")));
}

TEST(Terminal, LossyLeversAreMarkedWhereTheyHelp) {
  EXPECT_THAT(terminal_report(sample_report()), HasSubstr("n_experts=6 (lossy)"));
}

TEST(Terminal, EmptyReportIsAScreenToo) {
  for (const ReportFormat& format : report_formats()) EXPECT_FALSE(format.write(Report{}).empty());
}

TEST(Sentences, NoGainIsNotCalledAGain) {
  Report report = sample_report();
  (*report.lossless).speedup = {1.01, {0.98, 1.03}};
  EXPECT_THAT(headline(report)[0] + headline(report).back(),
              HasSubstr("no faster within the noise (0.98–1.03)"));
  (*report.lossless).config = report.default_answer->config;
  EXPECT_EQ(headline(report)[0], "16.6 s per turn; ik_llama.cpp's defaults are the best found");
  report.effects.clear();
  EXPECT_EQ(headline(report)[0], "16.6 s per turn; no other setting than ik_llama.cpp's defaults was tried");
}

TEST(Sentences, MemoryWallOnlyIfTheWallIsMemory) {
  EXPECT_EQ(wall_text({"memory", 0.731, 40.3e9, 55.1e9}), "73 % of 55.1 GB/s, memory wall");
  EXPECT_EQ(wall_text({"per-core memory parallelism", 0.9, 10e9, 11e9}),
            "90 % of 11.0 GB/s, per-core memory parallelism");
  EXPECT_EQ(wall_text({}), "");
}

TEST(Sentences, AComputeWallIsTakenOfItsPeak) {
  EXPECT_EQ(wall_text({"compute: vpdpbusd peak", 0.45, 0, 0, false, 958e9, 2128e9}),
            "45 % of 2.13 TOP/s, compute: vpdpbusd peak");
}

TEST(Sentences, CachesHelpOnlyBeyondTheNoise) {
  Report report = sample_report();
  EXPECT_EQ(
      cache_text(report),
      "reading one token's 2.4 GB again and again, not 9.5 GB: +7.0 % (+5.0 % to +9.0 %), the last-level "
      "cache helps decode");
  (*report.cyclic).speedup = {1.02, {1.01, 1.03}};
  EXPECT_THAT(cache_text(report), HasSubstr("no help of the caches beyond the noise"));
  report.cyclic = Available<CyclicRead>::not_available("too large");
  EXPECT_THAT(cache_text(report), HasSubstr("not available: too large"));
  report.cyclic = Available<CyclicRead>::not_available("not measured");
  EXPECT_EQ(cache_text(report), "");
}

TEST(Sentences, TheLimitSaysWhichPagesItWasReadOf) {
  Report report = sample_report();
  EXPECT_THAT(terminal_report(report), HasSubstr("read: fresh pages"));
  (*report.lossless).wall.own_pages = true;
  (*report.lossless).wall.limit_bytes_per_s = 57.3e9;
  EXPECT_THAT(terminal_report(report), HasSubstr("read: the weights' pages"));
  EXPECT_EQ(parse_json(json_report(report), "report")["answer"]["lossless"]["wall"]["limit_of"], "own_pages");
}

TEST(Sentences, LongerLoadIsEarnedBackByTheTurnsItTakes) {
  Report report = sample_report();
  EXPECT_EQ(load_text(*report.lossless, *report.default_answer),
            "3 turns");  // 22.2 s more, 8.2 s saved per turn
  (*report.lossless).load_s = 5;
  EXPECT_EQ(load_text(*report.lossless, *report.default_answer), "");
}

TEST(Sentences, IntervalsOfSecondsFitTheirColumn) {
  EXPECT_EQ(seconds_interval({"turn_s", "s", {}, 16.6, 16.4, 16.8, {}}), "16.4 .. 16.8");
  EXPECT_EQ(seconds_interval({"turn_s", "s", {}, 73, 72.3, 73.7, {}}), "72 .. 74 s");
  EXPECT_EQ(seconds_interval({"turn_s", "s", {}, 0.5, 0.4, 0.6, {}}), "400 ms .. 600 ms");
}

TEST(Sentences, AnAnswerPutTogetherIsSaidToBe) {
  Report report = sample_report();
  (*report.lossless).confirmed = false;
  (*report.lossless).ik_llama.basis = Basis::untested;
  EXPECT_THAT(trust_text(report), HasSubstr("put together from trials of prefill and of decode"));
  EXPECT_THAT(trust_text(report), Not(HasSubstr("this line ran")));
}

TEST(JsonReport, HasTheKeysThatScriptsRelyOn) {
  const Json json = parse_json(json_report(sample_report()), "report");
  for (const char* kind : {"lossless", "lossy"}) {
    const Json& answer = json["answer"][kind];
    EXPECT_EQ(config_from_json(answer["config"]).prefill_threads, 16);
    for (const char* speed : {"decode_tokens_per_s", "prefill_tokens_per_s"})
      for (const char* key : {"median", "low", "high"})
        EXPECT_TRUE(answer[speed][key].is_number()) << speed << key;
    EXPECT_EQ(answer["wall"]["name"], "memory");
    EXPECT_DOUBLE_EQ(answer["wall"]["fraction"].get<double>(), 0.731);
    EXPECT_EQ(answer["prefill_wall"]["limit_ops_per_s"], 1165e9);
    for (const char* engine : {"llama_cpp", "ik_llama_cpp"})
      for (const char* key : {"line", "basis", "reason"})
        EXPECT_TRUE(answer["flags"][engine].contains(key)) << engine << key;
  }
  EXPECT_EQ(json["answer"]["lossless"]["flags"]["ik_llama_cpp"]["basis"], "confirmed");
  EXPECT_TRUE(json["answer"]["lossless"]["flags"]["llama_cpp"]["line"].is_null());
  EXPECT_EQ(json["trials"].size(), 9u);
  EXPECT_EQ(json["trials"][8]["status"], "failed");
  EXPECT_EQ(trial_from_json(json["trials"][0]), sample_report().trials[0]);
  EXPECT_EQ(machine_from_json(json["machine"]), sample_machine());
  EXPECT_EQ(json["model"]["id"], "synthetic-26b-a4b-Q4_0");
}

TEST(JsonReport, WithoutAnAnswerSaysWhy) {
  const Json json = parse_json(json_report(failed_report()), "report");
  EXPECT_TRUE(json["answer"]["lossless"].is_null());
  EXPECT_EQ(json["answer"]["reasons"]["lossless"], "all 5 trials failed");
  EXPECT_EQ(json["trials"][4]["status"], "timed_out");
}

TEST(JsonReport, UntestedLinesCarryNoSpeed) {
  const Json json = parse_json(json_report(no_engine_report()), "report");
  const Json& flags = json["answer"]["lossless"]["flags"]["ik_llama_cpp"];
  EXPECT_EQ(flags["basis"], "untested");
  EXPECT_FALSE(flags.contains("turn_s"));
}

TEST(Hostile, TerminalGetsNoControlCharacterAndJsonStaysJson) {
  const std::string text = terminal_report(hostile_report());
  for (const char c : text) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
  EXPECT_THAT(text, Not(HasSubstr("\xff")));
  EXPECT_THAT(text, Not(HasSubstr("\xe2\x80\xae")));
  EXPECT_EQ(parse_json(json_report(hostile_report()), "report")["trials"].size(), 9u);
}

TEST(Hostile, MarkdownHoldsNoTagOutsideItsCodeBlock) {
  bool in_code = false;
  for (const std::string& line : lines_of(markdown_report(hostile_report()))) {
    if (line.rfind("````", 0) == 0) in_code = !in_code;
    if (in_code) continue;
    EXPECT_THAT(line, Not(HasSubstr("<")));
    EXPECT_THAT(line, Not(HasSubstr("[a](")));
  }
  EXPECT_FALSE(in_code);
}

TEST(CommandLine, StaysOneLineAndMeansTheSameInBash) {
  const std::string bad = kHostile;
  const std::string line = command_line({"printf", "%s", bad});
  EXPECT_EQ(line.find('\n'), std::string::npos);
  std::string out;
  const std::string file = testing::TempDir() + "oldiron_line.sh";
  write_file(file, line);
  FILE* pipe = popen(("bash " + shell_quote(file)).c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  for (int c; (c = std::fgetc(pipe)) != EOF;) out += static_cast<char>(c);
  pclose(pipe);
  EXPECT_EQ(out, bad);
}

TEST(CommandLine, KeepsAFlagWithItsValue) {
  EXPECT_EQ(command_line({"GLIBC_TUNABLES=glibc.malloc.hugetlb=1", "OMP_PLACES={0:4}", "EMPTY=", "llama-bench"}),
            "GLIBC_TUNABLES=glibc.malloc.hugetlb=1 OMP_PLACES='{0:4}' EMPTY= llama-bench");
  EXPECT_EQ(command_words({"llama-bench", "-t", "8", "-fa", "-m", "a b"}),
            (std::vector<std::string>{"llama-bench", "-t 8", "-fa", "-m 'a b'"}));
}

std::string unglued(std::string text) {
  constexpr std::string_view kNoBreak = "\u00a0";
  for (std::size_t at; (at = text.find(kNoBreak)) != std::string::npos;) text.replace(at, kNoBreak.size(), " ");
  return text;
}

TEST(Formats, StepsOfSeveralTokensStandBesideTheirLimit) {
  Report report = sample_report();
  EXPECT_EQ(unglued(streams_text(report)), "decode of all together: 1 user 15.1 t/s (memory 71 %), 2 users 20.4 t/s, 4 users 26.9 t/s (compute 44 %): "
                                           "shares of the wall that a step meets first; by oldiron's kernels");
  const Json streams = parse_json(json_report(report), "report")["streams"];
  EXPECT_DOUBLE_EQ(streams[0]["wall"]["fraction"].get<double>(), 0.71);
  EXPECT_TRUE(streams[1]["wall"]["fraction"].is_null());
  EXPECT_DOUBLE_EQ(streams[2]["experts_per_layer"].get<double>(), 27.4);
  EXPECT_THAT(markdown_report(report), HasSubstr("44 % of 1.17 TOP/s, compute: vpmaddubsw peak |"));
}

TEST(Formats, WhatTheCoresGaveStandsBesideAPrefill) {
  Report report = no_engine_report();
  EXPECT_EQ(unglued(cores_text(report)), "products of weights in the caches did 552 GOP/s around these prefills (530 GOP/s to 574 GOP/s), 47 % of the "
                                         "vpmaddubsw peak; prefill reached 80 % of that");
  EXPECT_THAT(terminal_report(report), HasSubstr("  cores  "));
  (*report.lossless).multiplied = {};
  EXPECT_EQ(cores_text(report), "");
}

TEST(Sentences, AHelpThatWasTakenBackSaysWhatTheTurnsSaw) {
  Report report = sample_report();
  report.effects = {{"ubatch", "256", "512", Loss::lossless, Phase::prefill, {1.36, {1.13, 1.44}}, Verdict::no_effect, "+36 % in the search, -2 % in turns with the default"}};
  EXPECT_EQ(no_effect_text(report), "ubatch=256: +36 % in the search, -2 % in turns with the default");
  report.effects.push_back({"decode_threads", "4", "8", Loss::lossless, Phase::decode, {1.01, {0.98, 1.03}}, Verdict::no_effect, ""});
  EXPECT_THAT(unglued(no_effect_text(report)), HasSubstr("(inside ±3.0 %); ubatch=256: +36 %"));
  EXPECT_THAT(markdown_report(report), HasSubstr("no effect: +36 % in the search"));
}

TEST(Formats, WaitsOfEveryRankAndPagesAreInEachDocument) {
  Report report = no_engine_report();
  const std::string markdown = markdown_report(report);
  EXPECT_THAT(markdown, HasSubstr("| 7 | 2.50 % | 2.25 % .. 2.75 % | 2.32 % |"));
  EXPECT_THAT(markdown, HasSubstr("6 barriers a layer and 4 beside"));
  EXPECT_THAT(markdown, HasSubstr("obtained in 2 MiB pages: weights "));
  const Json answer = parse_json(json_report(report), "report")["answer"]["lossless"];
  ASSERT_EQ(answer["waits"]["share_per_rank"].size(), 8U);
  EXPECT_DOUBLE_EQ(answer["waits"]["share_per_rank"][7]["median"].get<double>(), 0.025);
  EXPECT_EQ(answer["waits"]["barriers_per_step"], 184);
  EXPECT_EQ(answer["pages"][1]["use"], "keys and values");

  for (int rank = 8; rank < 64; ++rank)
    (*report.lossless).waits.share.push_back(measured("share", 0.02, 0.1));
  (*report.lossless).waits.share[40] = measured("share", 0.05, 0.1);
  EXPECT_EQ(waits_text(report).substr(0, 46), "1.1 to 5.0 % of a decode step, most on rank 40");
  (*report.lossless).waits = {};
  (*report.lossless).pages = {{"weights", 100, -1}};
  EXPECT_EQ(waits_text(report), "");
  EXPECT_EQ(pages_text(report), "asked for transparent; what was obtained cannot be read");
  EXPECT_THAT(markdown_report(report), Not(HasSubstr("Waiting for each other")));
}

}  // namespace
}  // namespace oldiron::reports::formats_test
