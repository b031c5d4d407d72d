#include "reports/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/accounting.hpp"
#include "core/front_words.hpp"
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
  // Quoted as a whole, a variable in front would be a program's name.
  const std::size_t variables = count_assignments(argv);
  for (std::size_t i = 0; i < variables; ++i) {
    const std::size_t value = assignment_in(argv[i]) + 1;
    words.push_back(argv[i].substr(0, value) + (value < argv[i].size() ? quoted(argv[i].substr(value)) : ""));
  }
  for (std::size_t i = variables; i < argv.size(); ++i) {
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
  const StepCost cost = step_cost(model, {.context = context, .n_experts = n_experts, .kv_type = kv_type});
  struct Row {
    std::string_view name;
    std::vector<Part> parts;
  };
  const Row kRows[] = {{"experts", {Part::experts}},
                       {"shared expert", {Part::shared_expert}},
                       {"attention", {Part::attention}},
                       {"linear attention", {Part::linear_attention}},
                       {"output head", {Part::head}},
                       {"dense layers", {Part::dense}},
                       {"router, norms, other", {Part::router, Part::norms, Part::other}},
                       {"keys and values", {Part::kv}},
                       {"linear state", {Part::state}}};
  std::vector<RoleBytes> rows;
  for (const Row& row : kRows) {
    RoleBytes bytes{std::string(row.name), 0, 0};
    for (const Part part : row.parts) {
      bytes.token_bytes += cost[part].read_bytes + (part == Part::state ? cost[part].written_bytes : 0);
      for (const TensorSpec& tensor : model.tensors)
        if (part_of(tensor.role) == part) bytes.disk_bytes += static_cast<double>(tensor.bytes());
    }
    if (bytes.disk_bytes >= 1 || bytes.token_bytes >= 1) rows.push_back(bytes);
  }
  return rows;
}

}  // namespace oldiron::reports
