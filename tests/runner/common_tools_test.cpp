// llama-batched-bench and llama-sweep-bench: command lines, and recorded outputs of real builds read to the digit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/text.hpp"
#include "runner/engines/llama_batched_bench.hpp"
#include "runner/engines/llama_bench.hpp"
#include "runner/engines/llama_sweep_bench.hpp"
#include "runner/engines/llama_tools.hpp"

namespace oldiron::common_tools_test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string recorded(const std::string& name) { return read_file(OLDIRON_TEST_DATA "/engines/" + name); }

FoundTool tool(Engine engine, const std::string& name, const std::string& help) {
  return {.engine = engine, .name = name, .program = "/opt/" + name, .version = std::string(display_name(engine)) + " 6482 (3d4053f77)", .flags = flags_of_help(recorded(help))};
}

FoundTool ml_batched() { return tool(Engine::llama_cpp, "llama-batched-bench", "llama_cpp-10587/batched_bench.help.txt"); }
FoundTool ik_batched() { return tool(Engine::ik_llama, "llama-batched-bench", "ik_llama-4840/batched_bench.help.txt"); }
FoundTool ik_sweep() { return tool(Engine::ik_llama, "llama-sweep-bench", "ik_llama-4840/sweep_bench.help.txt"); }

/// What the recorded runs were asked.
TrialSpec streams(Engine engine) {
  TrialSpec spec{.engine = engine, .model = "small.gguf"};
  spec.workload = {.prompt_tokens = 0, .generate_tokens = 16, .streams_max = 4};
  spec.budget.min_samples = 2;
  spec.config.decode_threads = spec.config.prefill_threads = 2;
  return spec;
}

TrialSpec sweep(int prompt, int depth) {
  TrialSpec spec{.engine = Engine::ik_llama, .model = "small.gguf"};
  spec.workload = {.prompt_tokens = prompt, .generate_tokens = 16, .depth_tokens = depth};
  spec.config.decode_threads = spec.config.prefill_threads = 2;
  spec.config.ubatch = 256;
  return spec;
}

std::string line_of(const Available<std::vector<std::string>>& argv) { return argv ? command_line(*argv) : "unsupported: " + argv.reason(); }

CommandResult printed(const std::string& out, const std::string& err = "") {
  CommandResult result;
  result.end.exit_code = 0;
  result.end.wall_s = 10;
  result.out.append(out);
  result.err.append(err);
  return result;
}

Trial batched(Engine engine, const CommandResult& result) {
  Trial trial;
  trial.spec = streams(engine);
  read_batched(result, ml_batched(), trial);
  return trial;
}

Trial swept(const TrialSpec& spec, const std::string& err) {
  Trial trial;
  trial.spec = spec;
  read_sweep(printed("", err), ik_sweep(), trial);
  return trial;
}

std::vector<double> samples(const Trial& trial, const char* name) {
  const Measurement* found = trial.find(name);
  return found == nullptr ? std::vector<double>{} : found->samples;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
  return text;
}

std::string without_last_row(const std::string& text) {
  const auto row = text.rfind("{\"");
  return text.substr(0, row) + text.substr(text.find('\n', row) + 1);
}

/// Refuses what it cannot, and remembers what it was asked.
class Stub : public TrialEngine {
 public:
  Stub(std::string refusal, std::vector<std::string>& asked, std::string name) : refusal_(std::move(refusal)), asked_(asked), name_(std::move(name)) {}

  std::string version() override { return "stub"; }

  Trial run(const TrialSpec& spec) override {
    asked_.push_back(name_);
    Trial trial;
    trial.spec = spec;
    trial.status = refusal_.empty() ? Status::ok : Status::unsupported;
    trial.reason = refusal_;
    if (refusal_.empty()) trial.measurements = {summarise(kDecode, "tokens/s", {1, 2, 3})};
    return trial;
  }

 private:
  std::string refusal_;
  std::vector<std::string>& asked_;
  std::string name_;
};

TEST(Tools, WhatLlamaBenchCannotGoesToTheToolThatIsForIt) {
  std::vector<std::string> asked;
  const auto tools = [&](const std::string& batched_refuses) {
    asked.clear();
    std::vector<OtherTool> others;
    others.push_back({"batched", [](const Workload& w) { return w.streams_max > 0; }, std::make_unique<Stub>(batched_refuses, asked, "batched"), ""});
    others.push_back({"sweep", [](const Workload& w) { return w.depth_tokens > 0; }, nullptr, "no sweep"});
    return make_llama_tools(std::make_unique<Stub>("one sequence", asked, "bench"), std::make_unique<Stub>("", asked, "server"), "", std::move(others));
  };
  const Trial by_batched = tools("")->run(streams(Engine::llama_cpp));
  EXPECT_THAT(asked, ElementsAre("bench", "batched"));
  EXPECT_THAT(by_batched.measurements.at(0).tags, Contains("through batched: one sequence"));

  const Trial by_server = tools("token 0")->run(streams(Engine::ik_llama));
  EXPECT_THAT(asked, ElementsAre("bench", "batched", "server"));
  EXPECT_THAT(by_server.measurements.at(0).tags, Contains("through llama-server: one sequence; batched: token 0"));

  EXPECT_THAT(tools("")->run(sweep(512, 512)).measurements.at(0).tags, Contains("through llama-server: one sequence; sweep: no sweep"));
  EXPECT_THAT(asked, ElementsAre("bench", "server"));
}

TEST(BatchedBench, TheLineHasEveryNumberOfStreamsInTurns) {
  TrialSpec spec = streams(Engine::llama_cpp);
  spec.config.repack = Switch::off;
  EXPECT_EQ(line_of(batched_argv(spec, ml_batched(), ModelSpec{})),
            "/opt/llama-batched-bench -m small.gguf -c 1024 -t 2 -tb 2 --no-repack -npp 1 -ntg 16 -npl 1,1,2,4,1,2,4,1 --output-format jsonl");
  spec = streams(Engine::ik_llama);
  spec.config.repack = Switch::on;
  EXPECT_EQ(line_of(batched_argv(spec, ik_batched(), ModelSpec{})),
            "/opt/llama-batched-bench -m small.gguf -c 1024 -t 2 -tb 2 -rtr --log-file /dev/null -npp 1 -ntg 16 -npl 1,1,2,4,1,2,4,1");
}

TEST(BatchedBench, IsNoMeasureOfExpertsInIk) {
  const ModelSpec experts{.expert_count = 8};
  EXPECT_EQ(line_of(batched_argv(streams(Engine::ik_llama), ik_batched(), experts)),
            "unsupported: llama-batched-bench of ik_llama.cpp 6482 (3d4053f77) gives every stream token 0, so that all use the same experts");
  FoundTool older = ml_batched();
  older.version = "llama.cpp 6199 (x)";
  EXPECT_THAT(line_of(batched_argv(streams(Engine::llama_cpp), older, experts)), HasSubstr("gives every stream token 0"));
  EXPECT_THAT(line_of(batched_argv(streams(Engine::llama_cpp), ml_batched(), experts)), HasSubstr("-npl"));
}

TEST(BatchedBench, WhatTheToolCannotIsSaid) {
  TrialSpec spec = streams(Engine::llama_cpp);
  spec.workload.streams_max = 0;
  EXPECT_THAT(line_of(batched_argv(spec, ml_batched(), ModelSpec{})), HasSubstr("the workload has none"));
  spec = streams(Engine::llama_cpp);
  spec.config.repack = Switch::off;
  FoundTool older = ml_batched();
  older.flags.erase("--no-repack");
  EXPECT_EQ(line_of(batched_argv(spec, older, ModelSpec{})), "unsupported: repack=off: its --help lists no --no-repack");
}

TEST(BatchedBench, OfBothEnginesIsReadToTheDigit) {
  const Trial ml = batched(Engine::llama_cpp, printed(recorded("llama_cpp-10587/batched_bench.jsonl")));
  EXPECT_EQ(ml.reason, "");
  EXPECT_THAT(samples(ml, "batch_tokens_per_s/4"), testing::SizeIs(2));
  EXPECT_EQ(samples(ml, "batch_tokens_per_s/4").back(), 842.193909);
  EXPECT_EQ(ml.measurements.size(), 3u);
  const Trial ik = batched(Engine::ik_llama, printed("", recorded("ik_llama-4840/batched_bench.txt")));
  EXPECT_EQ(ik.reason, "");
  EXPECT_THAT(samples(ik, "batch_tokens_per_s/1"), ElementsAre(117.65, 1268.13));
  EXPECT_THAT(samples(ik, "batch_tokens_per_s/2"), ElementsAre(1436.33, 1434.98));
  EXPECT_THAT(samples(ik, "batch_tokens_per_s/4"), ElementsAre(349.10, 644.22));
  const Trial table = batched(Engine::llama_cpp, printed(recorded("llama_cpp-10587/batched_bench.txt")));
  EXPECT_THAT(samples(table, "batch_tokens_per_s/2"), ElementsAre(2630.06, 661.08));
}

TEST(BatchedBench, OfAYearBackIsReadToTheDigit) {
  const Trial old = batched(Engine::llama_cpp, printed(recorded("llama_cpp-6482/batched_bench.jsonl")));
  EXPECT_EQ(old.reason, "");
  EXPECT_EQ(old.measurements.size(), 3u);
  EXPECT_THAT(samples(old, "batch_tokens_per_s/4"), ElementsAre(140.915146, 23.941273));
}

TEST(BatchedBench, TheLastRowMayBeLostAndNoOther) {
  const std::string all = recorded("llama_cpp-10587/batched_bench.jsonl");
  const std::string one_lost = without_last_row(all);
  EXPECT_EQ(batched(Engine::llama_cpp, printed(one_lost)).measurements, batched(Engine::llama_cpp, printed(all)).measurements);
  EXPECT_EQ(batched(Engine::llama_cpp, printed(without_last_row(one_lost))).reason, "llama-batched-bench printed 6 rows, asked were 8");
}

TEST(BatchedBench, AMissingFieldIsNamedAndAnUnknownOneIsNot) {
  const std::string all = recorded("llama_cpp-10587/batched_bench.jsonl");
  EXPECT_EQ(batched(Engine::llama_cpp, printed(replaced(all, "\"pp\": 1,", "\"pp\": 1, \"new\": [1],"))).status, Status::ok);
  EXPECT_EQ(batched(Engine::llama_cpp, printed(replaced(all, "\"speed_tg\"", "\"tg_speed\""))).reason,
            "llama-batched-bench's rows have no field speed_tg; this build is not known yet");
  const std::string table = recorded("ik_llama-4840/batched_bench.txt");
  EXPECT_EQ(batched(Engine::ik_llama, printed("", replaced(table, "    B |", "PL |"))).reason, "llama-batched-bench's rows have no field pl; this build is not known yet");
}

TEST(BatchedBench, BrokenRowsAndWhatWasNotAskedAreNamed) {
  const std::string all = recorded("llama_cpp-10587/batched_bench.jsonl");
  EXPECT_THAT(batched(Engine::llama_cpp, printed(all.substr(0, all.size() - 40))).reason, HasSubstr("JSON is broken or stops early"));
  EXPECT_THAT(batched(Engine::llama_cpp, printed(replaced(all, "842.193909", "inf"))).reason, HasSubstr("JSON is broken"));
  EXPECT_THAT(batched(Engine::ik_llama, printed("", replaced(recorded("ik_llama-4840/batched_bench.txt"), "  644.22", "     nan"))).reason,
              "llama-batched-bench's field speed_tg is not a number above 0");
  EXPECT_THAT(batched(Engine::llama_cpp, printed(replaced(all, "\"n_threads_batch\": 2", "\"n_threads_batch\": 8"))).reason,
              "llama-batched-bench did not run what was asked: n_threads_batch was 8, asked was 2");
  EXPECT_THAT(batched(Engine::llama_cpp, printed(replaced(all, "\"tg\": 16", "\"tg\": 8"))).reason, HasSubstr("a row of 1 streams and 8 tokens where 1 and 16 were asked"));
  EXPECT_THAT(batched(Engine::llama_cpp, printed("")).reason, "llama-batched-bench printed 0 rows, asked were 8");
}

TEST(SweepBench, TheLineSweepsToTheDepthAndThroughThePrompt) {
  EXPECT_EQ(line_of(sweep_argv(sweep(256, 512), ik_sweep(), ModelSpec{})),
            "/opt/llama-sweep-bench -m small.gguf -c 768 -t 2 -tb 2 --log-file /dev/null -ub 256 -n 16 --sweep-stride 2 --output-format jsonl");
  EXPECT_EQ(line_of(sweep_argv(sweep(512, 0), ik_sweep(), ModelSpec{})),
            "/opt/llama-sweep-bench -m small.gguf -c 512 -t 2 -tb 2 --log-file /dev/null -ub 256 -n 16 -wb --output-format jsonl");
  TrialSpec odd = sweep(192, 192);
  odd.config.ubatch = 192;  // the context is padded to 256, and the last step must fit
  EXPECT_THAT(line_of(sweep_argv(odd, ik_sweep(), ModelSpec{})), HasSubstr(" -c 768 "));
}

TEST(SweepBench, OtherStepsThanTheUbatchAreRefused) {
  EXPECT_THAT(line_of(sweep_argv(sweep(256, 100), ik_sweep(), ModelSpec{})), HasSubstr("of which a depth of 100 is no multiple"));
  EXPECT_THAT(line_of(sweep_argv(sweep(300, 256), ik_sweep(), ModelSpec{})), HasSubstr("of which a prompt of 300 is no multiple"));
  TrialSpec longer = sweep(256, 256);
  longer.workload.generate_tokens = 257;
  EXPECT_THAT(line_of(sweep_argv(longer, ik_sweep(), ModelSpec{})), HasSubstr("generates at most as much as the ubatch (256); asked are 257"));
}

TEST(SweepBench, IsReadToTheDigit) {
  const Trial json = swept(sweep(256, 512), recorded("ik_llama-4840/sweep_bench.jsonl"));
  EXPECT_EQ(json.reason, "");
  EXPECT_THAT(samples(json, kPrefill), ElementsAre(1124.345581));
  EXPECT_THAT(samples(json, kDecode), ElementsAre(104.317444));
  const Trial table = swept(sweep(256, 512), recorded("ik_llama-4840/sweep_bench.txt"));
  EXPECT_THAT(samples(table, kPrefill), ElementsAre(2253.78));
  EXPECT_THAT(samples(table, kDecode), ElementsAre(98.26));
}

TEST(SweepBench, APromptOfSeveralStepsIsTheirSum) {
  const Trial trial = swept(sweep(512, 256), recorded("ik_llama-4840/sweep_bench.jsonl"));
  EXPECT_DOUBLE_EQ(samples(trial, kPrefill).at(0), 512 / (256 / 2114.583984 + 256 / 1124.345581));
  EXPECT_THAT(samples(trial, kDecode), ElementsAre(265.005951));
}

TEST(SweepBench, RowsThatLackAreNamed) {
  const std::string rows = recorded("ik_llama-4840/sweep_bench.jsonl");
  EXPECT_EQ(swept(sweep(256, 1024), rows).reason, "llama-sweep-bench printed no row behind 1024 tokens");
  EXPECT_EQ(swept(sweep(512, 256), replaced(rows, "\"n_kv\": 512", "\"n_kv\": 513")).reason, "llama-sweep-bench did not sweep as asked: no step of 256 behind 512 tokens");
  EXPECT_EQ(swept(sweep(256, 512), replaced(rows, "\"t_pp\"", "\"pp_t\"")).status, Status::ok);
  EXPECT_EQ(swept(sweep(256, 512), replaced(rows, "\"speed_pp\"", "\"pps\"")).reason, "llama-sweep-bench's rows have no field speed_pp; this build is not known yet");
  TrialSpec other = sweep(256, 512);
  other.config.decode_threads = 7;
  EXPECT_EQ(swept(other, rows).reason, "llama-sweep-bench did not run what was asked: n_threads was 2, asked was 7");
}

TEST(SweepBench, EverySampleIsARun) {
  TrialSpec spec = sweep(256, 512);
  spec.budget.min_samples = 3;
  int runs = 0;
  const RunCommand run = [&](const std::vector<std::string>&, double) { return ++runs, printed("", recorded("ik_llama-4840/sweep_bench.jsonl")); };
  const Trial trial = make_llama_sweep_bench(ik_sweep(), ModelSpec{}, run)->run(spec);
  EXPECT_EQ(runs, 3);
  EXPECT_EQ(samples(trial, kDecode).size(), 3u);
  const RunCommand refused = [](const std::vector<std::string>&, double) {
    CommandResult result = printed("", "error: unable to load model\n");
    result.end.exit_code = 1;
    return result;
  };
  const Trial failed = make_llama_sweep_bench(ik_sweep(), ModelSpec{}, refused)->run(spec);
  EXPECT_EQ(failed.status, Status::failed);
  EXPECT_THAT(failed.reason, HasSubstr("unable to load model"));
  EXPECT_THAT(failed.measurements, IsEmpty());
}

TEST(CommonTools, AreFoundBesideALlamaBench) {
  FoundEngine bench;
  bench.bench = "/nonexistent/llama-bench";
  EXPECT_EQ(find_batched_bench(bench).reason(), "there is no llama-batched-bench beside /nonexistent/llama-bench; build that target too");
  EXPECT_EQ(find_sweep_bench(bench).reason(), "llama.cpp has no llama-sweep-bench");
}

}  // namespace
}  // namespace oldiron::common_tools_test
