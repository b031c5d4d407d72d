// The generator: the same bytes in any order, and weights of the size that keeps a forward pass sane.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <thread>
#include <vector>

#include "core/check.hpp"
#include "kernels/formats/format.hpp"
#include "kernels/formats/row_generator.hpp"
#include "kernels/weight_source.hpp"

namespace oldiron::generator_test {
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

/// Of a file with a head of its own, no scale and no head norms, as llama, gpt-oss and qwen3.6 are in turn.
ModelSpec plain_model(const char* architecture) {
  ModelSpec model;
  model.id = "plain";
  model.architecture = architecture;
  model.block_count = 1;
  model.attention_scale = 0.125;
  const TensorType f32 = TensorType::f32, q8 = TensorType::q8_0;
  model.tensors = {
      tensor("token_embd.weight", -1, {512, 300, 1, 1}, q8, Role::embd),
      tensor("output.weight", -1, {512, 300, 1, 1}, q8, Role::head),
      tensor("blk.0.attn_q.weight", 0, {512, 256, 1, 1}, q8, Role::attn),
      tensor("blk.0.attn_q.bias", 0, {256, 1, 1, 1}, f32, Role::bias),
      tensor("blk.0.attn_output.weight", 0, {256, 512, 1, 1}, q8, Role::attn),
      tensor("blk.0.attn_sinks.weight", 0, {64, 1, 1, 1}, f32, Role::norm),
      tensor("blk.0.post_attention_norm.weight", 0, {512, 1, 1, 1}, f32, Role::norm),
      tensor("blk.0.ffn_up_exps.bias", 0, {256, 8, 1, 1}, f32, Role::exps_bias),
      tensor("blk.0.ffn_gate_inp_shexp.weight", 0, {512, 1, 1, 1}, f32, Role::router),
      tensor("blk.0.ssm_a", 0, {32, 1, 1, 1}, f32, Role::norm),
      tensor("blk.0.ssm_dt.bias", 0, {32, 1, 1, 1}, f32, Role::norm),
      tensor("blk.0.ssm_conv1d.weight", 0, {4, 512, 1, 1}, f32, Role::linattn),
  };
  return model;
}

TEST(Generator, models_without_gemma_s_norms_and_scales_stay_sane) {
  const auto source = generate_weights(plain_model("gpt-oss"), 3);
  const auto size = [&](const char* name) { return deviation(values(*source, name)); };
  EXPECT_NEAR(size("token_embd.weight"), 1, 0.02);  // nothing scales it, and the first layers add vectors of size 1
  EXPECT_NEAR(size("output.weight") * std::sqrt(512), 1, 0.02);
  EXPECT_NEAR(size("blk.0.attn_q.weight") * std::sqrt(512), 4, 0.1);  // no norm of keys to make scores large
  EXPECT_NEAR(size("blk.0.attn_output.weight") * std::sqrt(256), 0.5, 0.02);
  EXPECT_NEAR(size("blk.0.post_attention_norm.weight"), 1, 0.02);  // before the experts: it scales what they read
  EXPECT_NEAR(size("blk.0.ssm_conv1d.weight"), 0.5, 0.05);
  EXPECT_NEAR(size("blk.0.ffn_gate_inp_shexp.weight") * std::sqrt(512), 1, 0.1);
}

TEST(Generator, sinks_biases_and_decays_are_seen_and_harmless) {
  const auto source = generate_weights(plain_model("gpt-oss"), 3);
  const auto expect_within = [&](const char* name, float low, float high) {
    const std::vector<float> all = values(*source, name);
    const auto [least, most] = std::minmax_element(all.begin(), all.end());
    EXPECT_GE(*least, low) << name;
    EXPECT_LE(*most, high) << name;
    EXPECT_GT(*most - *least, 0.5F * (high - low)) << name;
  };
  expect_within("blk.0.attn_sinks.weight", 0, 8);
  expect_within("blk.0.attn_q.bias", -0.1F, 0.1F);
  expect_within("blk.0.ffn_up_exps.bias", -0.1F, 0.1F);
  expect_within("blk.0.ssm_a", -1.5F, -0.5F);
  expect_within("blk.0.ssm_dt.bias", -5, -3);
}

float half_at(const std::vector<std::byte>& row, std::size_t at) {
  std::uint16_t half = 0;
  std::memcpy(&half, &row[at], 2);
  return half_to_float(half);
}

// Of types that nothing here computes, the layout is checked by writing out what the engines read.
TEST(Generator, rows_that_are_only_written_have_the_deviation_of_all_others) {
  std::vector<float> q2_k, iq4_nl;
  const auto byte = [](const std::vector<std::byte>& row, std::size_t at) { return std::to_integer<int>(row[at]); };
  for (std::uint64_t key = 0; key < 64; ++key) {
    std::vector<std::byte> row(84);
    row_generator(TensorType::q2_k)(key, 256, 1, row.data());
    for (std::size_t i = 0; i < 256; ++i) {
      const int q = byte(row, 16 + i / 128 * 32 + i % 32) >> (2 * (i / 32 % 4)) & 3, scale = byte(row, i / 16);
      q2_k.push_back(half_at(row, 80) * static_cast<float>((scale & 15) * q) -
                     half_at(row, 82) * static_cast<float>(scale >> 4));
    }
    row.assign(8 * 18, {});
    row_generator(TensorType::iq4_nl)(key, 256, 1, row.data());
    constexpr int kTable[] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
    for (std::size_t i = 0; i < 256; ++i) {
      const std::size_t block = i / 32 * 18, j = i % 32;
      const int nibble = byte(row, block + 2 + j % 16) >> (j < 16 ? 0 : 4) & 15;
      iq4_nl.push_back(half_at(row, block) * static_cast<float>(kTable[nibble]));
    }
  }
  EXPECT_NEAR(deviation(q2_k) * 16, 1, 0.03);
  EXPECT_NEAR(deviation(iq4_nl) * 16, 1, 0.03);
  double mean = 0;
  for (const float value : q2_k) mean += static_cast<double>(value) / static_cast<double>(q2_k.size());
  EXPECT_NEAR(mean * 16, 0, 0.05);
}

TEST(Generator, every_type_but_one_of_the_table_can_be_written) {
  for (const TensorTypeInfo& type : tensor_types()) {
    if (type.type == TensorType::iq1_m) continue;  // its block has no scale field of its own
    ASSERT_NE(row_generator(type.type), nullptr) << type.name;
    std::vector<std::byte> one(static_cast<std::size_t>(row_bytes(type.type, 512))), two(one.size());
    row_generator(type.type)(1, 512, 1, one.data());
    row_generator(type.type)(2, 512, 1, two.data());
    EXPECT_NE(one, two) << type.name;
  }
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

TEST(Generator, a_type_that_cannot_be_made_is_refused_by_name) {
  try {
    generate_weights(small_model(TensorType::iq1_m), 1);
    FAIL() << "iq1_m cannot be generated";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(),
                testing::AllOf(testing::HasSubstr("token_embd.weight"), testing::HasSubstr("IQ1_M")));
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
}  // namespace oldiron::generator_test
