// Names of tensor types that are neither sized nor computed here, as ggml.h of both engines numbers them.
#include "kernels/gguf_type_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

namespace oldiron {

namespace {

struct Name {
  int gguf_type;
  std::string_view name;
};

constexpr Name kBoth[] = {{9, "Q8_1"},      {15, "Q8_K"},  {16, "IQ2_XXS"}, {17, "IQ2_XS"}, {18, "IQ3_XXS"},
                          {19, "IQ1_S"},    {21, "IQ3_S"}, {22, "IQ2_S"},   {24, "I8"},     {25, "I16"},
                          {26, "I32"},      {27, "I64"},   {28, "F64"},     {34, "TQ1_0"},  {35, "TQ2_0"},
                          {40, "NVFP4"},    {41, "Q1_0"},  {42, "Q2_0"}};

constexpr Name kIk[] = {
    {36, "I2_S"},        {134, "IQ1_BN"},     {135, "IQ2_BN"},    {140, "IQ5_K"},      {141, "IQ6_K"},
    {144, "IQ4_KS"},     {145, "IQ2_KS"},     {146, "IQ4_KSS"},   {151, "Q8_KV"},      {152, "IQ5_KS"},
    {153, "IQ2_KT"},     {154, "IQ3_KT"},     {155, "IQ4_KT"},    {156, "IQ3_KS"},     {157, "IQ2_KL"},
    {158, "IQ1_KT"},     {202, "Q4_0_R8"},    {206, "Q5_0_R4"},   {208, "Q8_0_R8"},    {210, "Q2_K_R4"},
    {211, "Q3_K_R4"},    {212, "Q4_K_R4"},    {213, "Q5_K_R4"},   {214, "Q6_K_R4"},    {216, "IQ2_XXS_R4"},
    {217, "IQ2_XS_R4"},  {218, "IQ3_XXS_R4"}, {219, "IQ1_S_R4"},  {220, "IQ4_NL_R4"},  {221, "IQ3_S_R4"},
    {222, "IQ2_S_R4"},   {223, "IQ4_XS_R8"},  {229, "IQ1_M_R4"},  {230, "BF16_R16"},   {233, "Q6_0_R4"},
    {335, "IQ2_BN_R4"},  {337, "IQ2_K_R4"},   {338, "IQ3_K_R4"},  {339, "IQ4_K_R4"},   {340, "IQ5_K_R4"},
    {344, "IQ4_KS_R4"},  {352, "IQ5_KS_R4"},  {353, "MXFP4_R8"},  {397, "Q8_K_R16"},   {398, "Q8_KV_R8"},
    {399, "Q8_K_R8"}};

template <std::size_t n>
const Name* find(const Name (&names)[n], int gguf_type) {
  const auto found =
      std::find_if(std::begin(names), std::end(names), [&](const Name& name) { return name.gguf_type == gguf_type; });
  return found == std::end(names) ? nullptr : found;
}

}  // namespace

std::string gguf_type_name(int gguf_type) {
  if (const Name* both = find(kBoth, gguf_type)) return fmt::format("type {}, {}", gguf_type, both->name);
  if (const Name* ik = find(kIk, gguf_type)) return fmt::format("type {}, {} of ik_llama.cpp", gguf_type, ik->name);
  return fmt::format("type {}", gguf_type);
}

}  // namespace oldiron
