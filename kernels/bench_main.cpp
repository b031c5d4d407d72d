// oldiron-kernels: every row of the kernel table in Google Benchmark. No rows are registered yet.
#include <benchmark/benchmark.h>

BENCHMARK_MAIN();
