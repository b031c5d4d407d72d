#include "probes/doctor/process_doctor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "core/text.hpp"

namespace oldiron {
namespace {

constexpr const char* kIdle = "it was idle; ask it something and look again";

struct Examined {
  const ProcessFacts& process;
  const Patient& patient;
};

RuleVerdict swapped(const Examined& e) {
  const ProcessFacts& p = e.process;
  if (p.swapped_bytes == 0) return fine();
  const std::string off = as_root(e.patient, "swapoff -a"), on = as_root(e.patient, "swapon -a");
  return {.finding = Finding{.id = "process_swapped",
                             .what = fmt::format("{} of {} lie in swap, {} are resident", bytes(p.swapped_bytes), p.name,
                                                 bytes(p.resident_bytes)),
                             .why = "what a token needs of it is read back at the speed of a disk",
                             .weight = 90,
                             .place = kernel_place(e.patient),
                             .fix = p.swapped_bytes < e.patient.state.memory_available_bytes
                                        ? fmt::format("{} && {}", off, on)
                                        : "the memory is too small for it: a smaller model, or stop something first",
                             .undo = "none needed: swap is on again",
                             .lasting = "start it with --mlock, and lift the limit of locked memory"}};
}

RuleVerdict faults(const Examined& e) {
  constexpr double kOften_per_s = 10;
  const ProcessFacts& p = e.process;
  if (p.watched_s == 0) return {.finding = {}, .unknown = "it was not watched"};
  if (p.major_faults_per_s < kOften_per_s) return fine();
  return {.finding = Finding{
              .id = "process_faults",
              .what = fmt::format("{} reads pages from disk: {:.0f} major faults a second, {} since its start", p.name,
                                  p.major_faults_per_s, p.major_faults),
              .why = "it is loading, or its model does not stay in memory and is read again for every token",
              .weight = 95,
              .place = Place::here,
              .fix = "if it is not loading: free memory, take a smaller model, or start it with --mlock",
              .undo = "start it as before"}};
}

RuleVerdict residency(const Examined& e) {
  constexpr double kAlmostAll = 0.98;
  const auto& model = e.process.model;
  if (!model) return {.finding = {}, .unknown = model.reason()};
  const double share = static_cast<double>(model->resident_bytes) / static_cast<double>(std::max<std::int64_t>(1, model->bytes));
  constexpr std::int64_t kModel = 100'000'000;  // smaller files are libraries
  if (model->bytes < kModel) return {.finding = {}, .unknown = "it has mapped no file of a model's size"};
  if (share >= kAlmostAll) return fine();
  return {.finding = Finding{.id = "model_not_resident",
                             .what = fmt::format("{} of the {} of {} are in its memory", percent_text(share),
                                                 bytes(model->bytes), model->path),
                             .why = "the first use of every other page waits for the file cache, or for the disk",
                             .weight = 55,
                             .fix = fmt::format("cat {} >/dev/null   (into the file cache), or start it with --mlock",
                                                shell_quote(model->path)),
                             .undo = "none needed"}};
}

RuleVerdict pages(const Examined& e) {
  constexpr double kFew = 0.5;
  constexpr std::int64_t kWorthIt = 500'000'000;
  const auto& huge = e.process.huge_page_bytes;
  if (!huge) return {.finding = {}, .unknown = huge.reason()};
  const std::int64_t all = e.process.resident_bytes;
  if (all < kWorthIt || static_cast<double>(*huge) >= kFew * static_cast<double>(all)) return fine();
  Finding found{.id = "process_pages",
                .what = fmt::format("{} of the {} of {} lie in huge pages", bytes(*huge), bytes(all), e.process.name),
                .why = "weights are read through 4 KiB pages",
                .weight = 50,
                .fix = "start it with GLIBC_TUNABLES=glibc.malloc.hugetlb=1 and without mmap: --no-mmap, or "
                       "\"use_mmap\": false in Ollama's options",
                .undo = "start it as before"};
  if (e.patient.huge_pages) {
    const HugePageEffect& effect = *e.patient.huge_pages;
    found.stake = {.basis = StakeBasis::measured,
                   .low = effect.speedup.interval.low - 1,
                   .high = effect.speedup.interval.high - 1,
                   .how = "of oldiron's own decode of " + effect.model};
  } else {
    found.stake.how = "oldiron doctor --measure tells what it is with oldiron's kernels";
  }
  return {.finding = found};
}

RuleVerdict threads(const Examined& e) {
  const ProcessFacts& p = e.process;
  const int busy = p.busy_threads();
  if (p.watched_s == 0) return {.finding = {}, .unknown = "it was not watched"};
  if (busy == 0) return {.finding = {}, .unknown = kIdle};
  const int cores = usable_threads(e.patient.machine, e.patient.state);
  if (busy <= cores) return fine();
  return {.finding = Finding{.id = "process_threads",
                             .what = fmt::format("{} computes with {} threads, and {} would all run at once", p.name, busy,
                                                 cores),
                             .why = "a step ends with its slowest thread, and some share a core or wait for one",
                             .weight = 60,
                             .fix = fmt::format("start it with -t {}; Ollama: \"num_thread\": {} in its options", cores, cores),
                             .undo = "start it as before"}};
}

RuleVerdict masks(const Examined& e) {
  constexpr double kComputes = 0.1;
  std::map<std::vector<int>, int> crowds;
  for (const ProcessThread& thread : e.process.threads)
    if (thread.busy >= kComputes && !thread.cpus.empty()) ++crowds[thread.cpus];
  if (crowds.empty()) return {.finding = {}, .unknown = kIdle};
  for (const auto& [cpus, count] : crowds)
    if (count > static_cast<int>(cpus.size()))
      return {.finding = Finding{.id = "process_masks",
                                 .what = fmt::format("{} busy threads of {} may use {} CPU{} only ({})", count,
                                                     e.process.name, cpus.size(), cpus.size() == 1 ? "" : "s",
                                                     fmt::join(cpus, ",")),
                                 .why = "they take turns while other CPUs are idle",
                                 .weight = 80,
                                 .fix = as_root(e.patient, fmt::format("taskset -apc {} {}",
                                                                       e.patient.facts.cpuset ? *e.patient.facts.cpuset : "0-",
                                                                       e.process.pid)),
                                 .undo = as_root(e.patient, fmt::format("taskset -apc {} {}", fmt::join(cpus, ","),
                                                                        e.process.pid))}};
  return fine();
}

RuleVerdict nodes(const Examined& e) {
  constexpr double kMost = 0.8;
  if (e.patient.machine.nodes < 2) return fine();
  const auto& nodes = e.process.node_bytes;
  if (!nodes) return {.finding = {}, .unknown = nodes.reason()};
  const double all = static_cast<double>(std::accumulate(nodes->begin(), nodes->end(), std::int64_t{0}));
  const auto largest = std::max_element(nodes->begin(), nodes->end());
  if (all == 0 || static_cast<double>(*largest) < kMost * all) return fine();
  const auto node = std::distance(nodes->begin(), largest);
  return {.finding = Finding{.id = "process_nodes",
                             .what = fmt::format("{} of its memory lie on NUMA node {}",
                                                 percent_text(static_cast<double>(*largest) / all), node),
                             .why = "all reads go through one socket's channels; threads of the others read across",
                             .weight = 65,
                             .fix = "drop the file cache, then start it spread: sync; echo 3 | sudo tee "
                                    "/proc/sys/vm/drop_caches; numactl --interleave=all llama-server --numa distribute …",
                             .undo = "start it as before"}};
}

struct ProcessRule {
  const char* looks_at;
  RuleVerdict (*look)(const Examined&);
};

constexpr ProcessRule kProcessRules[] = {{"swap", swapped},        {"major faults", faults},     {"residency of the model", residency},
                                         {"huge pages", pages},    {"number of threads", threads}, {"masks of the threads", masks},
                                         {"NUMA placement", nodes}};

}  // namespace

Diagnosis diagnose_process(const ProcessFacts& process, const Patient& patient) {
  Diagnosis diagnosis;
  for (const ProcessRule& rule : kProcessRules) {
    RuleVerdict verdict = rule.look({process, patient});
    if (verdict.finding)
      diagnosis.findings.push_back(std::move(*verdict.finding));
    else if (!verdict.unknown.empty())
      diagnosis.not_checked.push_back(fmt::format("{}: {}", rule.looks_at, verdict.unknown));
    else
      diagnosis.fine.emplace_back(rule.looks_at);
  }
  rank(diagnosis.findings);
  return diagnosis;
}

}  // namespace oldiron
