// Attention of every ISA against the obvious one, and its promise that tiles, chunks and ring positions
// change no bit.
#include "kernels/ops/attention.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "tests/kernels/product_case.hpp"

namespace oldiron {
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
    return static_cast<std::size_t>(cells * head_dim * row_bytes(kv_type, 1));
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
        EXPECT_LE(nmse(max.span(), wanted_max), 1e-12);
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
  constexpr std::int64_t kHeadDim = 80, kHeads = 7, kCells = 100;
  Cache cache(kCells, kHeadDim, kv_type_, 5);
  const auto row = static_cast<std::size_t>(kHeadDim * row_bytes(kv_type_, 1));
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

TEST_P(AttentionTest, StoresTheCacheAsTheReferenceDoes) {
  std::vector<float> x = queries(83);
  x[0] = 1e-6F;  // a subnormal half
  x[1] = 70000;  // none
  Poisoned<std::byte> out(x.size() * static_cast<std::size_t>(row_bytes(kv_type_, 1)));
  std::vector<std::byte> wanted(out.size());
  store_kv_reference(x.data(), static_cast<std::int64_t>(x.size()), kv_type_, wanted.data());
  kernel_set(std::get<0>(GetParam()))
      .store_kv(x.data(), static_cast<std::int64_t>(x.size()), kv_type_, out.data());
  EXPECT_EQ(0, std::memcmp(out.data(), wanted.data(), out.size()));
  EXPECT_TRUE(out.untouched());
}

INSTANTIATE_TEST_SUITE_P(Isas, AttentionTest,
                         testing::Combine(testing::ValuesIn(isas_here()),
                                          testing::Values(TensorType::f16, TensorType::f32)),
                         [](const auto& param) {
                           return std::string(to_string(std::get<0>(param.param))) + "_" +
                                  std::string(oldiron::info(std::get<1>(param.param)).key);
                         });

TEST(MergeChunksTest, GivesTheWholeSoftmax) {
  constexpr std::int64_t kHeadDim = 64, kCells = 700;
  Cache cache(kCells, kHeadDim, TensorType::f32, 3);
  std::vector<float> q = queries(kHeadDim);
  std::vector<float> acc(3 * kHeadDim), max(3), sum(3), merged(kHeadDim);
  std::vector<double> scores(kCells), wanted(kHeadDim);
  AttentionArgs args{.q = q.data(),
                     .heads = 1,
                     .head_dim = kHeadDim,
                     .kv_type = TensorType::f32,
                     .k = cache.k.data(),
                     .v = cache.v.data(),
                     .cells = kCells,
                     .scale = 0.3F};
  for (std::int64_t chunk = 0; chunk < 3; ++chunk) {
    const auto i = static_cast<std::size_t>(chunk);
    args.begin = chunk * kAttentionChunk;
    args.end = std::min(args.begin + kAttentionChunk, kCells);
    args.acc = &acc[i * kHeadDim];
    args.max = &max[i];
    args.sum = &sum[i];
    attention_reference(args);
  }
  merge_chunks(acc.data(), max.data(), sum.data(), 3, kHeadDim, 1, kHeadDim, merged.data());
  const auto* k = reinterpret_cast<const float*>(cache.k.data());
  const auto* v = reinterpret_cast<const float*>(cache.v.data());
  double total = 0;
  for (std::size_t p = 0; p < kCells; ++p) {
    double score = 0;
    for (std::size_t d = 0; d < kHeadDim; ++d)
      score += static_cast<double>(q[d]) * static_cast<double>(k[p * kHeadDim + d]);
    const double weight = std::exp(score * static_cast<double>(0.3F));
    total += weight;
    for (std::size_t d = 0; d < kHeadDim; ++d) wanted[d] += weight * static_cast<double>(v[p * kHeadDim + d]);
  }
  for (std::size_t d = 0; d < kHeadDim; ++d)
    EXPECT_NEAR(static_cast<double>(merged[d]), wanted[d] / total, 1e-6);
}

}  // namespace
}  // namespace oldiron
