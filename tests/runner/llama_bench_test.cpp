#include "runner/engines/llama_bench.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/text.hpp"
#include "runner/engines/engine_end.hpp"
#include "runner/keep_log.hpp"

namespace oldiron::llama_bench_test {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const char* folder(Engine engine) {
  return engine == Engine::ik_llama ? "ik_llama-4840/" : "llama_cpp-10587/";
}

std::string recorded(Engine engine, const std::string& name) {
  return read_file(std::string(OLDIRON_TEST_DATA "/engines/") + folder(engine) + name);
}

FoundEngine found(Engine engine) {
  return {engine, "/opt/my engines/llama-bench", version_of_footer(engine, recorded(engine, "footer.md")),
          flags_of_help(recorded(engine, "help.txt"))};
}

/// What the recorded runs were asked.
TrialSpec spec_of(Engine engine) {
  TrialSpec spec;
  spec.engine = engine;
  spec.model = "gemma4-moe.Q4_0.gguf";
  spec.workload = {.prompt_tokens = 16, .generate_tokens = 8};
  spec.budget.min_samples = 2;
  spec.config.decode_threads = engine == Engine::ik_llama ? 1 : 2;
  spec.config.prefill_threads = 2;
  spec.config.ubatch = 256;
  spec.config.n_experts = 2;
  spec.config.load_mode = LoadMode::read;
  if (engine == Engine::ik_llama) spec.config.repack = Switch::on;
  return spec;
}

ModelSpec small_model() {
  ModelSpec model;
  model.id = "small";
  model.architecture = "gemma4";
  model.vocab_size = 1000;
  model.embedding_length = 64;
  model.expert_count = 8;
  model.expert_used_count = 2;
  model.expert_feed_forward_length = 96;
  model.context_length = 4096;
  model.tied_head = true;
  model.layers = {{.n_head = 4, .n_head_kv = 2, .key_length = 64, .value_length = 64}};
  model.tensors = {
      {.name = "token_embd.weight", .ne = {64, 1000, 1, 1}, .type = TensorType::q8_0, .role = Role::head}};
  return model;
}

std::string line_of(const TrialSpec& spec) {
  const auto argv = bench_argv(spec, found(spec.engine), small_model());
  return argv ? command_line(*argv) : "unsupported: " + argv.reason();
}

CommandResult exited(int code, const std::string& out, const std::string& err = "") {
  CommandResult result;
  result.end.exit_code = code;
  result.end.wall_s = 10;
  result.out.append(out);
  result.err.append(err);
  return result;
}

Trial read(const TrialSpec& spec, const CommandResult& result) {
  Trial trial;
  trial.spec = spec;
  read_bench(result, found(spec.engine), trial);
  return trial;
}

Trial read_changed(Engine engine, const std::function<void(Json&)>& change) {
  Json rows = Json::parse(recorded(engine, "run.json"));
  change(rows);
  return read(spec_of(engine), exited(0, rows.dump()));
}

class BothEngines : public testing::TestWithParam<Engine> {};

INSTANTIATE_TEST_SUITE_P(Engines, BothEngines, testing::Values(Engine::llama_cpp, Engine::ik_llama),
                         [](const auto& param) { return std::string(to_string(param.param)); });

TEST(BenchArgv, OfIkHasAThreadCountPerPhase) {
  EXPECT_EQ(
      line_of(spec_of(Engine::ik_llama)),
      "'/opt/my engines/llama-bench' -m gemma4-moe.Q4_0.gguf -p 16 -n 8 -r 2 -tgb 1,2 -ub 256 -rtr 1 -mmp 0 "
      "-o json -v");
}

TEST(BenchArgv, OfLlamaHasOneThreadCount) {
  TrialSpec spec = spec_of(Engine::llama_cpp);
  EXPECT_EQ(line_of(spec),
            "'/opt/my engines/llama-bench' -m gemma4-moe.Q4_0.gguf -p 16 -n 8 -r 2 -t 2 -ub 256 -lm none -o "
            "json -v");
  spec.config.decode_threads = 1;
  EXPECT_THAT(line_of(spec), HasSubstr("unsupported: prefill_threads=2: llama-bench has one thread count"));
}

TEST(BenchArgv, AWarmUpIsLeftOutInEachEnginesSpelling) {
  TrialSpec spec = spec_of(Engine::llama_cpp);
  spec.budget.warm_up = false;
  EXPECT_THAT(line_of(spec), HasSubstr("-r 2 --no-warmup -t 2"));
  TrialSpec of_ik = spec_of(Engine::ik_llama);
  of_ik.budget.warm_up = false;
  EXPECT_THAT(line_of(of_ik), HasSubstr("-r 2 -w 0 -tgb"));
  FoundEngine older = found(Engine::llama_cpp);
  older.flags.erase("--no-warmup");
  EXPECT_THAT(command_line(*bench_argv(spec, older, small_model())), testing::Not(HasSubstr("warmup")));
}

TEST(BenchOutput, WithoutAWarmUpTheFirstGenerationOfIkIsNotCounted) {
  for (Engine engine : {Engine::ik_llama, Engine::llama_cpp}) {
    Trial warm, cold;
    warm.spec = cold.spec = spec_of(engine);
    cold.spec.budget.warm_up = false;
    const CommandResult ran = exited(0, recorded(engine, "run.json"));
    read_bench(ran, found(engine), warm);
    read_bench(ran, found(engine), cold);
    EXPECT_EQ(cold.find(kPrefill)->samples, warm.find(kPrefill)->samples);
    std::vector<double> generations = warm.find(kDecode)->samples;
    ASSERT_EQ(generations.size(), 2U);
    if (engine == Engine::ik_llama) generations.erase(generations.begin());
    EXPECT_EQ(cold.find(kDecode)->samples, generations);
    EXPECT_GT(cold.provenance.load_s, warm.provenance.load_s) << "no warm-up is taken off";
  }
}

/// llama.cpp of September 2025: no -lm, and flash attention off in llama-bench alone.
TEST(BenchOfAYearBack, IsAskedInItsSpellingsAndReadToTheDigit) {
  const auto then = [](const char* name) { return read_file(std::string(OLDIRON_TEST_DATA "/engines/llama_cpp-6482/") + name); };
  const FoundEngine old = {Engine::llama_cpp, "/o/llama-bench", version_of_footer(Engine::llama_cpp, then("footer.md")), flags_of_help(then("help.txt"))};
  EXPECT_EQ(build_of(old.version), 6482);
  EXPECT_EQ(*engine_of_flags(old.flags), Engine::llama_cpp);
  TrialSpec spec = spec_of(Engine::llama_cpp);
  spec.model = "small.gguf";
  const auto argv = bench_argv(spec, old, small_model());
  ASSERT_TRUE(argv) << argv.reason();
  EXPECT_EQ(command_line(*argv), "/o/llama-bench -m small.gguf -p 16 -n 8 -r 2 -t 2 -ub 256 -mmp 0 -fa 1 -o json -v");
  Trial trial;
  trial.spec = spec;
  read_bench(exited(0, then("run.json")), old, trial);
  EXPECT_EQ(trial.reason, "");
  EXPECT_THAT(trial.find(kPrefill)->samples, ElementsAre(299.517, 10239));
  EXPECT_THAT(trial.find(kDecode)->samples, ElementsAre(3579.26, 205.64));
  spec.config.flash_attention = Switch::off;
  EXPECT_THAT(command_line(*bench_argv(spec, old, small_model())), HasSubstr(" -fa 0 "));
}

TEST_P(BothEngines, OnlyTheMeasuredPhaseNeedsItsThreads) {
  TrialSpec spec = spec_of(GetParam());
  spec.config.decode_threads = 1;
  spec.workload.prompt_tokens = 0;
  EXPECT_THAT(line_of(spec), HasSubstr("-p 0 -n 8 -r 2 -t 1 -ub"));
  spec.workload.prompt_tokens = 16;
  spec.workload.generate_tokens = 0;
  EXPECT_THAT(line_of(spec), HasSubstr("-p 16 -n 0 -r 2 -t 2 -ub"));
  spec.workload.prompt_tokens = 0;
  EXPECT_THAT(line_of(spec), HasSubstr("unsupported"));
}

TEST_P(BothEngines, WhatCannotBeExpressedIsNeverDropped) {
  TrialSpec spec = spec_of(GetParam());
  spec.config.n_experts = 3;
  spec.config.draft_len = 4;
  EXPECT_THAT(line_of(spec),
              AllOf(HasSubstr("unsupported: "), HasSubstr("n_experts=3: "), HasSubstr("draft_len=4: ")));
  spec = spec_of(GetParam());
  spec.type = "q4_0";
  EXPECT_THAT(line_of(spec), HasSubstr("oldiron synth"));
  spec = spec_of(GetParam());
  spec.layers = 4;
  EXPECT_THAT(line_of(spec), HasSubstr("whole GGUF file"));
}

TEST_P(BothEngines, WhatIsSetOutsideStandsInFront) {
  TrialSpec spec = spec_of(GetParam());
  spec.config.malloc_pages = MallocPages::transparent;
  spec.config.node_policy = NodePolicy::interleave;
  spec.config.cpu_set = CpuSet::cores;
  spec.more_front = {"nice_words", "OMP_PLACES={0:2}"};
  spec.more_flags = {"-b", "64"};
  const Machine machine{.cores = {{.cpus = {0, 2}}, {.cpus = {1, 3}}}};
  const auto argv = bench_argv(spec, found(GetParam()), small_model(), machine);
  ASSERT_TRUE(argv) << argv.reason();
  EXPECT_THAT(command_line(*argv),
              AllOf(testing::StartsWith("OMP_PLACES='{0:2}' GLIBC_TUNABLES=glibc.malloc.hugetlb=1 nice_words numactl --interleave=all "
                                        "taskset -c 0,1 '/opt/my engines/llama-bench' -m gemma4-moe.Q4_0.gguf"),
                    testing::EndsWith(" -b 64 -o json -v")));
}

TEST(BenchArgv, AFolderThatLooksLikeAVariableIsStillAProgram) {
  FoundEngine engine = found(Engine::llama_cpp);
  engine.bench = "x=1/llama-bench";
  EXPECT_EQ(bench_argv(spec_of(Engine::llama_cpp), engine, small_model())->front(), "./x=1/llama-bench");
}

TEST_P(BothEngines, DepthIsLlamasAlone) {
  TrialSpec spec = spec_of(GetParam());
  spec.workload.depth_tokens = 100;
  EXPECT_THAT(line_of(spec),
              HasSubstr(GetParam() == Engine::llama_cpp ? " -d 100 " : "unsupported: ik_llama.cpp"));
}

TEST(BenchArgv, FlagsComeFromTheHelpOfThisBuild) {
  TrialSpec spec = spec_of(Engine::llama_cpp);
  FoundEngine old = found(Engine::llama_cpp);
  old.flags.erase("-lm");
  EXPECT_THAT(command_line(*bench_argv(spec, old, small_model())), HasSubstr("-mmp 0"));
}

TEST_P(BothEngines, ReadsTheRecordedRun) {
  const Trial trial = read(spec_of(GetParam()), exited(0, recorded(GetParam(), "run.json"),
                                                       recorded(GetParam(), "stderr/repacked.txt")));
  EXPECT_EQ(trial.status, Status::ok) << trial.reason;
  ASSERT_NE(trial.find(kPrefill), nullptr);
  ASSERT_NE(trial.find(kDecode), nullptr);
  const Json rows = Json::parse(recorded(GetParam(), "run.json"));
  EXPECT_EQ(trial.find(kPrefill)->samples, rows[0]["samples_ts"].get<std::vector<double>>());
  EXPECT_EQ(trial.find(kDecode)->samples, rows[1]["samples_ts"].get<std::vector<double>>());
  EXPECT_EQ(trial.find(kDecode)->unit, "tokens/s");
  // Ten seconds less two prompts, a warm-up prompt, two generations and a warm-up token, all of milliseconds.
  EXPECT_LT(trial.provenance.load_s, 10);
  EXPECT_GT(trial.provenance.load_s, 9.9);
}

TEST_P(BothEngines, AFieldThatIsNewIsNoTrouble) {
  EXPECT_EQ(read_changed(GetParam(),
                         [](Json& rows) {
                           rows[0]["flux_capacitor"] = {1, 2};
                         })
                .status,
            Status::ok);
}

TEST_P(BothEngines, AFieldThatIsMissingIsNamed) {
  for (const char* field : {"samples_ts", "n_prompt", "build_number", "build_commit"}) {
    const Trial trial = read_changed(GetParam(), [&](Json& rows) { rows[0].erase(field); });
    EXPECT_EQ(trial.status, Status::failed);
    EXPECT_THAT(trial.reason, HasSubstr(field));
    EXPECT_THAT(trial.measurements, IsEmpty());
  }
}

TEST_P(BothEngines, RowsThatContradictTheCommandFail) {
  const std::vector<std::pair<const char*, Json>> lies = {
      {"n_threads", 7}, {"n_ubatch", 512}, {"type_k", "q8_0"}, {"model_filename", "other.gguf"}};
  for (const auto& [field, value] : lies) {
    const Trial trial = read_changed(GetParam(), [&](Json& rows) { rows[0][field] = value; });
    EXPECT_EQ(trial.status, Status::failed);
    EXPECT_THAT(trial.reason, AllOf(HasSubstr("did not run what was asked"), HasSubstr(field)));
  }
  const Trial mapped =
      read_changed(GetParam(), [](Json& rows) { rows[1]["load_mode"] = "mmap", rows[1]["use_mmap"] = true; });
  EXPECT_EQ(mapped.status, Status::failed);
}

TEST(ReadBench, IkMustRepackWhenAsked) {
  const Trial trial = read_changed(Engine::ik_llama, [](Json& rows) { rows[0]["repack"] = false; });
  EXPECT_THAT(trial.reason, HasSubstr("repack was 0, asked was 1"));
  // The echo alone is no proof: the log counts the tensors.
  const Trial idle =
      read(spec_of(Engine::ik_llama), exited(0, recorded(Engine::ik_llama, "run.json"), "no word"));
  EXPECT_EQ(idle.status, Status::ok);
  EXPECT_THAT(idle.find(kDecode)->tags, testing::Contains(HasSubstr("repacked no tensor")));
}

TEST_P(BothEngines, ASweptListIsNotOurTrial) {
  TrialSpec spec = spec_of(GetParam());
  spec.config = {};
  const Trial trial = read(spec, exited(0, recorded(GetParam(), "sweep.json")));
  EXPECT_EQ(trial.status, Status::failed);
  EXPECT_THAT(trial.reason, HasSubstr("two rows for prompt 16"));
}

TEST_P(BothEngines, ARowThatIsNotThereIsNamed) {
  const Trial trial = read_changed(GetParam(), [](Json& rows) { rows.erase(1); });
  EXPECT_THAT(trial.reason, HasSubstr("no row for prompt 0 and generation 8"));
}

TEST_P(BothEngines, AnEngineRebuiltMeanwhileIsAnother) {
  const Trial trial = read_changed(GetParam(), [](Json& rows) { rows[0]["build_number"] = 9999; });
  EXPECT_EQ(trial.status, Status::failed);
  EXPECT_THAT(trial.reason, HasSubstr("is now"));
}

TEST_P(BothEngines, BrokenOutputIsNamed) {
  const std::string whole = recorded(GetParam(), "run.json");
  const TrialSpec spec = spec_of(GetParam());
  EXPECT_THAT(read(spec, exited(0, "")).reason, HasSubstr("printed nothing"));
  EXPECT_THAT(read(spec, exited(0, "hello")).reason, HasSubstr("no JSON"));
  EXPECT_THAT(read(spec, exited(0, whole.substr(0, whole.size() / 2))).reason, HasSubstr("stops early"));
  const auto at = whole.find("\"samples_ts\": [ ") + 16;
  EXPECT_THAT(read(spec, exited(0, whole.substr(0, at) + "nan, " + whole.substr(at))).reason,
              HasSubstr("not a number"));
  EXPECT_THAT(read_changed(GetParam(), [](Json& rows) { rows[1]["samples_ts"] = {0.0}; }).reason,
              HasSubstr("above 0"));
}

TEST_P(BothEngines, EveryEndHasASentence) {
  const TrialSpec spec = spec_of(GetParam());
  CommandResult result;
  result.end.signal = SIGILL;
  EXPECT_EQ(read(spec, result).status, Status::unsupported);
  EXPECT_THAT(read(spec, result).reason, HasSubstr("build it on this machine"));
  EXPECT_EQ(read(spec, exited(132, "")).status, Status::unsupported);
  result.end.signal = SIGKILL;
  EXPECT_EQ(read(spec, result).status, Status::failed);
  EXPECT_THAT(read(spec, result).reason, HasSubstr("SIGKILL"));
  EXPECT_THAT(read(spec, exited(3, "", "x\nmain: error: out of luck\n")).reason,
              AllOf(HasSubstr("code 3"), HasSubstr("it said: main: error: out of luck")));
  result.timed_out = true;
  result.end.wall_s = 5;
  EXPECT_EQ(read(spec, result).status, Status::timed_out);
}

TEST_P(BothEngines, RefusalsAreTheEnginesOwnLine) {
  const auto end = [&](const char* name) {
    return read(spec_of(GetParam()), exited(1, "[\n", recorded(GetParam(), name)));
  };
  const Trial architecture = end("stderr/architecture.txt");
  EXPECT_EQ(architecture.status, Status::unsupported);
  EXPECT_THAT(architecture.reason, HasSubstr("unknown model architecture: 'gemmaX'"));
  const Trial attention = end("stderr/quantised_kv_without_attention.txt");
  EXPECT_EQ(attention.status, Status::unsupported);
  EXPECT_THAT(attention.reason, HasSubstr("requires flash_attn"));
  EXPECT_EQ(end("stderr/unknown_flag.txt").status, Status::unsupported);
  const Trial truncated = end("stderr/truncated.txt");
  EXPECT_EQ(truncated.status, Status::failed);
  EXPECT_THAT(truncated.reason, HasSubstr("not within the file bounds"));
  EXPECT_THAT(end("stderr/missing.txt").reason, HasSubstr("No such file"));
}

TEST(RefusalOf, NamesTheType) {
  const Refusal refusal = refusal_of(recorded(Engine::llama_cpp, "stderr/type.txt"));
  EXPECT_TRUE(refusal.unsupported);
  EXPECT_THAT(refusal.line, HasSubstr("'blk.0.attn_q.weight' has invalid ggml type 139"));
  EXPECT_EQ(refusal_of("all is well").line, "");
}

TEST_P(BothEngines, MemoryCountsASecondHeadWhenReadIntoMemory) {
  TrialSpec spec = spec_of(GetParam());
  const ModelSpec model = small_model();
  const std::int64_t read_in = needs_bytes(spec, model);
  spec.config.load_mode = LoadMode::mmap;
  spec.config.repack = Switch::automatic;
  const std::int64_t mapped = needs_bytes(spec, model);
  EXPECT_EQ(read_in - mapped, model.tensors[0].bytes());
  spec.config.kv_type = KvType::f32;
  // 256 cells of 2 heads of 128 numbers, 2 bytes more each.
  EXPECT_EQ(needs_bytes(spec, model) - mapped, 256 * 2 * 128 * 2);
  spec.config.repack = Switch::on;
  spec.config.kv_type = KvType::f16;
  EXPECT_EQ(needs_bytes(spec, model) == read_in, GetParam() == Engine::ik_llama);
}

TEST(NeedsBytes, CountsLogitsAsTheEnginesDo) {
  TrialSpec spec = spec_of(Engine::llama_cpp);
  ModelSpec model = small_model();
  const std::int64_t few = needs_bytes(spec, model);
  model.vocab_size += 1000;
  EXPECT_EQ(needs_bytes(spec, model) - few, 256 * 4 * 1000);
  spec.engine = Engine::ik_llama;
  const std::int64_t many = needs_bytes(spec, model);
  model.vocab_size -= 1000;
  EXPECT_EQ(many - needs_bytes(spec, model), 256 * 4 * 2000);
}

TEST(WhyNot, KnowsWhatCannotWorkHere) {
  Machine old, modern;
  old.cpu_model = "Xeon E5-2670";
  old.isas = {"scalar"};
  modern.isas = {"scalar", "avx2"};
  ModelSpec model = small_model();
  EXPECT_THAT(why_not(Engine::ik_llama, old, model), HasSubstr("AVX2"));
  EXPECT_EQ(why_not(Engine::ik_llama, modern, model), "");
  EXPECT_EQ(why_not(Engine::llama_cpp, old, model), "");
  model.tensors[0].type = TensorType::iq4_k;
  EXPECT_THAT(why_not(Engine::llama_cpp, modern, model),
              HasSubstr("cannot read IQ4_K (tensor token_embd.weight)"));
  EXPECT_EQ(why_not(Engine::ik_llama, modern, model), "");
  EXPECT_EQ(why_not(Engine::oldiron, old, model), "");
}

/// The adapter on a process that behaves, or does not, like llama-bench.
class OnFakeEngine : public testing::Test {
 protected:
  OnFakeEngine() : dir_(fs::temp_directory_path() / ("oldiron_bench_" + std::to_string(getpid()))) {
    fs::remove_all(dir_);
    fs::create_directories(dir_);
    fs::create_symlink(OLDIRON_FAKE_ENGINE, dir_ / "llama-bench");
  }

  ~OnFakeEngine() override { fs::remove_all(dir_); }

  Trial run(const std::string& settings, const std::function<void(TrialSpec&)>& change = {}) {
    std::ofstream(dir_ / "fake_engine.conf") << "engine=ik_llama\nnoise=0\n" << settings;
    const auto guarded = [](const std::vector<std::string>& argv, double timeout_s) {
      return run_guarded(argv, timeout_s == 0 ? 0 : 0.3);
    };
    TrialSpec spec = spec_of(Engine::ik_llama);
    if (change) change(spec);
    const auto discovery = discover(dir_.string());
    return make_llama_bench(discovery.engines.at(0), small_model(), guarded, dir_.string())->run(spec);
  }

  fs::path dir_;
};

TEST_F(OnFakeEngine, MeasuresWhatItShows) {
  const Trial trial = run("");
  EXPECT_EQ(trial.status, Status::ok) << trial.reason;
  // fake_engine.cpp: 4 tokens/s with one thread, 1.5 for -rtr, 1.4 for -mmp 0.
  EXPECT_NEAR(trial.find(kDecode)->median, 4 * 1.5 * 1.4, 1e-3);
  EXPECT_EQ(trial.provenance.engine_version, "ik_llama.cpp 4242 (fa4e000)");
  EXPECT_THAT(trial.provenance.command, testing::Contains("-rtr"));
  EXPECT_GT(trial.provenance.peak_rss_bytes, 0);
  EXPECT_THAT(read_log(trial.provenance.log_path), AllOf(HasSubstr("-rtr 1"), HasSubstr("model loaded")));
}

TEST_F(OnFakeEngine, FailuresAreResults) {
  EXPECT_EQ(run("fail=exit\n").status, Status::failed);
  EXPECT_EQ(run("fail=ill\n").status, Status::unsupported);
  EXPECT_EQ(run("fail=segv\n").status, Status::failed);
  EXPECT_EQ(run("fail=nan\n").status, Status::failed);
  EXPECT_EQ(run("fail=half_json\n").status, Status::failed);
  EXPECT_EQ(run("fail=empty\n").status, Status::failed);
  EXPECT_EQ(run("fail=babble\n").status, Status::ok);
  EXPECT_EQ(run("fail=hang\n", [](TrialSpec& spec) { spec.budget.seconds = 1; }).status, Status::timed_out);
}

TEST_F(OnFakeEngine, WhatItCannotDoIsNotStarted) {
  const Trial trial =
      run("log=" + (dir_ / "calls").string() + "\n", [](TrialSpec& spec) { spec.config.draft_len = 2; });
  EXPECT_EQ(trial.status, Status::unsupported);
  EXPECT_FALSE(fs::exists(dir_ / "calls"));
}

}  // namespace
}  // namespace oldiron::llama_bench_test
