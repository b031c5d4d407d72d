#include "runner/engines/llama_quantize.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "core/text.hpp"
#include "kernels/gguf.hpp"
#include "runner/engines/engine_end.hpp"
#include "runner/keep_log.hpp"

namespace oldiron {
namespace {

namespace fs = std::filesystem;
using Argv = std::vector<std::string>;

constexpr const char* kQuantize = "llama-quantize";
// It reads and writes the whole file, on the slowest of disks, and computes the head's codes.
constexpr double kBytesPerS = 20e6;
constexpr double kLeastPatience_s = 300;

const TensorSpec& head_of(const ModelSpec& model) {
  const TensorSpec* head = model.find(model.tied_head ? "token_embd.weight" : "output.weight");
  if (head == nullptr) throw Error(fmt::format("{}: it has no head that could be quantised again", model.id));
  return *head;
}

/// Vectors stay F32 whatever is asked.
bool may_be_quantised(const TensorSpec& tensor) { return tensor.ne[1] > 1; }

/// As both engines' ggml has it, which ik_llama.cpp compares to the letter: "q4_0", "q6_K", "iq4_xs".
std::string ggml_name(TensorType type) {
  std::string name(info(type).key);
  if (name.size() == 4 && name.starts_with('q') && name.ends_with("_k")) name.back() = 'K';
  return name;
}

int file_type_of(const GgufHeader& header) {
  const auto key = header.keys.find("general.file_type");
  if (key == header.keys.end() || key->second.values.empty()) return 0;
  const GgufScalar& value = key->second.values.front();
  if (const auto* number = std::get_if<std::uint64_t>(&value)) return static_cast<int>(*number);
  if (const auto* number = std::get_if<std::int64_t>(&value)) return static_cast<int>(*number);
  return 0;
}

/// Why `written` is not `model` with another head; empty if it is.
std::string what_else_changed(const ModelSpec& model, const ModelSpec& written, TensorType head) {
  const std::string& name = head_of(model).name;
  if (written.tensors.size() != model.tensors.size()) return fmt::format("it has {} tensors, not {}", written.tensors.size(), model.tensors.size());
  for (const TensorSpec& before : model.tensors) {
    const TensorSpec* after = written.find(before.name);
    if (after == nullptr || after->ne != before.ne) return fmt::format("{} is not what it was", before.name);
    const TensorType wanted = before.name == name ? head : before.type;
    if (after->type != wanted) return fmt::format("{} is {}, not {}", before.name, info(after->type).name, info(wanted).name);
  }
  return "";
}

/// Removes the file unless it is kept.
class Unfinished {
 public:
  explicit Unfinished(std::string path) : path_(std::move(path)) {}
  ~Unfinished() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;

  const std::string& path() const { return path_; }
  void keep_as(const std::string& path) { fs::rename(path_, path); }

 private:
  std::string path_;
};

void check_room(const std::string& dir, const ModelSpec& model) {
  std::error_code error;
  const fs::space_info room = fs::space(dir, error);
  if (!error && static_cast<double>(room.available) < static_cast<double>(model.bytes()))
    throw Error(fmt::format("a file with another head takes about {} and {} has {} free; choose another folder with --out, or leave --head_type out",
                            bytes_text(static_cast<double>(model.bytes())), dir, bytes_text(static_cast<double>(room.available))));
}

class WithHeads : public TrialEngine {
 public:
  WithHeads(std::unique_ptr<TrialEngine> inner, HeadFiles files) : inner_(std::move(inner)), files_(std::move(files)) {}

  std::string version() override { return inner_->version(); }

  Trial run(const TrialSpec& spec) override {
    Trial trial = inner_->run(of_file(spec));
    trial.spec = spec;
    return trial;
  }

  std::int64_t held_bytes(const TrialSpec& spec) const override { return inner_->held_bytes(of_file(spec)); }
  bool watches_samples() const override { return inner_->watches_samples(); }
  double running_cpu_s() const override { return inner_->running_cpu_s(); }
  void retire() override { inner_->retire(); }

 private:
  /// A head without a file is left in, for the engine to refuse.
  TrialSpec of_file(TrialSpec spec) const {
    const auto file = files_.find(spec.config.head_type);
    if (file == files_.end()) return spec;
    spec.model = file->second;
    spec.config.head_type = HeadType::as_is;
    return spec;
  }

  std::unique_ptr<TrialEngine> inner_;
  HeadFiles files_;
};

}  // namespace

Available<FoundTool> find_quantize(const FoundEngine& bench, const RunCommand& run) {
  const bool ik = bench.engine == Engine::ik_llama;
  return find_tool_beside(bench, kQuantize, {ik ? "--custom-q" : "--tensor-type", "--token-embedding-type", "--output-tensor-type"}, run);
}

Argv quantize_argv(const FoundTool& found, const ModelSpec& model, TensorType head, int file_type, int threads, const std::string& in, const std::string& out) {
  const bool ik = found.engine == Engine::ik_llama;
  const TensorSpec& changed = head_of(model);
  // llama.cpp's flag would change the embeddings of each layer too, which no head reads; where they are, a rule says it.
  const bool by_rule = !ik && model.tied_head && model.find("per_layer_token_embd.weight") != nullptr;
  Argv argv = {found.program, "--allow-requantize"};
  if (!by_rule) argv.insert(argv.end(), {model.tied_head ? "--token-embedding-type" : "--output-tensor-type", ggml_name(head)});
  std::string rules;
  for (const TensorSpec& tensor : model.tensors) {
    const bool is_head = tensor.name == changed.name;
    if ((is_head && !by_rule) || !may_be_quantised(tensor)) continue;
    const std::string rule = fmt::format("^{}$={}", tensor.name, ggml_name(is_head ? head : tensor.type));
    if (ik) rules += (rules.empty() ? "" : ",") + rule;
    else argv.insert(argv.end(), {"--tensor-type", rule});
  }
  if (!rules.empty()) argv.insert(argv.end(), {"--custom-q", rules});
  argv.insert(argv.end(), {in, out, std::to_string(file_type), std::to_string(threads)});
  return argv;
}

std::string write_head_file(const HeadFileRequest& request, const FoundTool& found, const RunCommand& run) {
  const GgufHeader header = read_gguf_header(request.model);
  const ModelSpec model = model_from_gguf(header, request.model);
  const std::string name = lever("head_type").get({.head_type = request.head});
  const TensorType head = tensor_type_from_name(name);
  const std::string path = fmt::format("{}/{}-{}-head-{}.gguf", request.dir, fs::path(request.model).stem().string(), model.fingerprint.substr(0, 8), name);
  const auto changed = [&](const std::string& file) { return what_else_changed(model, model_from_gguf(read_gguf_header(file), file), head); };
  if (fs::exists(path)) {
    if (const std::string why = changed(path); !why.empty()) throw Error(fmt::format("{}: {}; remove it and run again", path, why));
    return path;
  }
  check_room(request.dir, model);
  if (request.say)
    request.say(fmt::format("writing {} ({}) with {}: the model with its head in {}; it stays there until you remove it", path,
                            bytes_text(static_cast<double>(model.bytes())), found.name, name));
  Unfinished unfinished(path + ".part");
  const Argv argv = quantize_argv(found, model, head, file_type_of(header), request.threads, request.model, unfinished.path());
  const CommandResult result = run(argv, std::max(kLeastPatience_s, static_cast<double>(model.bytes()) / kBytesPerS));
  keep_log(request.log_dir, found.engine, argv, result.out, result.err);
  if (const auto bad = bad_end(result, found.name)) throw Error(fmt::format("--head_type {}: {}", name, bad->reason));
  if (!fs::exists(unfinished.path())) throw Error(fmt::format("--head_type {}: {} ended well and wrote no file", name, found.name));
  if (const std::string why = changed(unfinished.path()); !why.empty())
    throw Error(fmt::format("--head_type {}: {} did more than was asked: {}", name, found.name, why));
  unfinished.keep_as(path);
  return path;
}

std::unique_ptr<TrialEngine> make_with_heads(std::unique_ptr<TrialEngine> inner, HeadFiles files) {
  return std::make_unique<WithHeads>(std::move(inner), std::move(files));
}

}  // namespace oldiron
