// The guard's side of the protocol: a small single-threaded process that starts one child and outlives all of
// its offspring.
#include "runner/guard.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/check.hpp"
#include "core/clock.hpp"
#include "runner/process.hpp"

namespace oldiron {
namespace {

constexpr const char* kOomScore =
    "500";  // of -1000..1000: when memory runs out the kernel takes the trial before us

using Json = nlohmann::json;

void report(const Json& json) {
  const std::string line = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  const ssize_t written = write(kReport, line.data(), line.size());
  static_cast<void>(written);  // nobody may be left to read it
}

/// The rest of the child's life before exec; errors go up `error_pipe`, which exec closes.
[[noreturn]] void become(std::vector<char*>& argv, pid_t guard, int error_pipe) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != guard) _exit(127);  // the guard died before the line above
  setpgid(0, 0);
  for (const int each : {SIGHUP, SIGINT, SIGTERM, SIGPIPE}) signal(each, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (const int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC); score >= 0) {
    const ssize_t written = write(score, kOomScore, std::strlen(kOomScore));
    static_cast<void>(written);
  }
  execvp(argv[0], argv.data());
  const int error = errno;
  const ssize_t written = write(error_pipe, &error, sizeof error);
  static_cast<void>(written);
  _exit(127);
}

struct Started {
  pid_t pid = -1;
  int error = 0;
};

Started start(std::vector<std::string> argv) {
  int error_pipe[2] = {-1, -1};
  if (pipe2(error_pipe, O_CLOEXEC) != 0) return {-1, errno};
  std::vector<char*> arguments = argv_pointers(argv);
  const pid_t guard = getpid();
  Started child = {fork(), errno};
  if (child.pid == 0) become(arguments, guard, error_pipe[1]);
  close(error_pipe[1]);
  if (child.pid > 0) {
    setpgid(child.pid, child.pid);  // here too: whoever is first, nobody sees it without its group
    child.error = 0;
    ssize_t got = 0;
    do {
      got = read(error_pipe[0], &child.error, sizeof child.error);
    } while (got < 0 && errno == EINTR);
    if (got == 0) child.error = 0;
  }
  close(error_pipe[0]);
  return child;
}

/// The standard streams are the child's: the parent must see them close when the child ends.
void let_go_of_streams() {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int each : {0, 1, 2}) null >= 0 ? dup2(null, each) : close(each);
  if (null > 2) close(null);
}

/// Process and parent of everything in /proc.
std::map<pid_t, pid_t> parents() {
  std::map<pid_t, pid_t> result;
  DIR* proc = opendir("/proc");
  if (proc == nullptr) return result;
  while (const dirent* entry = readdir(proc)) {
    const auto pid = static_cast<pid_t>(std::atol(entry->d_name));
    if (pid <= 0) continue;
    const std::string path = std::string("/proc/") + entry->d_name + "/stat";
    std::FILE* file = std::fopen(path.c_str(), "re");
    if (file == nullptr) continue;
    char text[512] = {};
    const std::size_t size = std::fread(text, 1, sizeof text - 1, file);
    std::fclose(file);
    const std::string_view line(text, size);
    const auto name_end = line.rfind(')');  // the name may hold spaces and brackets itself
    int parent = 0;
    if (name_end != line.npos && std::sscanf(text + name_end + 1, " %*c %d", &parent) == 1)
      result[pid] = parent;
  }
  closedir(proc);
  return result;
}

bool descends_from_us(pid_t pid, const std::map<pid_t, pid_t>& parent_of) {
  // Read one after another, the entries may contradict each other: the limit ends a circle.
  for (std::size_t generations = 0; generations < parent_of.size(); ++generations) {
    const auto at = parent_of.find(pid);
    if (at == parent_of.end()) return false;
    pid = at->second;
    if (pid == getpid()) return true;
  }
  return false;
}

/// Kills every descendant; how many took the signal. Orphans come to us, for we are a subreaper: none can
/// hide.
int kill_descendants() {
  const auto parent_of = parents();
  int signalled = 0;
  for (const auto& [pid, parent] : parent_of)
    if (descends_from_us(pid, parent_of) && kill(pid, SIGKILL) == 0) ++signalled;
  return signalled;
}

struct End {
  int status = 0;
  rusage usage = {};
};

/// Waits for whoever has ended; remembers `child`. False if nobody is left.
bool reap(pid_t child, std::optional<End>& end) {
  for (;;) {
    End each;
    const pid_t pid = wait4(-1, &each.status, WNOHANG, &each.usage);
    if (pid < 0) return false;
    if (pid == 0) return true;
    if (pid == child) end = each;
  }
}

/// Waits until the child has ended or the lifeline asks for its death.
void watch(pid_t child, int sigchld_fd, std::optional<End>& end) {
  pollfd polled[] = {{kLifeline, POLLIN, 0}, {sigchld_fd, POLLIN, 0}};
  while (reap(child, end) && !end) {
    if (poll(polled, 2, -1) < 0) continue;
    signalfd_siginfo info;
    if (polled[1].revents != 0 && read(sigchld_fd, &info, sizeof info) < 0) continue;
    char word = 0;
    if (polled[0].revents == 0) continue;
    const ssize_t got = read(kLifeline, &word, 1);
    if (got == 0 || (got == 1 && word == 'k')) return;
  }
}

void kill_all(pid_t child, int sigchld_fd, std::optional<End>& end) {
  if (!end) kill(-child, SIGKILL);  // at one stroke; once the child is reaped its number may be another's
  while (reap(child, end)) {
    if (kill_descendants() == 0 && !reap(child, end)) return;
    pollfd polled = {sigchld_fd, POLLIN, 0};
    constexpr int kAgain_ms = 20;
    signalfd_siginfo info;
    if (poll(&polled, 1, kAgain_ms) > 0 && read(sigchld_fd, &info, sizeof info) < 0) continue;
  }
}

}  // namespace

int guard_main(const std::vector<std::string>& argv) {
  if (argv.empty() || fcntl(kLifeline, F_SETFD, FD_CLOEXEC) != 0 ||
      fcntl(kReport, F_SETFD, FD_CLOEXEC) != 0) {
    std::fprintf(stderr,
                 "oldiron guard is started by oldiron itself, with a command and descriptors 3 and 4\n");
    return 2;
  }
  setsid();  // fails if the parent has already seen to it
  for (const int each : {SIGHUP, SIGINT, SIGTERM, SIGPIPE}) signal(each, SIG_IGN);
  signal(SIGCHLD, SIG_DFL);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  sigset_t child_signal;
  sigemptyset(&child_signal);
  sigaddset(&child_signal, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child_signal, nullptr);
  const int sigchld_fd = signalfd(-1, &child_signal, SFD_CLOEXEC | SFD_NONBLOCK);

  const double started_s = now_s();
  const Started child = start(argv);
  let_go_of_streams();
  if (child.error != 0) {
    report({{"error", "cannot start " + argv[0] + ": " + std::strerror(child.error)}});
    return 127;
  }
  std::optional<End> end;
  watch(child.pid, sigchld_fd, end);
  const double wall_s = now_s() - started_s;
  kill_all(child.pid, sigchld_fd, end);
  if (!end) {
    report({{"error", "the child could not be waited for"}});
    return 127;
  }
  report({{"pid", child.pid},
          {"exit", WIFEXITED(end->status) ? WEXITSTATUS(end->status) : -1},
          {"signal", WIFSIGNALED(end->status) ? WTERMSIG(end->status) : 0},
          {"max_rss_bytes", std::int64_t{end->usage.ru_maxrss} * 1024},
          {"user_s", seconds_of(end->usage.ru_utime)},
          {"system_s", seconds_of(end->usage.ru_stime)},
          {"wall_s", wall_s}});
  return 0;
}

}  // namespace oldiron
