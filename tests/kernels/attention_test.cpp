// Attention of every ISA against the obvious one, and its promise that tiles, chunks and ring positions
// change no bit.
#include "kernels/ops/attention.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "tests/kernels/product_case.hpp"

namespace oldiron::attention_test {
namespace {

struct Cache {
  Cache(std::int64_t cells, std::int64_t head_dim, TensorType kv_type, unsigned seed)
      : k(bytes(cells, head_dim, kv_type)), v(bytes(cells, head_dim, kv_type)) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    for (std::byte* out : {k.data(), v.data()}) {
      std::vector<float> values(static_cast<std::size_t>(cells * head_dim));
      for (float& x : values) x = normal(random);
      store_kv_reference(values.data(), cells * head_dim, kv_type, out);
    }
  }

  static std::size_t bytes(std::int64_t cells, std::int64_t head_dim, TensorType kv_type) {
    return static_cast<std::size_t>(cells * row_bytes(kv_type, head_dim));
  }

  Poisoned<std::byte> k, v;
};

std::vector<float> queries(std::int64_t count) {
  std::mt19937 random(99);
  std::normal_distribution<float> normal;
  std::vector<float> q(static_cast<std::size_t>(count));
  for (float& x : q) x = normal(random);
  return q;
}

class AttentionTest : public testing::TestWithParam<std::tuple<Isa, TensorType>> {
 protected:
  AttentionFn attention_ = kernel_set(std::get<0>(GetParam())).attention;
  TensorType kv_type_ = std::get<1>(GetParam());
};

TEST_P(AttentionTest, AgreesWithTheReference) {
  for (const std::int64_t head_dim : {64, 80, 256, 512}) {
    if (head_dim % oldiron::info(kv_type_).block != 0) continue;
    for (const std::int64_t heads : {1, 2, 3, 8, 17}) {
      for (const auto& [begin, end] : {std::pair{0, 1}, {0, 256}, {300, 333}, {511, 512}}) {
        if (small_tests() && (head_dim == 512 || heads == 17)) continue;
        constexpr std::int64_t kCells = 290;  // a ring that this range may wrap
        Cache cache(kCells, head_dim, kv_type_, 5);
        std::vector<float> q = queries(heads * head_dim);
        Poisoned<float> acc(q.size()), max(static_cast<std::size_t>(heads)),
            sum(static_cast<std::size_t>(heads));
        AttentionArgs args{.q = q.data(),
                           .heads = heads,
                           .head_dim = head_dim,
                           .kv_type = kv_type_,
                           .k = cache.k.data(),
                           .v = cache.v.data(),
                           .cells = kCells,
                           .begin = begin,
                           .end = end,
                           .scale = 1 / std::sqrt(static_cast<float>(head_dim)),
                           .acc = acc.data(),
                           .max = max.data(),
                           .sum = sum.data()};
        std::vector<float> wanted_acc(acc.size()), wanted_max(max.size()), wanted_sum(sum.size());
        attention_(args);
        args.acc = wanted_acc.data();
        args.max = wanted_max.data();
        args.sum = wanted_sum.data();
        attention_reference(args);
        EXPECT_LE(nmse(max.span(), wanted_max), 1e-11);
        EXPECT_LE(nmse(sum.span(), wanted_sum), 1e-12);
        EXPECT_LE(nmse(acc.span(), wanted_acc), 1e-12) << head_dim << " " << heads << " " << begin;
        EXPECT_TRUE(acc.untouched() && max.untouched() && sum.untouched());
      }
    }
  }
}

TEST_P(AttentionTest, LargeScoresStayFinite) {
  constexpr std::int64_t kHeadDim = 64;
  Cache cache(64, kHeadDim, kv_type_, 5);
  std::vector<float> q = queries(kHeadDim);
  std::vector<float> acc(kHeadDim), wanted(kHeadDim);
  float max = 0, sum = 0;
  AttentionArgs args{.q = q.data(),
                     .heads = 1,
                     .head_dim = kHeadDim,
                     .kv_type = kv_type_,
                     .k = cache.k.data(),
                     .v = cache.v.data(),
                     .cells = 64,
                     .end = 64,
                     .scale = 100,
                     .acc = wanted.data(),
                     .max = &max,
                     .sum = &sum};
  attention_reference(args);
  args.acc = acc.data();
  attention_(args);
  EXPECT_LE(nmse(acc, wanted), 1e-9);
}

// A head alone, or among others; its row of the cache here or, after wrapping, there: the same bits.
TEST_P(AttentionTest, HeadsAndRingPositionsAreExact) {
  constexpr std::int64_t kHeadDim = 96, kHeads = 7, kCells = 100;
  Cache cache(kCells, kHeadDim, kv_type_, 5);
  const auto row = static_cast<std::size_t>(row_bytes(kv_type_, kHeadDim));
  std::vector<std::byte> turned_k(kCells * row), turned_v(kCells * row);
  constexpr std::int64_t kShift = 37;
  for (std::size_t p = 0; p < kCells; ++p) {
    const std::size_t to = (p + kShift) % kCells * row;
    std::memcpy(&turned_k[to], cache.k.data() + p * row, row);
    std::memcpy(&turned_v[to], cache.v.data() + p * row, row);
  }
  std::vector<float> q = queries(kHeads * kHeadDim);
  std::vector<float> all(q.size()), max(kHeads), sum(kHeads);
  AttentionArgs args{.q = q.data(),
                     .heads = kHeads,
                     .head_dim = kHeadDim,
                     .kv_type = kv_type_,
                     .k = cache.k.data(),
                     .v = cache.v.data(),
                     .cells = kCells,
                     .begin = 0,
                     .end = 90,
                     .scale = 0.1F,
                     .acc = all.data(),
                     .max = max.data(),
                     .sum = sum.data()};
  attention_(args);
  for (std::int64_t h = 0; h < kHeads; ++h) {
    std::vector<float> alone(kHeadDim);
    float alone_max = 0, alone_sum = 0;
    AttentionArgs one = args;
    one.q = q.data() + h * kHeadDim;
    one.heads = 1;
    one.k = turned_k.data();
    one.v = turned_v.data();
    one.begin += kShift;
    one.end += kShift;
    one.acc = alone.data();
    one.max = &alone_max;
    one.sum = &alone_sum;
    attention_(one);
    EXPECT_EQ(
        0, std::memcmp(alone.data(), &all[static_cast<std::size_t>(h * kHeadDim)], kHeadDim * sizeof(float)));
    EXPECT_EQ(alone_max, max[static_cast<std::size_t>(h)]);
    EXPECT_EQ(alone_sum, sum[static_cast<std::size_t>(h)]);
  }
}

/// What one token alone gets, in the same cache.
struct Alone {
  Alone(AttentionFn attention, const AttentionArgs& all, std::int64_t token)
      : acc(static_cast<std::size_t>(all.heads * all.head_dim)),
        max(static_cast<std::size_t>(all.heads)),
        sum(static_cast<std::size_t>(all.heads)) {
    AttentionArgs one = all;
    const Range seen = visible(all, token);
    one.q += token * all.q_stride;
    one.tokens = 1;
    one.begin = seen.begin;
    one.end = seen.end;
    one.position = std::numeric_limits<std::int32_t>::max();
    one.window = 0;
    one.acc = acc.data();
    one.max = max.data();
    one.sum = sum.data();
    attention(one);
  }

  std::vector<float> acc, max, sum;
};

// Tokens of a prefill together in one call, more than a tile takes, or each alone: the same bits; and what a
// token does not see may be NaN.
TEST_P(AttentionTest, TokensTogetherAreExact) {
  struct Case {
    std::int64_t heads, head_dim, tokens, position, window, chunk;
  };

  for (const Case& c : {Case{2, 256, 40, 0, 0, 0},
                        {8, 512, 9, 300, 0, 1},
                        {2, 96, 70, 250, 100, 0},
                        {3, 64, 30, 250, 0, 1},
                        {2, 256, 33, 600, 200, 2},
                        {1, 64, 3, 511, 1, 2},
                        {70, 32, 2, 20, 0, 0}}) {
    if (small_tests() && c.head_dim == 512) continue;
    constexpr std::int64_t kCells = 700;
    Cache cache(kCells, c.head_dim, kv_type_, 8);
    const std::int64_t first = std::max<std::int64_t>(0, c.chunk * kAttentionChunk - c.position);
    const std::int64_t tokens = c.tokens - first;
    const std::int64_t position = c.position + first;
    const std::int64_t width = c.heads * c.head_dim;
    const std::int64_t stride = width + 48;
    AttentionArgs args{
        .heads = c.heads,
        .head_dim = c.head_dim,
        .kv_type = kv_type_,
        .k = cache.k.data(),
        .v = cache.v.data(),
        .cells = kCells,
        .begin = std::max(c.chunk * kAttentionChunk, c.window == 0 ? 0 : position + 1 - c.window),
        .end = std::min((c.chunk + 1) * kAttentionChunk, position + tokens),
        .scale = 1 / std::sqrt(static_cast<float>(c.head_dim)),
        .tokens = tokens,
        .q_stride = stride,
        .acc_stride = stride,
        .state_stride = c.heads + 1,
        .position = position,
        .window = c.window};
    // Rows outside the call are NaN, and so are the last token's that no other sees.
    const std::int64_t row = row_bytes(kv_type_, c.head_dim);
    std::vector<float> nan(static_cast<std::size_t>(c.head_dim), std::numeric_limits<float>::quiet_NaN());
    for (std::int64_t cell = 0; cell < kCells; ++cell) {
      const bool seen = cell >= args.begin && cell < args.end;
      const bool only_by_last = cell >= visible(args, std::max<std::int64_t>(0, tokens - 2)).end;
      if (seen && (tokens == 1 || !only_by_last)) continue;
      store_kv_reference(nan.data(), c.head_dim, kv_type_, cache.k.data() + cell * row);
      store_kv_reference(nan.data(), c.head_dim, kv_type_, cache.v.data() + cell * row);
    }
    std::vector<float> q = queries(tokens * stride);
    Poisoned<float> acc(static_cast<std::size_t>(tokens * stride)),
        max(static_cast<std::size_t>(tokens * (c.heads + 1))), sum(max.size());
    args.q = q.data();
    args.acc = acc.data();
    args.max = max.data();
    args.sum = sum.data();
    attention_(args);
    for (std::int64_t t = 0; t < tokens; ++t) {
      const Alone alone(attention_, args, t);
      const auto at = static_cast<std::size_t>(t * stride);
      const auto state = static_cast<std::size_t>(t * (c.heads + 1));
      const auto same = [](const std::vector<float>& a, const float* b) {
        return std::memcmp(a.data(), b, a.size() * sizeof(float)) == 0;
      };
      EXPECT_TRUE(same(alone.acc, &acc[at])) << c.head_dim << " token " << t;
      EXPECT_TRUE(same(alone.max, &max[state]) && same(alone.sum, &sum[state]))
          << c.head_dim << " token " << t;
      if (t + 1 < tokens) {
        EXPECT_TRUE(std::isfinite(alone.sum[0])) << c.head_dim << " token " << t;
      }
    }
    EXPECT_TRUE(acc.untouched() && max.untouched() && sum.untouched());
  }
}

TEST_P(AttentionTest, StoresTheCacheAsTheReferenceDoes) {
  const bool blocks = oldiron::info(kv_type_).block > 1;
  const StoreKvFn store = kernel_set(std::get<0>(GetParam())).store_kv;
  for (const bool finite : {true, false}) {
    std::vector<float> x = queries(blocks ? 320 : 83);
    x[0] = 1e-6F;                                          // a subnormal half
    x[1] = 70000;                                          // none
    for (std::size_t i = 32; i < 64; ++i) x[i] *= 1e-38F;  // a block of almost nothing
    x[64] = -x[65];
    if (!finite) x[x.size() - 1] = std::numeric_limits<float>::quiet_NaN();
    const auto n = static_cast<std::int64_t>(x.size());
    Poisoned<std::byte> out(static_cast<std::size_t>(row_bytes(kv_type_, n)));
    std::vector<std::byte> wanted(out.size());
    store_kv_reference(x.data(), n, kv_type_, wanted.data());
    store(x.data(), n, kv_type_, out.data());
    EXPECT_EQ(0, std::memcmp(out.data(), wanted.data(), out.size())) << finite;
    EXPECT_TRUE(out.untouched());
    std::vector<float> back(x.size());
    format(kv_type_)->dequantise(out.data(), n, back.data());
    EXPECT_EQ(finite, !std::isnan(back.back()));
    if (!finite && blocks) {
      EXPECT_TRUE(std::isnan(back.front()));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, AttentionTest,
                         testing::Combine(testing::ValuesIn(isas_here()),
                                          testing::Values(TensorType::f16, TensorType::f32, TensorType::bf16,
                                                          TensorType::q8_0, TensorType::q4_0)),
                         [](const auto& param) {
                           return std::string(to_string(std::get<0>(param.param))) + "_" +
                                  std::string(oldiron::info(std::get<1>(param.param)).key);
                         });

// What is lost by storing: half a step of 11 or 8 bits, of max/127, of max/8.
TEST(StoreKvTest, LosesNoMoreThanTheTypeMust) {
  const std::vector<float> x = queries(4096);
  for (const auto& [type, limit] : {std::pair{TensorType::f32, 0.0},
                                    {TensorType::f16, 1e-7},
                                    {TensorType::bf16, 4e-6},
                                    {TensorType::q8_0, 5e-5},
                                    {TensorType::q4_0, 1e-2}}) {
    std::vector<std::byte> stored(static_cast<std::size_t>(row_bytes(type, 4096)));
    std::vector<float> back(x.size());
    store_kv_reference(x.data(), 4096, type, stored.data());
    format(type)->dequantise(stored.data(), 4096, back.data());
    EXPECT_LE(nmse(back, x), limit) << oldiron::info(type).name;
  }
}

class MergeChunksTest : public testing::TestWithParam<Isa> {};

TEST_P(MergeChunksTest, GivesTheWholeSoftmax) {
  constexpr std::int64_t kHeadDim = 64, kCells = 700;
  const KernelSet kernels = kernel_set(GetParam());
  Cache cache(kCells, kHeadDim, TensorType::f32, 3);
  std::vector<float> q = queries(2 * kHeadDim);
  std::vector<float> acc(2 * kHeadDim), merged(2 * kHeadDim), all(2 * kHeadDim);
  float max[2], sum[2], merged_max[2], merged_sum[2], all_max[2], all_sum[2];
  AttentionArgs args{.q = q.data(),
                     .heads = 2,
                     .head_dim = kHeadDim,
                     .kv_type = TensorType::f32,
                     .k = cache.k.data(),
                     .v = cache.v.data(),
                     .cells = kCells,
                     .end = kCells,
                     .scale = 0.3F,
                     .acc = all.data(),
                     .max = all_max,
                     .sum = all_sum};
  attention_reference(args);
  for (std::int64_t chunk = 0; chunk < 3; ++chunk) {
    args.begin = chunk * kAttentionChunk;
    args.end = std::min(args.begin + kAttentionChunk, kCells);
    args.acc = chunk == 0 ? merged.data() : acc.data();
    args.max = chunk == 0 ? merged_max : max;
    args.sum = chunk == 0 ? merged_sum : sum;
    attention_reference(args);
    if (chunk > 0)
      kernels.merge_chunk(acc.data(), max, sum, 2, kHeadDim, merged.data(), merged_max, merged_sum);
  }
  for (int h = 0; h < 2; ++h) {
    EXPECT_FLOAT_EQ(merged_max[h], all_max[h]);
    EXPECT_NEAR(double{merged_sum[h] / all_sum[h]}, 1, 1e-6);
  }
  EXPECT_LE(nmse(merged, all), 1e-12);
}

INSTANTIATE_TEST_SUITE_P(Isas, MergeChunksTest, testing::ValuesIn(isas_here()),
                         [](const auto& param) { return std::string(to_string(param.param)); });

}  // namespace
}  // namespace oldiron::attention_test
