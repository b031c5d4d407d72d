// Models in several files: any part stands for all, and parts that do not belong together are refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/gguf.hpp"
#include "tests/kernels/gguf_builder.hpp"

namespace oldiron::gguf_split_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class GgufSplit : public GgufFolder {
 protected:
  static std::string name(int number, int count) {
    char text[64];
    std::snprintf(text, sizeof text, "m-%05d-of-%05d.gguf", number, count);
    return text;
  }

  /// Part `number` of `count`; the first has the keys of the model.
  std::string write(int number, int count, const std::string& tensor, std::int32_t total = 3) {
    Builder b;
    b.head(1, number == 1 ? 10 : 3);
    b.text("split.no").put(2).put(static_cast<std::uint16_t>(number - 1));
    b.text("split.count").put(2).put(static_cast<std::uint16_t>(count));
    b.text("split.tensors.count").put(5).put(total);
    if (number == 1) {
      b.text("general.architecture").put(8).text("llama");
      const std::pair<const char*, std::uint32_t> numbers[] = {{"llama.block_count", 1},
                                                               {"llama.context_length", 1024},
                                                               {"llama.embedding_length", 64},
                                                               {"llama.feed_forward_length", 8},
                                                               {"llama.attention.head_count", 4},
                                                               {"llama.attention.head_count_kv", 2}};
      for (const auto& [key, value] : numbers) b.text(key).put(4).put(value);
    }
    b.tensor(tensor, {64, 8}, 0, 0).data(0);
    b.bytes.append(2048, static_cast<char>(number));
    return file(b.bytes, name(number, count));
  }

  std::vector<std::string> write_all() {
    return {write(1, 3, "token_embd.weight"), write(2, 3, "output.weight"), write(3, 3, "blk.0.ffn_up.weight")};
  }
};

TEST_F(GgufSplit, any_part_stands_for_the_model) {
  const std::vector<std::string> parts = write_all();
  const ModelSpec first = open_gguf(parts[0])->model();
  EXPECT_EQ(first.tensors.size(), 3U);
  EXPECT_EQ(first.id, "m-00001-of-00003.gguf");
  EXPECT_EQ(first.bytes(), 3 * 2048);
  for (const std::string& part : parts) EXPECT_EQ(open_gguf(part)->model(), first) << part;
}

TEST_F(GgufSplit, engines_are_given_the_first_part) {
  const std::vector<std::string> parts = write_all();
  for (const std::string& part : parts) EXPECT_EQ(first_gguf_part(part), parts[0]);
  EXPECT_EQ(first_gguf_part("a-00002-of-00003.gguf"), "a-00002-of-00003.gguf");  // there is no first one
  EXPECT_EQ(first_gguf_part("model.gguf"), "model.gguf");
}

TEST_F(GgufSplit, rows_come_from_the_part_that_has_them) {
  const auto source = open_gguf(write_all()[1]);
  for (int number = 1; number <= 3; ++number) {
    const TensorSpec& tensor = source->model().tensors[static_cast<std::size_t>(number - 1)];
    std::byte row[256];
    source->read_rows(tensor, 7, 8, row);
    EXPECT_EQ(row[0], static_cast<std::byte>(number)) << tensor.name;
    EXPECT_EQ(row[255], static_cast<std::byte>(number)) << tensor.name;
  }
}

TEST_F(GgufSplit, the_fingerprint_sees_every_part) {
  const std::vector<std::string> parts = write_all();
  const std::string before = open_gguf(parts[0])->model().fingerprint;
  std::string bytes = contents(parts[2]);
  bytes.back() = 'x';
  file(bytes, name(3, 3));
  EXPECT_NE(open_gguf(parts[0])->model().fingerprint, before);
}

TEST_F(GgufSplit, parts_that_do_not_belong_together_are_refused) {
  const std::vector<std::string> parts = write_all();
  const auto refused = [&] { return refusal([&] { read_gguf_header(parts[0]); }); };
  EXPECT_EQ(refused(), "nothing was refused");

  std::filesystem::rename(parts[1], folder_ + "/elsewhere");
  EXPECT_THAT(refused(), AllOf(HasSubstr("part 2 of 3"), HasSubstr(parts[1])));
  std::filesystem::copy(parts[2], parts[1]);
  EXPECT_THAT(refused(), AllOf(HasSubstr(parts[1]), HasSubstr("part 3 of 3")));

  write(2, 3, "blk.0.ffn_up.weight");
  EXPECT_THAT(refused(), AllOf(HasSubstr("`blk.0.ffn_up.weight` is in an earlier part")));
  write(2, 3, "output.weight");
  EXPECT_EQ(refused(), "nothing was refused");

  write(1, 3, "token_embd.weight", 4);
  EXPECT_THAT(refused(), AllOf(HasSubstr("asks for 4 tensors"), HasSubstr("hold 3")));
}

TEST_F(GgufSplit, a_part_under_another_name_says_which_name_it_needs) {
  const std::vector<std::string> parts = write_all();
  std::filesystem::copy(parts[0], folder_ + "/other.gguf");
  EXPECT_THAT(refusal([&] { read_gguf_header(folder_ + "/other.gguf"); }),
              AllOf(HasSubstr("one of 3 parts"), HasSubstr("-00001-of-00003.gguf")));
  for (const char* name : {"/m-00000-of-00003.gguf", "/m-00004-of-00003.gguf", "/m-0000x-of-00003.gguf",
                           "/m-00001-of-00009.gguf", "/m-00001_of_00003.gguf"}) {
    std::filesystem::copy(parts[0], folder_ + name);
    EXPECT_THAT(refusal([&] { read_gguf_header(folder_ + name); }), HasSubstr("name")) << name;
  }
}

TEST_F(GgufSplit, a_model_in_one_part_needs_no_such_name) {
  write(1, 1, "token_embd.weight", 1);
  std::filesystem::rename(folder_ + "/" + name(1, 1), folder_ + "/whole.gguf");
  EXPECT_EQ(open_gguf(folder_ + "/whole.gguf")->model().tensors.size(), 1U);
}

}  // namespace
}  // namespace oldiron::gguf_split_test
