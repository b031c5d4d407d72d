// Reads the header of one GGUF file and believes none of it: every count and length is held against the file's
// size first.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <optional>
#include <set>
#include <utility>

#include "core/check.hpp"
#include "kernels/gguf_part.hpp"
#include "kernels/input_file.hpp"

namespace oldiron {

namespace {

constexpr std::uint64_t kMaxKeyBytes = 65535;      // of the GGUF specification
constexpr std::uint64_t kKeptStringBytes = 65536;  // a chat template may be longer, but nobody here reads it
constexpr std::uint64_t kKeptStrings = 16;
constexpr std::uint64_t kKeptNumbers = 4096;  // enough for one value per layer of any model
constexpr std::uint64_t kMaxAlignment = 1U << 30;
constexpr std::uint64_t kMaxKeys = 1U << 16;          // real files have below 100,
constexpr std::uint64_t kMaxTensors = 1U << 20;       // a few thousand,
constexpr std::uint64_t kMaxKeptBytes = 64ULL << 20;  // and far below 1 MB of what is kept
constexpr int kString = 8, kArray = 9;

/// Walks forward through the file by a small buffer.
class Reader {
 public:
  explicit Reader(const std::string& path) : file_(path) {
    buffer_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(1U << 16, file_.size())));
  }

  const std::string& path() const { return file_.path(); }

  std::uint64_t at() const { return at_; }

  std::uint64_t size() const { return file_.size(); }

  std::uint64_t left() const { return file_.size() - at_; }

  [[noreturn]] void fail(const std::string& what, std::uint64_t at) const {
    throw Error(fmt::format("{} is damaged or no GGUF file: {}, at byte {}; get the file again", file_.path(),
                            what, at));
  }

  void need(std::uint64_t bytes, std::string_view what) const {
    if (bytes > left())
      fail(fmt::format("{} needs {} bytes and the file has {} left", what, bytes, left()), at_);
  }

  template <class T>
  T number(std::string_view what) {
    need(sizeof(T), what);
    T value;
    std::byte bytes[sizeof(T)];
    take(bytes, sizeof(T));
    std::memcpy(&value, bytes, sizeof(T));
    return value;
  }

  /// A string of at most `most` bytes; of a longer one the beginning, if `cut`.
  std::string string(std::string_view what, std::uint64_t most, bool cut) {
    const std::uint64_t begin = at_;
    const auto length = number<std::uint64_t>(what);
    need(length, what);
    if (length > most && !cut) fail(fmt::format("{} has {} bytes, more than {}", what, length, most), begin);
    keep(std::min(length, most));
    std::string text(std::min(length, most), '\0');
    take(reinterpret_cast<std::byte*>(text.data()), text.size());
    at_ += length - text.size();
    return text;
  }

  void skip(std::uint64_t bytes, std::string_view what) {
    need(bytes, what);
    at_ += bytes;
  }

  /// Counts what the header will hold in memory: a small file can ask for forty times its size.
  void keep(std::uint64_t bytes) {
    kept_ += bytes;
    if (kept_ > kMaxKeptBytes) fail("its keys hold more than any model's", at_);
  }

 private:
  void take(std::byte* out, std::size_t bytes) {
    while (bytes > 0) {
      if (at_ < begin_ || at_ >= end_) refill();
      const std::size_t n = std::min<std::size_t>(bytes, end_ - at_);
      std::memcpy(out, buffer_.data() + (at_ - begin_), n);
      at_ += n;
      out += n;
      bytes -= n;
    }
  }

  void refill() {
    const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(buffer_.size(), left()));
    file_.read(at_, bytes, buffer_.data());
    begin_ = at_;
    end_ = at_ + bytes;
  }

  InputFile file_;
  std::vector<std::byte> buffer_;
  std::uint64_t at_ = 0, begin_ = 0, end_ = 0, kept_ = 0;
};

/// Bytes of a value in the file; the least, for a string.
std::uint64_t value_bytes(const Reader& reader, int type, const std::string& key) {
  static constexpr std::uint64_t kBytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 8, 0, 8, 8, 8};
  if (type == kArray)
    reader.fail(fmt::format("the array `{}` holds arrays, which no engine reads", key), reader.at());
  if (type < 0 || type >= static_cast<int>(std::size(kBytes))) {
    reader.fail(fmt::format("key `{}` has the unknown value type {}", key, type), reader.at());
  }
  return kBytes[type];
}

/// The double nearest to the shortest decimal that is this float: 1e-6 and not 9.99999997e-07, as in a
/// model's card.
double decimal(float value) {
  char text[32];
  const auto end = std::to_chars(std::begin(text), std::end(text), value).ptr;
  double out = static_cast<double>(value);  // stays for infinities and NaN, which from_chars may not read
  std::from_chars(std::begin(text), end, out);
  return out;
}

GgufScalar read_scalar(Reader& reader, int type, const std::string& key) {
  switch (type) {
    case 0:
      return std::uint64_t{reader.number<std::uint8_t>(key)};
    case 1:
      return std::int64_t{reader.number<std::int8_t>(key)};
    case 2:
      return std::uint64_t{reader.number<std::uint16_t>(key)};
    case 3:
      return std::int64_t{reader.number<std::int16_t>(key)};
    case 4:
      return std::uint64_t{reader.number<std::uint32_t>(key)};
    case 5:
      return std::int64_t{reader.number<std::int32_t>(key)};
    case 6:
      return decimal(reader.number<float>(key));
    case 7:
      return reader.number<std::uint8_t>(key) != 0;
    case kString:
      return reader.string(key, kKeptStringBytes, true);
    case 10:
      return reader.number<std::uint64_t>(key);
    case 11:
      return reader.number<std::int64_t>(key);
    default:
      return reader.number<double>(key);
  }
}

// What opens and ends a turn of a chat or a text in the vocabularies of gemma, qwen, gpt-oss, llama and mistral, and whose
// turn it is.
constexpr std::string_view kChatTokens[] = {
    "<|turn>",         "<start_of_turn>", "<|im_start|>", "<|start|>",  "[INST]",   "<|start_header_id|>",
    "user",            "<turn|>",         "<end_of_turn>", "<|im_end|>", "<|end|>",  "<|return|>",
    "<|end_of_text|>", "<|endoftext|>",   "<|eot_id|>",   "<eos>",      "</s>"};
constexpr std::uint64_t kChatTokenBytes = 20;  // one more than the longest of them

GgufValue read_value(Reader& reader, const std::string& key, GgufHeader& header) {
  GgufValue value;
  int type = reader.number<std::int32_t>(key);
  if (type != kArray) {
    value_bytes(reader, type, key);
    value.values.push_back(read_scalar(reader, type, key));
    return value;
  }
  value.array = true;
  type = reader.number<std::int32_t>(key);
  const std::uint64_t each = value_bytes(reader, type, key);
  const std::uint64_t begin = reader.at();
  value.count = reader.number<std::uint64_t>(key);
  if (value.count > reader.left() / each) {
    reader.fail(fmt::format("the array `{}` claims {} values and the file has {} bytes left", key,
                            value.count, reader.left()),
                begin);
  }
  const std::uint64_t kept = std::min(value.count, type == kString ? kKeptStrings : kKeptNumbers);
  reader.keep(kept * sizeof(GgufScalar));
  for (std::uint64_t i = 0; i < kept; ++i) value.values.push_back(read_scalar(reader, type, key));
  if (type != kString) {
    reader.skip((value.count - kept) * each, key);
  } else if (key == "tokenizer.ggml.tokens") {
    const auto note = [&](std::uint64_t id, const std::string& text) {
      if (id <= INT32_MAX && std::find(std::begin(kChatTokens), std::end(kChatTokens), text) != std::end(kChatTokens))
        header.chat_tokens.emplace(text, static_cast<std::int32_t>(id));
    };
    for (std::uint64_t i = 0; i < kept; ++i) note(i, std::get<std::string>(value.values[i]));
    for (std::uint64_t i = kept; i < value.count; ++i) note(i, reader.string(key, kChatTokenBytes, true));
  } else {
    for (std::uint64_t i = kept; i < value.count; ++i) reader.skip(reader.number<std::uint64_t>(key), key);
  }
  return value;
}

std::uint64_t alignment_of(const Reader& reader, const GgufHeader& header) {
  const auto found = header.keys.find("general.alignment");
  if (found == header.keys.end()) return 32;
  const auto* value =
      found->second.array ? nullptr : std::get_if<std::uint64_t>(&found->second.values.front());
  if (value == nullptr || !std::has_single_bit(*value) || *value > kMaxAlignment) {
    reader.fail("general.alignment is no power of two", reader.at());
  }
  return *value;
}

void read_keys(Reader& reader, std::uint64_t count, GgufHeader& header) {
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t begin = reader.at();
    const std::string key = reader.string(fmt::format("key {}", i), kMaxKeyBytes, false);
    GgufValue value = read_value(reader, key, header);
    if (!header.keys.emplace(key, std::move(value)).second) {
      reader.fail(fmt::format("key `{}` stands twice", key), begin);
    }
  }
}

void read_tensors(Reader& reader, std::uint64_t count, GgufHeader& header) {
  std::set<std::string> names;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t begin = reader.at();
    GgufTensor tensor;
    tensor.name = reader.string(fmt::format("the name of tensor {}", i), kMaxTensorNameBytes, false);
    if (!names.insert(tensor.name).second)
      reader.fail(fmt::format("tensor `{}` stands twice", tensor.name), begin);
    const auto n_dims = reader.number<std::uint32_t>(tensor.name);
    if (n_dims < 1 || n_dims > 4) {
      reader.fail(fmt::format("tensor `{}` has {} dimensions, not 1 to 4", tensor.name, n_dims), begin);
    }
    for (std::uint32_t d = 0; d < n_dims; ++d) {
      tensor.ne.push_back(reader.number<std::int64_t>(tensor.name));
      if (tensor.ne.back() < 1)
        reader.fail(fmt::format("tensor `{}` has a dimension below 1", tensor.name), begin);
    }
    tensor.gguf_type = reader.number<std::int32_t>(tensor.name);
    tensor.offset = reader.number<std::uint64_t>(tensor.name);
    header.tensors.push_back(std::move(tensor));
  }
}

/// Bytes of a tensor's data; nothing for a type of unknown size.
std::optional<std::uint64_t> data_bytes(const Reader& reader, const GgufTensor& tensor) {
  const auto type = tensor_type_from_gguf(tensor.gguf_type);
  if (!type) return {};
  const TensorTypeInfo& known = info(*type);
  if (tensor.ne[0] % known.block != 0) {
    reader.fail(fmt::format("tensor `{}` has rows of {}, no multiple of {}'s block of {}", tensor.name,
                            tensor.ne[0], known.name, known.block),
                reader.at());
  }
  std::int64_t bytes = 0;
  bool over = __builtin_mul_overflow(tensor.ne[0] / known.block, known.block_bytes, &bytes);
  for (std::size_t d = 1; d < tensor.ne.size(); ++d)
    over = over || __builtin_mul_overflow(bytes, tensor.ne[d], &bytes);
  if (over) reader.fail(fmt::format("tensor `{}` is larger than any file", tensor.name), reader.at());
  return static_cast<std::uint64_t>(bytes);
}

/// A type of unknown size still has no more than 64 weights in a byte: what is counted later stays in range.
void check_weights(const Reader& reader, const GgufTensor& tensor) {
  std::int64_t weights = 1;
  bool over = false;
  for (const std::int64_t n : tensor.ne) over = over || __builtin_mul_overflow(weights, n, &weights);
  if (over || static_cast<std::uint64_t>(weights) / 64 > tensor.bytes) {
    reader.fail(fmt::format("tensor `{}` has more weights than {} bytes can hold", tensor.name, tensor.bytes),
                reader.at());
  }
}

/// Tensors lie one after the other in the order of their table, each padded to the alignment, all inside the
/// file. That also says where one of unknown size ends.
void place_tensors(const Reader& reader, std::uint64_t alignment, GgufHeader& header) {
  const std::uint64_t room = header.parts.front().bytes - header.parts.front().data_start;
  std::uint64_t next = 0;
  for (std::size_t i = 0; i < header.tensors.size(); ++i) {
    GgufTensor& tensor = header.tensors[i];
    const std::optional<std::uint64_t> bytes = data_bytes(reader, tensor);
    if (tensor.offset % alignment != 0 || tensor.offset != next) {
      reader.fail(fmt::format("tensor `{}` claims to lie at {} of the data, but its place is {}", tensor.name,
                              tensor.offset, next),
                  header.parts.front().data_start);
    }
    const std::uint64_t end = i + 1 < header.tensors.size() ? header.tensors[i + 1].offset : room;
    tensor.bytes = bytes ? *bytes : end - std::min(end, tensor.offset);
    if (tensor.offset > room || tensor.bytes > room - tensor.offset) {
      throw Error(
          fmt::format("{} is not whole: tensor `{}` has {} bytes at {} of the data, which end beyond the "
                      "file's {} bytes; get it again",
                      reader.path(), tensor.name, tensor.bytes, tensor.offset, reader.size()));
    }
    if (!bytes) check_weights(reader, tensor);
    next = (tensor.offset + tensor.bytes + alignment - 1) / alignment * alignment;
  }
}

}  // namespace

GgufHeader read_gguf_part(const std::string& path) {
  Reader reader(path);
  GgufHeader header;
  const auto magic = reader.number<std::uint32_t>("the magic word");
  if (magic != 0x46554747) reader.fail("it does not begin with `GGUF`", 0);
  const auto version = reader.number<std::uint32_t>("the version");
  if ((version & 0xffff) == 0) {
    throw Error(fmt::format("{} is a GGUF file of a big-endian machine; convert it to little-endian", path));
  }
  if (version < 2 || version > 3) {
    throw Error(
        fmt::format("{} is GGUF version {}; versions 2 and 3 are read, convert it again", path, version));
  }
  header.version = static_cast<int>(version);
  // The least bytes of an entry: a tensor has an empty name, one dimension, type and offset; a key a bool.
  const auto counted = [&](std::string_view what, std::uint64_t least_bytes, std::uint64_t most) {
    const std::uint64_t begin = reader.at();
    const auto count = reader.number<std::uint64_t>(what);
    if (count > most || count > reader.left() / least_bytes) {
      reader.fail(fmt::format("the number of {} is {}, too many for {} bytes", what, count, reader.left()),
                  begin);
    }
    return count;
  };
  const std::uint64_t tensors = counted("tensors", 8 + 4 + 8 + 4 + 8, kMaxTensors);
  const std::uint64_t keys = counted("keys", 8 + 4 + 1, kMaxKeys);
  read_keys(reader, keys, header);
  read_tensors(reader, tensors, header);
  const std::uint64_t alignment = alignment_of(reader, header);
  GgufPart part = {path, (reader.at() + alignment - 1) / alignment * alignment, reader.size()};
  if (part.data_start > part.bytes) {
    if (tensors > 0) reader.fail("the file ends before its data", reader.at());
    part.data_start = part.bytes;
  }
  header.parts.push_back(std::move(part));
  place_tensors(reader, alignment, header);
  return header;
}

}  // namespace oldiron
