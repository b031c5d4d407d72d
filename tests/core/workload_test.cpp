#include "core/workload.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/json.hpp"
#include "core/text.hpp"

namespace oldiron::workload_test {
namespace {

TEST(Workload, TurnIsPromptPlusAnswer) { EXPECT_DOUBLE_EQ(turn_s(Workload{}, 51.2, 12.8), 20); }

TEST(Workload, APhaseThatIsNotAskedCostsNothing) {
  EXPECT_DOUBLE_EQ(turn_s({.prompt_tokens = 0, .generate_tokens = 10}, 0, 5), 2);
  EXPECT_TRUE(std::isinf(turn_s({.prompt_tokens = 1}, 0, 5)));
}

TEST(Workload, TheTurnFileIsTheDefault) {
  const std::string path = OLDIRON_SOURCE_DIR "/configs/workloads/turn.json";
  EXPECT_EQ(workload_from_json(parse_json(read_file(path), path)), Workload{});
}

}  // namespace
}  // namespace oldiron::workload_test
