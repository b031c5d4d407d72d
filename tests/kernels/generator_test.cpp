// The generator: the same bytes in any order, and weights of the size that keeps a forward pass sane.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <thread>
#include <vector>

#include "core/check.hpp"
#include "kernels/formats/format.hpp"
#include "kernels/weight_source.hpp"

namespace oldiron {
namespace {

TensorSpec tensor(const char* name, int layer, std::array<std::int64_t, 4> ne, TensorType type, Role role) {
  return {name, layer, ne, type, role};
}

ModelSpec small_model(TensorType type = TensorType::q4_0) {
  ModelSpec model;
  model.id = "small";
  model.architecture = "gemma4";
  model.rope_freqs = {1, 1, 1e30, 1e30};
  model.tensors = {
      tensor("token_embd.weight", -1, {512, 300, 1, 1}, type, Role::head),
      tensor("rope_freqs.weight", -1, {4, 1, 1, 1}, TensorType::f32, Role::norm),
      tensor("blk.0.attn_norm.weight", 0, {512, 1, 1, 1}, TensorType::f32, Role::norm),
      tensor("blk.0.post_attention_norm.weight", 0, {512, 1, 1, 1}, TensorType::f32, Role::norm),
      tensor("blk.0.attn_k_norm.weight", 0, {256, 1, 1, 1}, TensorType::f32, Role::norm),
      tensor("blk.0.ffn_gate_inp.weight", 0, {512, 128, 1, 1}, TensorType::f32, Role::router),
      tensor("blk.0.ffn_gate_inp.scale", 0, {512, 1, 1, 1}, TensorType::f32, Role::router),
      tensor("blk.0.ffn_down_exps.weight", 0, {256, 512, 8, 1}, type, Role::exps),
      tensor("blk.0.ffn_down_exps.scale", 0, {8, 1, 1, 1}, TensorType::f32, Role::exps_scale),
      tensor("blk.0.layer_output_scale.weight", 0, {1, 1, 1, 1}, TensorType::f32, Role::norm),
  };
  return model;
}

std::vector<std::byte> rows(const WeightSource& source, const char* name, std::int64_t begin,
                            std::int64_t end) {
  const TensorSpec& spec = *source.model().find(name);
  std::vector<std::byte> out(static_cast<std::size_t>((end - begin) * row_bytes(spec.type, spec.k())));
  source.read_rows(spec, begin, end, out.data());
  return out;
}

std::vector<float> values(const WeightSource& source, const char* name) {
  const TensorSpec& spec = *source.model().find(name);
  const std::vector<std::byte> bytes = rows(source, name, 0, spec.rows());
  std::vector<float> out(static_cast<std::size_t>(spec.rows() * spec.k()));
  for (std::int64_t r = 0; r < spec.rows(); ++r) {
    format(spec.type)->dequantise(bytes.data() + r * row_bytes(spec.type, spec.k()), spec.k(),
                                  &out[static_cast<std::size_t>(r * spec.k())]);
  }
  return out;
}

double deviation(const std::vector<float>& values) {
  double squares = 0;
  for (const float value : values) squares += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(squares / static_cast<double>(values.size()));
}

TEST(Generator, any_order_and_any_thread_give_the_same_bytes) {
  const auto source = generate_weights(small_model(), 7);
  const char* name = "blk.0.ffn_down_exps.weight";
  const std::int64_t n = source->model().find(name)->rows(), bytes = row_bytes(TensorType::q4_0, 256);
  const std::vector<std::byte> whole = rows(*source, name, 0, n);
  std::vector<std::byte> backwards(whole.size()), split(whole.size());
  for (std::int64_t r = n; r-- > 0;) {
    const std::vector<std::byte> row = rows(*generate_weights(small_model(), 7), name, r, r + 1);
    std::copy(row.begin(), row.end(), backwards.begin() + r * bytes);
  }
  std::vector<std::thread> threads;
  for (std::int64_t part = 0; part < 4; ++part) {
    threads.emplace_back([&, part] {
      const std::vector<std::byte> mine = rows(*source, name, n * part / 4, n * (part + 1) / 4);
      std::copy(mine.begin(), mine.end(), split.begin() + n * part / 4 * bytes);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(whole, backwards);
  EXPECT_EQ(whole, split);
}

TEST(Generator, seeds_tensors_and_rows_differ) {
  const auto one = generate_weights(small_model(), 1), two = generate_weights(small_model(), 2);
  EXPECT_NE(rows(*one, "token_embd.weight", 0, 1), rows(*two, "token_embd.weight", 0, 1));
  EXPECT_NE(rows(*one, "token_embd.weight", 0, 1), rows(*one, "token_embd.weight", 1, 2));
  EXPECT_NE(values(*one, "blk.0.attn_norm.weight"), values(*one, "blk.0.ffn_gate_inp.scale"));
  EXPECT_NE(one->model().fingerprint, two->model().fingerprint);
  EXPECT_EQ(one->model().fingerprint, generate_weights(small_model(), 1)->model().fingerprint);
  EXPECT_TRUE(one->model().synthetic);
}

TEST(Generator, bytes_stay_what_they_were_in_earlier_versions) {
  // Results of a synthetic model are compared over time: new bytes would need a new name for the generator.
  const std::vector<std::byte> row = rows(*generate_weights(small_model(), 1), "token_embd.weight", 3, 4);
  const std::vector<int> first(reinterpret_cast<const unsigned char*>(row.data()),
                               reinterpret_cast<const unsigned char*>(row.data()) + 8);
  EXPECT_THAT(first, testing::ElementsAre(5, 34, 116, 153, 43, 179, 24, 142));
}

TEST(Generator, matrices_have_a_deviation_of_one_over_the_root_of_their_length) {
  for (const TensorType type : {TensorType::q4_0, TensorType::q8_0, TensorType::q6_k, TensorType::f16}) {
    const auto source = generate_weights(small_model(type), 3);
    EXPECT_NEAR(deviation(values(*source, "token_embd.weight")) * std::sqrt(512), 1, 0.02) << info(type).name;
    EXPECT_NEAR(deviation(values(*source, "blk.0.ffn_down_exps.weight")) * std::sqrt(256), 1, 0.02)
        << info(type).name;
  }
}

TEST(Generator, router_logits_of_an_input_of_length_one_are_well_spread) {
  EXPECT_NEAR(deviation(values(*generate_weights(small_model(), 3), "blk.0.ffn_gate_inp.weight")), 2, 0.05);
  ModelSpec other = small_model();
  other.architecture = "qwen3moe";  // there the router's input has elements of size one
  const double size = deviation(values(*generate_weights(other, 3), "blk.0.ffn_gate_inp.weight"));
  EXPECT_NEAR(size * std::sqrt(512), 2, 0.05);
}

TEST(Generator, norms_and_scales_stay_near_their_centre) {
  const auto source = generate_weights(small_model(), 3);
  const auto expect_within = [&](const char* name, float low, float high) {
    for (const float value : values(*source, name)) {
      EXPECT_GE(value, low) << name;
      EXPECT_LE(value, high) << name;
    }
  };
  expect_within("blk.0.attn_norm.weight", 0.9F, 1.1F);
  expect_within("blk.0.ffn_gate_inp.scale", 0.9F, 1.1F);
  expect_within("blk.0.ffn_down_exps.scale", 0.9F, 1.1F);
  expect_within("blk.0.layer_output_scale.weight", 0.9F, 1.0F);
  expect_within("blk.0.post_attention_norm.weight", 0.45F, 0.55F);
  expect_within("blk.0.attn_k_norm.weight", 0.225F, 0.275F);  // 4 / sqrt(256)
}

TEST(Generator, rope_divisors_are_the_model_s_own) {
  EXPECT_EQ(values(*generate_weights(small_model(), 3), "rope_freqs.weight"),
            (std::vector<float>{1, 1, 1e30F, 1e30F}));
  ModelSpec none = small_model();
  none.rope_freqs.clear();
  EXPECT_EQ(values(*generate_weights(none, 3), "rope_freqs.weight"), (std::vector<float>{1, 1, 1, 1}));
  ModelSpec wrong = small_model();
  wrong.rope_freqs.pop_back();
  EXPECT_THROW(generate_weights(wrong, 3), Error);
}

TEST(Generator, a_type_that_is_only_accounted_for_is_refused_by_name) {
  try {
    generate_weights(small_model(TensorType::iq4_xs), 1);
    FAIL() << "iq4_xs cannot be generated";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(),
                testing::AllOf(testing::HasSubstr("token_embd.weight"), testing::HasSubstr("IQ4_XS")));
  }
}

TEST(Dequantised, is_the_same_weights_as_floats) {
  const std::shared_ptr<const WeightSource> source = generate_weights(small_model(), 5);
  const auto floats = dequantised(source);
  for (const TensorSpec& spec : floats->model().tensors) {
    EXPECT_EQ(spec.type, TensorType::f32);
    EXPECT_EQ(values(*floats, spec.name.c_str()), values(*source, spec.name.c_str()));
  }
  EXPECT_NE(floats->model().fingerprint, source->model().fingerprint);
}

}  // namespace
}  // namespace oldiron
