#include "kernels/bench_cases.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "kernels/formats/format.hpp"
#include "kernels/registry.hpp"

namespace oldiron {
namespace {

std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }

/// What every benchmark reports: what the kernel declares, per second of wall time, and its share of the
/// roof.
void set_rates(benchmark::State& state, const Kernel& kernel, const BenchRoof& roof, double bytes,
               double flops) {
  const auto per_iteration = benchmark::Counter::kIsIterationInvariantRate;
  state.counters["bytes"] = benchmark::Counter(bytes, per_iteration);
  if (flops > 0) state.counters["flops"] = benchmark::Counter(flops, per_iteration);
  state.counters["percent_of_roof"] =
      benchmark::Counter(100 * roof.seconds(kernel, bytes, flops), per_iteration);
}

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

/// A product as all benchmarks of products need it.
struct Product {
  const Kernel& kernel;
  BenchShape shape;
  std::int64_t n;
  BenchMemory& memory;
  const BenchRoof& roof;
};

/// Calls f with the matrices of the copy after the last one.
template <class F>
void rotate(benchmark::State& state, const Product& p, std::int64_t matrices, F f) {
  const std::int64_t copy = matrices * packed_bytes(p.kernel.type, p.kernel.layout, p.shape.m, p.shape.k);
  const std::int64_t copies = p.memory.bytes() / copy;
  if (copies < 1) {
    state.SkipWithError("the working set is smaller than the matrix");
    return;
  }
  const std::byte* all = p.memory.weights(p.kernel.type, p.kernel.layout, p.shape.k);
  std::int64_t turn = 0;
  for (auto _ : state) {
    f(all + turn++ % copies * copy);
    benchmark::ClobberMemory();
  }
}

void bench_matmul(benchmark::State& state, const Product& p) {
  const Columns x(p.n, p.shape.k);
  std::vector<float> y(size(p.n * p.shape.m));
  MatmulArgs args{.type = p.kernel.type,
                  .layout = p.kernel.layout,
                  .m = p.shape.m,
                  .k = p.shape.k,
                  .n = p.n,
                  .row_end = p.shape.m,
                  .x = x.view,
                  .y = y.data(),
                  .y_stride = p.shape.m};
  const MatmulFn fn = std::get<MatmulFn>(p.kernel.fn);
  rotate(state, p, 1, [&](const std::byte* copy) {
    args.w = copy;
    fn(args);
  });
  set_rates(state, p.kernel, p.roof, args.bytes(), args.flops());
}

void bench_gated(benchmark::State& state, const Product& p) {
  const Columns x(p.n, p.shape.k);
  std::vector<float> h(size(p.n * p.shape.m));
  GatedArgs args{.type = p.kernel.type,
                 .layout = p.kernel.layout,
                 .width = p.shape.m,
                 .k = p.shape.k,
                 .n = p.n,
                 .row_end = p.shape.m,
                 .x = x.view,
                 .h = h.data(),
                 .h_stride = p.shape.m};
  const GatedFn fn = std::get<GatedFn>(p.kernel.fn);
  rotate(state, p, 2, [&](const std::byte* copy) {
    args.gate = copy;
    args.up = copy + packed_bytes(p.kernel.type, p.kernel.layout, p.shape.m, p.shape.k);
    fn(args);
  });
  set_rates(state, p.kernel, p.roof, args.bytes(), args.flops());
}

/// One token over a context of 1024 positions.
void bench_attention(benchmark::State& state, const Kernel& kernel, BenchHeads shape, BenchMemory& memory,
                     const BenchRoof& roof) {
  constexpr std::int64_t kContext = 1024;
  const std::int64_t cache = kContext * row_bytes(kernel.type, shape.head_dim);
  const std::int64_t copies = std::max<std::int64_t>(1, memory.bytes() / (2 * cache));
  std::vector<float> q(size(shape.heads * shape.head_dim), 0.1F), acc(q.size()), max(size(shape.heads)),
      sum(size(shape.heads));
  AttentionArgs args{.q = q.data(),
                     .heads = shape.heads,
                     .head_dim = shape.head_dim,
                     .kv_type = kernel.type,
                     .cells = kContext,
                     .acc = acc.data(),
                     .max = max.data(),
                     .sum = sum.data()};
  const AttentionFn fn = std::get<AttentionFn>(kernel.fn);
  const std::byte* all = memory.keys_and_values();
  std::int64_t turn = 0;
  for (auto _ : state) {
    args.k = all + turn++ % copies * 2 * cache;
    args.v = args.k + cache;
    for (args.begin = 0; args.begin < kContext; args.begin += kAttentionChunk) {
      args.end = args.begin + kAttentionChunk;
      fn(args);
    }
    benchmark::ClobberMemory();
  }
  args.begin = 0;
  args.end = kAttentionChunk;
  constexpr double kChunks = static_cast<double>(kContext / kAttentionChunk);
  set_rates(state, kernel, roof, kChunks * args.bytes(), kChunks * args.flops());
}

void bench_stream(benchmark::State& state, const Kernel& kernel, BenchMemory& memory, const BenchRoof& roof) {
  const std::int64_t bytes = memory.bytes() / 512 * 512;
  const std::byte* all = memory.keys_and_values();
  const StreamReadFn fn = std::get<StreamReadFn>(kernel.fn);
  for (auto _ : state) benchmark::DoNotOptimize(fn(all, size(bytes), kStreamPrefetchBytes));
  set_rates(state, kernel, roof, static_cast<double>(bytes), 0);
}

/// The small operations on one row, in cache; bytes read and written, and no roof, which is of memory.
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
      case Op::glu:
        std::get<GluFn>(kernel.fn)(x.f32.data(), x.f32.data(), Activation::silu, k, y.data());
        bytes_per_element = 12;
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
  state.counters["bytes"] = benchmark::Counter(bytes_per_element * static_cast<double>(k),
                                               benchmark::Counter::kIsIterationInvariantRate);
}

bool is_row_op(Op op) {
  return op == Op::quantize || op == Op::rms_norm || op == Op::add_scaled || op == Op::scale ||
         op == Op::softcap || op == Op::glu || op == Op::rope || op == Op::store_kv;
}

template <class F>
void add(const std::string& label, F f) {
  benchmark::RegisterBenchmark(label.c_str(), f)->UseRealTime();
}

std::string by(std::int64_t a, std::int64_t b) { return std::to_string(a) + "x" + std::to_string(b); }

/// The rows that are asked for: all that run here, or those that a decoder would take by default.
std::vector<const Kernel*> chosen(bool all) {
  std::vector<const Kernel*> rows;
  for (const Kernel& kernel : kernels())
    if (runs_here(kernel.isa)) rows.push_back(&kernel);
  if (all) return rows;
  const auto is_better = [](const Kernel& a, const Kernel& b) {
    return a.op == b.op && a.type == b.type && a.layout == b.layout && a.isa > b.isa;
  };
  const std::vector<const Kernel*> running = rows;
  std::erase_if(rows, [&](const Kernel* row) {
    // F32 activations with quantised weights are for checking.
    if (std::string_view(row->variant) == "f32_activations") return true;
    return std::any_of(running.begin(), running.end(),
                       [&](const Kernel* other) { return is_better(*other, *row); });
  });
  return rows;
}

}  // namespace

BenchMemory::BenchMemory(std::int64_t bytes) : buffer_(size(bytes), PageSize::transparent) {
  keys_and_values();  // every page is touched
}

const std::byte* BenchMemory::weights(TensorType type, Layout layout, std::int64_t k) {
  const Content wanted{.weights = true, .type = type, .layout = layout, .k = k};
  if (content_ == wanted) return buffer_.data();
  content_ = wanted;
  const std::int64_t row = row_bytes(type, k);
  std::vector<std::byte> rows(size(kGroupRows * row));
  for (std::int64_t r = 0; r < kGroupRows; ++r)
    format(type)->generate(static_cast<std::uint64_t>(r), k, 1.0F, rows.data() + r * row);
  std::vector<std::byte> group(size(packed_bytes(type, layout, kGroupRows, k)));
  if (layout == Layout::rows) group = rows;
  else pack_group(type, rows.data(), k, group.data());
  for (std::int64_t at = 0; at < bytes(); at += std::ssize(group))
    std::memcpy(buffer_.data() + at, group.data(),
                size(std::min<std::int64_t>(bytes() - at, std::ssize(group))));
  return buffer_.data();
}

const std::byte* BenchMemory::keys_and_values() {
  if (content_ != Content{}) std::memset(buffer_.data(), 0x11, buffer_.size());
  content_ = Content{};
  return buffer_.data();
}

void register_benchmarks(const BenchOptions& options, const BenchShapes& shapes, BenchMemory& memory,
                         const BenchRoof& roof) {
  const std::vector<const Kernel*> rows = chosen(options.all);
  // Products in the order of what the memory must hold.
  std::set<std::tuple<TensorType, Layout>> formats;
  for (const Kernel* row : rows)
    if (row->op == Op::matmul || row->op == Op::gated) formats.insert({row->type, row->layout});
  std::set<std::int64_t> inputs;
  for (const std::vector<BenchShape>* list : {&shapes.matmul, &shapes.gated})
    for (const BenchShape& shape : *list) inputs.insert(shape.k);
  for (const auto& [type, layout] : formats)
    for (const std::int64_t k : inputs)
      for (const Kernel* row : rows) {
        const bool gated = row->op == Op::gated;
        if ((row->op != Op::matmul && !gated) || row->type != type || row->layout != layout) continue;
        if (k % info(type).block != 0) continue;
        for (const BenchShape& shape : gated ? shapes.gated : shapes.matmul)
          for (const std::int64_t n : options.columns) {
            if (shape.k != k) continue;
            const Product product{*row, shape, n, memory, roof};
            add(name(*row) + "/n" + std::to_string(n) + "/" + by(k, shape.m),
                [product, gated](benchmark::State& state) {
                  gated ? bench_gated(state, product) : bench_matmul(state, product);
                });
          }
      }
  for (const Kernel* row : rows) {
    if (row->op == Op::attention)
      for (const BenchHeads heads : shapes.attention)
        add(name(*row) + "/" + by(heads.heads, heads.head_dim),
            [row, heads, &memory, &roof](benchmark::State& state) {
              bench_attention(state, *row, heads, memory, roof);
            });
    if (row->op == Op::stream_read)
      add(name(*row),
          [row, &memory, &roof](benchmark::State& state) { bench_stream(state, *row, memory, roof); });
    if (is_row_op(row->op))
      for (const std::int64_t k : shapes.widths)
        add(name(*row) + "/" + std::to_string(k),
            [row, k](benchmark::State& state) { bench_row(state, *row, k); });
  }
}

}  // namespace oldiron
