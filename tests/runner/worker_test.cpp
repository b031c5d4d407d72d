// The worker against real children: this program in its role "worker".
#include "runner/worker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "core/json.hpp"
#include "tests/runner/roles.hpp"

namespace oldiron::worker_test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

WorkerOptions options() {
  WorkerOptions result;
  result.argv = {"/proc/self/exe", "worker"};
  result.version = "oldiron test";
  return result;
}

TrialSpec spec(const std::string& how, double seconds = 0) {
  TrialSpec result;
  result.model = "model.gguf";
  result.workload.name = how;
  result.budget.seconds = seconds;
  return result;
}

double value(const Trial& trial, const char* metric) {
  const Measurement* found = trial.find(metric);
  return found == nullptr ? -1 : found->median;
}

TEST(Worker, KeepsItsChildAndItsModelBetweenTrials) {
  Worker worker(options());
  const Trial first = worker.run(spec("turn"));
  ASSERT_EQ(first.status, Status::ok) << first.reason;
  EXPECT_EQ(value(first, kDecode), 7.5);
  EXPECT_EQ(first.provenance.load_s, 0.01);
  EXPECT_EQ(first.provenance.engine_version, "oldiron test");
  EXPECT_EQ(first.provenance.command, options().argv);
  EXPECT_GT(first.provenance.peak_rss_bytes, 1000000);
  const Trial second = worker.run(spec("turn"));
  EXPECT_EQ(value(second, "pid"), value(first, "pid"));
  EXPECT_EQ(value(second, "loads"), 1);
  EXPECT_EQ(second.provenance.load_s, 0);
  EXPECT_GT(second.provenance.worker_age_s, first.provenance.worker_age_s);
}

TEST(Worker, ReloadsByTheLevers) {
  Worker worker(options());
  TrialSpec next = spec("turn");
  const Trial first = worker.run(next);
  next.config.decode_threads = 1;
  EXPECT_EQ(value(worker.run(next), "loads"), 1);
  next.config.head_type = HeadType::q4_0;  // inside the same process
  const Trial head = worker.run(next);
  EXPECT_EQ(value(head, "pid"), value(first, "pid"));
  EXPECT_EQ(value(head, "loads"), 2);
  next.config.page_size = PageSize::small;  // everything: a fresh process
  const Trial fresh = worker.run(next);
  EXPECT_NE(value(fresh, "pid"), value(first, "pid"));
  EXPECT_EQ(value(fresh, "loads"), 1);
  worker.retire();
  EXPECT_NE(value(worker.run(next), "pid"), value(fresh, "pid"));
}

TEST(Worker, TheHeapFollowsThePages) {
  Worker worker(options());
  TrialSpec next = spec("turn");
  next.config.page_size = PageSize::small;
  EXPECT_EQ(value(worker.run(next), "huge_heap"), 0);
  for (const PageSize page_size : {PageSize::transparent, PageSize::huge}) {
    next.config.page_size = page_size;
    EXPECT_EQ(value(worker.run(next), "huge_heap"), 1);
  }
}

TEST(Worker, AnotherModelNeedsAFreshProcess) {
  const TrialSpec before = spec("turn");
  EXPECT_TRUE(may_go_on(before, before));
  for (auto change :
       {+[](TrialSpec& each) { each.model = "other.gguf"; }, +[](TrialSpec& each) { each.type = "q8_0"; },
        +[](TrialSpec& each) { each.layers = 2; }, +[](TrialSpec& each) { each.card_head_type = "q8_0"; },
        +[](TrialSpec& each) { each.config.load_mode = LoadMode::read; }}) {
    TrialSpec next = before;
    change(next);
    EXPECT_FALSE(may_go_on(before, next));
  }
}

TEST(Worker, EveryFailureIsATrialAndTheNextOneRuns) {
  const std::tuple<const char*, Status, const char*> cases[] = {
      {"throw", Status::failed, "the file is torn"},
      {"unsupported", Status::unsupported, "this CPU has no such instruction"},
      {"memory", Status::failed, "memory ran out"},
      {"nan", Status::failed, "decode_tokens_per_s came out as nan, which is no speed"},
      {"segv", Status::failed, "the worker died by SIGSEGV: it crashed while measuring"},
      {"abort", Status::failed, "two and two are four"},
      {"exit 137", Status::failed, "exited with code 137, as after SIGKILL"},
      {"nonsense", Status::failed, "the worker answered nonsense"},
      {"hang", Status::timed_out, "after loading, and the worker was stopped"},
      {"events", Status::timed_out, "no result within"},
      {"hang in load", Status::timed_out,
       "the model was not loaded within 500 ms, and the worker was stopped"},
      {"flood", Status::ok, ""}};
  for (const auto& [how, status, reason] : cases) {
    WorkerOptions quick = options();
    if (how == std::string("hang in load")) quick.first_load_limit_s = 0.5;
    quick.grace_s = 0.15;
    Worker worker(quick);
    const bool hangs = status == Status::timed_out;
    const Trial trial = worker.run(spec(how, hangs ? 0.2 : 0));
    EXPECT_EQ(trial.status, status) << how << ": " << trial.reason;
    EXPECT_THAT(trial.reason, HasSubstr(reason)) << how;
    EXPECT_EQ(trial.spec.workload.name, how);
    if (how == std::string("hang in load")) continue;
    EXPECT_EQ(worker.run(spec("turn")).status, Status::ok) << how;
  }
}

TEST(Worker, AChildThatDiedBetweenTrialsIsReplaced) {
  WorkerOptions marked = options();
  const std::string mark = test::new_mark();
  marked.env = {{test::kMark, mark}};
  Worker worker(marked);
  const Trial first = worker.run(spec("then dies"));
  ASSERT_EQ(first.status, Status::ok);
  ASSERT_EQ(test::wait_for_marked(mark, 0, 20), 0);
  const Trial second = worker.run(spec("turn"));
  EXPECT_EQ(second.status, Status::ok) << second.reason;
  EXPECT_NE(value(second, "pid"), value(first, "pid"));
}

TEST(Worker, AProgramThatIsNoWorkerIsAFailedTrial) {
  WorkerOptions wrong = options();
  wrong.argv = {OLDIRON_FAKE_ENGINE, "-o", "json"};
  EXPECT_THAT(Worker(wrong).run(spec("turn")).reason, StartsWith("the worker answered nonsense"));
  wrong.argv = {"/no/such/program"};
  EXPECT_THAT(Worker(wrong).run(spec("turn")).reason, HasSubstr("cannot start /no/such/program"));
  wrong.argv = {"/bin/sh", "-c", "exec <&-; sleep 0.2; exit 4"};  // deaf at first, dead later
  EXPECT_THAT(Worker(wrong).run(spec("turn")).reason,
              HasSubstr("exited with code 4 while loading the model"));
  wrong.argv = {"/bin/true"};
  EXPECT_THAT(Worker(wrong).run(spec("turn")).reason,
              HasSubstr("exited with code 0 while loading the model"));
}

TEST(Worker, TellsProgressAndWhatItHolds) {
  std::vector<std::string> heard;
  WorkerOptions telling = options();
  telling.on_event = [&](const WorkerEvent& event) { heard.push_back(event.event); };
  Worker worker(telling);
  EXPECT_EQ(worker.held_bytes(spec("turn")), 0);
  EXPECT_EQ(worker.running_cpu_s(), 0);
  worker.run(spec("turn"));
  EXPECT_THAT(heard, testing::ElementsAre("ready", "loading", "loaded", "sample"));
  EXPECT_GT(worker.held_bytes(spec("turn")), 100000);
  worker.run(spec("flood"));
  EXPECT_GE(worker.running_cpu_s(), 0);
  worker.retire();
  EXPECT_EQ(worker.held_bytes(spec("turn")), 0);
}

TEST(Worker, NothingStays) {
  WorkerOptions marked = options();
  const std::string mark = test::new_mark();
  marked.env = {{test::kMark, mark}};
  {
    Worker worker(marked);
    worker.run(spec("turn"));
    EXPECT_EQ(test::marked_processes(mark).size(), 2u);  // the guard and the worker
  }
  EXPECT_EQ(test::marked_processes(mark).size(), 0u);
}

TEST(Serve, AnswersBadLinesAndGoesOn) {
  std::istringstream in("no json\n\n" + dump_json(to_json(spec("turn"))) + "\n");
  std::ostringstream out;
  const auto run = [](const TrialSpec& asked, const Tell&) {
    Trial trial;
    trial.status = Status::ok;
    trial.spec = asked;
    return trial;
  };
  EXPECT_EQ(serve(in, out, run), 0);
  std::istringstream lines(out.str());
  std::string ready, bad, good;
  std::getline(lines, ready);
  std::getline(lines, bad);
  std::getline(lines, good);
  EXPECT_THAT(ready, HasSubstr("\"ready\""));
  EXPECT_EQ(trial_from_json(parse_json(bad, "bad")).status, Status::failed);
  EXPECT_EQ(trial_from_json(parse_json(good, "good")).spec, spec("turn"));
}

}  // namespace
}  // namespace oldiron::worker_test
