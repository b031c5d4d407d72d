// Team: the only code that starts worker threads or sets their affinity.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace oldiron {

/// A fixed set of pinned workers. The thread that calls run() is rank 0 and is pinned while it works.
/// Every rank runs with FTZ and DAZ set. Between runs workers spin shortly, then sleep.
class Team {
 public:
  /// One rank per entry of `cpus` (OS numbers; -1: leave unpinned). A CPU that cannot be pinned to is
  /// tolerated and shows in pinned(). Throws Error if the system refuses the threads.
  explicit Team(std::vector<int> cpus);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int size() const { return static_cast<int>(cpus_.size()); }

  /// Calls f(rank, active) on ranks 0..active-1 and returns when all are done.
  ///
  /// The first exception of any rank is rethrown; ranks that sit in, or later come to, a barrier are then
  /// unwound by an exception of a private type, so f must not swallow what it does not know. Neither nested
  /// nor from two threads.
  void run(int active, const std::function<void(int rank, int active)>& f);

  /// Inside run(): waits until all active ranks have arrived. Seconds waited are added to waited_s(rank).
  void barrier(int rank);

  double waited_s(int rank) const;
  void reset_waits();

  /// Whether this rank could be bound to its CPU.
  bool pinned(int rank) const;

  std::span<const int> cpus() const { return cpus_; }

 private:
  struct Rank;
  struct State;

  void work(int rank);
  void call(int rank);
  void fail(std::exception_ptr error);
  void stop();

  std::vector<int> cpus_;
  std::unique_ptr<State> state_;
};

/// Sets flush-to-zero and denormals-are-zero for the calling thread.
void flush_denormals();

struct Range {
  std::int64_t begin = 0, end = 0;
  bool operator==(const Range&) const = default;
};

/// Rank's contiguous share of [0, n), in multiples of `step` (the last share may end at n).
Range share(std::int64_t n, std::int64_t step, int rank, int size);

}  // namespace oldiron
