#include "core/model.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

namespace oldiron::model_test {
namespace {

std::string card(const std::string& id) { return OLDIRON_SOURCE_DIR "/configs/models/" + id + ".json"; }

TEST(Model, CutKeepsTheFirstLayers) {
  const ModelSpec whole = model_from_card(card("gemma-4-26b-a4b-it"), "q4_0", "q6_k"), cut = cut_layers(whole, 6);
  EXPECT_EQ(cut.block_count, 6);
  EXPECT_EQ(cut.layers.size(), 6u);
  EXPECT_NE(cut.find("blk.5.attn_q.weight"), nullptr);
  EXPECT_EQ(cut.find("blk.6.attn_q.weight"), nullptr);
  EXPECT_NE(cut.find("token_embd.weight"), nullptr);
  EXPECT_NE(cut.fingerprint, whole.fingerprint);
  EXPECT_EQ(cut_layers(whole, 0), whole);
  EXPECT_EQ(cut_layers(whole, 30), whole);
}

TEST(Model, RolesFollowFromNamesAsTheCardsSay) {
  for (const auto& entry : std::filesystem::directory_iterator(OLDIRON_SOURCE_DIR "/configs/models")) {
    const ModelSpec model = model_from_card(entry.path(), "q8_0");
    for (const TensorSpec& tensor : model.tensors) {
      if (tensor.role == Role::unused) continue;  // a matter of the keys, not of the name
      ASSERT_EQ(to_string(role_of(tensor.name, model.tied_head)), to_string(tensor.role))
          << model.id << tensor.name;
    }
  }
}

TEST(Model, RoleNamesAreDistinct) {
  std::set<std::string_view> names;
  for (int role = 0; role <= static_cast<int>(Role::unused); ++role) {
    EXPECT_TRUE(names.insert(to_string(static_cast<Role>(role))).second);
  }
}

}  // namespace
}  // namespace oldiron::model_test
