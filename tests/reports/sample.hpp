// Reports made up for tests: the shapes are those of a real model, every figure is invented, though
// consistent.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "core/facts.hpp"
#include "core/text.hpp"
#include "reports/report.hpp"

namespace oldiron::reports {

inline TensorSpec tensor(const std::string& name, int layer, std::array<std::int64_t, 4> ne, TensorType type,
                         Role role) {
  TensorSpec spec;
  spec.name = name;
  spec.layer = layer;
  spec.ne = ne;
  spec.type = type;
  spec.role = role;
  return spec;
}

/// 30 layers of 128 experts, 25 of them with a window of 1024: the shapes of a 26 billion parameter model.
inline ModelSpec sample_model() {
  ModelSpec m;
  m.id = "synthetic-26b-a4b-Q4_0";
  m.architecture = "gemma4";
  m.block_count = 30;
  m.embedding_length = 2816;
  m.vocab_size = 262144;
  m.context_length = 262144;
  m.expert_count = 128;
  m.expert_used_count = 8;
  m.fingerprint = "0123456789abcdef";
  m.synthetic = true;
  m.tied_head = true;
  m.tensors.push_back(tensor("token_embd.weight", -1, {2816, 262144, 1, 1}, TensorType::q6_k, Role::head));
  for (int i = 0; i < m.block_count; ++i) {
    const bool full = i % 6 == 5;
    const std::int64_t q = full ? 8192 : 4096, kv = full ? 1024 : 2048;
    const auto q4 = [&m, i](const char* name, std::int64_t in, std::int64_t out, std::int64_t n, Role role) {
      m.tensors.push_back(tensor("blk." + std::to_string(i) + "." + name + ".weight", i, {in, out, n, 1},
                                 TensorType::q4_0, role));
    };
    q4("attn_q", 2816, q, 1, Role::attn);
    q4("attn_k", 2816, kv, 1, Role::attn);
    if (!full) q4("attn_v", 2816, kv, 1, Role::attn);
    q4("attn_output", q, 2816, 1, Role::attn);
    q4("ffn_gate", 2816, 2112, 1, Role::dense);
    q4("ffn_up", 2816, 2112, 1, Role::dense);
    q4("ffn_down", 2112, 2816, 1, Role::dense);
    q4("ffn_gate_up_exps", 2816, 1408, 128, Role::exps);
    q4("ffn_down_exps", 704, 2816, 128, Role::exps);
    m.tensors.push_back(tensor("blk." + std::to_string(i) + ".ffn_gate_inp.weight", i, {2816, 128, 1, 1},
                               TensorType::f32, Role::router));
    m.tensors.push_back(tensor("blk." + std::to_string(i) + ".attn_norm.weight", i, {2816, 1, 1, 1},
                               TensorType::f32, Role::norm));
    LayerSpec layer;
    layer.sliding = !full;
    layer.n_head = 16;
    layer.n_head_kv = full ? 2 : 8;
    layer.key_length = layer.value_length = full ? 512 : 256;
    layer.window = full ? 0 : 1024;
    m.layers.push_back(layer);
  }
  return m;
}

inline Measurement measured(const std::string& name, double middle, double spread, int n = 7) {
  std::vector<double> samples;
  for (int i = 0; i < n; ++i) samples.push_back(middle * (1 + spread * (2.0 * ((i * 3) % n) / (n - 1) - 1)));
  return summarise(name, "tokens/s", samples);
}

inline Trial trial(Engine engine, const Config& config, double prefill, double decode) {
  Trial t;
  t.spec.engine = engine;
  t.spec.model = "synthetic-26b-a4b-Q4_0.gguf";
  t.spec.config = config;
  t.status = Status::ok;
  t.measurements = {measured(kPrefill, prefill, 0.015, 5), measured(kDecode, decode, 0.012, 5)};
  t.provenance.engine_version = "ik_llama.cpp 4840 (8337e4cd3)";
  t.provenance.started = "2026-11-20T18:53:10Z";
  return t;
}

inline Machine sample_machine() {
  Machine m;
  m.cpu_model = "Invented(R) CPU I-2620 v4 @ 2.10GHz";
  m.packages = m.nodes = 1;
  for (int i = 0; i < 8; ++i)
    m.cores.push_back({.id = i, .node = 0, .package = 0, .cpus = {i, i + 8}, .efficiency = 0});
  m.caches = {{1, 32768, 1, 8}, {2, 262144, 1, 8}, {3, 20971520, 8, 1}};
  m.isas = {"scalar", "avx2"};
  m.memory_bytes = 67459000000;
  m.modules = MemoryModules{.type = "DDR4",
                            .populated = 4,
                            .slots = 8,
                            .transfers_per_s = 2133e6,
                            .rated_transfers_per_s = 2400e6,
                            .channels = 4,
                            .all_channels = 4,
                            .bytes_per_s = 68.3e9,
                            .full_bytes_per_s = 68.3e9,
                            .source = "/sys/firmware/dmi/tables/DMI"};
  for (const std::string letter : {"A", "B", "C", "D"})
    for (const std::string number : {"1", "2"}) {
      MemoryModule module{.slot = "P1-DIMM" + letter + number, .channel = "P1 " + letter};
      if (number == "1")
        module = {.slot = module.slot, .channel = module.channel, .bytes = std::int64_t{16} << 30, .type = "DDR4",
                  .rated_transfers_per_s = 2400e6, .transfers_per_s = 2133e6, .width_bits = 64, .ranks = 2,
                  .maker = "Invented", .part = "I393A2K40BB1"};
      (*m.modules).table.push_back(module);
    }
  m.kernel = "Linux 6.1.0-41-amd64";
  m.transparent_huge_pages = "madvise";
  return m;
}

/// Some known, some not, some not with nothing to do about it.
inline Facts sample_facts() {
  Facts f;
  f.cpu_signature = Fact<std::string>::known("family 6, model 79, stepping 1", "/proc/cpuinfo");
  f.governor = Fact<std::string>::known("powersave", "/sys/devices/system/cpu/cpufreq/policy0/scaling_governor");
  f.min_hz = Fact<double>::known(1.2e9, "/sys/devices/system/cpu/cpufreq/policy0/scaling_min_freq");
  f.turbo = Fact<bool>::known(true, "/sys/devices/system/cpu/cpufreq/boost");
  f.prefetchers = Fact<std::string>::unknown("there is no /dev/cpu/0/msr", "sudo modprobe msr && sudo oldiron facts");
  f.transparent_huge_pages = Fact<std::string>::known("madvise", "/sys/kernel/mm/transparent_hugepage/enabled");
  f.swap_bytes = Fact<std::int64_t>::known(0, "/proc/meminfo");
  f.memlock_bytes = Fact<std::int64_t>::known(8388608, "/proc/self/limits");
  f.memory_limit_bytes = Fact<std::int64_t>::known(-1, "cgroup: memory.max");
  f.cpu_quota = Fact<double>::known(0, "cgroup: cpu.max");
  f.steal = Fact<double>::known(0.012, "/proc/stat");
  f.snoop_mode = Fact<std::string>::unknown("no interface of the system tells it");
  return f;
}

inline Profile sample_profile() {
  Profile p;
  const std::pair<int, double> points[] = {{1, 11.9e9}, {2, 23.1e9}, {4, 42.0e9}, {8, 55.1e9}, {16, 54.3e9}};
  for (const auto& [threads, rate] : points)
    p.read.push_back({.threads = threads,
                      .bytes_per_s = measured("read", rate, 0.02),
                      .buffer_bytes = 1 << 30,
                      .isa = "avx2",
                      .prefetch_bytes = 6144,
                      .page_size = "transparent",
                      .huge_page_bytes = 1 << 30});
  p.read.back().tried = {
      {"avx2", 6144, "transparent", 54.9e9},
      {"avx2", 0, "transparent", 47.0e9},
      {"scalar", 6144, "transparent", 53.2e9},
      {"avx2", 6144, "small", 51.3e9},
      {"scalar", 0, "small", 44.0e9},
      {"avx2", 6144, "huge", 0, "cannot get 1.1 GB of memory in 2 MiB pages: 512 are needed and 0 are free"}};
  p.read_saturated = true;
  const auto peak = [&p](ComputeType type, const char* instruction, int threads, double rate) {
    p.compute.push_back({.isa = "avx2",
                         .type = type,
                         .instruction = instruction,
                         .threads = threads,
                         .ops_per_s = measured("compute_peak", rate, 0.01),
                         .clock_hz = threads == 1 ? 3.0e9 : 2.3e9,
                         .per_cycle = 1,
                         .built_ops_per_s = rate * 1.01});
  };
  peak(ComputeType::int8, "vpmaddubsw", 1, 190e9);
  peak(ComputeType::int8, "vpmaddubsw", 8, 1165e9);
  peak(ComputeType::f32, "vfmadd231ps", 1, 95.1e9);
  peak(ComputeType::f32, "vfmadd231ps", 8, 583e9);
  return p;
}

inline Config sample_config(int decode_threads, int prefill_threads, Switch repack) {
  Config c;
  c.decode_threads = decode_threads;
  c.prefill_threads = prefill_threads;
  c.n_experts = 8;
  c.repack = repack;
  return c;
}

/// ik_llama.cpp and llama.cpp given; the first has the answer, the second cannot read the file.
inline Report sample_report() {
  Report r;
  r.oldiron_version = "oldiron 0.1.0";
  r.created = "2026-11-20T19:12:44Z";
  r.out_dir = "oldiron-out";
  r.machine = sample_machine();
  r.state.memory_available_bytes = 61000000000;
  r.profile = sample_profile();
  r.cyclic = CyclicRead{.token_bytes = 2380054528,
                        .large_bytes = 4 * 2380054528,
                        .bytes_per_s = measured("cyclic_read", 58.4e9, 0.01),
                        .large_bytes_per_s = measured("large_read", 54.6e9, 0.01),
                        .speedup = {1.07, {1.05, 1.09}}};
  r.model = sample_model();
  r.engines = {{Engine::ik_llama, "/opt/ik/bin", std::string("ik_llama.cpp 4840 (8337e4cd3)")},
               {Engine::llama_cpp, "/opt/llama/bin", std::string("llama.cpp 10587 (3f545becc)")}};

  Answer base;
  base.engine = Engine::ik_llama;
  base.config = sample_config(8, 8, Switch::automatic);
  base.confirmed = true;
  base.prefill = measured(kPrefill, 50.9, 0.015);
  base.decode = measured(kDecode, 8.71, 0.012);
  base.turn_s = measured("turn_s", 24.8, 0.01);
  base.load_s = 9.2;
  base.memory_bytes = 16600000000;
  r.default_answer = base;

  Answer best = base;
  best.config = sample_config(8, 16, Switch::on);
  best.prefill = measured(kPrefill, 61.9, 0.015);
  best.decode = measured(kDecode, 15.4, 0.012);
  best.turn_s = measured("turn_s", 16.6, 0.01);
  best.load_s = 31.4;
  best.memory_bytes = 17200000000;
  best.wall = {"memory", 0.731, 40.3e9, 55.1e9};
  best.prefill_wall = {"compute: vpmaddubsw peak", 0.38, 0, 0, false, 443e9, 1165e9};
  best.next_decode = Interval{14.1, 16.8};
  best.next_prefill = Interval{59.8, 64.1};
  best.speedup = {1.49, {1.46, 1.53}};
  best.pairs = 5;
  best.ik_llama = {{"llama-bench", "-m", "synthetic-26b-a4b-Q4_0.gguf", "-p", "512", "-n", "128", "-t", "8",
                    "-tgb", "8,16", "-rtr", "1", "-mmp", "0"},
                   Basis::confirmed,
                   "",
                   16.6};
  best.llama_cpp = {{}, Basis::none, "this build needs AVX-512, which this CPU does not have", 0};
  r.lossless = best;

  Answer lossy = best;
  lossy.config.n_experts = 6;
  lossy.decode = measured(kDecode, 16.6, 0.012);
  lossy.turn_s = measured("turn_s", 15.7, 0.01);
  lossy.quality = "not measured";
  r.lossy = lossy;

  r.effects = {
      {"repack", "on", "automatic", Loss::lossless, Phase::both, {1.48, {1.45, 1.51}}, Verdict::helped, ""},
      {"prefill_threads",
       "16",
       "8",
       Loss::lossless,
       Phase::prefill,
       {1.21, {1.19, 1.23}},
       Verdict::helped,
       ""},
      {"n_experts", "6", "8", Loss::lossy, Phase::both, {1.06, {1.04, 1.08}}, Verdict::helped, ""},
      {"ubatch",
       "1024",
       "512",
       Loss::lossless,
       Phase::prefill,
       {1.003, {0.991, 1.014}},
       Verdict::no_effect,
       ""},
      {"load_mode",
       "read",
       "automatic",
       Loss::lossless,
       Phase::both,
       {1.006, {0.99, 1.018}},
       Verdict::no_effect,
       ""},
      {"decode_threads", "16", "8", Loss::lossless, Phase::decode, {0.89, {0.87, 0.91}}, Verdict::hurt, ""},
      {"decode_threads", "4", "8", Loss::lossless, Phase::decode, {0.77, {0.76, 0.79}}, Verdict::hurt, ""}};
  r.verify = {{1, 0.065, 1.0}, {2, 0.082, 1.27}, {3, 0.101, 1.56}, {4, 0.12, 1.85}, {8, 0.193, 2.98}};
  r.streams = {
      {1, measured("s", 15.1, 0.01)}, {2, measured("s", 20.4, 0.01)}, {4, measured("s", 26.9, 0.01)}};
  r.streams[0].wall = {"memory", 0.71, 38.8e9, 54.6e9};
  r.streams[2].wall = {"compute: vpmaddubsw peak", 0.44, 0, 0, false, 513e9, 1165e9};
  r.streams[2].experts = 27.4;
  r.left_out = {{"head_type", "the file would have to be quantised again"},
                {"draft_len", "llama-bench has no drafts"}};
  r.budget = {
      .limit_s = 600, .used_s = 552, .load_s = 161, .loads = 6, .remembered = 0, .stopped_by = "done"};

  const std::pair<int, double> decodes[] = {{1, 3.31}, {2, 6.3}, {4, 11.9}, {8, 15.4}, {16, 13.7}};
  for (const auto& [threads, rate] : decodes)
    r.trials.push_back(trial(Engine::ik_llama, sample_config(threads, 8, Switch::on), 51.2, rate));
  const std::pair<int, double> prefills[] = {{4, 27.0}, {16, 61.9}};
  for (const auto& [threads, rate] : prefills)
    r.trials.push_back(trial(Engine::ik_llama, sample_config(8, threads, Switch::on), rate, 15.4));
  r.trials.push_back(trial(Engine::ik_llama, base.config, 50.9, 8.71));
  r.trials[4].status = Status::noisy;
  r.trials[4].reason = "other processes used 0.7 CPUs";
  Trial failed;
  failed.spec.engine = Engine::llama_cpp;
  failed.spec.config = base.config;
  failed.reason = "llama-bench died of SIGILL: this build needs AVX-512, which this CPU does not have";
  r.trials.push_back(failed);
  return r;
}

/// No engine was given: our kernels measured, both lines derived.
inline Report no_engine_report() {
  Report r = sample_report();
  r.engines.clear();
  r.model.synthetic = false;
  for (Available<Answer>* answer : {&r.lossless, &r.lossy, &r.default_answer}) {
    (**answer).engine = Engine::oldiron;
    (**answer).ik_llama = {{"llama-bench", "-m", "FILE", "-t", "8", "-rtr", "1"}, Basis::untested, "", 16.6};
    (**answer).llama_cpp = {{"llama-bench", "-m", "FILE", "-t", "8"}, Basis::untested, "", 16.6};
  }
  Answer& best = *r.lossless;
  for (int rank = 0; rank < 8; ++rank)
    best.waits.share.push_back(measured("share", 0.011 + 0.002 * rank, 0.1));
  best.waits.per_step = 184;
  best.waits.barrier_s = 0.62e-6;
  best.multiplied = measured(kMultiplyRate, 552e9, 0.04);
  best.pages = {{"weights", 14'380'000'000, 14'178'000'000}, {"keys and values", 215'000'000, 216'000'000},
                {"scratch and the rest", 140'000'000, 96'000'000}};
  const auto around = [](const char* name, double value, double half) {
    return Measurement{.name = name, .unit = "", .samples = std::vector<double>(8, value), .median = value, .low = value - half, .high = value + half};
  };
  r.lossy_choices = {{"n_experts=6", measured(kDecode, 16.6, 0.012),
                      Quality{around(kQualityKl, 0.0212, 0.003), around(kQualityTop1, 0.9612, 0.008), 8, 0, 0}},
                     {"n_experts=4", measured(kDecode, 18.9, 0.012),
                      Quality{around(kQualityKl, 0.118, 0.021), around(kQualityTop1, 0.884, 0.016), 8, 2, 1}},
                     {"head_type=q4_0", {}, Available<Quality>::not_available("not measured: no time was left")}};
  (*r.lossy).quality = quality_text(*r.lossy_choices[0].quality);
  r.drafts = {{"ngram", 4, measured(kDecode, 14.2, 0.02), measured(kPlainDecode, 15.3, 0.02), around(kDraftRoundTokens, 1.31, 0.2),
               {around("draft_acceptance/1", 0.31, 0.1), around("draft_acceptance/2", 0.2, 0.1), around("draft_acceptance/3", 0, 0.2)}}};
  std::erase_if(r.trials, [](const Trial& t) { return t.spec.engine == Engine::llama_cpp; });
  for (Trial& t : r.trials) t.spec.engine = Engine::oldiron;
  return r;
}

/// Two engines that both ran.
inline Report two_engines_report() {
  Report r = sample_report();
  (*r.lossless).llama_cpp = {
      {"llama-bench", "-m", "synthetic-26b-a4b-Q4_0.gguf", "-p", "512", "-n", "128", "-t", "8"},
      Basis::confirmed,
      "",
      21.3};
  return r;
}

/// Every trial failed; nothing but the machine and the model is known.
inline Report failed_report() {
  Report r;
  r.oldiron_version = "oldiron 0.1.0";
  r.created = "2026-11-20T19:12:44Z";
  r.out_dir = "oldiron-out";
  r.machine = sample_machine();
  r.machine.modules = Available<MemoryModules>::not_available("the DIMM table needs root");
  r.profile = sample_profile();
  r.model = sample_model();
  r.engines = {{Engine::ik_llama, "/opt/ik/bin", std::string("ik_llama.cpp 4840 (8337e4cd3)")}};
  r.lossless = Available<Answer>::not_available("all 5 trials failed");
  for (int i = 0; i < 5; ++i) {
    Trial t;
    t.spec.engine = Engine::ik_llama;
    t.spec.config.ubatch = 128 * (i + 1);
    t.status = i == 4 ? Status::timed_out : Status::failed;
    t.reason = i == 4 ? "no result after 120 s" : "llama-bench ended with exit code 1: failed to load model";
    r.trials.push_back(t);
  }
  r.budget = {.limit_s = 600, .used_s = 140, .load_s = 0, .loads = 0, .remembered = 0, .stopped_by = "done"};
  return r;
}

/// What somebody could put into names of files, machines and engines, or an engine into its output.
inline constexpr const char* kHostile =
    "x'\"`$(touch /tmp/owned)`</script><script>alert(1)</script>&|*_[a](javascript:b)\n# "
    "new\r\x1b[2J\x01\xff\xe2\x80\xae ```end";

inline Report hostile_report() {
  Report r = sample_report();
  const std::string bad = kHostile;
  r.model.id = r.machine.cpu_model = r.machine.hypervisor = r.machine.kernel = r.out_dir = bad;
  (*r.machine.modules).type = r.oldiron_version = r.created = bad;
  r.engines[0].version = bad;
  r.engines[0].dir = bad;
  (*r.lossless).ik_llama.argv = {"llama-bench", "-m", bad, "-t", "8"};
  (*r.lossless).llama_cpp.reason = bad;
  (*r.lossless).decode.tags = {bad};
  (*r.lossless).wall.name = bad;
  (*r.lossy).quality = bad;
  r.lossy_choices = {{bad, {}, Available<Quality>::not_available(bad)}};
  r.drafts = {{bad, 1, measured(kDecode, 1, 0.1), measured(kPlainDecode, 1, 0.1), {}, {}}};
  for (LeverEffect& e : r.effects) e.value = e.from = bad;
  for (LeftOut& l : r.left_out) l.lever = l.reason = bad;
  for (Trial& t : r.trials) t.reason = t.spec.model = bad;
  return r;
}

/// Compares with tests/data/reports/<name>; with OLDIRON_REFRESH=1 writes it instead. Returns what is wrong,
/// or "".
inline std::string golden_difference(const std::string& name, const std::string& text) {
  const std::string path = std::string(OLDIRON_TEST_DATA) + "/reports/" + name;
  const char* refresh = std::getenv("OLDIRON_REFRESH");
  if (refresh != nullptr && std::string(refresh) == "1") {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    write_file(path, text);
    return "";
  }
  const std::string expected = read_file(path);
  if (expected == text) return "";
  std::size_t at = 0;
  while (at < expected.size() && at < text.size() && expected[at] == text[at]) ++at;
  const std::size_t from = at > 60 ? at - 60 : 0;
  return name + " differs at byte " + std::to_string(at) + ":\n  expected: " + expected.substr(from, 140) +
         "\n  is:       " + text.substr(from, 140) + "\nOLDIRON_REFRESH=1 writes it anew";
}

}  // namespace oldiron::reports
