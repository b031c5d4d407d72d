// The test program's main, and the roles that it plays as a child of its own tests.
#include "tests/runner/roles.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <new>
#include <thread>

#include "runner/guard.hpp"
#include "runner/guarded_child.hpp"
#include "runner/signals.hpp"
#include "runner/worker.hpp"

namespace oldiron::test {
namespace {

std::string to_string_of_head(const TrialSpec& spec) { return lever("head_type").get(spec.config); }

int hold(const std::vector<std::string>& argv, bool deaf) {
  install_interrupt_handlers();
  Command command;
  command.argv = argv;
  try {
    GuardedChild child(command);
    while (deaf) sleep(1);
    child.wait(HUGE_VAL);
    return 3;  // the engine ended by itself, which no test asks for
  } catch (const Interrupted&) {
    return kExitInterrupted;
  }
}

/// Measures which process this is and how often it has loaded.
Trial measure(const TrialSpec& spec, const Tell& tell) {
  static int loads = 0;
  static std::string loaded;
  const std::string& how = spec.workload.name;
  const std::string wanted = spec.model + to_string_of_head(spec);
  if (loaded != wanted) {
    tell({.event = "loading"});
    if (how == "hang in load") pause();
    ++loads;
    loaded = wanted;
    tell({.event = "loaded", .seconds = 0.01});
  }
  if (how == "hang") pause();
  if (how == "segv") raise(SIGSEGV);
  if (how == "abort") CHECK(false, "two and two are four");
  if (how == "exit 137") std::_Exit(137);
  if (how == "throw") throw Error("the file is torn");
  if (how == "unsupported") throw Unsupported("this CPU has no such instruction");
  if (how == "memory") throw std::bad_alloc();
  if (how == "nonsense") std::puts("[1, 2");
  if (how == "flood") {
    const std::string line(1000, '#');
    for (int i = 0; i < 20000; ++i) std::fprintf(stderr, "%s\n", line.c_str());
  }
  if (how == "events") {
    for (;;) tell({.event = "sample", .name = kDecode, .value = 1});
  }
  tell({.event = "sample", .name = kDecode, .value = 7.5});
  Trial trial;
  trial.status = Status::ok;
  const char* tunables = std::getenv("GLIBC_TUNABLES");
  const bool huge_heap = tunables != nullptr && std::string(tunables).ends_with("glibc.malloc.hugetlb=1");
  trial.measurements = {summarise("pid", "", {static_cast<double>(getpid())}),
                        summarise("huge_heap", "", {huge_heap ? 1.0 : 0.0}),
                        summarise("loads", "", {static_cast<double>(loads)}),
                        summarise(kDecode, "tokens/s", {7.5})};
  if (how == "nan") trial.measurements.back().samples[0] = std::nan("");
  if (how == "then dies") {  // after its answer, as if killed between two trials
    std::thread([] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      std::_Exit(9);
    }).detach();
  }
  return trial;
}

}  // namespace

bool is_role(const std::string& role) {
  return role == "guard" || role == "holder" || role == "deaf holder" || role == "worker";
}

int run_role(const std::string& role, const std::vector<std::string>& arguments) {
  if (role == "guard") return guard_main({arguments.begin() + 1, arguments.end()});
  if (role == "worker") return serve(std::cin, std::cout, measure);
  return hold(arguments, role == "deaf holder");
}

}  // namespace oldiron::test

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (!arguments.empty() && oldiron::test::is_role(arguments[0]))
    return oldiron::test::run_role(arguments[0], {arguments.begin() + 1, arguments.end()});
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
