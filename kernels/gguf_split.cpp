// Models split over several files, NAME-00001-of-00003.gguf and so on, read as one.
#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <utility>

#include "core/check.hpp"
#include "kernels/gguf.hpp"
#include "kernels/gguf_part.hpp"

namespace oldiron {

namespace {

/// "FOLDER/NAME" of FOLDER/NAME-00002-of-00003.gguf, with its numbers.
struct PartName {
  std::string prefix;
  std::uint64_t number = 0;  ///< from 1
  std::uint64_t count = 0;
};

std::optional<std::uint64_t> five_digits(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

std::optional<PartName> part_name(const std::string& path) {
  constexpr std::string_view kShape = "-00000-of-00000.gguf";
  if (path.size() < kShape.size()) return {};
  const std::string_view tail = std::string_view(path).substr(path.size() - kShape.size());
  const auto number = five_digits(tail.substr(1, 5));
  const auto count = five_digits(tail.substr(10, 5));
  if (tail[0] != '-' || tail.substr(6, 4) != "-of-" || tail.substr(15) != ".gguf" || !number || !count) return {};
  return PartName{path.substr(0, path.size() - kShape.size()), *number, *count};
}

std::string path_of(const PartName& name, std::uint64_t number) {
  return fmt::format("{}-{:05}-of-{:05}.gguf", name.prefix, number, name.count);
}

/// Whole numbers are written with various types: u16 by llama.cpp's gguf-split, i32 for the tensors.
std::optional<std::uint64_t> whole(const GgufHeader& header, const std::string& key) {
  const auto found = header.keys.find(key);
  if (found == header.keys.end() || found->second.array) return {};
  const GgufScalar& scalar = found->second.values.front();
  if (const auto* value = std::get_if<std::uint64_t>(&scalar)) return *value;
  const auto* value = std::get_if<std::int64_t>(&scalar);
  return value != nullptr && *value >= 0 ? std::optional(static_cast<std::uint64_t>(*value)) : std::nullopt;
}

/// Reads part `number` and holds its keys against its name.
GgufHeader read_part(const PartName& name, std::uint64_t number) {
  const std::string path = path_of(name, number);
  if (std::error_code ignored; !std::filesystem::exists(path, ignored)) {
    throw Error(fmt::format("part {} of {} of the model is missing: there is no {}; put all parts into one folder", number,
                            name.count, path));
  }
  GgufHeader part = read_gguf_part(path);
  const auto count = whole(part, "split.count"), no = whole(part, "split.no");
  if (!count || *count != name.count || !no || *no != number - 1) {
    throw Error(fmt::format(
        "{} says of itself that it is part {} of {}, and its name another; give each part the name it was made with",
        path, no ? std::to_string(*no + 1) : "?", count ? std::to_string(*count) : "?"));
  }
  return part;
}

void append(GgufHeader& model, GgufHeader part) {
  for (GgufTensor& tensor : part.tensors) {
    tensor.part = model.parts.size();
    model.tensors.push_back(std::move(tensor));
  }
  model.parts.push_back(std::move(part.parts.front()));
}

void check_whole(const GgufHeader& model, const PartName& name) {
  std::set<std::string_view> names;
  for (const GgufTensor& tensor : model.tensors) {
    if (!names.insert(tensor.name).second) {
      throw Error(fmt::format("{}: tensor `{}` is in an earlier part already; the parts are of different models",
                              model.parts[tensor.part].path, tensor.name));
    }
  }
  const auto total = whole(model, "split.tensors.count");
  if (total && *total != model.tensors.size()) {
    throw Error(fmt::format("{} asks for {} tensors in all parts, which hold {}; get all parts again",
                            path_of(name, 1), *total, model.tensors.size()));
  }
}

}  // namespace

std::string first_gguf_part(const std::string& path) {
  const std::optional<PartName> name = part_name(path);
  if (!name) return path;
  const std::string first = path_of(*name, 1);
  std::error_code ignored;
  return std::filesystem::exists(first, ignored) ? first : path;
}

GgufHeader read_gguf_header(const std::string& path) {
  GgufHeader given = read_gguf_part(path);
  const std::uint64_t count = whole(given, "split.count").value_or(1);
  if (count <= 1) return given;
  const std::optional<PartName> name = part_name(path);
  if (!name || name->number < 1 || name->number > name->count) {
    throw Error(fmt::format(
        "{} is one of {} parts of a model, and its name is not NAME-00001-of-{:05}.gguf; give all parts such names",
        path, count, count));
  }
  GgufHeader model = read_part(*name, 1);
  for (std::uint64_t number = 2; number <= name->count; ++number) append(model, read_part(*name, number));
  check_whole(model, *name);
  return model;
}

}  // namespace oldiron
