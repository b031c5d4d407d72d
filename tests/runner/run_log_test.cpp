#include "runner/audit/run_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/text.hpp"

namespace oldiron::run_log_test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

const std::string kData = OLDIRON_TEST_DATA "/audit/";

TEST(TimesOfLog, OfLlamaCli) {
  const WorkTimes ik = times_of_log(
      "main: prompt eval time =     337.09 ms /    62 tokens (    5.44 ms per token,   183.93 tokens per second)\n"
      "main:        eval time =    1551.08 ms /    32 tokens (   48.47 ms per token,    20.63 tokens per second)\n");
  EXPECT_EQ(ik.prompt_tokens, 62);
  EXPECT_EQ(ik.generated_tokens, 32);
  EXPECT_NEAR(ik.prefill_tokens_per_s, 183.93, 0.005);
  EXPECT_NEAR(ik.decode_tokens_per_s, 20.63, 0.005);
  const WorkTimes old = times_of_log("llama_print_timings: prompt eval time =  100.00 ms /  7 tokens (\nllama_print_timings:        eval time = 1000.00 ms /   127 runs   (\n");
  EXPECT_EQ(old.generated_tokens, 127);
  EXPECT_NEAR(old.prefill_tokens_per_s, 70, 1e-9);
  EXPECT_NEAR(old.decode_tokens_per_s, 127, 1e-9);
  const WorkTimes brief = times_of_log("[ Prompt: 778.4 t/s | Generation: 115.4 t/s ]");
  EXPECT_EQ(brief.prefill_tokens_per_s, 778.4);
  EXPECT_EQ(brief.decode_tokens_per_s, 115.4);
  EXPECT_EQ(times_of_log("eval time = nonsense\n[ Prompt: x t/s ]\neval time = 0.00 ms / 0 tokens"), WorkTimes{});
}

TEST(TimesOfLog, CountsDrafts) {
  const WorkTimes times = times_of_log("draft acceptance rate = 0.35294 (   12 accepted /    34 generated)");
  EXPECT_EQ(times.accepted_tokens, 12);
  EXPECT_EQ(times.drafted_tokens, 34);
}

TEST(RecordedServers, TellTimesGraphAndFeatures) {
  const std::string ik = read_file(kData + "ik_llama-4840.server.log"), llama = read_file(kData + "llama_cpp-10587.server.log");
  EXPECT_EQ(times_of_log(ik).prompt_tokens, 12);
  EXPECT_NEAR(times_of_log(ik).decode_tokens_per_s, 467.24, 0.1) << "from 17.12 ms, which the log has rounded";
  EXPECT_EQ(times_of_log(llama).generated_tokens, 8);
  EXPECT_NEAR(times_of_log(llama).decode_tokens_per_s, 595.2, 0.1) << "8 tokens in 13.44 ms; the log itself says 520.68, of the 7 after the first";
  EXPECT_EQ(graph_of_log(ik), (GraphSize{{153}, 5.57, 0}));
  EXPECT_EQ(graph_of_log(llama), (GraphSize{{226}, 8.51, 7.17}));
  for (const std::string& log : {ik, llama}) EXPECT_THAT(features_of_log(log), Contains("AVX2"));
}

TEST(TimesOfBench, OfRecordedRuns) {
  for (const char* engine : {"ik_llama-4840", "llama_cpp-10587"}) {
    const WorkTimes times = times_of_bench(read_file(std::string(OLDIRON_TEST_DATA "/engines/") + engine + "/run.json"));
    EXPECT_GT(times.prefill_tokens_per_s, 0) << engine;
    EXPECT_GT(times.decode_tokens_per_s, 0) << engine;
  }
}

TEST(GraphOfLog, OfRecordedRuns) {
  const GraphSize ik = graph_of_log(read_file(kData + "ik_llama-4840.log"));
  EXPECT_THAT(ik.nodes, Not(IsEmpty()));
  EXPECT_GT(ik.compute_mib, 0);
  EXPECT_GT(graph_of_log(read_file(kData + "llama_cpp-10587.log")).compute_mib, 0);
  EXPECT_EQ(graph_of_log("graph nodes  = 153\nCPU compute buffer size =     9.07 MiB"), (GraphSize{{153}, 9.07, 0}));
  EXPECT_EQ(graph_of_log("CPU_REPACK model buffer size =     3.30 MiB\n  CPU model buffer size =     0.30 MiB").repacked_mib, 3.30);
}

TEST(FeaturesOfLog, OfBothEngines) {
  EXPECT_THAT(features_of_log("system info | n_threads=2 system_info=\"AVX = 1 | AVX_VNNI = 0 | AVX2 = 1 | FMA = 1 | \""), ElementsAre("AVX", "AVX2", "FMA"));
  EXPECT_THAT(features_of_log("system_info: n_threads = 1 (n_threads_batch = 2) / 2 | CPU : SSE3 = 1 | AVX2 = 1 | REPACK = 1 | "), ElementsAre("SSE3", "AVX2", "REPACK"));
  EXPECT_THAT(features_of_log("AVX2 = 1 | elsewhere"), IsEmpty());
}

TEST(Version, OfBothEngines) {
  std::string commit;
  EXPECT_EQ(build_of_version("version: 4840 (8337e4cd3)\nbuilt with cc", commit), 4840);
  EXPECT_EQ(commit, "8337e4cd3");
  EXPECT_EQ(build_of_version("version: 0.2.0-dev (build 10587, commit 3f545becc)\n", commit), 10587);
  EXPECT_EQ(commit, "3f545becc");
  EXPECT_EQ(build_of_version("| table |\n\nbuild: 3f545becc (10587)\n", commit), 10587);
  EXPECT_EQ(build_of_version("nothing", commit), 0);
  EXPECT_EQ(build_of_version("version: 99999999999999999999 (x)", commit), 0);
}

}  // namespace
}  // namespace oldiron::run_log_test
