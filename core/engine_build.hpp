// EngineBuild: a folder with an engine's tools, and how to make one where there is none.
#pragma once

#include <string>
#include <vector>

#include "core/check.hpp"
#include "core/config.hpp"
#include "core/machine.hpp"

namespace oldiron {

struct EngineTool {
  std::string name = {};                ///< "llama-server"
  std::string path = {};
  std::string refusal = {};             ///< why it cannot be used, one sentence; empty: it can
  std::vector<std::string> flags = {};  ///< every spelling that its --help lists
  bool operator==(const EngineTool&) const = default;
};

struct EngineBuild {
  std::string folder = {};
  Available<Engine> engine = Available<Engine>::not_available("none of its tools runs");
  int number = 0;           ///< of the build; 0: it does not tell
  std::string commit = {};  ///< empty: it does not tell
  Available<std::vector<std::string>> features = Available<std::vector<std::string>>::not_available("none of its tools tells");  ///< "AVX2"
  std::vector<EngineTool> tools = {};
  bool operator==(const EngineBuild&) const = default;
};

/// Lines for a shell that fetch and build an engine for this machine, and why that one.
struct BuildAdvice {
  Engine engine = Engine::llama_cpp;
  std::string why = {};
  std::vector<std::string> lines = {};
  bool operator==(const BuildAdvice&) const = default;
};

/// The best first; never empty. ik_llama.cpp needs AVX2.
std::vector<BuildAdvice> build_advice(const Machine& machine);

/// Instruction sets that would speed the engine up, that this CPU has and the build does not use, and those that it uses and this CPU
/// lacks; each a sentence.
std::vector<std::string> build_findings(const EngineBuild& build, const Machine& machine);

}  // namespace oldiron
