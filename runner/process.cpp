// Process: posix_spawn with redirects, environment, CPUs and a pidfd.
#include "runner/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/mempolicy.h>
#include <poll.h>
#include <sched.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cmath>
#include <csignal>
#include <cstring>

#include "core/check.hpp"
#include "core/clock.hpp"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX has it in no header

namespace oldiron {
namespace {

// Descriptors for a child are moved out of the way of the numbers 0 to 9 that they are copied to.
constexpr int kLowestFd = 10;

Descriptor high(Descriptor low) {
  Descriptor moved(fcntl(low.get(), F_DUPFD_CLOEXEC, kLowestFd));
  if (!moved)
    throw Error(fmt::format("cannot open a pipe: {}; raise the limit of open files", std::strerror(errno)));
  return moved;
}

struct Pipe {
  Descriptor ours, theirs;
};

/// Wraps the two ends, ours first and non-blocking.
Pipe pipe_of(int result, const int (&ends)[2]) {
  if (result != 0)
    throw Error(fmt::format("cannot open a pipe: {}; raise the limit of open files", std::strerror(errno)));
  Descriptor first(ends[0]), second(ends[1]);
  Pipe pipe = {high(std::move(first)), high(std::move(second))};
  fcntl(pipe.ours.get(), F_SETFL, O_NONBLOCK);
  return pipe;
}

Pipe output_pipe() {
  int ends[2] = {-1, -1};
  const int result = pipe2(ends, O_CLOEXEC);
  return pipe_of(result, ends);
}

Pipe input_pipe() {
  int ends[2] = {-1, -1};
  const int result = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
  return pipe_of(result, ends);
}

Descriptor opened(const char* path, int flags) {
  const int fd = open(path, flags | O_CLOEXEC, 0644);
  if (fd < 0) throw Error(fmt::format("cannot open {}: {}", path, std::strerror(errno)));
  return high(Descriptor(fd));
}

/// Gives the child its end of a redirect; keeps ours in `ours`.
Descriptor redirected(const Redirect& redirect, int number, Descriptor& ours) {
  const int flags = number == 0 ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC;
  switch (redirect.kind) {
    case Redirect::Kind::inherit:
      return {};
    case Redirect::Kind::null:
      return opened("/dev/null", O_RDWR);
    case Redirect::Kind::file:
      return opened(redirect.path.c_str(), flags);
    case Redirect::Kind::pipe:
      break;
  }
  Pipe pipe = number == 0 ? input_pipe() : output_pipe();
  ours = std::move(pipe.ours);
  return std::move(pipe.theirs);
}

std::vector<std::string> changed_environment(const Command& command) {
  std::vector<std::string> result;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string_view entry = *each;
    const auto name = entry.substr(0, entry.find('='));
    const bool replaced = std::any_of(command.env.begin(), command.env.end(),
                                      [&](const auto& change) { return change.first == name; });
    if (!replaced) result.emplace_back(entry);
  }
  for (const auto& [name, value] : command.env)
    if (value) result.push_back(name + "=" + *value);
  return result;
}

/// While it lives, the calling thread may run on these CPUs only; a child started meanwhile inherits that.
class AffinityScope {
 public:
  explicit AffinityScope(const std::vector<int>& cpus) {
    if (cpus.empty() || sched_getaffinity(0, sizeof before_, &before_) != 0) return;
    cpu_set_t wanted;
    CPU_ZERO(&wanted);
    for (const int cpu : cpus)
      if (cpu >= 0 && cpu < CPU_SETSIZE) CPU_SET(static_cast<unsigned>(cpu), &wanted);
    changed_ = sched_setaffinity(0, sizeof wanted, &wanted) == 0;
  }

  ~AffinityScope() {
    if (changed_) sched_setaffinity(0, sizeof before_, &before_);
  }

  AffinityScope(const AffinityScope&) = delete;
  AffinityScope& operator=(const AffinityScope&) = delete;

 private:
  cpu_set_t before_ = {};
  bool changed_ = false;
};

constexpr int kMostNodes = 1024;
using NodeMask = std::array<unsigned long, kMostNodes / (8 * sizeof(unsigned long))>;

NodeMask node_mask(const std::vector<int>& nodes) {
  constexpr int kBits = 8 * sizeof(unsigned long);
  NodeMask mask = {};
  for (const int node : nodes)
    if (node >= 0 && node < kMostNodes) mask[static_cast<std::size_t>(node / kBits)] |= 1UL << (node % kBits);
  return mask;
}

NodeMask allowed_nodes() {
  NodeMask mask = {};
  syscall(SYS_get_mempolicy, nullptr, mask.data(), kMostNodes, nullptr, MPOL_F_MEMS_ALLOWED);
  return mask;
}

/// While it lives, the calling thread's memory comes from these nodes; a child started meanwhile inherits that, through
/// exec too. Throws Error where the kernel refuses: a trial would be another than its line says.
class MemoryPolicyScope {
 public:
  explicit MemoryPolicyScope(const MemoryPolicy& policy) {
    if (policy.kind == MemoryPolicy::Kind::inherit) return;
    const NodeMask mask = policy.nodes.empty() ? allowed_nodes() : node_mask(policy.nodes);
    const int mode = policy.kind == MemoryPolicy::Kind::interleave ? MPOL_INTERLEAVE : MPOL_BIND;
    if (syscall(SYS_get_mempolicy, &mode_before_, before_.data(), kMostNodes, nullptr, 0) != 0 ||
        syscall(SYS_set_mempolicy, mode, mask.data(), kMostNodes) != 0)
      throw Error(fmt::format("the kernel refuses to choose NUMA nodes for a program: {}", std::strerror(errno)));
    changed_ = true;
  }

  ~MemoryPolicyScope() {
    if (changed_) syscall(SYS_set_mempolicy, mode_before_, before_.data(), kMostNodes);
  }

  MemoryPolicyScope(const MemoryPolicyScope&) = delete;
  MemoryPolicyScope& operator=(const MemoryPolicyScope&) = delete;

 private:
  NodeMask before_ = {};
  int mode_before_ = MPOL_DEFAULT;
  bool changed_ = false;
};

class SpawnOptions {
 public:
  SpawnOptions() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(&attributes_,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  }

  ~SpawnOptions() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }

  SpawnOptions(const SpawnOptions&) = delete;
  SpawnOptions& operator=(const SpawnOptions&) = delete;

  void pass(int fd, int as) { posix_spawn_file_actions_adddup2(&actions_, fd, as); }

  void close_from(int lowest) { posix_spawn_file_actions_addclosefrom_np(&actions_, lowest); }

  void enter(const std::string& folder) { posix_spawn_file_actions_addchdir_np(&actions_, folder.c_str()); }

  pid_t spawn(std::vector<std::string> argv, std::vector<std::string> env) {
    pid_t pid = -1;
    const int error = posix_spawnp(&pid, argv.at(0).c_str(), &actions_, &attributes_, argv_pointers(argv).data(),
                                   argv_pointers(env).data());
    if (error != 0) throw Error(fmt::format("cannot start {}: {}", argv[0], std::strerror(error)));
    return pid;
  }

 private:
  posix_spawn_file_actions_t actions_ = {};
  posix_spawnattr_t attributes_ = {};
};

}  // namespace

std::vector<char*> argv_pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (auto& each : words) result.push_back(each.data());
  result.push_back(nullptr);
  return result;
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

void Output::append(std::string_view bytes) {
  total_bytes_ += static_cast<std::int64_t>(bytes.size());
  const auto to_head = std::min(bytes.size(), head_limit_ - head_.size());
  head_ += bytes.substr(0, to_head);
  tail_ += bytes.substr(to_head);
  if (tail_.size() > 2 * tail_limit_) tail_.erase(0, tail_.size() - tail_limit_);
}

std::int64_t Output::dropped_bytes() const {
  return total_bytes_ - static_cast<std::int64_t>(head_.size() + tail_.size());
}

std::string Output::text() const {
  if (dropped_bytes() == 0) return head_ + tail_;
  return fmt::format("{}\n[{} bytes left out]\n{}", head_, dropped_bytes(), tail_);
}

Process::Process(const Command& command, const std::vector<Passed>& passed) {
  CHECK(!command.argv.empty(), "a command has a program");
  SpawnOptions options;
  const Descriptor streams[] = {redirected(command.in, 0, in), redirected(command.out, 1, out),
                                redirected(command.err, 2, err)};
  for (int i = 0; i < 3; ++i)
    if (streams[i]) options.pass(streams[i].get(), i);
  for (const auto& each : passed) {
    CHECK(each.fd >= kLowestFd && each.as < kLowestFd, "passed descriptors do not overlap their targets");
    options.pass(each.fd, each.as);
  }
  int first_unused = 3;
  for (const auto& each : passed) first_unused = std::max(first_unused, each.as + 1);
  options.close_from(
      first_unused);  // libraries and shells leave descriptors open that are none of the child's business
  if (!command.folder.empty()) options.enter(command.folder);
  const AffinityScope affinity(command.cpus);
  const MemoryPolicyScope memory(command.memory);
  pid_ = options.spawn(command.argv, changed_environment(command));
  if (command.nice != 0) setpriority(PRIO_PROCESS, static_cast<id_t>(pid_), getpriority(PRIO_PROCESS, 0) + command.nice);
  // The system call itself: glibc 2.36 declares pidfd_open without extern "C".
  pidfd_ = Descriptor(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  CHECK(pidfd_, "a child that was not waited for has a pidfd");
}

Process::~Process() {
  if (end_ || abandoned_) return;
  signal_group(SIGKILL);
  wait(HUGE_VAL);
}

std::optional<ProcessEnd> Process::wait(double deadline_s) {
  if (end_) return end_;
  pollfd poll_end = {pidfd_.get(), POLLIN, 0};
  int ready = 0;
  do {
    ready = poll(&poll_end, 1, poll_ms(deadline_s));
  } while (ready <= 0 && now_s() < deadline_s);
  if (ready <= 0) return {};
  int status = 0;
  rusage usage = {};
  CHECK(wait4(pid_, &status, 0, &usage) == pid_, "the child is ours to wait for");
  ProcessEnd end;
  if (WIFEXITED(status)) end.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  end.max_rss_bytes = usage.ru_maxrss * 1024;
  end.user_s = seconds_of(usage.ru_utime);
  end.system_s = seconds_of(usage.ru_stime);
  end_ = end;
  return end_;
}

void Process::signal_group(int signal_number) const {
  if (!end_) kill(-pid_, signal_number);
}

int poll_ms(double deadline_s) {
  const double left_ms = std::ceil(1e3 * (deadline_s - now_s()));
  return static_cast<int>(std::clamp(left_ms, 0.0, 60e3));  // callers poll again
}

}  // namespace oldiron
