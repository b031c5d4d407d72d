// Reading GGUF files that real engines wrote, files that lie in every way, and files that we wrote ourselves.
#include "kernels/gguf.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>

#include "core/accounting.hpp"
#include "core/check.hpp"
#include "tests/kernels/gguf_builder.hpp"

namespace oldiron::gguf_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string kGolden = OLDIRON_TEST_DATA "/golden/models/";

using Gguf = GgufFolder;

TEST_F(Gguf, golden_files_have_the_shapes_that_were_written) {
  const GgufHeader header = read_gguf_header(kGolden + "gemma4-moe.Q8_0.gguf");
  EXPECT_EQ(header.version, 3);
  EXPECT_EQ(header.tensors.size(), 134U);
  EXPECT_EQ(header.keys.size(), 29U);
  const ModelSpec model = model_from_gguf(header, kGolden + "gemma4-moe.Q8_0.gguf");
  EXPECT_EQ(model.architecture, "gemma4");
  EXPECT_EQ(model.id, "gemma4-moe.Q8_0.gguf");
  EXPECT_EQ(model.block_count, 6);
  EXPECT_EQ(model.embedding_length, 256);
  EXPECT_EQ(model.vocab_size, 256);
  EXPECT_EQ(model.context_length, 1024);
  EXPECT_EQ(model.feed_forward_length, 256);
  EXPECT_EQ(model.expert_count, 8);
  EXPECT_EQ(model.expert_used_count, 2);
  EXPECT_EQ(model.expert_feed_forward_length, 96);
  EXPECT_EQ(model.norm_eps, 1e-6);
  EXPECT_EQ(model.attention_scale, 1);
  EXPECT_EQ(model.embedding_scale, 16);
  EXPECT_EQ(model.final_logit_softcap, 30);
  EXPECT_TRUE(model.tied_head);
  EXPECT_FALSE(model.synthetic);
  EXPECT_EQ(model.fingerprint.size(), 16U);
  const LayerSpec sliding = {true, 4, 2, 64, 64, 16, false, 10000, 64, false};
  const LayerSpec full = {false, 4, 1, 128, 128, 0, true, 1e6, 128, true};
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(model.layers[i], sliding) << i;
  EXPECT_EQ(model.layers[5], full);
  EXPECT_EQ(model.find("token_embd.weight")->type, TensorType::q8_0);
  EXPECT_EQ(model.find("token_embd.weight")->role, Role::head);
  const TensorSpec& experts = *model.find("blk.3.ffn_down_exps.weight");
  EXPECT_EQ(experts.ne, (std::array<std::int64_t, 4>{96, 256, 8, 1}));
  EXPECT_EQ(experts.layer, 3);
  EXPECT_EQ(experts.role, Role::exps);
  EXPECT_EQ(model.find("blk.0.ffn_down_exps.weight")->type, TensorType::q8_0);
}

TEST_F(Gguf, dense_models_have_no_experts) {
  const auto source = open_gguf(kGolden + "gemma4-dense.F32.gguf");
  EXPECT_EQ(source->model().expert_count, 0);
  EXPECT_EQ(source->model().tensors.size(), 86U);
  EXPECT_EQ(source->model().layers[5].n_head_kv, 1);
}

TEST_F(Gguf, rows_are_the_bytes_of_the_file) {
  const std::string path = kGolden + "gemma4-moe.Q8_0.gguf";
  const auto source = open_gguf(path);
  const std::string all = contents(path);
  const TensorSpec& last = source->model().tensors.back();  // its data end the file
  std::string row(static_cast<std::size_t>(last.bytes()), '\0');
  source->read_rows(last, 0, 1, reinterpret_cast<std::byte*>(row.data()));
  EXPECT_EQ(row, all.substr(all.size() - row.size()));
  const TensorSpec& embedding = *source->model().find("token_embd.weight");
  std::string some(static_cast<std::size_t>(3 * row_bytes(embedding.type, embedding.k())), '\0');
  source->read_rows(embedding, 100, 103, reinterpret_cast<std::byte*>(some.data()));
  EXPECT_NE(all.find(some), std::string::npos);
}

TEST_F(Gguf, other_architectures_can_be_accounted_for) {
  Builder b;
  b.head(3, 6).text("general.architecture").put(8).text("llama");
  const std::pair<const char*, std::uint32_t> numbers[] = {{"llama.block_count", 1},
                                                           {"llama.context_length", 1024},
                                                           {"llama.embedding_length", 64},
                                                           {"llama.attention.head_count", 4},
                                                           {"llama.attention.head_count_kv", 2}};
  for (const auto& [key, value] : numbers) b.text(key).put(4).put(value);
  b.tensor("token_embd.weight", {64, 8}, 0, 0).tensor("output.weight", {64, 8}, 0, 2048);
  b.tensor("blk.0.attn_q.weight", {64, 64}, 0, 4096).data(4096 + 16384);
  const std::string path = file(b.bytes);
  const ModelSpec model = model_from_gguf(read_gguf_header(path), path);
  EXPECT_FALSE(model.tied_head);
  EXPECT_EQ(model.find("output.weight")->role, Role::head);
  EXPECT_EQ(model.find("token_embd.weight")->role, Role::embd);
  EXPECT_EQ(model.layers.at(0).key_length, 16);
  EXPECT_EQ(model.layers.at(0).n_head_kv, 2);
  EXPECT_EQ(model.attention_scale, 0.25);
  EXPECT_EQ(model.embedding_scale, 1);
}

TEST_F(Gguf, tensors_of_unknown_types_are_counted_by_the_room_they_have) {
  Builder b;
  b.head(4, 6).text("general.architecture").put(8).text("qwen2");
  const std::pair<const char*, std::uint32_t> numbers[] = {{"qwen2.block_count", 1},
                                                           {"qwen2.context_length", 1024},
                                                           {"qwen2.embedding_length", 64},
                                                           {"qwen2.attention.head_count", 4},
                                                           {"qwen2.attention.head_count_kv", 2}};
  for (const auto& [key, value] : numbers) b.text(key).put(4).put(value);
  b.tensor("token_embd.weight", {64, 8}, 0, 0).tensor("blk.0.ffn_up.weight", {64, 8}, 999, 2048);
  b.tensor("blk.0.ffn_gate.weight", {64, 8}, 0, 2176).tensor("blk.0.ffn_down.weight", {64, 8}, 144, 4224).data(4320);
  const std::string path = file(b.bytes);
  const ModelSpec model = model_from_gguf(read_gguf_header(path), path);
  EXPECT_EQ(model.find("blk.0.ffn_up.weight")->type, TensorType::unknown);
  EXPECT_EQ(model.find("blk.0.ffn_up.weight")->bytes(), 128);
  EXPECT_EQ(model.find("blk.0.ffn_down.weight")->bytes(), 96);
  EXPECT_EQ(model.bytes(), 4320);
  EXPECT_EQ(bytes_per_token(model, 0, 0, KvType::f16).dense, 128 + 2048 + 96);
  EXPECT_THAT(model.remarks,
              testing::ElementsAre(AllOf(HasSubstr("type 144, IQ4_KS of ik_llama.cpp"), HasSubstr("blk.0.ffn_down.weight")),
                                   AllOf(HasSubstr("type 999"), HasSubstr("blk.0.ffn_up.weight"))));
}

TEST_F(Gguf, an_architecture_without_known_keys_is_counted) {
  Builder b;
  b.head(2, 1).text("general.architecture").put(8).text("whisper");
  b.tensor("encoder.pos", {64, 8}, 0, 0).tensor("blk.1.mlp.weight", {64, 8}, 0, 2048).data(4096);
  const std::string path = file(b.bytes);
  const ModelSpec model = model_from_gguf(read_gguf_header(path), path);
  EXPECT_EQ(model.architecture, "whisper");
  EXPECT_EQ(model.bytes(), 4096);
  EXPECT_EQ(model.block_count, 2);
  EXPECT_EQ(bytes_per_token(model, 0, 100, KvType::f16).total(), 4096);
  EXPECT_THAT(model.remarks, testing::ElementsAre(HasSubstr("architecture whisper")));
  Builder far;
  far.head(1, 1).text("general.architecture").put(8).text("whisper");
  far.tensor("blk.2000000000.mlp.weight", {1}, 0, 0).data(32);
  const std::string other = file(far.bytes);
  EXPECT_THAT(refusal([&] { model_from_gguf(read_gguf_header(other), other); }), HasSubstr("2000000001 layers"));
}

TEST_F(Gguf, keys_that_would_fill_the_memory_are_refused) {
  Builder b;
  b.head(0, 500);
  for (int i = 0; i < 500; ++i) {
    b.text("k" + std::to_string(i)).put(9).put(0).put(std::uint64_t{4096});
    b.bytes.append(4096, 'x');
  }
  const std::string path = file(b.bytes);
  EXPECT_THAT(refusal([&] { read_gguf_header(path); }), HasSubstr("hold more than any model's"));
}

TEST_F(Gguf, all_value_types_and_alignments_are_read) {
  Builder b;
  b.head(2, 14, 2);
  b.text("u8").put(0).put(std::uint8_t{200}).text("i8").put(1).put(std::int8_t{-3});
  b.text("u16").put(2).put(std::uint16_t{60000}).text("i16").put(3).put(std::int16_t{-300});
  b.text("u32").put(4).put(4000000000U).text("i32").put(5).put(-70000).text("f32").put(6).put(1.5F);
  b.text("bool").put(7).put(std::uint8_t{1}).text("string").put(8).text("words");
  b.text("u64").put(10).put(~std::uint64_t{0}).text("i64").put(11).put(std::int64_t{-1} << 40);
  b.text("f64").put(12).put(0.25).text("general.alignment").put(4).put(64U);
  b.text("many").put(9).put(8).put(std::uint64_t{20});
  for (int i = 0; i < 20; ++i) b.text("token" + std::to_string(i));
  b.tensor("a", {3}, 0, 0).tensor("b", {32, 2}, 2, 64).data(64 + 36, 64);
  const GgufHeader header = read_gguf_header(file(b.bytes));
  const auto scalar = [&](const char* key) { return header.keys.at(key).values.at(0); };
  EXPECT_EQ(scalar("u8"), GgufScalar(std::uint64_t{200}));
  EXPECT_EQ(scalar("i8"), GgufScalar(std::int64_t{-3}));
  EXPECT_EQ(scalar("u16"), GgufScalar(std::uint64_t{60000}));
  EXPECT_EQ(scalar("i16"), GgufScalar(std::int64_t{-300}));
  EXPECT_EQ(scalar("u32"), GgufScalar(std::uint64_t{4000000000}));
  EXPECT_EQ(scalar("i32"), GgufScalar(std::int64_t{-70000}));
  EXPECT_EQ(scalar("f32"), GgufScalar(1.5));
  EXPECT_EQ(scalar("bool"), GgufScalar(true));
  EXPECT_EQ(scalar("string"), GgufScalar(std::string("words")));
  EXPECT_EQ(scalar("u64"), GgufScalar(~std::uint64_t{0}));
  EXPECT_EQ(scalar("i64"), GgufScalar(std::int64_t{-1} << 40));
  EXPECT_EQ(scalar("f64"), GgufScalar(0.25));
  EXPECT_EQ(header.keys.at("many").count, 20U);
  EXPECT_EQ(header.keys.at("many").values.size(), 16U);
  EXPECT_EQ(header.version, 2);
  EXPECT_EQ(header.parts.at(0).data_start % 64, 0U);
  EXPECT_EQ(header.tensors.at(1).offset, 64U);
}

TEST_F(Gguf, a_file_cut_anywhere_is_refused) {
  const std::string whole = contents(kGolden + "gemma4-dense.F32.gguf");
  const std::uint64_t data_start = read_gguf_header(kGolden + "gemma4-dense.F32.gguf").parts.at(0).data_start;
  std::vector<std::size_t> cuts = {0,
                                   1,
                                   3,
                                   4,
                                   7,
                                   8,
                                   15,
                                   23,
                                   24,
                                   data_start - 1,
                                   data_start,
                                   data_start + 1,
                                   whole.size() / 2,
                                   whole.size() - 1};
  for (std::size_t cut = 24; cut < data_start; cut += 37) cuts.push_back(cut);
  for (const std::size_t cut : cuts) {
    const std::string path = file(whole.substr(0, cut));
    EXPECT_THAT(refusal([&] { read_gguf_header(path); }), HasSubstr(path)) << cut;
  }
}

TEST_F(Gguf, no_flipped_byte_of_a_header_crashes) {
  const std::string whole = contents(kGolden + "gemma4-dense.F32.gguf");
  const std::uint64_t data_start = read_gguf_header(kGolden + "gemma4-dense.F32.gguf").parts.at(0).data_start;
  const std::string path = file(whole);
  std::fstream stream(path, std::ios::in | std::ios::out | std::ios::binary);
  for (std::size_t at = 0; at < data_start; at += 17) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      stream.seekp(static_cast<std::streamoff>(at));
      stream.put(static_cast<char>(whole[at] ^ flip)).flush();
      try {
        model_from_gguf(read_gguf_header(path), path);
      } catch (const Error&) {
        SUCCEED() << "an Error is all that may be thrown";
      }
    }
    stream.seekp(static_cast<std::streamoff>(at));
    stream.put(whole[at]).flush();
  }
}

TEST_F(Gguf, lies_are_named_with_their_place) {
  const std::uint64_t huge = std::uint64_t{1} << 62;
  const std::pair<std::string, std::string> lies[] = {
      {"not a model", "does not begin with `GGUF`, at byte 0"},
      {"GG", "the magic word needs 4 bytes"},
      {Builder().head(0, 0, 1).bytes, "version 1"},
      {Builder().head(0, 0, 4).bytes, "version 4"},
      {Builder().head(0, 0, 0x03000000).bytes, "big-endian"},
      {Builder().head(huge, 0).bytes, "the number of tensors is 4611686018427387904"},
      {Builder().head(0, huge).bytes, "the number of keys is 4611686018427387904"},
      {Builder().head(0, 1).put(huge).put(huge).bytes, "key 0 needs 4611686018427387904 bytes"},
      {Builder().head(0, 1).text("k").put(13).put(0).bytes, "`k` has the unknown value type 13"},
      {Builder().head(0, 1).text("k").put(-1).put(0).bytes, "`k` has the unknown value type -1"},
      {Builder().head(0, 1).text("k").put(8).put(huge).bytes, "k needs 4611686018427387904 bytes"},
      {Builder().head(0, 1).text("k").put(9).put(9).put(huge).bytes, "`k` holds arrays"},
      {Builder().head(0, 1).text("k").put(9).put(10).put(huge).bytes,
       "`k` claims 4611686018427387904 values"},
      {Builder().head(0, 1).text("k").put(9).put(8).put(huge).bytes, "`k` claims 4611686018427387904 values"},
      {Builder().head(0, 2).text("k").put(4).put(1).text("k").put(4).put(1).bytes,
       "key `k` stands twice, at byte 41"},
      {Builder().head(0, 1).text("general.alignment").put(4).put(48).bytes, "no power of two"},
      {Builder().head(0, 1).text("general.alignment").put(4).put(0).bytes, "no power of two"},
      {Builder().head(0, 1).text("general.alignment").put(9).put(4).put(std::uint64_t{0}).bytes,
       "no power of two"},
      {Builder().head(1, 0).tensor("t", {}, 0, 0).data(64).bytes, "`t` has 0 dimensions"},
      {Builder().head(1, 0).tensor("t", {1, 1, 1, 1, 1}, 0, 0).data(64).bytes, "`t` has 5 dimensions"},
      {Builder().head(1, 0).tensor("t", {0}, 0, 0).data(64).bytes, "dimension below 1"},
      {Builder().head(1, 0).tensor("t", {-8}, 0, 0).data(64).bytes, "dimension below 1"},
      {Builder().head(1, 0).tensor(std::string(64, 't'), {1}, 0, 0).data(64).bytes, "64 bytes, more than 63"},
      {Builder().head(1, 0).tensor("t", {33}, 2, 0).data(64).bytes, "rows of 33"},
      {Builder().head(1, 0).tensor("t", {1LL << 60, 1LL << 60}, 0, 0).data(64).bytes, "larger than any file"},
      {Builder().head(1, 0).tensor("t", {1LL << 60}, 0, 0).data(64).bytes,
       "`t` has 4611686018427387904 bytes"},
      {Builder().head(1, 0).tensor("t", {17}, 0, 0).data(64).bytes, "end beyond the file"},
      {Builder().head(1, 0).tensor("t", {1}, 0, 3).data(64).bytes, "claims to lie at 3"},
      {Builder().head(1, 0).tensor("t", {1}, 0, 32).data(64).bytes,
       "claims to lie at 32 of the data, but its place is 0"},
      {Builder().head(1, 0).tensor("t", {1}, 99999, huge).data(64).bytes, "claims to lie at"},
      {Builder().head(1, 0).tensor("t", {1LL << 40}, 99999, 0).data(64).bytes, "more weights than 64 bytes"},
      {Builder().head(1, 0).tensor("t", {1LL << 40, 1LL << 40}, 99999, 0).data(64).bytes, "more weights than"},
      {Builder().head(2, 0).tensor("t", {1}, 99999, 0).tensor("u", {1}, 0, 33).data(64).bytes,
       "`u` claims to lie at 33"},
      {Builder().head(2, 0).tensor("t", {1}, 99999, 0).tensor("u", {1}, 99999, 128).data(64).bytes,
       "`t` has 128 bytes"},
      {Builder().head(0, 1 << 17).data(4 << 20).bytes, "the number of keys is 131072"},
      {Builder().head(0, 1).text("k").put(9).put(9).put(huge).bytes, "which no engine reads"},
      {Builder().head(2, 0).tensor("t", {1}, 0, 0).tensor("t", {1}, 0, 32).data(64).bytes,
       "`t` stands twice"},
      {Builder().head(2, 0).tensor("t", {9}, 0, 0).tensor("u", {1}, 0, 32).data(64).bytes,
       "`u` claims to lie at 32"},
  };
  for (const auto& [bytes, words] : lies) {
    const std::string path = file(bytes);
    EXPECT_THAT(refusal([&] { read_gguf_header(path); }), AllOf(HasSubstr(path), HasSubstr(words)));
  }
}

TEST_F(Gguf, what_is_no_file_is_refused) {
  EXPECT_THAT(refusal([&] { read_gguf_header(folder_); }), HasSubstr("is a folder"));
  EXPECT_THAT(refusal([&] { read_gguf_header(folder_ + "/none"); }), HasSubstr("No such file"));
  ASSERT_EQ(mkfifo((folder_ + "/pipe").c_str(), 0600), 0);
  EXPECT_THAT(refusal([&] { read_gguf_header(folder_ + "/pipe"); }), HasSubstr("no regular file"));
  if (geteuid() != 0) {
    const std::string path = file("GGUF");
    chmod(path.c_str(), 0);
    EXPECT_THAT(refusal([&] { read_gguf_header(path); }), HasSubstr("Permission denied"));
  }
}

/// A golden model's header with one change, and zeros for data.
std::string changed(const std::function<void(GgufHeader&)>& change) {
  const std::string path = kGolden + "gemma4-moe.Q8_0.gguf";
  GgufHeader header = read_gguf_header(path);
  change(header);
  return refusal([&] { model_from_gguf(header, path); });
}

TEST_F(Gguf, keys_and_tensors_that_contradict_each_other_are_refused) {
  const auto number = [](std::uint64_t n) { return GgufValue{{n}, false, 1}; };
  const auto tensor = [](GgufHeader& h, const std::string& name) -> GgufTensor& {
    return *std::find_if(h.tensors.begin(), h.tensors.end(),
                         [&](const GgufTensor& t) { return t.name == name; });
  };
  EXPECT_THAT(changed([](GgufHeader& h) { h.keys.erase("gemma4.block_count"); }),
              HasSubstr("`gemma4.block_count` is missing"));
  EXPECT_THAT(changed([](GgufHeader& h) { h.keys.erase("general.architecture"); }),
              HasSubstr("names no architecture"));
  EXPECT_THAT(changed([&](GgufHeader& h) { h.keys["gemma4.block_count"] = number(4000000000); }),
              HasSubstr("is 4000000000"));
  EXPECT_THAT(changed([&](GgufHeader& h) { h.keys["gemma4.block_count"] = number(2000000000); }),
              HasSubstr("layers are claimed"));
  EXPECT_THAT(changed([&](GgufHeader& h) { h.keys["gemma4.block_count"] = number(7); }),
              HasSubstr("6 values for 7 layers"));
  EXPECT_THAT(changed([&](GgufHeader& h) { h.keys["gemma4.attention.head_count"] = number(0); }),
              HasSubstr("query heads"));
  EXPECT_THAT(changed([&](GgufHeader& h) { h.keys["gemma4.expert_used_count"] = number(9); }),
              HasSubstr("9 experts are used of 8"));
  EXPECT_THAT(changed([&](GgufHeader& h) { h.keys["gemma4.embedding_length"] = number(128); }),
              HasSubstr("the keys ask for"));
  EXPECT_THAT(changed([&](GgufHeader& h) {
                tensor(h, "blk.2.attn_q.weight").ne = {256, 64};
              }),
              HasSubstr("blk.2.attn_q.weight"));
  EXPECT_THAT(changed([&](GgufHeader& h) { tensor(h, "token_embd.weight").name = "other"; }),
              HasSubstr("token_embd.weight"));
  EXPECT_THAT(changed([](GgufHeader&) {}), HasSubstr("nothing was refused"));
}

TEST_F(Gguf, fingerprints_see_the_keys_and_the_weights) {
  const std::string whole = contents(kGolden + "gemma4-dense.F32.gguf");
  const auto fingerprint = [&](std::size_t at, char flip) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ flip);
    return open_gguf(file(bytes))->model().fingerprint;
  };
  const std::string original = fingerprint(0, 0);
  EXPECT_EQ(original, fingerprint(whole.size() / 2, 0));
  EXPECT_NE(original, fingerprint(whole.find("tiny-gemma4"), 1));
  EXPECT_NE(original, fingerprint(whole.size() - 100, 1));
}

void expect_equal_rows(const WeightSource& a, const WeightSource& b) {
  for (const TensorSpec& tensor : a.model().tensors) {
    std::vector<std::byte> one(static_cast<std::size_t>(tensor.bytes())), two(one.size());
    a.read_rows(tensor, 0, tensor.rows(), one.data());
    b.read_rows(tensor, 0, tensor.rows(), two.data());
    EXPECT_EQ(one, two) << tensor.name;
  }
}

TEST_F(Gguf, a_written_model_reads_back_the_same) {
  ModelSpec model = open_gguf(kGolden + "llama.Q4_K_M.gguf")->model();
  const auto generated = generate_weights(model, 11);
  const std::string path = folder_ + "/" + model.id;
  write_gguf(*generated, path);
  const auto read = open_gguf(path);
  EXPECT_EQ(read->model(), generated->model());  // with its fingerprint: generator and file are one model
  expect_equal_rows(*generated, *read);
  EXPECT_EQ(files_in_folder(), 1U);
  EXPECT_EQ(std::filesystem::file_size(path) % 32, 0U);
}

TEST_F(Gguf, a_changed_table_loses_the_fingerprint_of_its_source) {
  const auto generated = generate_weights(open_gguf(kGolden + "gemma4-moe.Q8_0.gguf")->model(), 11);
  const std::string path = folder_ + "/a.gguf";
  write_gguf(*generated, path);
  GgufHeader header = read_gguf_header(path);
  header.keys["gemma4.expert_used_count"].values = {std::uint64_t{1}};
  EXPECT_NE(model_from_gguf(header, path).fingerprint, generated->model().fingerprint);
}

TEST_F(Gguf, weights_of_a_file_can_be_written_as_floats) {
  const std::shared_ptr<const WeightSource> source = open_gguf(kGolden + "gemma4-moe.Q8_0.gguf");
  const auto floats = dequantised(source);
  write_gguf(*floats, folder_ + "/f32.gguf");
  const auto read = open_gguf(folder_ + "/f32.gguf");
  EXPECT_FALSE(read->model().synthetic);
  expect_equal_rows(*floats, *read);
}

TEST_F(Gguf, writing_where_it_cannot_be_leaves_nothing) {
  const auto source = generate_weights(open_gguf(kGolden + "gemma4-dense.F32.gguf")->model(), 1);
  EXPECT_THAT(refusal([&] { write_gguf(*source, folder_); }), HasSubstr("is a folder"));
  EXPECT_THAT(refusal([&] { write_gguf(*source, folder_ + "/no/such/model.gguf"); }),
              HasSubstr("No such file"));
  ModelSpec enormous = source->model();
  enormous.tensors.front().ne[1] = std::int64_t{1} << 44;
  EXPECT_THAT(refusal([&] { write_gguf(*generate_weights(enormous, 1), folder_ + "/model.gguf"); }),
              HasSubstr("free"));
  ModelSpec other = source->model();
  other.architecture = "mamba";
  EXPECT_THAT(refusal([&] { write_gguf(*generate_weights(other, 1), folder_ + "/model.gguf"); }),
              HasSubstr("mamba"));
  EXPECT_EQ(files_in_folder(), 0U);
}

TEST_F(Gguf, a_source_that_fails_leaves_what_was_there) {
  struct Broken final : WeightSource {
    ModelSpec spec;

    const ModelSpec& model() const override { return spec; }

    void read_rows(const TensorSpec&, std::int64_t, std::int64_t, std::byte*) const override {
      throw Error("no more");
    }
  } broken;

  broken.spec = open_gguf(kGolden + "gemma4-dense.F32.gguf")->model();
  const std::string path = file("what was there");
  EXPECT_EQ(refusal([&] { write_gguf(broken, path); }), "no more");
  EXPECT_EQ(contents(path), "what was there");
  EXPECT_EQ(files_in_folder(), 1U);
}

}  // namespace
}  // namespace oldiron::gguf_test
