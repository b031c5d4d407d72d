// The only file that knows PAPI. Events are added and started one by one to find out which there are: the
// library's own tables name hundreds that this CPU or hypervisor does not count.
#include <papi.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>

#include "probes/counters.hpp"
#include "probes/files.hpp"

namespace oldiron {
namespace {

/// The kernel's own names for events: it knows which counter of this CPU means them. PAPI's presets go by a
/// table of models, which a hypervisor's CPU model misleads.
struct Event {
  const char* name;
  const char* papi;
  bool hardware;
  bool happens_in_kernel;  ///< reads 0 where the kernel may not be counted
};

constexpr Event kEvents[] = {{"cycles", "perf::CYCLES", true, false},
                             {"instructions", "perf::INSTRUCTIONS", true, false},
                             {"cache_misses", "perf::CACHE-MISSES", true, false},
                             {"page_faults", "perf::PAGE-FAULTS", false, false},
                             {"context_switches", "perf::CONTEXT-SWITCHES", false, true},
                             {"migrations", "perf::CPU-MIGRATIONS", false, true}};

constexpr int kNoFile = -2;

unsigned long thread_id() { return static_cast<unsigned long>(pthread_self()); }

int paranoid() {
  return static_cast<int>(read_number("/proc/sys/kernel/perf_event_paranoid").value_or(kNoFile));
}

bool may_count_kernel() { return geteuid() == 0 || (paranoid() > kNoFile && paranoid() <= 1); }

bool library_works() {
  static const bool works = [] {
    if (PAPI_library_init(PAPI_VER_CURRENT) != PAPI_VER_CURRENT) return false;
    if (PAPI_thread_init(thread_id) != PAPI_OK) return false;
    PAPI_set_domain(may_count_kernel() ? PAPI_DOM_ALL : PAPI_DOM_USER);
    return true;
  }();
  return works;
}

/// A set of events of the calling thread; stopped and freed at its end.
class EventSet {
 public:
  bool add(const char* papi_name) {
    if (set_ == PAPI_NULL && PAPI_create_eventset(&set_) != PAPI_OK) return false;
    return PAPI_add_named_event(set_, papi_name) == PAPI_OK;
  }

  bool start() { return running_ = PAPI_start(set_) == PAPI_OK; }

  bool stop(long long* counts) {
    running_ = false;
    return PAPI_stop(set_, counts) == PAPI_OK;
  }

  void free() {
    if (set_ == PAPI_NULL) return;
    if (running_) PAPI_stop(set_, nullptr);
    PAPI_cleanup_eventset(set_);
    PAPI_destroy_eventset(&set_);
    set_ = PAPI_NULL;
  }

 private:
  int set_ = PAPI_NULL;
  bool running_ = false;
};

bool can_count(const Event& event) {
  if (event.happens_in_kernel && !may_count_kernel()) return false;
  EventSet one;
  long long count = 0;
  const bool can = one.add(event.papi) && one.start() && one.stop(&count);
  one.free();
  return can;
}

/// What the kernel tells of any thread without permission.
struct Floor {
  std::int64_t faults = 0, switches = 0;
};

Floor floor_of_thread() {
  rusage usage{};
  if (getrusage(RUSAGE_THREAD, &usage) != 0) return {};
  return {.faults = usage.ru_minflt + usage.ru_majflt, .switches = usage.ru_nvcsw + usage.ru_nivcsw};
}

}  // namespace

struct TeamCounters::State {
  std::vector<Event> events;
  std::vector<EventSet> sets;  ///< per rank
  std::vector<Floor> floors;
  std::vector<EventCount> counts;
  std::mutex mutex;
  std::string why_no_hardware;

  bool counts_event(const char* name) const {
    return std::any_of(events.begin(), events.end(),
                       [&](const Event& event) { return event.name == std::string_view(name); });
  }

  void add(const std::string& name, std::int64_t count) {
    const auto known = std::find_if(counts.begin(), counts.end(),
                                    [&](const EventCount& each) { return each.event == name; });
    if (known == counts.end()) counts.push_back({name, count});
    else known->count += count;
  }
};

TeamCounters::TeamCounters(Team& team, int threads)
    : team_(team), threads_(threads), state_(std::make_unique<State>()) {
  state_->sets.resize(static_cast<std::size_t>(threads));
  state_->floors.resize(static_cast<std::size_t>(threads));
  if (library_works())
    for (const Event& event : kEvents)
      if (can_count(event)) state_->events.push_back(event);
  const bool hardware = std::any_of(state_->events.begin(), state_->events.end(),
                                    [](const Event& event) { return event.hardware; });
  if (!hardware) {
    const std::string cpuinfo = read_text("/proc/cpuinfo").value_or("");
    state_->why_no_hardware =
        why_no_hardware_events(geteuid() == 0, paranoid(), cpuinfo.find(" hypervisor") != std::string::npos);
  }
}

TeamCounters::~TeamCounters() = default;

void TeamCounters::start() {
  state_->counts.clear();
  team_.run(threads_, [&](int rank, int) {
    EventSet& set = state_->sets[static_cast<std::size_t>(rank)];
    for (const Event& event : state_->events) set.add(event.papi);
    state_->floors[static_cast<std::size_t>(rank)] = floor_of_thread();
    if (!state_->events.empty()) set.start();
  });
}

std::vector<EventCount> TeamCounters::stop() {
  team_.run(threads_, [&](int rank, int) {
    EventSet& set = state_->sets[static_cast<std::size_t>(rank)];
    std::vector<long long> counts(state_->events.size());
    const bool counted = !counts.empty() && set.stop(counts.data());
    set.free();
    const Floor now = floor_of_thread(), then = state_->floors[static_cast<std::size_t>(rank)];
    const std::lock_guard lock(state_->mutex);
    for (std::size_t i = 0; counted && i < counts.size(); ++i) state_->add(state_->events[i].name, counts[i]);
    if (!state_->counts_event("page_faults")) state_->add("page_faults", now.faults - then.faults);
    if (!state_->counts_event("context_switches"))
      state_->add("context_switches", now.switches - then.switches);
  });
  return state_->counts;
}

const std::string& TeamCounters::why_no_hardware() const { return state_->why_no_hardware; }

std::string why_no_hardware_events(bool root, int paranoid, bool virtual_machine) {
  if (paranoid == kNoFile) return "the kernel has no perf events (CONFIG_PERF_EVENTS)";
  if (!root && paranoid > 2)
    return "kernel.perf_event_paranoid is " + std::to_string(paranoid) +
           ": `sudo sysctl kernel.perf_event_paranoid=2` lets users count";
  if (virtual_machine)
    return "the hypervisor shows this guest no counters of the CPU; its owner can (QEMU: -cpu host,pmu=on), "
           "else they are seen on the host alone";
  return "the CPU's counters cannot be opened; `dmesg | grep -i perf` says why";
}

}  // namespace oldiron
