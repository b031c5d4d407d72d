// The adapter of llama-server on a process that behaves, or does not, like one: every end is a result, and nothing stays behind.
#include "runner/engines/llama_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "core/text.hpp"
#include "runner/engines/llama_bench.hpp"
#include "runner/engines/llama_tools.hpp"
#include "runner/http.hpp"
#include "runner/keep_log.hpp"
#include "runner/placed_engine.hpp"
#include "tests/runner/roles.hpp"

namespace oldiron::llama_server_test {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

ModelSpec small_model() {
  ModelSpec model;
  model.architecture = "gemma4";
  model.vocab_size = 1000;
  model.embedding_length = 64;
  model.expert_count = 8;
  model.expert_used_count = 2;
  model.context_length = 4096;
  model.layers = {{.n_head = 4, .n_head_kv = 2, .key_length = 64, .value_length = 64}};
  model.tensors = {{.name = "token_embd.weight", .ne = {64, 1000, 1, 1}, .type = TensorType::q8_0, .role = Role::head}};
  return model;
}

class OnFakeServer : public testing::Test {
 protected:
  OnFakeServer() : dir_(fs::temp_directory_path() / ("oldiron_server_" + std::to_string(getpid()))) {
    fs::remove_all(dir_);
    fs::create_directories(dir_);
    for (const char* tool : {"llama-bench", "llama-server"}) fs::create_symlink(OLDIRON_FAKE_ENGINE, dir_ / tool);
    std::ofstream(model()) << std::string(1 << 20, 'w');
  }

  ~OnFakeServer() override { fs::remove_all(dir_); }

  std::string model() const { return (dir_ / "a model.gguf").string(); }

  TrialSpec spec(Engine engine = Engine::llama_cpp) const {
    TrialSpec spec;
    spec.engine = engine;
    spec.model = model();
    spec.workload = {.prompt_tokens = 32, .generate_tokens = 16};
    spec.budget = {.seconds = 60, .min_samples = 2};
    spec.config.decode_threads = 1;
    spec.config.prefill_threads = 2;
    spec.config.n_experts = 2;
    return spec;
  }

  void settings(const std::string& text, const std::string& engine) const { std::ofstream(dir_ / "fake_engine.conf") << "engine=" << engine << "\nnoise=0\n" << text; }

  FoundEngine bench() const { return discover(dir_.string()).engines.at(0); }

  ServerOptions options() const {
    return {.log_dir = (dir_ / "logs").string(),
            .command = [this](const std::vector<std::string>& argv) { return Command{.argv = argv, .env = {{test::kMark, mark_}}}; },
            .patience_s = patience_s_};
  }

  Trial run(const std::string& text, TrialSpec spec) {
    settings(text, std::string(to_string(spec.engine)));
    const Available<FoundTool> found = find_server(bench());
    EXPECT_TRUE(found) << found.reason();
    const Trial trial = make_llama_server(*found, small_model(), options())->run(spec);
    EXPECT_EQ(test::marked_processes(mark_).size(), 0u) << "processes are left behind";
    const int port = port_of(trial);
    if (port > 0) {
      EXPECT_FALSE(http_exchange({.port = port, .path = "/health"}, now_s() + 5).ok()) << "the port still answers";
    }
    for (const auto& each : fs::directory_iterator(dir_))
      EXPECT_THAT((std::vector<std::string>{"a model.gguf", "fake_engine.conf", "llama-bench", "llama-server", "logs", "calls"}), Contains(each.path().filename()));
    return trial;
  }

  Trial run(const std::string& text = "") { return run(text, spec()); }

  static int port_of(const Trial& trial) {
    const auto& argv = trial.provenance.command;
    const auto at = std::find(argv.begin(), argv.end(), "--port");
    return at == argv.end() ? 0 : std::stoi(*(at + 1));
  }

  fs::path dir_;
  std::string mark_ = test::new_mark();
  double patience_s_ = 60;
};

TEST_F(OnFakeServer, MeasuresWhatItShows) {
  for (const Engine engine : {Engine::llama_cpp, Engine::ik_llama}) {
    TrialSpec asked = spec(engine);
    asked.workload.streams_max = 2;
    const Trial trial = run("", asked);
    ASSERT_EQ(trial.status, Status::ok) << trial.reason;
    // fake_engine.cpp: with one thread 4, with two 40 x 2 / 1.03 x 512 / 576.
    EXPECT_NEAR(trial.find(kDecode)->median, 4, 1e-3);
    EXPECT_NEAR(trial.find(kPrefill)->median, 40 * 2 / 1.03 * 512 / 576, 1e-2);
    EXPECT_GT(trial.find(kFirstToken)->median, 0);
    EXPECT_NEAR(trial.find("batch_tokens_per_s/2")->median, 8, 1e-2);
    EXPECT_EQ(trial.find(kDecode)->samples.size(), 2u);
    EXPECT_GT(trial.provenance.load_s, 0);
    EXPECT_GT(trial.provenance.peak_rss_bytes, 0);
    EXPECT_THAT(trial.provenance.command, Not(Contains("--api-key")));
    EXPECT_THAT(trial.provenance.command, Contains("127.0.0.1"));
    EXPECT_THAT(read_log(trial.provenance.log_path), HasSubstr("model loaded"));
  }
}

std::string line_of(const Available<std::vector<std::string>>& argv) { return argv ? command_line(*argv) : argv.reason(); }

TEST_F(OnFakeServer, SaysLeversThatLlamaBenchCannot) {
  settings("", "llama_cpp");
  TrialSpec asked = spec();
  asked.config.n_experts = 1;
  asked.config.repack = Switch::off;
  EXPECT_EQ(line_of(server_argv(asked, *find_server(bench()), small_model())),
            (dir_ / "llama-server").string() + " -m '" + model() +
                "' -c 256 -np 1 -t 1 -tb 2 --override-kv gemma4.expert_used_count=int:1 --no-repack");
  asked.config.draft_len = 4;
  EXPECT_THAT(line_of(server_argv(asked, *find_server(bench()), small_model())), testing::EndsWith("--spec-type ngram-simple --spec-draft-n-max 4"));
  asked.config.draft_kind = DraftKind::model;
  EXPECT_THAT(line_of(server_argv(asked, *find_server(bench()), small_model())), HasSubstr("needs a file that drafts"));
  settings("", "ik_llama");
  asked.engine = Engine::ik_llama;
  asked.draft_model = "d.gguf";
  asked.config.parallel = 4;
  EXPECT_THAT(line_of(server_argv(asked, *find_server(bench()), small_model())),
              HasSubstr("-c 1024 -np 4 -t 1 -tb 2 -okv gemma4.expert_used_count=int:1 --spec-type draft:n_max=4 -md d.gguf"));
}

/// llama.cpp 6482, of September 2025.
TEST(ServerLine, OfAYearBackDraftsWithAModelAlone) {
  const FoundTool old = {.program = "/old/llama-server", .flags = {"-m", "-c", "-np", "-t", "-tb", "-md", "--draft-max", "--draft-min"}};
  TrialSpec asked{.engine = Engine::llama_cpp, .model = "m.gguf", .draft_model = "d.gguf"};
  asked.config.draft_len = 4;
  EXPECT_THAT(line_of(server_argv(asked, old, small_model())), HasSubstr("this build drafts with a model alone (--draft_kind model)"));
  asked.config.draft_kind = DraftKind::model;
  EXPECT_THAT(line_of(server_argv(asked, old, small_model())), testing::EndsWith("--draft-max 4 --draft-min 0 -md d.gguf"));
}

TEST_F(OnFakeServer, TakesOverWhatLlamaBenchCannotAndSaysSo) {
  settings("", "llama_cpp");
  const auto tools = [&](bool with_server) {
    const FoundEngine found = bench();
    return make_llama_tools(make_llama_bench(found, small_model()), with_server ? make_llama_server(*find_server(found), small_model(), options()) : nullptr,
                            "there is no llama-server");
  };
  const Trial trial = tools(true)->run(spec());
  ASSERT_EQ(trial.status, Status::ok) << trial.reason;
  EXPECT_THAT(trial.find(kDecode)->tags, Contains(HasSubstr("through llama-server: prefill_threads=2: llama-bench has one thread count")));
  TrialSpec plain = spec();
  plain.config.prefill_threads = 1;
  EXPECT_THAT(tools(true)->run(plain).provenance.command.front(), testing::EndsWith("llama-bench"));
  EXPECT_THAT(tools(false)->run(spec()).reason, HasSubstr("one thread count for both phases, and there is no llama-server"));
  TrialSpec neither = spec();
  neither.config.thread_wait = Wait::spin;
  const Trial refused = tools(true)->run(neither);
  EXPECT_EQ(refused.status, Status::unsupported);
  EXPECT_THAT(refused.reason, testing::AllOf(HasSubstr("llama-bench: "), HasSubstr("llama-server: ")));
}

TEST_F(OnFakeServer, ATrialOfItsOwnHandsALinesFlagsThrough) {
  settings("", "llama_cpp");
  TrialSpec asked = spec();
  asked.more_front = {"numactl", "--interleave=all", "A=b"};
  asked.more_flags = {"--spec-type", "draft-simple", "-cram", "5"};
  EXPECT_THAT(line_of(server_argv(asked, *find_server(bench()), small_model())), HasSubstr("are those of llama-bench"));
  asked.engine_dir = (dir_ / "llama-server").string();
  EXPECT_THAT(line_of(server_argv(asked, *find_server(bench()), small_model())), testing::EndsWith(" -t 1 -tb 2 --spec-type draft-simple -cram 5"));
  ServerOptions as_a_tune = options();
  as_a_tune.command = {};
  const Trial trial = make_server_alone(make_llama_server(*find_server(bench()), small_model(), as_a_tune))->run(asked);
  ASSERT_EQ(trial.status, Status::ok) << trial.reason;
  EXPECT_EQ(std::vector<std::string>(trial.provenance.command.begin(), trial.provenance.command.begin() + 3),
            (std::vector<std::string>{"A=b", "numactl", "--interleave=all"}));
  EXPECT_EQ(std::count(trial.provenance.command.begin(), trial.provenance.command.end(), "-cram"), 1);
  EXPECT_THAT(trial.find(kDecode)->tags, testing::IsSupersetOf({"through llama-server", "--spec-type draft-simple: the server made no drafts"}));
}

TEST_F(OnFakeServer, ATextThatEndsEarlyIsFollowedByAnother) {
  const Trial trial = run("short_answers=3\n");
  ASSERT_EQ(trial.status, Status::ok) << trial.reason;
  EXPECT_EQ(trial.find(kDecode)->samples.size(), 2u);
  EXPECT_THAT(run("short_answers=1000\n").reason, HasSubstr("generated 8 tokens, asked were 17"));
}

class Crashing : public OnFakeServer {
 protected:
  std::unique_ptr<TrialEngine> server() const { return make_llama_server(*find_server(bench()), small_model(), options()); }

  static void expect_mended(TrialEngine& tools, TrialSpec asked) {
    asked.config.prefill_threads = 1;
    for (int times = 0; times < 2; ++times) {
      const Trial trial = tools.run(asked);
      ASSERT_EQ(trial.status, Status::ok) << trial.reason;
      EXPECT_EQ(trial.spec, asked);
      EXPECT_THAT(trial.provenance.command, Contains("--no-repack"));
      EXPECT_THAT(trial.find(kDecode)->tags, Contains(testing::AllOf(HasSubstr("without repacking, through llama-server: "), HasSubstr("SIGSEGV"))));
    }
  }

  int calls() const {
    const std::string log = read_file(dir_ / "calls");
    return static_cast<int>(std::count(log.begin(), log.end(), '\n'));
  }

  std::string crash() const { return "fail=segv\nfail_without=--no-repack\nlog=" + (dir_ / "calls").string() + "\n"; }
};

TEST_F(Crashing, ABenchThatDoesIsLeftForAServerThatDoesNotRepack) {
  settings(crash(), "llama_cpp");
  const auto tools = make_llama_tools(make_llama_bench(bench(), small_model()), server(), "");
  expect_mended(*tools, spec());
  EXPECT_EQ(calls(), 3) << "the bench is not asked again";
}

TEST_F(Crashing, AServerThatDoesIsTriedWithoutRepacking) {
  settings(crash(), "llama_cpp");
  expect_mended(*make_server_alone(server()), spec());
  EXPECT_EQ(calls(), 3);
}

TEST_F(Crashing, WhatDoesNotHelpIsNotKept) {
  settings("fail=segv\nlog=" + (dir_ / "calls").string() + "\n", "llama_cpp");
  const auto tools = make_server_alone(server());
  for (int times = 0; times < 2; ++times) {
    const Trial trial = tools->run(spec());
    EXPECT_EQ(trial.status, Status::failed);
    EXPECT_THAT(trial.provenance.command, Not(Contains("--no-repack")));
  }
  EXPECT_EQ(calls(), 4) << "each crash is tried once without";
}

TEST_F(Crashing, RepackingThatWasChosenIsNotTakenBack) {
  settings(crash(), "llama_cpp");
  TrialSpec asked = spec();
  asked.config.repack = Switch::on;
  EXPECT_THAT(make_server_alone(server())->run(asked).reason, HasSubstr("SIGSEGV"));
  EXPECT_EQ(calls(), 1);
}

TEST_F(OnFakeServer, ALogThatCannotBeKeptFailsTheTrialAlone) {
  settings("", "llama_cpp");
  ServerOptions full = options();
  full.log_dir = model() + "/logs";
  const Trial trial = make_llama_server(*find_server(bench()), small_model(), full)->run(spec());
  EXPECT_EQ(trial.status, Status::failed);
  EXPECT_THAT(trial.reason, HasSubstr("the engine's output cannot be kept there"));
  EXPECT_TRUE(trial.measurements.empty());
  EXPECT_EQ(test::marked_processes(mark_).size(), 0u);
}

TEST_F(OnFakeServer, IsLookedAtWhileItRuns) {
  settings("", "llama_cpp");
  const auto watch = std::make_shared<PlacesWatch>(std::int64_t{1} << 20);
  std::vector<std::string> names;
  ServerOptions watched = options();
  watched.watch = [&](int pid) {
    std::ifstream comm("/proc/" + std::to_string(pid) + "/comm");
    comm >> names.emplace_back();
    watch->look(pid);
  };
  settings("load_s=1.5\n", "llama_cpp");
  const auto placed = make_placed(make_server_alone(make_llama_server(*find_server(bench()), small_model(), watched)),
                                  [this](const TrialSpec&) { return std::vector<std::string>{model()}; }, "ext4", watch);
  const Trial trial = placed->run(spec());
  ASSERT_EQ(trial.status, Status::ok) << trial.reason;
  EXPECT_THAT(names, Contains("llama-server"));
  EXPECT_EQ(trial.provenance.places.file_bytes, 1 << 20);
  EXPECT_FALSE(trial.provenance.cpus.empty()) << "from /proc, while it ran";
}

TEST_F(OnFakeServer, ASlowLoadIsNoTimeout) {
  patience_s_ = 1;
  const Trial trial = run("load_s=3\n");
  EXPECT_EQ(trial.status, Status::ok) << trial.reason;
  EXPECT_GT(trial.provenance.load_s, patience_s_);
}

struct Fault {
  const char* settings;
  Status status;
  const char* reason;
  double budget_s = 60;
};

void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.settings; }

class Faults : public OnFakeServer, public testing::WithParamInterface<Fault> {};

TEST_P(Faults, EndInTheRightStatusAndLeaveNothing) {
  patience_s_ = 2;
  TrialSpec asked = spec();
  asked.budget.seconds = GetParam().budget_s;
  const Trial trial = run(GetParam().settings, asked);
  EXPECT_EQ(trial.status, GetParam().status);
  EXPECT_THAT(trial.reason, HasSubstr(GetParam().reason));
  EXPECT_EQ(trial.reason.find('\n'), std::string::npos);
  EXPECT_TRUE(trial.measurements.empty());
  EXPECT_TRUE(fs::exists(trial.provenance.log_path));
}

INSTANTIATE_TEST_SUITE_P(
    AtTheLoad, Faults,
    testing::Values(Fault{"fail=hang\n", Status::timed_out, "hangs at its load"}, Fault{"fail=hang,fork,setsid\n", Status::timed_out, "hangs at its load"},
                    Fault{"fail=babble_for_ever\n", Status::timed_out, "hangs at its load"},
                    Fault{"fail=segv\n", Status::failed, "llama-server died by SIGSEGV: it crashed"},
                    Fault{"fail=ill\n", Status::unsupported, "built for another CPU"}, Fault{"fail=abort\n", Status::failed, "SIGABRT: it gave up"},
                    Fault{"fail=kill\n", Status::failed, "killed from outside, as the kernel does when memory runs out"},
                    Fault{"fail=exit\n", Status::failed, "exited with code 1; it said: main: error: failed to load model"},
                    Fault{"fail=port\n", Status::failed, "another program took it"},
                    Fault{"fail=no_key\n", Status::failed, "another program answers on port"},
                    Fault{"fail=zombie,exit\n", Status::failed, "exited with code 1"}));

INSTANTIATE_TEST_SUITE_P(
    AtTheGeneration, Faults,
    testing::Values(Fault{"fail=hang\nfail_at=generation\n", Status::timed_out, "hangs at its work", 2},
                    Fault{"fail=babble_for_ever\nfail_at=generation\n", Status::timed_out, "hangs at its work", 2},
                    Fault{"fail=endless\nfail_at=generation\n", Status::failed, "without an end"},
                    Fault{"fail=segv\nfail_at=generation\n", Status::failed, "SIGSEGV"}, Fault{"fail=ill\nfail_at=generation\n", Status::unsupported, "another CPU"},
                    Fault{"fail=abort\nfail_at=generation\n", Status::failed, "SIGABRT"}, Fault{"fail=kill\nfail_at=generation\n", Status::failed, "SIGKILL"},
                    Fault{"fail=exit\nexit=137\nfail_at=generation\n", Status::failed, "exited with code 137, as after SIGKILL"},
                    Fault{"fail=half_json\nfail_at=generation\n", Status::failed, "broken or stops early"},
                    Fault{"fail=nan\nfail_at=generation\n", Status::failed, "broken"},
                    Fault{"fail=null\nfail_at=generation\n", Status::failed, "is not a number above 0 (null)"},
                    Fault{"fail=no_timings\nfail_at=generation\n", Status::failed, "no field timings"}));

TEST_F(OnFakeServer, APortThatWasTakenIsTriedAgainElsewhere) {
  const std::string calls = (dir_ / "calls").string();
  const Trial trial = run("fail=port\nfail_until=2\nlog=" + calls + "\n");
  EXPECT_EQ(trial.status, Status::ok) << trial.reason;
  const std::string log = read_file(calls);
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 3);
}

TEST_F(OnFakeServer, KilledFromOutsideInTheMiddle) {
  std::thread killer([this] {
    // The guard, and its child, which has begun to babble by then.
    std::string log;
    while (log.empty()) {
      for (const int pid : test::marked_processes(mark_)) {
        std::ifstream name("/proc/" + std::to_string(pid) + "/comm");
        std::string comm;
        name >> comm;
        if (comm == "llama-server") {
          std::this_thread::sleep_for(std::chrono::milliseconds(300));
          ::kill(pid, SIGKILL);
          log = "killed";
        }
      }
    }
  });
  const Trial trial = run("fail=hang\nfail_at=generation\n");
  killer.join();
  EXPECT_EQ(trial.status, Status::failed);
  EXPECT_THAT(trial.reason, HasSubstr("SIGKILL: killed from outside"));
}

TEST_F(OnFakeServer, WhoStopsItIsNamed) {
  settings("fail=hang\nfail_at=generation\n", "llama_cpp");
  ServerOptions stopped = options();
  stopped.command = [](const std::vector<std::string>& argv) {
    return Command{.argv = argv, .why_stop = [] { return std::string("memory ran short"); }};
  };
  const Trial trial = make_llama_server(*find_server(bench()), small_model(), stopped)->run(spec());
  EXPECT_EQ(trial.status, Status::failed);
  EXPECT_EQ(trial.reason, "llama-server was stopped: memory ran short");
}

TEST_F(OnFakeServer, ABuildWithoutAServerIsTold) {
  settings("", "llama_cpp");
  const FoundEngine found = bench();
  fs::remove(dir_ / "llama-server");
  EXPECT_THAT(find_server(found).reason(), HasSubstr("no llama-server beside"));
  std::ofstream(dir_ / "llama-server") << "text";
  EXPECT_THAT(find_server(found).reason(), HasSubstr("not executable"));
}

}  // namespace
}  // namespace oldiron::llama_server_test
