// The witness beside a prefill: every type of weights and every kernel that a model may have multiplies.
#include "kernels/multiply_roof.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/kernels/decoder_session.hpp"

namespace oldiron::multiply_roof_test {
namespace {

TEST(MultiplyRoofTest, MultipliesTheLargestMatrixOfALayer) {
  Team team(std::vector<int>{0, 0});
  for (const char* file : {"gemma4-moe.Q8_0.gguf", "gemma4-dense.F32.gguf", kGeneratedQ4, kGeneratedQ4K})
    for (const ActivationType activations : {ActivationType::q8, ActivationType::f32})
      for (const bool repack : {true, false}) {
        const Weights weights(*open(file), kernel_set(best_isa(), repack), activations, PageSize::small, team);
        MultiplyRoof roof(weights, team);
        const auto bytes = [](const Matrix& m) { return m.expert_bytes * m.experts; };
        for (const auto& [name, matrix] : weights.matrices()) {
          if (name.starts_with("blk.")) {
            EXPECT_LE(bytes(matrix), bytes(roof.matrix())) << name;
          }
        }
        for (const int threads : {1, 2}) {
          const double rate = roof.ops_per_s(threads, 1e-4);
          EXPECT_TRUE(std::isfinite(rate) && rate > 0) << file << " " << threads;
        }
      }
}

}  // namespace
}  // namespace oldiron::multiply_roof_test
