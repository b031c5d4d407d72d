#include "core/machine_card.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "core/check.hpp"
#include "core/text.hpp"

namespace oldiron::machine_card_test {
namespace {

std::string path(const std::string& id) { return OLDIRON_SOURCE_DIR "/configs/machines/" + id + ".json"; }

TEST(MachineCard, ChannelsTimesTransfersIsThePaperFigure) {
  const MachineCard card = machine_from_card(path("xeon-e5-2620-v4"));
  EXPECT_NEAR(card.paper_bytes_per_s, 68.3e9, 0.05e9);
  EXPECT_NEAR(card.read_bytes_per_s.low, 0.73 * card.paper_bytes_per_s, 1);
  EXPECT_NEAR(card.read_bytes_per_s.likely, 0.785 * card.paper_bytes_per_s, 1);
  EXPECT_FALSE(card.read_is_published);
  ASSERT_EQ(card.machine.cores.size(), 8u);
  EXPECT_EQ(card.machine.cores[7].cpus, (std::vector<int>{7, 15}));
  EXPECT_EQ(card.machine.modules->populated, 4);
  EXPECT_EQ(card.ops_per_s.low, 8 * 64 * 2.1e9);
  EXPECT_EQ(card.ops_per_s.high, 8 * 64 * 3.0e9);
}

TEST(MachineCard, APublishedReadingIsTaken) {
  const MachineCard card = machine_from_card(path("i9-13900k"));
  EXPECT_NEAR(card.paper_bytes_per_s, 76.8e9, 1);
  EXPECT_EQ(card.read_bytes_per_s, (Estimate{64.5e9, 64.5e9, 64.5e9}));
  EXPECT_TRUE(card.read_is_published);
  EXPECT_EQ(card.ops_per_s.low, 8 * 2 * 64 * 3.0e9) << "eight of the 24 cores";
}

TEST(MachineCard, TwoSocketsAreAnUnverifiedRange) {
  const MachineCard card = machine_from_card(path("2x-xeon-e5-2680-v4"));
  EXPECT_NEAR(card.paper_bytes_per_s, 153.6e9, 1);
  EXPECT_NEAR(card.read_bytes_per_s.low, 0.73 * 76.8e9, 1) << "one of them";
  EXPECT_NEAR(card.read_bytes_per_s.high, 0.84 * 153.6e9, 1) << "both";
  EXPECT_EQ(card.read_bytes_per_s.likely, 0) << "nobody knows where";
  ASSERT_FALSE(card.unverified.empty());
  EXPECT_NE(card.unverified.front().find("2 sockets"), std::string::npos);
  EXPECT_EQ(card.machine.cores.back().node, 1);
}

TEST(MachineCard, AllNameTheirSources) {
  int n = 0;
  for (const auto& entry : std::filesystem::directory_iterator(OLDIRON_SOURCE_DIR "/configs/machines")) {
    const MachineCard card = machine_from_card(entry.path());
    EXPECT_EQ(card.id, entry.path().stem());
    EXPECT_GE(card.sources.size(), 2u) << card.id;
    EXPECT_LE(card.read_bytes_per_s.high, card.paper_bytes_per_s) << card.id;
    ++n;
  }
  EXPECT_EQ(n, 5);
}

/// The sentence that an altered card ends with.
std::string refusal(const std::string& from, const std::string& to) {
  std::string text = read_file(path("i9-13900k"));
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
  const std::string altered = testing::TempDir() + "oldiron_machine.json";
  write_file(altered, text);
  try {
    machine_from_card(altered);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(MachineCard, BadCardsAreRefusedInASentence) {
  const auto says = [](const std::string& sentence, const char* what) {
    EXPECT_NE(sentence.find(what), std::string::npos) << sentence;
  };
  says(refusal("\"sockets\": 1", "\"sockets\": 0"), "sockets is from 1 to 8");
  says(refusal("\"sockets\": 1", "\"socket\": 1"), "the key `sockets` is missing");
  says(refusal("4800000000", "4800"), "transfers_per_s is in transfers per second");
  says(refusal("\"low\": 64500000000", "\"low\": 74500000000"), "0 < low <= likely <= high");
  says(refusal("\"channels_per_socket\": 2", "\"channels_per_socket\": 1"), "above what the channels carry");
  says(refusal("\"cores\": 8", "\"cores\": 8, \"colour\": \"red\""), "there is no key `colour`");
  EXPECT_THROW(machine_from_card("/no/such/machine.json"), Error);
}

}  // namespace
}  // namespace oldiron::machine_card_test
