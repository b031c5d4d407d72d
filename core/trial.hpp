// TrialSpec: all that is needed to run one trial again. Trial: what came of it. The JSON of both is frozen
// (docs/trial.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/config.hpp"
#include "core/machine.hpp"
#include "core/measurement.hpp"
#include "core/workload.hpp"

namespace oldiron {

/// noisy: finished, but the machine was not quiet. unsupported: the engine or this CPU cannot do it.
enum class Status : std::uint8_t { ok, noisy, failed, timed_out, unsupported };

/// How long a trial may take. Never part of a trial's key.
struct Budget {
  double seconds = 0;  ///< deadline of the trial once loaded; 0: none
  int min_samples = 3;
  int max_samples = 10;
  bool warm_up = true;  ///< of a llama-bench: its run before the samples
  bool operator==(const Budget&) const = default;
};

struct TrialSpec {
  Engine engine = Engine::oldiron;
  std::string engine_dir = {};      ///< folder of a foreign engine's binaries
  std::string model = {};           ///< path of a GGUF, or a card's name
  std::string type = {};            ///< of a card: profile or type ("q4_0")
  std::string card_head_type = {};  ///< of a card: type of the head as the file would have it ("q6_k"); the
                                    ///< lever head_type is another thing
  std::string draft_model = {};     ///< of drafts by a model: path of a GGUF, or a card's name
  int layers = 0;                   ///< 0: all; else cut to the first n (a benchmark cut)
  Workload workload = {};
  Config config = {};  ///< resolved
  Budget budget = {};
  int repetition = 0;
  bool cold = false;  ///< a foreign engine's file is dropped from the page cache before each load
  /// Of a foreign engine's line that somebody else wrote: what no lever says, handed through as it stands.
  std::vector<std::string> more_front = {};  ///< before the program: "OMP_PROC_BIND=close"
  std::vector<std::string> more_flags = {};  ///< behind it: "-muge", "1"
  bool operator==(const TrialSpec&) const = default;
};

/// Memory of one use, and how much of it lay in huge pages after sampling, from smaps.
struct PagesObtained {
  std::string use = {};  ///< "weights", "keys and values", "scratch and the rest"
  std::int64_t bytes = 0;
  std::int64_t huge_page_bytes = -1;  ///< -1: not read
  bool operator==(const PagesObtained&) const = default;
};

/// Where the memory of a foreign engine's trial came from; -1 and empty: not read.
struct MemoryPlaces {
  std::string file_system = {};  ///< that the model's file lies on: "ext4"
  std::int64_t file_bytes = -1;
  std::int64_t cached_before_bytes = -1, cached_after_bytes = -1;  ///< of the file, in the page cache
  std::int64_t swap_before_bytes = -1, swap_after_bytes = -1;      ///< of the whole machine, in use
  std::vector<std::int64_t> node_bytes = {};                       ///< of the process by NUMA node, at its largest
  bool operator==(const MemoryPlaces&) const = default;
};

/// What was true while a trial ran; stored beside its result, never part of its key.
struct Provenance {
  std::string engine_version = {};  ///< "oldiron 0.1.0", "ik_llama.cpp 4840 (8337e4cd3)"
  std::string machine_fingerprint = {};
  std::string model_fingerprint = {};
  std::vector<std::string> command = {};  ///< argv that really ran
  std::string started = {};               ///< UTC, ISO 8601
  double wall_s = 0;
  double load_s = 0;  ///< 0: the worker had the model already
  double worker_age_s = 0;
  std::int64_t peak_rss_bytes = 0;
  std::int64_t huge_page_bytes = -1;      ///< of the weights, or of all of a foreign engine: obtained, from smaps; -1: not read
  std::vector<PagesObtained> pages = {};  ///< of our own engine; what was asked for is the lever page_size
  std::vector<int> cpus = {};             ///< where the threads were put
  MachineState before = {}, after = {};
  MemoryPlaces places = {};
  std::string log_path = {};  ///< raw output of a foreign engine
  std::string no_counters = {};  ///< why the CPU counted nothing; empty: it did, or nobody asked
  bool operator==(const Provenance&) const = default;
};

struct Trial {
  TrialSpec spec = {};
  Status status = Status::failed;
  std::string reason = {};  ///< one sentence for every status but ok
  std::vector<Measurement> measurements = {};
  Provenance provenance = {};

  /// nullptr if the metric was not measured.
  const Measurement* find(std::string_view name) const;
  bool operator==(const Trial&) const = default;
};

/// Names of metrics, spelled once.
inline constexpr const char* kPrefill = "prefill_tokens_per_s";
inline constexpr const char* kDecode = "decode_tokens_per_s";

/// End of a measurement's tag where drafts were asked for.
inline constexpr std::string_view kNoDrafts = "the server made no drafts";
inline constexpr const char* kReadBandwidth = "read_bytes_per_s";  ///< measured in the same worker
/// Around a prefill, in the same worker: products of the model's weights that stay in the caches.
inline constexpr const char* kMultiplyRate = "multiply_ops_per_s";
inline constexpr const char* kBarriers = "barriers_per_step";      ///< of a decode step
inline constexpr const char* kBarrier = "barrier_s";  ///< one barrier at which all ranks arrive together
/// With the rank behind it: the part of a decode step's time that this rank spent in barriers.
inline constexpr const char* kBarrierWait = "barrier_wait_share/";
/// Of decoding with drafts. With the position behind it: the share of the drafts there that the model accepted, of those proposed.
inline constexpr const char* kDraftAcceptance = "draft_acceptance/";
inline constexpr const char* kDraftRoundTokens = "draft_round_tokens";  ///< accepted drafts and one, per round
inline constexpr const char* kDraftSeconds = "draft_s";                 ///< of drafting, per round
inline constexpr const char* kDraftVerifySeconds = "draft_verify_s";    ///< of checking, per round
/// With the tokens of the checking step behind it: distinct experts per layer that it used.
inline constexpr const char* kDraftExperts = "draft_experts/";
/// The same text without drafts, in the same worker.
inline constexpr const char* kPlainDecode = "plain_decode_tokens_per_s";
/// Of a configuration beside the model's own, per token of texts that the model made: divergence of the probabilities in nats,
/// share of tokens with the same most likely one, texts that fell into a loop. Samples are texts.
inline constexpr const char* kQualityKl = "quality_kl";
inline constexpr const char* kQualityTop1 = "quality_top1";
inline constexpr const char* kQualityLoops = "quality_loops";
inline constexpr const char* kQualityOwnLoops = "quality_own_loops";  ///< of the model's own configuration
/// With the event behind it: counted by the CPU or the kernel in decode steps, per token ("counted/instructions").
inline constexpr const char* kCounted = "counted/";
/// Watts in the phases of a trial, one sample per reading.
inline constexpr const char* kPrefillPower = "prefill_power_w";
inline constexpr const char* kDecodePower = "decode_power_w";
inline constexpr const char* kDramRead = "dram_bytes_per_s";  ///< that the memory controllers counted in decode
// verify_s/n and batch_tokens_per_s/n carry their n behind a slash.

/// The journal's key: engine version, machine, model, resolved configuration, workload, repetition; never
/// budget or state.
std::string trial_key(const TrialSpec& spec, const std::string& engine_version,
                      const std::string& machine_fingerprint, const std::string& model_fingerprint);

std::string_view to_string(Status status);

}  // namespace oldiron
