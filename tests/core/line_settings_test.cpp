// A line that somebody runs now, as levers, flags handed through, and what cannot be compared.
#include "core/audit/line_settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/model.hpp"

namespace oldiron::line_settings_test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

LineSettings settings(const std::string& line, Engine engine = Engine::ik_llama, std::vector<std::string_view> bench = {"-muge", "-b", "-ngl", "-ub"}) {
  const ModelSpec model{.architecture = "gemma4", .expert_count = 128, .expert_used_count = 8};
  const auto knows = [&](std::string_view flag) { return std::find(bench.begin(), bench.end(), flag) != bench.end(); };
  return settings_of_line(read_pasted_line({line}), engine, model, knows);
}

TEST(LineSettings, AServersLineAsLevers) {
  const LineSettings read = settings("./llama-server -m 'a model.gguf' -t 8 -tb 16 --ubatch-size 256 -rtr --no-mmap -fa off -ctk q8_0 -ctv q8_0");
  EXPECT_EQ(read.model, "a model.gguf");
  EXPECT_EQ(read.config.decode_threads, 8);
  EXPECT_EQ(read.config.prefill_threads, 16);
  EXPECT_EQ(read.config.ubatch, 256);
  EXPECT_EQ(read.config.repack, Switch::on);
  EXPECT_EQ(read.config.load_mode, LoadMode::read);
  EXPECT_EQ(read.config.flash_attention, Switch::off);
  EXPECT_EQ(read.config.kv_type, KvType::q8_0);
  EXPECT_THAT(read.left_out, IsEmpty());
  EXPECT_THAT(read.more_flags, IsEmpty());
}

TEST(LineSettings, OneThreadCountIsOfBothPhases) {
  EXPECT_EQ(settings("llama-server -m x.gguf -t 4").config.prefill_threads, 4);
  EXPECT_EQ(settings("llama-bench -m x.gguf -t 4").config.decode_threads, 4);
  EXPECT_EQ(settings("llama-bench -m x.gguf -t 4").config.prefill_threads, 4);
}

TEST(LineSettings, ExpertsByTheModelsKey) {
  EXPECT_EQ(settings("llama-server -m x.gguf --override-kv gemma4.expert_used_count=int:6").config.n_experts, 6);
  EXPECT_EQ(settings("llama-server -m x.gguf --override-kv qwen3.expert_used_count=int:6").config.n_experts, 0) << "another architecture's key";
}

TEST(LineSettings, WhatStandsInFront) {
  const LineSettings read =
      settings("GLIBC_TUNABLES=glibc.malloc.hugetlb=1 OMP_PROC_BIND=close numactl --interleave=all taskset -c 0-3 llama-cli -m x.gguf -t 4");
  EXPECT_EQ(read.config.malloc_pages, MallocPages::transparent);
  EXPECT_EQ(read.config.node_policy, NodePolicy::interleave);
  EXPECT_EQ(read.config.decode_threads, 4);
  EXPECT_THAT(read.more_front, ElementsAre("OMP_PROC_BIND=close", "taskset", "-c", "0-3"));
}

TEST(LineSettings, WhatNoLeverSaysIsHandedThroughWhereTheBenchTakesIt) {
  const LineSettings read = settings("llama-server -m x.gguf -muge -b 512 -c 8192 --mlock --jinja -ctk q8_0 --temp 0.7");
  EXPECT_THAT(read.more_flags, ElementsAre("-muge", "1", "-b", "512"));
  EXPECT_THAT(read.left_out, Contains("-c 8192: llama-bench takes the context that its tests need"));
  EXPECT_THAT(read.left_out, Contains(StartsWith("--mlock: ")));
  EXPECT_THAT(read.left_out, Contains(StartsWith("--jinja: ")));
  EXPECT_THAT(read.left_out, Contains(StartsWith("-ctk q8_0: "))) << "both types or none";
  EXPECT_EQ(read.config.kv_type, KvType::f16);
}

TEST(LineSettings, AServerTakesALinesOwnFlags) {
  const std::vector<std::string_view> server = {"-muge", "--mlock", "--jinja"};
  const auto knows = [&](std::string_view flag) { return std::find(server.begin(), server.end(), flag) != server.end(); };
  const ModelSpec model{.architecture = "gemma4", .expert_count = 128, .expert_used_count = 8};
  const LineSettings read = settings_of_line(
      read_pasted_line({"llama-server -m x.gguf -t 2 -tb 1 -np 3 -okv gemma4.expert_used_count=int:6 -muge --mlock --spec-type ngram-simple:n_max=4 "
                        "--jinja -c 8192 --port 1234 --host 0.0.0.0 --log-disable -khad"}),
      Engine::ik_llama, model, knows, Tool::server);
  EXPECT_EQ(read.config.prefill_threads, 1);
  EXPECT_EQ(read.config.parallel, 3);
  EXPECT_EQ(read.config.n_experts, 6);
  EXPECT_THAT(read.more_flags, ElementsAre("-muge", "--mlock", "--jinja"));
  EXPECT_EQ(read.config.draft_len, 4);
  EXPECT_THAT(read.left_out, ElementsAre("-c 8192: it takes the context that the comparison's requests need", StartsWith("--port 1234: "), StartsWith("--host 0.0.0.0: "),
                                         "--log-disable: what it prints is kept here", "-khad: llama-server has no such flag"));
}

TEST(LineSettings, NothingOfALineIsDroppedInSilence) {
  const LineSettings read = settings("sudo llama-server -m x.gguf -sm graph --nonsense 3 -p hello -t 2", Engine::ik_llama, {});
  EXPECT_THAT(read.left_out, ElementsAre(StartsWith("sudo"), StartsWith("-sm graph"), StartsWith("--nonsense 3"), StartsWith("-p hello")));
}

}  // namespace
}  // namespace oldiron::line_settings_test
