#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "core/check.hpp"
#include "core/text.hpp"
#include "kernels/bench_options.hpp"
#include "kernels/bench_roof.hpp"
#include "kernels/bench_shapes.hpp"

namespace oldiron::bench_test {
namespace {

using testing::Contains;
using testing::Not;

const char* const kCards = OLDIRON_SOURCE_DIR "/configs/models";

TEST(BenchShapes, AreThoseOfTheCard) {
  const BenchShapes shapes = bench_shapes(kCards, "gemma-4-26b-a4b-it");
  for (const BenchShape& shape : {BenchShape{2816, 4096}, {4096, 2816}, {2112, 2816}, {704, 2816}})
    EXPECT_THAT(shapes.matmul, Contains(shape)) << shape.k << "x" << shape.m;
  EXPECT_THAT(shapes.matmul, Contains(BenchShape{2816, kMostBenchRows})) << "a part of the head";
  EXPECT_THAT(shapes.gated, Contains(BenchShape{2816, 704})) << "an expert's gate and up";
  EXPECT_THAT(shapes.gated, Contains(BenchShape{2816, 2112})) << "the dense layer's";
  EXPECT_THAT(shapes.attention, Contains(BenchHeads{2, 256}));
  EXPECT_THAT(shapes.attention, Contains(BenchHeads{8, 512}));
  EXPECT_THAT(shapes.widths, Contains(2816));
  EXPECT_THAT(shapes.widths, Not(Contains(4096)));
}

TEST(BenchShapes, AreOfAllCardsAndEachOnce) {
  const BenchShapes all = bench_shapes(kCards, "");
  EXPECT_THAT(all.gated, Contains(BenchShape{4096, 14336})) << "mixtral and llama";
  EXPECT_THAT(all.gated, Contains(BenchShape{2816, 704}));
  EXPECT_EQ(std::adjacent_find(all.matmul.begin(), all.matmul.end()), all.matmul.end());
  EXPECT_TRUE(std::is_sorted(all.matmul.begin(), all.matmul.end()));
  for (const BenchShape& shape : all.matmul) {
    EXPECT_LE(shape.m, kMostBenchRows);
    EXPECT_EQ(shape.k % 32, 0);
  }
}

TEST(BenchShapes, NoSuchCardNamesThoseThereAre) {
  const auto error = [](const std::string& dir, const std::string& model) -> std::string {
    try {
      bench_shapes(dir, model);
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_THAT(error(kCards, "gemini"), testing::HasSubstr("mixtral-8x7b"));
  EXPECT_THAT(error("/nowhere", ""), testing::HasSubstr("OLDIRON_CONFIGS"));
}

TEST(BenchOptions, OursAreTakenAndTheRestIsPassedOn) {
  const BenchOptions options =
      bench_options({"oldiron-kernels", "--model=gemma", "--columns=1,16", "--working_set=64", "--all",
                     "--json=a b.json", "--benchmark_filter=q4_0"});
  EXPECT_EQ(options.model, "gemma");
  EXPECT_EQ(options.columns, (std::vector<std::int64_t>{1, 16}));
  EXPECT_EQ(options.working_set_bytes, 64 << 20);
  EXPECT_TRUE(options.all);
  EXPECT_EQ(options.rest, (std::vector<std::string>{"oldiron-kernels", "--benchmark_out=a b.json",
                                                    "--benchmark_out_format=json", "--benchmark_filter=q4_0",
                                                    "--benchmark_min_time=0.05"}));
  EXPECT_EQ(bench_options({"x", "--benchmark_min_time=1"}).rest.size(), 2U);
  for (const char* bad : {"--columns=", "--columns=0", "--columns=1,x", "--working_set=-1"})
    EXPECT_THROW(bench_options({"x", bad}), Error) << bad;
}

TEST(BenchOptions, TheWorkingSetIsAtLeastTwoGigabytesUnlessMemoryOrTheUserSaysLess) {
  EXPECT_EQ(bench_options({"x"}).working_set_bytes, std::int64_t{2} << 30);
  const std::string root = testing::TempDir() + "oldiron_bench_root/";
  std::filesystem::remove_all(root);  // of an earlier run
  std::filesystem::create_directories(root + "proc");
  std::filesystem::create_directories(root + "sys/fs/cgroup");
  const std::int64_t wanted = std::int64_t{2} << 30;
  write_file(root + "proc/meminfo", "MemTotal: 9 kB\nMemAvailable:   8388608 kB\n");
  EXPECT_EQ(affordable_bytes(wanted, root), wanted);
  write_file(root + "proc/meminfo", "MemAvailable:   1048576 kB\n");
  EXPECT_EQ(affordable_bytes(wanted, root), 512 << 20);
  write_file(root + "sys/fs/cgroup/memory.max", "max\n");
  EXPECT_EQ(affordable_bytes(wanted, root), 512 << 20);
  write_file(root + "sys/fs/cgroup/memory.max", "402653184\n");
  write_file(root + "sys/fs/cgroup/memory.current", "134217728\n");
  EXPECT_EQ(affordable_bytes(wanted, root), 128 << 20);
}

TEST(BenchRoof, IsTheLongerOfReadingAndComputing) {
  const BenchRoof roof{.bytes_per_s = 10e9,
                       .peaks = {{Isa::avx2, ComputeType::int8, 100e9},
                                 {Isa::avx2, ComputeType::f32, 20e9},
                                 {Isa::avx512_vnni, ComputeType::int8, 400e9}}};
  Kernel kernel{Op::matmul, TensorType::q4_0,        Layout::r16, Isa::avx512_vnni,
                "tile",     Contract::exact_integer, MatmulFn{}};
  EXPECT_DOUBLE_EQ(roof.seconds(kernel, 10e9, 40e9), 1);
  EXPECT_DOUBLE_EQ(roof.seconds(kernel, 1e9, 800e9), 2);
  kernel.isa = Isa::avx2;
  EXPECT_DOUBLE_EQ(roof.seconds(kernel, 1e9, 800e9), 8);
  kernel.contract = Contract::f32;
  EXPECT_DOUBLE_EQ(roof.seconds(kernel, 1e9, 40e9), 2);
  kernel.isa = Isa::avx512_vnni;
  EXPECT_DOUBLE_EQ(roof.seconds(kernel, 1e9, 40e9), 2) << "of the next slower one";
  kernel.isa = Isa::scalar;
  EXPECT_DOUBLE_EQ(roof.seconds(kernel, 1e9, 40e9), 0.1) << "no peak is known";
}

TEST(BenchRoof, IsMeasuredOnTheMemoryGiven) {
  std::vector<std::byte> memory(1 << 20);
  const BenchRoof roof = measure_roof(memory);
  EXPECT_GT(roof.bytes_per_s, 0);
  for (const MeasuredPeak& peak : roof.peaks) EXPECT_GT(peak.ops_per_s, 0);
}

}  // namespace
}  // namespace oldiron::bench_test
