// oldiron-kernels: every row of the kernel table that runs here, at the shapes of Gemma-4-26B-A4B, in Google
// Benchmark.
//
// Names are matmul/q4_0/avx512_vnni/tile/n1/2816x4096 (k x m), so that --benchmark_filter is a prefix of the
// truth. Rates count what the kernel's argument struct declares. Options of our own:
//   --working_set=MIB  weights are rotated through copies of at least so much together (default 256), beyond
//   any cache
//   --columns=1,8,64   the numbers of columns (default 1,2,4,8,16,64,512)
//   --json=FILE        the same as --benchmark_out=FILE --benchmark_out_format=json, which compare.py reads
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <sstream>
#include <vector>

#include "core/buffer.hpp"
#include "core/team.hpp"
#include "kernels/formats/format.hpp"
#include "kernels/registry.hpp"

namespace oldiron {
namespace {

struct Options {
  std::int64_t working_set_bytes = 256LL << 20;
  std::vector<std::int64_t> columns = {1, 2, 4, 8, 16, 64, 512};
};

struct Shape {
  std::int64_t k, m;
};

// Attention's and the dense half's products, an expert's second half, and one of 16 slices of the head.
constexpr Shape kMatmulShapes[] = {{2816, 4096}, {2816, 2112}, {704, 2816}, {2816, 16384}};
constexpr Shape kGatedShapes[] = {{2816, 704}, {2816, 2112}};

std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }

/// The rates that every benchmark reports: what the kernel declares, per second of wall time.
void set_rates(benchmark::State& state, double bytes, double flops) {
  const auto per_iteration = benchmark::Counter::kIsIterationInvariantRate;
  state.counters["bytes"] = benchmark::Counter(bytes, per_iteration);
  if (flops > 0) state.counters["flops"] = benchmark::Counter(flops, per_iteration);
}

/// Random weights in the type's layout: one group (or 16 rows) repeated, in as many copies of the matrix as
/// the working set asks.
class Weights {
 public:
  Weights(TensorType type, Shape shape, std::int64_t matrices, std::int64_t working_set)
      : one_(packed_bytes(type, layout_of(type), shape.m, shape.k)),
        copies_(std::max<std::int64_t>(1, (working_set + matrices * one_ - 1) / (matrices * one_))),
        buffer_(size(copies_ * matrices * one_ + 4096), PageSize::transparent) {
    const std::int64_t bytes = row_bytes(type, shape.k);
    std::vector<std::byte> rows(size(kGroupRows * bytes));
    std::vector<std::byte> group = rows;
    for (std::int64_t r = 0; r < kGroupRows; ++r) {
      format(type)->generate(static_cast<std::uint64_t>(r), shape.k, 1.0F, rows.data() + r * bytes);
    }
    if (layout_of(type) == Layout::r16) pack_group(type, rows.data(), shape.k, group.data());
    else group = rows;
    const std::int64_t total = copies_ * matrices * one_;
    for (std::int64_t at = 0; at < total; at += static_cast<std::int64_t>(group.size())) {
      std::memcpy(buffer_.data() + at, group.data(),
                  size(std::min<std::int64_t>(total - at, std::ssize(group))));
    }
    matrices_ = matrices;
  }

  /// Matrix `which` of the copy after the last one.
  const std::byte* next() { return buffer_.data() + (turn_++ % copies_) * matrices_ * one_; }

  std::int64_t matrix_bytes() const { return one_; }

 private:
  std::int64_t one_, copies_, matrices_ = 1, turn_ = 0;
  Buffer buffer_;
};

struct Columns {
  Columns(std::int64_t n, std::int64_t k)
      : f32(size(n * k)), q(size(n * k)), scale(size(n * k / 32)), sum(size(n * k / 16)) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    for (float& x : f32) x = normal(random);
    quantize_reference(f32.data(), n * k, q.data(), scale.data(), sum.data());
    view = {.f32 = f32.data(),
            .q = q.data(),
            .scale = scale.data(),
            .sum = sum.data(),
            .f32_stride = k,
            .q_stride = k,
            .scale_stride = k / 32,
            .sum_stride = k / 16};
  }

  std::vector<float> f32;
  std::vector<std::int8_t> q;
  std::vector<float> scale;
  std::vector<std::int32_t> sum;
  Activations view;
};

void bench_matmul(benchmark::State& state, const Kernel& kernel, Shape shape, std::int64_t n,
                  std::int64_t working_set) {
  Weights weights(kernel.type, shape, 1, working_set);
  const Columns x(n, shape.k);
  std::vector<float> y(size(n * shape.m));
  MatmulArgs args{.type = kernel.type,
                  .layout = kernel.layout,
                  .m = shape.m,
                  .k = shape.k,
                  .n = n,
                  .row_end = shape.m,
                  .x = x.view,
                  .y = y.data(),
                  .y_stride = shape.m};
  const MatmulFn fn = std::get<MatmulFn>(kernel.fn);
  for (auto _ : state) {
    args.w = weights.next();
    fn(args);
    benchmark::ClobberMemory();
  }
  set_rates(state, args.bytes(), args.flops());
}

void bench_gated(benchmark::State& state, const Kernel& kernel, Shape shape, std::int64_t n,
                 std::int64_t working_set) {
  Weights weights(kernel.type, shape, 2, working_set);
  const Columns x(n, shape.k);
  std::vector<float> h(size(n * shape.m));
  GatedArgs args{.type = kernel.type,
                 .layout = kernel.layout,
                 .width = shape.m,
                 .k = shape.k,
                 .n = n,
                 .row_end = shape.m,
                 .x = x.view,
                 .h = h.data(),
                 .h_stride = shape.m};
  const GatedFn fn = std::get<GatedFn>(kernel.fn);
  for (auto _ : state) {
    args.gate = weights.next();
    args.up = args.gate + weights.matrix_bytes();
    fn(args);
    benchmark::ClobberMemory();
  }
  set_rates(state, args.bytes(), args.flops());
}

/// One token over a context of 1024 positions: 2 query heads of 256 as in the sliding layers, 8 of 512 as in
/// the global ones.
void bench_attention(benchmark::State& state, const Kernel& kernel, std::int64_t heads, std::int64_t head_dim,
                     std::int64_t working_set) {
  constexpr std::int64_t kContext = 1024;
  const std::int64_t cache = kContext * head_dim * row_bytes(kernel.type, 1);
  const std::int64_t copies = std::max<std::int64_t>(1, working_set / (2 * cache));
  Buffer buffer(size(copies * 2 * cache), PageSize::transparent);
  std::memset(buffer.data(), 0x11, size(copies * 2 * cache));  // a small number in both types
  std::vector<float> q(size(heads * head_dim), 0.1F), acc(q.size()), max(size(heads)), sum(size(heads));
  AttentionArgs args{.q = q.data(),
                     .heads = heads,
                     .head_dim = head_dim,
                     .kv_type = kernel.type,
                     .cells = kContext,
                     .acc = acc.data(),
                     .max = max.data(),
                     .sum = sum.data()};
  const AttentionFn fn = std::get<AttentionFn>(kernel.fn);
  std::int64_t turn = 0;
  for (auto _ : state) {
    args.k = buffer.data() + turn++ % copies * 2 * cache;
    args.v = args.k + cache;
    for (args.begin = 0; args.begin < kContext; args.begin += kAttentionChunk) {
      args.end = args.begin + kAttentionChunk;
      fn(args);
    }
    benchmark::ClobberMemory();
  }
  constexpr double kChunks = static_cast<double>(kContext / kAttentionChunk);
  set_rates(state, kChunks * args.bytes(), kChunks * args.flops());
}

void bench_stream(benchmark::State& state, const Kernel& kernel, std::int64_t working_set) {
  Buffer buffer(size(working_set), PageSize::transparent);
  std::memset(buffer.data(), 1, buffer.size());
  const StreamReadFn fn = std::get<StreamReadFn>(kernel.fn);
  for (auto _ : state) benchmark::DoNotOptimize(fn(buffer.data(), size(working_set) / 512 * 512));
  set_rates(state, static_cast<double>(working_set), 0);
}

/// The small operations on one row of the model's width, in cache; bytes read and written.
void bench_row(benchmark::State& state, const Kernel& kernel, std::int64_t k) {
  const Columns x(1, k);
  std::vector<float> y = x.f32;
  std::vector<std::int8_t> q(size(k));
  std::vector<float> scale(size(k));
  std::vector<std::int32_t> sum(size(k));
  double bytes_per_element = 8;
  for (auto _ : state) {
    switch (kernel.op) {
      case Op::quantize:
        std::get<QuantizeFn>(kernel.fn)(x.f32.data(), k, q.data(), scale.data(), sum.data());
        bytes_per_element = 5;
        break;
      case Op::rms_norm:
        std::get<RmsNormFn>(kernel.fn)(x.f32.data(), x.f32.data(), 1e-6F, k, y.data());
        bytes_per_element = 12;
        break;
      case Op::add_scaled:
        std::get<AddScaledFn>(kernel.fn)(x.f32.data(), 1e-9F, k, y.data());
        bytes_per_element = 12;
        break;
      case Op::scale:
      case Op::softcap:
        std::get<ScaleFn>(kernel.fn)(y.data(), 1.0F, k);
        break;
      case Op::rope:
        std::get<RopeFn>(kernel.fn)(y.data(), scale.data(), scale.data(), k);
        break;
      case Op::store_kv:
        std::get<StoreKvFn>(kernel.fn)(x.f32.data(), k, TensorType::f16,
                                       reinterpret_cast<std::byte*>(sum.data()));
        bytes_per_element = 6;
        break;
      default:
        break;
    }
    benchmark::ClobberMemory();
  }
  set_rates(state, bytes_per_element * static_cast<double>(k), 0);
}

template <class F>
void add(const std::string& name, F f) {
  benchmark::RegisterBenchmark(name.c_str(), f)->UseRealTime();
}

void register_products(const Kernel& kernel, const Options& options) {
  const bool gated = kernel.op == Op::gated;
  for (const Shape shape :
       gated ? std::span<const Shape>(kGatedShapes) : std::span<const Shape>(kMatmulShapes)) {
    if (shape.k % info(kernel.type).block != 0) continue;
    for (const std::int64_t n : options.columns) {
      const std::string label = name(kernel) + "/n" + std::to_string(n) + "/" + std::to_string(shape.k) +
                                "x" + std::to_string(shape.m);
      add(label, [&kernel, gated, shape, n, set = options.working_set_bytes](benchmark::State& state) {
        gated ? bench_gated(state, kernel, shape, n, set) : bench_matmul(state, kernel, shape, n, set);
      });
    }
  }
}

void register_all(const Options& options) {
  const std::int64_t set = options.working_set_bytes;
  for (const Kernel& kernel : kernels()) {
    if (!runs_here(kernel.isa)) continue;
    switch (kernel.op) {
      case Op::matmul:
      case Op::gated:
        register_products(kernel, options);
        break;
      case Op::attention:
        for (const auto& [heads, head_dim] : {std::pair<std::int64_t, std::int64_t>{2, 256}, {8, 512}}) {
          add(name(kernel) + "/" + std::to_string(heads) + "x" + std::to_string(head_dim),
              [&kernel, heads = heads, head_dim = head_dim, set](benchmark::State& state) {
                bench_attention(state, kernel, heads, head_dim, set);
              });
        }
        break;
      case Op::stream_read:
        add(name(kernel), [&kernel, set](benchmark::State& state) { bench_stream(state, kernel, set); });
        break;
      default:
        add(name(kernel) + "/2816", [&kernel](benchmark::State& state) { bench_row(state, kernel, 2816); });
    }
  }
}

std::vector<std::int64_t> numbers(const std::string& text) {
  std::vector<std::int64_t> list;
  std::istringstream in(text);
  for (std::string item; std::getline(in, item, ',');) {
    std::size_t used = 0;
    std::int64_t number = 0;
    try {
      number = std::stoll(item, &used);
    } catch (const std::exception&) {
      used = 0;
    }
    if (used == 0 || used != item.size() || number <= 0) {
      throw Error("\"" + item + "\" in \"" + text +
                  "\" is no positive number; write for example --columns=1,8,64.");
    }
    list.push_back(number);
  }
  if (list.empty())
    throw Error("An option needs a value, for example --working_set=1024 or --columns=1,8,64.");
  return list;
}

/// Takes our options out of the arguments; --json becomes the library's own pair.
std::vector<std::string> take_options(int argc, char** argv, Options& options) {
  std::vector<std::string> rest;
  for (int i = 0; i < argc; ++i) {
    const std::string arg = argv[i];
    const auto value = [&](std::string_view prefix) { return arg.substr(prefix.size()); };
    if (arg.starts_with("--working_set=")) {
      options.working_set_bytes = numbers(value("--working_set=")).front() << 20;
    } else if (arg.starts_with("--columns=")) {
      options.columns = numbers(value("--columns="));
    } else if (arg.starts_with("--json=")) {
      rest.push_back("--benchmark_out=" + value("--json="));
      rest.emplace_back("--benchmark_out_format=json");
    } else {
      rest.push_back(arg);
    }
  }
  return rest;
}

int run(int argc, char** argv) {
  Options options;
  std::vector<std::string> arguments = take_options(argc, argv, options);
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  int count = static_cast<int>(pointers.size());
  flush_denormals();
  register_all(options);
  benchmark::Initialize(&count, pointers.data());
  if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace
}  // namespace oldiron

int main(int argc, char** argv) {
  try {
    return oldiron::run(argc, argv);
  } catch (const oldiron::Error& error) {
    std::fprintf(stderr, "oldiron-kernels: %s\n", error.what());
    return 2;
  }
}
