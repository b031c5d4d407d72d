#include "runner/audit/run_watch.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "core/check.hpp"
#include "core/clock.hpp"
#include "probes/process_facts.hpp"

namespace oldiron {
namespace {

namespace fs = std::filesystem;

constexpr double kOften_s = 0.02, kSeldom_s = 1;
constexpr double kShare = 0.2;        // of the busiest thread's time: threads of a log or a server have far less
constexpr double kLongEnough_s = 0.1;  // the kernel counts in hundredths of seconds

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The guard's child; 0 if there is none.
int child_of(pid_t guard) {
  int pid = 0;
  std::istringstream(text_of(fmt::format("/proc/{}/task/{}/children", guard, guard))) >> pid;
  return pid;
}

/// User and system time: fields 14 and 15 of proc(5), behind a name that may hold blanks.
double cpu_s(const std::string& stat) {
  const auto name_end = stat.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(stat.substr(name_end + 1));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  double user = 0, system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::size_t own_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<std::size_t>(CPU_COUNT(&set)) : 0;
}

}  // namespace

RunWatch::RunWatch(std::string model) : model_(std::move(model)) {
  std::error_code failed;
  const fs::path whole = fs::canonical(model_, failed);
  if (!failed) model_ = whole.string();
}

void RunWatch::look(const GuardedChild& child, bool now) {
  if (!now && now_s() < next_s_) return;
  const int pid = child.guard_pid() > 0 ? child_of(child.guard_pid()) : 0;
  // Every look costs the child's own time where its memory is large.
  next_s_ = now_s() + (seen_.looked && seen_.locked_bytes + seen_.huge_page_bytes > (1 << 30) ? kSeldom_s : kOften_s);
  if (pid <= 0) return;
  try {
    const ProcessFacts facts = read_process(pid, "/", 0);
    if (facts.resident_bytes == 0) return;
    if (facts.resident_bytes > std::int64_t{1} << 30) next_s_ = now_s() + kSeldom_s;
    seen_.looked = true;
    seen_.locked_bytes = std::max(seen_.locked_bytes, facts.locked_bytes);
    if (facts.huge_page_bytes) seen_.huge_page_bytes = std::max(seen_.huge_page_bytes, *facts.huge_page_bytes);
    seen_.model_mapped = facts.model && facts.model->path == model_;
    if (facts.node_bytes) seen_.node_bytes = *facts.node_bytes;
    seen_.memory_policy = facts.memory_policy;
    seen_.nice = getpriority(PRIO_PROCESS, static_cast<id_t>(pid)) - getpriority(PRIO_PROCESS, 0);
    const std::size_t allowed = own_cpus();
    for (const ProcessThread& thread : facts.threads) {
      seen_.bound = seen_.bound || (!thread.cpus.empty() && thread.cpus.size() < allowed);
      thread_cpu_s_[thread.id] = cpu_s(text_of(fmt::format("/proc/{}/task/{}/stat", pid, thread.id)));
    }
  } catch (const Error&) {
    // It ended meanwhile, and the log tells how.
  }
}

RunSeen RunWatch::seen() const {
  RunSeen seen = seen_;
  double busiest_s = 0;
  for (const auto& [id, cpu] : thread_cpu_s_) busiest_s = std::max(busiest_s, cpu);
  if (busiest_s < kLongEnough_s) return seen;
  seen.working_threads = static_cast<int>(
      std::count_if(thread_cpu_s_.begin(), thread_cpu_s_.end(), [&](const auto& each) { return each.second >= kShare * busiest_s; }));
  return seen;
}

}  // namespace oldiron
