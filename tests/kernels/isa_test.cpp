// Which ISAs are found, and that the tables of all of them hold what a decoder looks up.
#include "kernels/isa.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <set>

#include "kernels/registry.hpp"
#include "tests/kernels/product_case.hpp"

namespace oldiron::isa_test {
namespace {

TEST(IsaTest, ScalarRunsEverywhereAndComesFirst) {
  ASSERT_FALSE(isas_here().empty());
  EXPECT_EQ(isas_here().front(), Isa::scalar);
  EXPECT_EQ(best_isa(), isas_here().back());
}

// The list of an emulated CPU is known; the test's caller gives it.
TEST(IsaTest, TheListIsTheExpectedOne) {
  std::string list;
  for (const Isa isa : isas_here()) list += (list.empty() ? "" : " ") + std::string(to_string(isa));
  std::cout << "isas: " << list << "\n";
  if (const char* expected = std::getenv("OLDIRON_EXPECTED_ISAS")) {
    EXPECT_EQ(list, expected);
  }
}

TEST(IsaTest, NamesAreReadBack) {
  EXPECT_EQ(isa_from_name("automatic"), best_isa());
  EXPECT_EQ(isa_from_name("scalar"), Isa::scalar);
  for (const Isa isa : isas_here()) EXPECT_EQ(isa_from_name(to_string(isa)), isa);
}

TEST(IsaTest, AnUnknownNameIsRefusedWithTheKnownOnes) {
  try {
    isa_from_name("altivec");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("altivec"));
    EXPECT_THAT(error.what(), testing::HasSubstr("scalar"));
  }
}

TEST(RegistryTest, NamesAreUnique) {
  std::set<std::string> names;
  for (const Kernel& kernel : kernels()) EXPECT_TRUE(names.insert(name(kernel)).second) << name(kernel);
  EXPECT_THAT(names, testing::Contains("matmul/q4_0/avx512_vnni/tile"));
}

TEST(RegistryTest, EveryIsaServesEveryComputableType) {
  for (const Isa isa : isas_here()) {
    const KernelSet set = kernel_set(isa);
    EXPECT_NE(set.attention, nullptr);
    EXPECT_NE(set.stream_read, nullptr);
    EXPECT_NE(set.stream_move, nullptr);
    for (const TensorTypeInfo& type : tensor_types()) {
      if (format(type.type) == nullptr) {
        EXPECT_THROW(set.matmul(type.type), Error) << type.name;
        continue;
      }
      EXPECT_NE(set.matmul(type.type), nullptr);
      EXPECT_NE(set.matmul_f32(type.type), nullptr);
      EXPECT_NE(set.gated(type.type), nullptr);
      EXPECT_NE(set.gated_f32(type.type), nullptr);
    }
  }
}

// BF16 products round their activations: only where rounding is allowed, and only for float weights.
TEST(RegistryTest, FloatWeightsTakePairsWhereTheIsaHasThem) {
  for (const Isa isa : isas_here()) {
    const KernelSet set = kernel_set(isa);
    const bool pairs = isa >= Isa::avx512_bf16;
    for (const TensorType type : {TensorType::f16, TensorType::bf16}) {
      EXPECT_EQ(set.matmul(type) != set.matmul_f32(type), pairs) << to_string(isa);
      EXPECT_EQ(set.gated(type) != set.gated_f32(type), pairs) << to_string(isa);
    }
    EXPECT_EQ(set.matmul(TensorType::f32), set.matmul_f32(TensorType::f32));
    if (pairs) {
      EXPECT_EQ(set.matmul(TensorType::q4_0), kernel_set(Isa::avx512_vnni).matmul(TensorType::q4_0));
    }
  }
}

// Rows for many columns are taken by nobody who does not say how many there are; nothing here runs them.
TEST(RegistryTest, TilesServeManyColumnsOnly) {
  const KernelSet vnni = kernel_set(Isa::avx512_vnni);
  KernelSet amx = vnni;
  amx.isa = Isa::amx;
  for (const TensorType type : {TensorType::q4_0, TensorType::q8_0, TensorType::q4_k, TensorType::q6_k}) {
    EXPECT_EQ(amx.matmul(type), vnni.matmul(type)) << info(type).name;
    const ByColumns<MatmulFn> rows = amx.matmul_by_columns(type);
    EXPECT_GT(rows.many_from, 1);
    EXPECT_EQ(rows.of(rows.many_from - 1), vnni.matmul(type));
    EXPECT_NE(rows.of(rows.many_from), vnni.matmul(type));
    EXPECT_EQ(vnni.matmul_by_columns(type).of(512), vnni.matmul(type));
    EXPECT_EQ(amx.gated_by_columns(type).of(1), vnni.gated(type));
    EXPECT_NE(amx.gated_by_columns(type).of(512), vnni.gated(type));
    EXPECT_NE(amx.matmul_requantised(type), nullptr);
    EXPECT_NE(amx.gated_requantised(type), nullptr);
    EXPECT_EQ(vnni.matmul_requantised(type), nullptr);
  }
  // Float chains of tiles have other bits: one row for every number of columns.
  EXPECT_EQ(amx.matmul_by_columns(TensorType::bf16).of(512), amx.matmul(TensorType::bf16));
}

TEST(RegistryTest, EveryTypeIsPackedUnlessPlainRowsAreAskedForAndHaveKernels) {
  for (const Isa isa : isas_here()) {
    const KernelSet packed = kernel_set(isa), plain = kernel_set(isa, false);
    for (const TensorType type : {TensorType::f32, TensorType::f16, TensorType::bf16, TensorType::q4_1, TensorType::q5_0, TensorType::q5_1, TensorType::mxfp4, TensorType::q5_k}) {
      EXPECT_EQ(packed.layout(type), Layout::r16);
      EXPECT_EQ(plain.layout(type), Layout::r16) << info(type).name;
      EXPECT_EQ(plain.matmul(type), packed.matmul(type)) << info(type).name;
    }
    for (const TensorType type : {TensorType::q4_0, TensorType::q8_0, TensorType::q4_k, TensorType::q6_k}) {
      EXPECT_EQ(packed.layout(type), Layout::r16);
      EXPECT_EQ(plain.layout(type), Layout::rows) << info(type).name;
      EXPECT_NE(plain.matmul(type), packed.matmul(type)) << info(type).name;
      EXPECT_NE(plain.gated(type), packed.gated(type)) << info(type).name;
      EXPECT_EQ(plain.matmul_f32(type), packed.matmul_f32(type)) << info(type).name;
    }
  }
}

// Tiles read packed weights: they must not be handed plain rows, however many columns there are.
TEST(RegistryTest, PlainRowsGoToNoTilesOfPackedOnes) {
  KernelSet amx = kernel_set(Isa::avx512_vnni, false);
  amx.isa = Isa::amx;
  for (const TensorType type : {TensorType::q4_0, TensorType::q8_0, TensorType::q4_k, TensorType::q6_k}) {
    EXPECT_EQ(amx.matmul_by_columns(type).of(512), amx.matmul(type)) << info(type).name;
    EXPECT_EQ(amx.gated_by_columns(type).of(512), amx.gated(type)) << info(type).name;
    EXPECT_EQ(amx.matmul_requantised(type), nullptr) << info(type).name;
    EXPECT_EQ(amx.gated_requantised(type), nullptr) << info(type).name;
  }
}

}  // namespace
}  // namespace oldiron::isa_test
