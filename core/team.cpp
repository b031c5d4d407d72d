#include "core/team.hpp"

#include <immintrin.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "core/check.hpp"
#include "core/clock.hpp"

namespace oldiron {
namespace {

// Longer than the usual imbalance between two barriers of a layer, and about twice what a futex sleep and
// wake costs on a virtual machine (50 to 100 us); short enough that a rank whose partner lost its CPU soon
// gives its own away.
constexpr double kSpin_s = 200e-6;

// MXCSR: flush-to-zero is bit 15, denormals-are-zero bit 6 (Intel SDM volume 1, 10.2.3).
constexpr unsigned kFlushDenormals = 0x8040;

/// Unwinds ranks that wait for one that failed; never seen outside this file.
struct Aborted {};

/// A 32-bit value that ranks wait on: they spin first, then sleep in the kernel.
///
/// The sleeper counts itself before the kernel compares the value, the waker stores the value before it reads
/// the count; both sequentially consistent, so that a wake-up is never lost and a wake without sleepers is no
/// system call.
class Word {
 public:
  std::uint32_t load() const { return value_.load(std::memory_order_acquire); }

  void store(std::uint32_t value) {
    value_.store(value);
    wake();
  }

  std::uint32_t add(std::uint32_t delta) { return value_.fetch_add(delta) + delta; }

  void wake() {
    if (sleepers_.load() > 0) futex(FUTEX_WAKE_PRIVATE, static_cast<std::uint32_t>(INT32_MAX));
  }

  /// Returns the first value seen that is not wanted away by `keep_waiting`.
  template <class KeepWaiting>
  std::uint32_t wait(double spin_s, KeepWaiting keep_waiting) {
    std::uint32_t value = load();
    if (!keep_waiting(value)) return value;
    if (spin_s > 0) {
      const double until_s = now_s() + spin_s;
      do {
        // 32 pauses are 0.5 to 1.5 us: the clock is then a small part of the loop.
        for (int i = 0; i < 32; ++i) {
          _mm_pause();
          value = load();
          if (!keep_waiting(value)) return value;
        }
      } while (now_s() < until_s);
    }
    sleepers_.fetch_add(1);
    while (keep_waiting(value = value_.load())) futex(FUTEX_WAIT_PRIVATE, value);
    sleepers_.fetch_sub(1);
    return value;
  }

 private:
  void futex(int operation, std::uint32_t argument) {
    static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));
    syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&value_), operation, argument, nullptr, nullptr, 0);
  }

  std::atomic<std::uint32_t> value_{0};
  std::atomic<std::uint32_t> sleepers_{0};
};

bool pin_self(int cpu) {
  if (cpu < 0 || cpu >= CPU_SETSIZE) return false;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  return pthread_setaffinity_np(pthread_self(), sizeof set, &set) == 0;
}

/// Lends the calling thread to rank 0: pinned and with FTZ and DAZ; both as they were before at the end.
class Lent {
 public:
  explicit Lent(int cpu) : mxcsr_(_mm_getcsr()) {
    known_ = cpu >= 0 && pthread_getaffinity_np(pthread_self(), sizeof before_, &before_) == 0;
    pinned_ = known_ && pin_self(cpu);
    flush_denormals();
  }

  ~Lent() {
    _mm_setcsr(mxcsr_);
    if (pinned_) pthread_setaffinity_np(pthread_self(), sizeof before_, &before_);
  }

  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;

  bool pinned() const { return pinned_; }

 private:
  cpu_set_t before_;
  unsigned mxcsr_;
  bool known_ = false, pinned_ = false;
};

/// Spinning pays only if every rank has a CPU to itself; a shared one is better left to the partner.
double spin_for(const std::vector<int>& cpus) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 0;
  if (cpus.size() > static_cast<std::size_t>(CPU_COUNT(&allowed))) return 0;
  std::set<int> seen;
  for (const int cpu : cpus)
    if (cpu >= 0 && !seen.insert(cpu).second) return 0;
  return kSpin_s;
}

}  // namespace

// A line of cache each, two for the neighbour that the prefetcher brings: ranks write theirs without
// disturbing others.
struct alignas(128) Team::Rank {
  Word ticket;  ///< changes when the rank shall work
  std::atomic<double> waited_s{0};
  std::atomic<bool> pinned{false};
  std::thread thread;
};

struct Team::State {
  explicit State(std::size_t ranks, double spin) : rank(ranks), spin_s(spin) {}

  std::vector<Rank> rank;
  double spin_s;
  alignas(128) std::atomic<std::uint32_t> arrived{0};
  alignas(128) Word generation;  ///< of the barrier: its change is the sense that turns
  alignas(128) Word busy;        ///< workers that have not finished
  alignas(128) std::atomic<bool> running{false};
  std::atomic<bool> stopping{false};
  std::atomic<bool> aborted{false};
  std::mutex error_mutex;
  std::exception_ptr error;
  const std::function<void(int, int)>* f = nullptr;
  int active = 0;
};

Team::Team(std::vector<int> cpus) : cpus_(std::move(cpus)) {
  CHECK(!cpus_.empty(), "a team has at least one rank");
  state_ = std::make_unique<State>(cpus_.size(), spin_for(cpus_));
  state_->rank[0].pinned = Lent(cpus_[0]).pinned();
  state_->busy.store(static_cast<std::uint32_t>(size() - 1));
  for (int rank = 1; rank < size(); ++rank) {
    try {
      state_->rank[static_cast<std::size_t>(rank)].thread = std::thread([this, rank] { work(rank); });
    } catch (const std::system_error& e) {
      stop();
      throw Error("cannot start " + std::to_string(size()) + " threads: " + e.what() +
                  "; raise the limit of processes " + "(ulimit -u, pids.max) or use fewer threads");
    }
  }
  state_->busy.wait(state_->spin_s, [](std::uint32_t busy) { return busy != 0; });
}

Team::~Team() { stop(); }

void Team::stop() {
  state_->stopping = true;
  for (Rank& rank : state_->rank) {
    rank.ticket.store(rank.ticket.load() + 1);
    if (rank.thread.joinable()) rank.thread.join();
  }
}

void Team::work(int rank) {
  Rank& self = state_->rank[static_cast<std::size_t>(rank)];
  self.pinned = pin_self(cpus_[static_cast<std::size_t>(rank)]);
  flush_denormals();
  std::uint32_t seen = 0;
  if (state_->busy.add(static_cast<std::uint32_t>(-1)) == 0) state_->busy.wake();
  while (true) {
    seen = self.ticket.wait(state_->spin_s, [seen](std::uint32_t ticket) { return ticket == seen; });
    if (state_->stopping) return;
    call(rank);
    if (state_->busy.add(static_cast<std::uint32_t>(-1)) == 0) state_->busy.wake();
  }
}

void Team::call(int rank) {
  try {
    (*state_->f)(rank, state_->active);
  } catch (const Aborted&) {
    // The rank that failed has left its exception.
  } catch (...) {
    fail(std::current_exception());
  }
}

void Team::fail(std::exception_ptr error) {
  {
    std::lock_guard lock(state_->error_mutex);
    if (!state_->error) state_->error = std::move(error);
  }
  // Before the turn: who enters a barrier after it sees the flag, who waits in one sees the turn.
  state_->aborted = true;
  state_->generation.add(1);
  state_->generation.wake();
}

void Team::run(int active, const std::function<void(int rank, int active)>& f) {
  CHECK(active >= 1 && active <= size(), "ranks asked for are in the team");
  State& state = *state_;
  CHECK(!state.running.exchange(true), "one run of a team at a time");
  {
    const Lent lent(cpus_[0]);
    state.f = &f;
    state.active = active;
    state.arrived = 0;
    state.busy.store(static_cast<std::uint32_t>(active - 1));
    for (int rank = 1; rank < active; ++rank) {
      Word& ticket = state.rank[static_cast<std::size_t>(rank)].ticket;
      ticket.store(ticket.load() + 1);
    }
    call(0);
    state.busy.wait(state.spin_s, [](std::uint32_t busy) { return busy != 0; });
  }
  state.aborted = false;
  const std::exception_ptr error = std::exchange(state.error, nullptr);
  state.running = false;
  if (error) std::rethrow_exception(error);
}

void Team::barrier(int rank) {
  State& state = *state_;
  if (state.active == 1) return;
  const std::uint32_t turn = state.generation.load();
  if (state.aborted) throw Aborted{};
  if (state.arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == static_cast<std::uint32_t>(state.active)) {
    state.arrived.store(0, std::memory_order_relaxed);
    state.generation.add(1);
    state.generation.wake();
    return;
  }
  const double start_s = now_s();
  state.generation.wait(state.spin_s, [turn](std::uint32_t now) { return now == turn; });
  std::atomic<double>& waited_s = state.rank[static_cast<std::size_t>(rank)].waited_s;
  waited_s.store(waited_s.load(std::memory_order_relaxed) + now_s() - start_s, std::memory_order_relaxed);
  if (state.aborted) throw Aborted{};
}

double Team::waited_s(int rank) const { return state_->rank[static_cast<std::size_t>(rank)].waited_s; }

void Team::reset_waits() {
  for (Rank& rank : state_->rank) rank.waited_s = 0;
}

bool Team::pinned(int rank) const { return state_->rank[static_cast<std::size_t>(rank)].pinned; }

void flush_denormals() { _mm_setcsr(_mm_getcsr() | kFlushDenormals); }

Range share(std::int64_t n, std::int64_t step, int rank, int size) {
  CHECK(n >= 0 && step >= 1 && size >= 1 && rank >= 0 && rank < size, "a share of something");
  const std::int64_t steps = (n + step - 1) / step;
  return {std::min(n, steps * rank / size * step), std::min(n, steps * (rank + 1) / size * step)};
}

}  // namespace oldiron
