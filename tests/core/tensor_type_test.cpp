#include "core/tensor_type.hpp"

#include <gtest/gtest.h>

#include <set>

namespace oldiron::tensor_type_test {
namespace {

TEST(TensorType, NamesAndGgufIdsRoundTrip) {
  std::set<int> ids;
  for (const TensorTypeInfo& type : tensor_types()) {
    EXPECT_EQ(info(type.type).key, type.key);
    EXPECT_EQ(tensor_type_from_name(type.key), type.type);
    EXPECT_EQ(tensor_type_from_name(type.name), type.type);
    EXPECT_EQ(*tensor_type_from_gguf(type.gguf_id), type.type);
    EXPECT_TRUE(ids.insert(type.gguf_id).second) << type.key;
  }
}

TEST(TensorType, UnknownOnesAreRefused) {
  EXPECT_FALSE(tensor_type_from_gguf(9999));
  EXPECT_EQ(tensor_type_from_gguf(9999).reason(), "tensor type 9999 is not one this program knows");
  try {
    tensor_type_from_name("q4_9");
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(
        std::string(error.what()).starts_with("there is no tensor type `q4_9`; known are f32, f16, q4_0"));
  }
}

TEST(TensorType, RowBytes) {
  EXPECT_EQ(row_bytes(TensorType::q4_0, 2816), 2816 / 32 * 18);
  EXPECT_EQ(row_bytes(TensorType::q6_k, 2816), 2310);
  EXPECT_EQ(row_bytes(TensorType::f32, 7), 28);
  EXPECT_THROW(row_bytes(TensorType::q6_k, 704), Error);
}

}  // namespace
}  // namespace oldiron::tensor_type_test
