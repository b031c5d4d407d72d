// Cards expand to the tensors of the real files: sizes are those published for the files.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/check.hpp"
#include "core/model.hpp"
#include "core/text.hpp"

namespace oldiron {
namespace {

std::string card(const std::string& id) { return OLDIRON_SOURCE_DIR "/configs/models/" + id + ".json"; }

struct FileSize {
  const char *id, *type, *head_type;
  std::int64_t bytes;
};

TEST(ModelCard, TensorBytesAreThoseOfThePublishedFiles) {
  const FileSize files[] = {
      {"gemma-4-26b-a4b-it", "q8_0", "", 26844036216},
      {"gemma-4-26b-a4b-it", "q4_0", "q6_k", 14423538808},
      {"gemma-4-26b-a4b-it", "Q4_0_google_qat", "", 14423538808},
      {"gemma-4-26b-a4b-it", "q4_k_m_mainline", "", 16780192888},
      {"gemma-4-26b-a4b-it", "Q4_K_M_ik", "", 16962714744},
      {"gemma-4-26b-a4b-it", "UD-Q4_K_XL_inferred", "", 16995155064},
      {"gemma-4-26b-a4b-it-assistant", "q8_0", "", 445999120},
      {"gemma-4-26b-a4b-it-assistant", "q4_0", "", 236152848},
      {"qwen3-30b-a3b", "q4_k_m_mainline", "", 18550716416},
      {"gpt-oss-20b", "mxfp4_moe", "", 12096558336},
      {"llama-3.1-8b", "q4_k_m_mainline", "", 4912898304},
      {"mixtral-8x7b", "q4_k_m_mainline", "", 28447727616},
  };
  for (const FileSize& file : files) {
    EXPECT_EQ(model_from_card(card(file.id), file.type, file.head_type).bytes(), file.bytes) << file.id << file.type;
  }
}

TEST(ModelCard, SizesPublishedInGibibytes) {
  const auto gib = [](const char* id, const char* type) {
    return static_cast<double>(model_from_card(card(id), type).bytes()) / (1 << 30);
  };
  EXPECT_NEAR(gib("qwen3.6-35b-a3b", "q4_k_m_mainline"), 19.70, 0.005);
  EXPECT_NEAR(gib("gemma-4-31b-it", "q4_0"), 16.42, 0.005);
  EXPECT_NEAR(gib("gemma-4-e4b-it", "q4_k_m_mainline"), 4.95, 0.005);
}

TEST(ModelCard, AllCardsExpandInBothPlainTypes) {
  int cards = 0;
  for (const auto& entry : std::filesystem::directory_iterator(OLDIRON_SOURCE_DIR "/configs/models")) {
    for (const char* type : {"q8_0", "q4_0", "q6_k", "iq2_k"}) {
      EXPECT_GT(model_from_card(entry.path(), type).bytes(), 0) << entry.path();
    }
    ++cards;
  }
  EXPECT_EQ(cards, 9);
}

}  // namespace
}  // namespace oldiron
