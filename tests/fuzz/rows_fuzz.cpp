// Any bytes as the rows that llama-bench, llama-batched-bench and llama-sweep-bench print: a trial is read, or its reason says why
// not. Run by libFuzzer (preset fuzz) and, over tests/data/fuzz_rows and all recorded outputs, by every build's tests.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "runner/engines/llama_batched_bench.hpp"
#include "runner/engines/llama_bench.hpp"
#include "runner/engines/llama_sweep_bench.hpp"

namespace {

using namespace oldiron;

void require(bool condition) {
  if (!condition) std::abort();
}

CommandResult printed(const std::string& text) {
  CommandResult result;
  result.end.exit_code = 0;
  result.end.wall_s = 10;
  result.out.append(text);
  return result;
}

void require_sane(const Trial& trial) {
  if (trial.status == Status::ok) {
    require(trial.reason.empty() && !trial.measurements.empty());
    for (const Measurement& each : trial.measurements)
      for (const double sample : each.samples) require(std::isfinite(sample) && sample > 0);
    require(std::isfinite(trial.provenance.load_s) && trial.provenance.load_s >= 0);
  } else {
    require(!trial.reason.empty() && trial.measurements.empty());
  }
}

/// What the recorded outputs were asked.
TrialSpec benched(Engine engine) {
  TrialSpec spec{.engine = engine, .model = "gemma4-moe.Q4_0.gguf"};
  spec.workload = {.prompt_tokens = 16, .generate_tokens = 8};
  spec.config.decode_threads = engine == Engine::ik_llama ? 1 : 2;
  spec.config.prefill_threads = 2;
  spec.config.ubatch = 256;
  spec.config.load_mode = LoadMode::read;
  if (engine == Engine::ik_llama) spec.config.repack = Switch::on;
  return spec;
}

TrialSpec common(int prompt, int depth, int streams) {
  TrialSpec spec{.model = "small.gguf"};
  spec.workload = {.prompt_tokens = prompt, .generate_tokens = 16, .depth_tokens = depth, .streams_max = streams};
  spec.budget.min_samples = 1;
  spec.config.decode_threads = spec.config.prefill_threads = 2;
  if (streams == 0) spec.config.ubatch = 256;
  return spec;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const CommandResult result = printed(std::string(reinterpret_cast<const char*>(data), size));
  static const TrialSpec kOfIk = benched(Engine::ik_llama), kOfLlama = benched(Engine::llama_cpp), kStreams = common(0, 0, 1), kNear = common(256, 0, 0),
                         kFar = common(512, 256, 0);
  const bool odd = size % 2 == 1;
  Trial bench{.spec = odd ? kOfIk : kOfLlama}, streams{.spec = kStreams}, sweep{.spec = odd ? kNear : kFar};
  FoundEngine found;
  found.engine = bench.spec.engine;
  read_bench(result, found, bench);
  read_batched(result, {}, streams);
  read_sweep(result, {}, sweep);
  for (const Trial* each : {&bench, &streams, &sweep}) require_sane(*each);
  return 0;
}
