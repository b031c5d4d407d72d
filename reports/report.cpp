#include "reports/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/text.hpp"
#include "reports/layout.hpp"

namespace oldiron::reports {
namespace {

/// Quoted for bash; an argument with characters that a screen must not get in the form $'…', so that the line
/// stays one line and means the same.
std::string quoted(const std::string& argument) {
  if (one_line(argument) == argument) return shell_quote(argument);
  std::string out = "$'";
  for (const char c : argument) {
    if (c == '\\' || c == '\'') out += fmt::format("\\{}", c);
    else if (c < 0x20 || c == 0x7F) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else out += c;
  }
  return out + "'";
}

bool is_flag(const std::string& argument) {
  return argument.size() > 1 && argument[0] == '-' && (argument[1] < '0' || argument[1] > '9');
}

}  // namespace

std::string_view to_string(Basis basis) {
  switch (basis) {
    case Basis::confirmed:
      return "confirmed";
    case Basis::untested:
      return "untested";
    case Basis::none:
      return "none";
  }
  return "none";
}

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::helped:
      return "helped";
    case Verdict::no_effect:
      return "no effect";
    case Verdict::hurt:
      return "hurt";
    case Verdict::failed:
      return "failed";
  }
  return "no effect";
}

std::vector<std::string> command_words(const std::vector<std::string>& argv) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < argv.size(); ++i) {
    std::string word = quoted(argv[i]);
    if (is_flag(argv[i]) && i + 1 < argv.size() && !is_flag(argv[i + 1])) word += " " + quoted(argv[++i]);
    words.push_back(std::move(word));
  }
  return words;
}

std::string command_line(const std::vector<std::string>& argv) {
  return fmt::format("{}", fmt::join(command_words(argv), " "));
}

std::array<int, 5> count_by_status(const std::vector<Trial>& trials) {
  std::array<int, 5> counts{};
  for (const Trial& trial : trials) ++counts[static_cast<std::size_t>(trial.status)];
  return counts;
}

std::string types_text(const ModelSpec& model) {
  std::map<TensorType, std::int64_t> bytes;
  const TensorSpec* head = nullptr;
  for (const TensorSpec& tensor : model.tensors) {
    if (tensor.role == Role::head && tensor.rows() > 1) head = &tensor;
    else bytes[tensor.type] += tensor.bytes();
  }
  if (bytes.empty()) return "no tensors";
  const auto most = std::max_element(bytes.begin(), bytes.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  std::string text(info(most->first).name);
  if (head != nullptr && head->type != most->first) text += fmt::format(", head {}", info(head->type).name);
  return text;
}

std::string differences(const Config& config, const Config& base) {
  std::string text;
  for (const Lever& lever : levers()) {
    const std::string value = lever.get(config);
    if (value == lever.get(base)) continue;
    text += fmt::format("{}{}={}", text.empty() ? "" : ", ", lever.name, value);
  }
  return text;
}

std::vector<RoleBytes> role_bytes(const ModelSpec& model, int n_experts, std::int64_t context,
                                  KvType kv_type) {
  const BytesPerToken token = bytes_per_token(model, n_experts, context, kv_type);
  RoleBytes experts{"experts", 0, token.experts}, attention{"attention", 0, token.attention};
  RoleBytes dense{"dense layers", 0, token.dense}, head{"output head", 0, token.head},
      kv{"keys and values", 0, token.kv};
  // What remains, so that the rows always add up to the totals.
  RoleBytes rest{"router, norms, other", 0, token.always_on - token.attention - token.dense};
  for (const TensorSpec& tensor : model.tensors) {
    RoleBytes* row = &rest;
    switch (tensor.role) {
      case Role::exps:
      case Role::exps_bias:
      case Role::exps_scale:
        row = &experts;
        break;
      case Role::attn:
      case Role::linattn:
        row = &attention;
        break;
      case Role::dense:
      case Role::shexp:
        row = &dense;
        break;
      case Role::head:
        row = &head;
        break;
      case Role::router:
      case Role::norm:
      case Role::bias:
      case Role::proj:
      case Role::ple:
      case Role::embd:
      case Role::unused:
        break;
    }
    row->disk_bytes += static_cast<double>(tensor.bytes());
  }
  std::vector<RoleBytes> rows = {experts, attention, head, dense, rest, kv};
  std::erase_if(rows, [](const RoleBytes& row) { return row.disk_bytes < 1 && row.token_bytes < 1; });
  return rows;
}

}  // namespace oldiron::reports
