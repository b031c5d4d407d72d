#include "probes/hidden_features.hpp"

#include <gtest/gtest.h>

namespace oldiron::hidden_features_test {
namespace {

using Words = std::vector<std::string>;

std::string cpu(const std::string& vendor, int family, int model, int stepping, const std::string& name,
                const std::string& flags) {
  return "processor\t: 0\nvendor_id\t: " + vendor + "\ncpu family\t: " + std::to_string(family) +
         "\nmodel\t\t: " + std::to_string(model) + "\nmodel name\t: " + name + "\nstepping\t: " + std::to_string(stepping) +
         "\nflags\t\t: " + flags + "\n";
}

std::vector<std::string_view> nothing() { return {}; }

TEST(HiddenFeatures, a_haswell_without_avx2) {
  const auto hidden = hidden_features(cpu("GenuineIntel", 6, 63, 2, "Xeon E5-2680 v3", "fpu sse2 avx f16c"), nothing);
  EXPECT_EQ(hidden.expected, (Words{"fma", "avx2"}));
  EXPECT_FALSE(hidden.masked_model);
}

TEST(HiddenFeatures, nothing_where_all_is_shown) {
  EXPECT_EQ(hidden_features(cpu("GenuineIntel", 6, 62, 4, "Xeon E5-2697 v2", "fpu avx f16c"), nothing), HiddenFeatures{});
  EXPECT_EQ(hidden_features(cpu("AuthenticAMD", 25, 1, 1, "EPYC", "avx f16c fma avx2"), nothing), HiddenFeatures{});
  EXPECT_EQ(hidden_features("", nothing), HiddenFeatures{});
}

TEST(HiddenFeatures, steppings_tell_cascade_lake_from_skylake) {
  const std::string flags = "avx f16c fma avx2 avx512f avx512bw avx512dq avx512vl";
  EXPECT_TRUE(hidden_features(cpu("GenuineIntel", 6, 85, 4, "Xeon Gold 6148", flags), nothing).expected.empty());
  EXPECT_EQ(hidden_features(cpu("GenuineIntel", 6, 85, 7, "Xeon Gold 6248", flags), nothing).expected, Words{"avx512_vnni"});
}

TEST(HiddenFeatures, a_made_up_model_is_proven_by_what_runs) {
  const auto hidden = hidden_features(cpu("GenuineIntel", 15, 6, 1, "QEMU Virtual CPU version 2.5+", "fpu sse2"),
                                      [] { return std::vector<std::string_view>{"bmi2"}; });
  EXPECT_TRUE(hidden.masked_model);
  EXPECT_TRUE(hidden.expected.empty());
  EXPECT_EQ(hidden.proven, Words{"bmi2"});
}

TEST(HiddenFeatures, a_pentium_has_less_than_its_chip) {
  EXPECT_TRUE(hidden_features(cpu("GenuineIntel", 6, 60, 3, "Intel Pentium G3258", "fpu sse2"), nothing).expected.empty());
}

}  // namespace
}  // namespace oldiron::hidden_features_test
