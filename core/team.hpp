// Team: the only code that starts worker threads or sets their affinity.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/config.hpp"
#include "core/range.hpp"

namespace oldiron {

/// A fixed set of pinned workers. The thread that calls run() is rank 0 and is pinned while it works.
/// Every rank runs with FTZ and DAZ set. Ranks wait by spinning first, which a lever decides, then asleep.
class Team {
 public:
  /// One thread per entry of `cpus` (OS numbers; -1: leave unpinned), on the NUMA node of the same entry of
  /// `nodes` (empty: all on one). A CPU that cannot be pinned to is tolerated and shows in pinned(). Throws
  /// Error if the system refuses the threads.
  explicit Team(std::vector<int> cpus, Wait wait = Wait::automatic, std::vector<int> nodes = {});
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int size() const { return static_cast<int>(cpus_.size()); }

  /// Calls f(rank, active) on ranks 0..active-1 and returns when all are done.
  ///
  /// The first `active` threads work, and are numbered anew so that the ranks of a node are neighbours: by
  /// share() they own adjacent rows, the same rows whether or not second hardware threads work along.
  /// The first exception of any rank is rethrown; ranks that sit in, or later come to, a barrier are then
  /// unwound by an exception of a private type, so f must not swallow what it does not know. Neither nested
  /// nor from two threads.
  void run(int active, const std::function<void(int rank, int active)>& f);

  /// Inside run(): waits until all active ranks have arrived.
  void barrier(int rank);

  /// Inside run(), or of the last one: the ranks on the same node as `rank`. Where chunks of a node's rows
  /// are handed out while they last, share_of() these ranks is what there is to hand out.
  Range node_ranks(int rank) const;

  /// The number of that node, from 0 and below nodes(), which counts those of the whole team.
  int node(int rank) const;
  int nodes() const;

  /// Seconds that a rank has spent in barriers and at the ends of runs since reset_waits(), from its arrival
  /// until it could go on: the wait for later ranks and the cost of the barrier itself.
  double waited_s(int rank) const;

  /// Barriers since reset_waits(), the end of each run of more than one rank counted as one.
  std::int64_t barriers() const;
  void reset_waits();

  /// Between runs: how ranks wait from now on.
  void set_wait(Wait wait);

  /// Between runs: ranks sleep at once until set_wait() is called. For a cgroup whose quota has become too
  /// small: a CPU that spins takes the time that its partners need to work.
  void give_way();

  /// How long a rank spins before it sleeps: 0 where ranks share CPUs, whatever was asked for.
  double spin_s() const;

  /// Whether this thread could be bound to its CPU.
  bool pinned(int thread) const;

  std::span<const int> cpus() const { return cpus_; }

 private:
  struct Thread;
  struct Rank;
  struct State;

  void work(int thread);
  void call(int rank);
  void number(int active);
  void add_wait(int rank, std::uint64_t ticks);
  void fail(std::exception_ptr error);
  void stop();

  std::vector<int> cpus_, nodes_;
  std::unique_ptr<State> state_;
};

/// Sets flush-to-zero and denormals-are-zero for the calling thread.
void flush_denormals();

/// Seconds of one barrier of `active` ranks that all arrive at once: what is left of a wait when nobody is
/// late. Median of a few hundred.
double empty_barrier_s(Team& team, int active);

}  // namespace oldiron
