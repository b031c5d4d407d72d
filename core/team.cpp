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
#include <numeric>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "core/check.hpp"
#include "core/clock.hpp"
#include "core/stats.hpp"

namespace oldiron {
namespace {

// Longer than the usual imbalance between two barriers of a layer, and about twice what a futex sleep and
// wake costs on a virtual machine (50 to 100 us); short enough that a rank whose partner lost its CPU soon
// gives its own away.
constexpr double kShortSpin_s = 200e-6;
// Longer than any wait of a step whose ranks all run, and than what rank 0 does alone between two steps; a
// rank that is not back by then has lost its CPU, and a team that nobody runs for so long is at rest.
constexpr double kLongSpin_s = 20e-3;
constexpr int kEmptyBarriers = 50;
constexpr int kEmptyRuns = 7;

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
  std::uint32_t wait(std::uint64_t spin_ticks, KeepWaiting keep_waiting) {
    std::uint32_t value = load();
    if (!keep_waiting(value)) return value;
    if (spin_ticks > 0) {
      const std::uint64_t start = ticks_now();
      do {
        // 32 pauses are 0.1 to 1.5 us: the clock is then a small part of the loop.
        for (int i = 0; i < 32; ++i) {
          _mm_pause();
          value = load();
          if (!keep_waiting(value)) return value;
        }
      } while (ticks_now() - start < spin_ticks);
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
double spin_for(const std::vector<int>& cpus, Wait wait) {
  if (wait == Wait::sleep) return 0;
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 0;
  if (cpus.size() > static_cast<std::size_t>(CPU_COUNT(&allowed))) return 0;
  std::set<int> seen;
  for (const int cpu : cpus)
    if (cpu >= 0 && !seen.insert(cpu).second) return 0;
  return wait == Wait::spin ? kLongSpin_s : kShortSpin_s;
}

}  // namespace

// A line of cache each, two for the neighbour that the prefetcher brings: threads write theirs without
// disturbing others.
struct alignas(128) Team::Thread {
  Word ticket;  ///< changes when the thread shall work
  std::atomic<bool> pinned{false};
  std::thread thread;
};

struct alignas(128) Team::Rank {
  std::atomic<std::uint64_t> waited{0};    ///< ticks; written by the rank, and between runs
  std::atomic<std::uint64_t> finished{0};  ///< when its part of the run ended
};

struct Team::State {
  explicit State(std::size_t threads) : thread(threads), rank(threads) {}

  std::vector<Thread> thread;
  std::vector<Rank> rank;
  std::atomic<std::uint64_t> spin_ticks{0};
  std::vector<int> rank_of;       ///< of each thread that works
  std::vector<Range> neighbours;  ///< of each rank: those on its node
  std::vector<int> node;          ///< of each rank, counted from 0
  int active = 0;
  const std::function<void(int, int)>* f = nullptr;
  alignas(128) std::atomic<std::uint32_t> arrived{0};
  std::atomic<std::int64_t> barriers{0};  ///< written by the last to arrive, who has this line anyway
  alignas(128) Word generation;           ///< of the barrier: its change is the sense that turns
  alignas(128) Word busy;                 ///< workers that have not finished
  alignas(128) std::atomic<bool> running{false};
  std::atomic<bool> stopping{false};
  std::atomic<bool> aborted{false};
  std::mutex error_mutex;
  std::exception_ptr error;
};

Team::Team(std::vector<int> cpus, Wait wait, std::vector<int> nodes)
    : cpus_(std::move(cpus)), nodes_(std::move(nodes)) {
  CHECK(!cpus_.empty(), "a team has at least one rank");
  CHECK(nodes_.empty() || nodes_.size() == cpus_.size(), "a node for each CPU, or for none");
  state_ = std::make_unique<State>(cpus_.size());
  set_wait(wait);
  state_->thread[0].pinned = Lent(cpus_[0]).pinned();
  state_->busy.store(static_cast<std::uint32_t>(size() - 1));
  for (int thread = 1; thread < size(); ++thread) {
    try {
      state_->thread[static_cast<std::size_t>(thread)].thread = std::thread([this, thread] { work(thread); });
    } catch (const std::system_error& e) {
      stop();
      throw Error("cannot start " + std::to_string(size()) + " threads: " + e.what() +
                  "; raise the limit of processes " + "(ulimit -u, pids.max) or use fewer threads");
    }
  }
  state_->busy.wait(state_->spin_ticks, [](std::uint32_t busy) { return busy != 0; });
}

Team::~Team() { stop(); }

void Team::stop() {
  state_->stopping = true;
  for (Thread& thread : state_->thread) {
    thread.ticket.store(thread.ticket.load() + 1);
    if (thread.thread.joinable()) thread.thread.join();
  }
}

void Team::work(int thread) {
  State& state = *state_;
  Thread& self = state.thread[static_cast<std::size_t>(thread)];
  self.pinned = pin_self(cpus_[static_cast<std::size_t>(thread)]);
  flush_denormals();
  std::uint32_t seen = 0;
  if (state.busy.add(static_cast<std::uint32_t>(-1)) == 0) state.busy.wake();
  while (true) {
    seen = self.ticket.wait(state.spin_ticks, [seen](std::uint32_t ticket) { return ticket == seen; });
    if (state.stopping) return;
    call(state.rank_of[static_cast<std::size_t>(thread)]);
    if (state.busy.add(static_cast<std::uint32_t>(-1)) == 0) state.busy.wake();
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
  state_->rank[static_cast<std::size_t>(rank)].finished.store(ticks_now(), std::memory_order_relaxed);
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

void Team::number(int active) {
  State& state = *state_;
  if (state.active == active) return;
  state.active = active;
  const auto n = static_cast<std::size_t>(active);
  // Nodes in the order in which the threads come to them: the caller's is the first, so that it stays rank 0.
  std::vector<std::size_t> place(n, 0);
  for (std::size_t thread = 1; thread < n && !nodes_.empty(); ++thread)
    place[thread] =
        static_cast<std::size_t>(std::find(nodes_.begin(), nodes_.end(), nodes_[thread]) - nodes_.begin());
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return place[a] < place[b]; });
  state.rank_of.assign(n, 0);
  state.neighbours.assign(n, {});
  state.node.assign(n, 0);
  for (std::size_t rank = 0, begin = 0; rank < n; ++rank) {
    state.rank_of[order[rank]] = static_cast<int>(rank);
    if (place[order[rank]] != place[order[begin]]) begin = rank;
    state.node[rank] = rank == 0 ? 0 : state.node[rank - 1] + (begin == rank ? 1 : 0);
    for (std::size_t each = begin; each <= rank; ++each)
      state.neighbours[each] = {static_cast<std::int64_t>(begin), static_cast<std::int64_t>(rank + 1)};
  }
}

void Team::run(int active, const std::function<void(int rank, int active)>& f) {
  CHECK(active >= 1 && active <= size(), "ranks asked for are in the team");
  State& state = *state_;
  CHECK(!state.running.exchange(true), "one run of a team at a time");
  {
    const Lent lent(cpus_[0]);
    state.f = &f;
    number(active);
    state.arrived = 0;
    state.busy.store(static_cast<std::uint32_t>(active - 1));
    for (int thread = 1; thread < active; ++thread) {
      Word& ticket = state.thread[static_cast<std::size_t>(thread)].ticket;
      ticket.store(ticket.load() + 1);
    }
    call(0);
    state.busy.wait(state.spin_ticks, [](std::uint32_t busy) { return busy != 0; });
    if (active > 1) {
      // The end of a run is a barrier too, whose last part only rank 0 sees.
      state.barriers.fetch_add(1, std::memory_order_relaxed);
      const std::uint64_t end = ticks_now();
      for (int rank = 0; rank < active; ++rank) {
        const std::uint64_t finished = state.rank[static_cast<std::size_t>(rank)].finished.load();
        // Counters of two CPUs may be apart by a few ticks.
        if (finished < end) add_wait(rank, end - finished);
      }
    }
  }
  state.aborted = false;
  const std::exception_ptr error = std::exchange(state.error, nullptr);
  state.running = false;
  if (error) std::rethrow_exception(error);
}

void Team::barrier(int rank) {
  State& state = *state_;
  if (state.active == 1) return;
  const std::uint64_t start = ticks_now();
  const std::uint32_t turn = state.generation.load();
  if (state.aborted) throw Aborted{};
  if (state.arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == static_cast<std::uint32_t>(state.active)) {
    state.arrived.store(0, std::memory_order_relaxed);
    state.barriers.store(state.barriers.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    state.generation.add(1);
    state.generation.wake();
    add_wait(rank, ticks_now() - start);
    return;
  }
  state.generation.wait(state.spin_ticks, [turn](std::uint32_t now) { return now == turn; });
  add_wait(rank, ticks_now() - start);
  if (state.aborted) throw Aborted{};
}

void Team::add_wait(int rank, std::uint64_t ticks) {
  std::atomic<std::uint64_t>& waited = state_->rank[static_cast<std::size_t>(rank)].waited;
  waited.store(waited.load(std::memory_order_relaxed) + ticks, std::memory_order_relaxed);
}

Range Team::node_ranks(int rank) const { return state_->neighbours[static_cast<std::size_t>(rank)]; }

int Team::node(int rank) const { return state_->node[static_cast<std::size_t>(rank)]; }

int Team::nodes() const {
  return nodes_.empty() ? 1 : static_cast<int>(std::set<int>(nodes_.begin(), nodes_.end()).size());
}

double Team::waited_s(int rank) const {
  return seconds_of(state_->rank[static_cast<std::size_t>(rank)].waited);
}

std::int64_t Team::barriers() const { return state_->barriers; }

void Team::reset_waits() {
  for (Rank& rank : state_->rank) rank.waited = 0;
  state_->barriers = 0;
}

void Team::set_wait(Wait wait) {
  state_->spin_ticks = static_cast<std::uint64_t>(spin_for(cpus_, wait) / seconds_of(1'000'000) * 1e6);
}

void Team::give_way() { state_->spin_ticks = 0; }

double Team::spin_s() const { return seconds_of(state_->spin_ticks); }

bool Team::pinned(int thread) const { return state_->thread[static_cast<std::size_t>(thread)].pinned; }

void flush_denormals() { _mm_setcsr(_mm_getcsr() | kFlushDenormals); }

Range share(std::int64_t n, std::int64_t step, int rank, int size) {
  CHECK(n >= 0 && step >= 1 && size >= 1 && rank >= 0 && rank < size, "a share of something");
  const std::int64_t steps = (n + step - 1) / step;
  return {std::min(n, steps * rank / size * step), std::min(n, steps * (rank + 1) / size * step)};
}

Range share_of(std::int64_t n, std::int64_t step, Range ranks, int size) {
  return {share(n, step, static_cast<int>(ranks.begin), size).begin,
          share(n, step, static_cast<int>(ranks.end) - 1, size).end};
}

Range halving_piece(Range all, std::int64_t ranks, std::int64_t i, std::int64_t step) {
  if (ranks == 1) return i == 0 ? all : Range{all.end, all.end};
  while (all.begin < all.end) {
    const std::int64_t round = 2 * ranks * step;
    const std::int64_t length = (all.end - all.begin + round - 1) / round * step;
    if (i < ranks) {
      const std::int64_t begin = std::min(all.begin + i * length, all.end);
      return {begin, std::min(begin + length, all.end)};
    }
    all.begin += ranks * length;
    i -= ranks;
  }
  return {all.end, all.end};
}

double empty_barrier_s(Team& team, int active) {
  std::vector<double> each;
  for (int i = 0; i < kEmptyRuns; ++i) {
    double start_s = 0, end_s = 0;
    team.run(active, [&](int rank, int) {
      team.barrier(rank);
      if (rank == 0) start_s = now_s();
      for (int barrier = 0; barrier < kEmptyBarriers; ++barrier) team.barrier(rank);
      if (rank == 0) end_s = now_s();
    });
    each.push_back((end_s - start_s) / kEmptyBarriers);
  }
  return median(each);
}

}  // namespace oldiron
