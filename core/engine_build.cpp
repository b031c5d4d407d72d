#include "core/engine_build.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/text.hpp"

namespace oldiron {
namespace {

/// A feature as the engines name it, and the one of Machine::isas that holds it.
struct Feature {
  std::string_view engine_name, isa;
};

constexpr std::array kFeatures = {Feature{"AVX2", "avx2"},
                                  Feature{"FMA", "avx2"},
                                  Feature{"F16C", "avx2"},
                                  Feature{"AVX512_VNNI", "avx512_vnni"},
                                  Feature{"AVX512_BF16", "avx512_bf16"},
                                  Feature{"AMX_INT8", "amx"}};

bool has(const std::vector<std::string>& names, std::string_view name) { return std::find(names.begin(), names.end(), name) != names.end(); }

std::vector<std::string> build_lines(const std::string& url, const std::string& folder, const std::string& targets) {
  return {"git clone --depth 1 " + url + " " + folder,
          "cmake -S " + folder + " -B " + folder + "/build -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON -DLLAMA_CURL=OFF",
          "cmake --build " + folder + "/build -j --target " + targets};
}

}  // namespace

std::vector<BuildAdvice> build_advice(const Machine& machine) {
  std::vector<BuildAdvice> advice;
  const bool avx2 = has(machine.isas, "avx2");
  if (avx2)
    advice.push_back({.engine = Engine::ik_llama,
                      .why = "this CPU has AVX2, which it needs; it repacks most types of weights on request",
                      .lines = build_lines("https://github.com/ikawrakow/ik_llama.cpp", "ik_llama.cpp",
                                           "llama-server llama-cli llama-bench llama-sweep-bench llama-quantize llama-perplexity")});
  advice.push_back({.engine = Engine::llama_cpp,
                    .why = avx2 ? "to compare with" : "ik_llama.cpp needs AVX2, which this CPU does not have; this one builds for anything older",
                    .lines = build_lines("https://github.com/ggml-org/llama.cpp", "llama.cpp",
                                         "llama-server llama-cli llama-bench llama-batched-bench llama-quantize llama-perplexity")});
  if (has(machine.isas, "amx"))
    advice.back().why += "; where its AMX code crashes, which some builds do, --no-repack goes round it";
  return advice;
}

std::vector<std::string> build_findings(const EngineBuild& build, const Machine& machine) {
  std::vector<std::string> findings;
  if (!build.features || machine.isas.empty()) return findings;
  std::vector<std::string> unused, lacking;
  for (const Feature& feature : kFeatures) {
    const bool built = has(*build.features, feature.engine_name), here = has(machine.isas, feature.isa);
    // Only llama.cpp has code for AMX.
    const bool wanted = feature.engine_name != "AMX_INT8" || (build.engine && *build.engine == Engine::llama_cpp);
    if (here && !built && wanted) unused.emplace_back(feature.engine_name);
    if (built && !here) lacking.emplace_back(feature.engine_name);
  }
  if (!unused.empty())
    findings.push_back(fmt::format("this CPU has {}, and the build does not use it: build it here with -DGGML_NATIVE=ON", list_text(unused, "and")));
  if (!lacking.empty())
    findings.push_back(fmt::format("it was built for {}, which this CPU does not offer: build it here", list_text(lacking, "and")));
  return findings;
}

}  // namespace oldiron
