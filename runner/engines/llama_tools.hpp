// The tools of one build of a foreign engine as one TrialEngine: llama-bench, and llama-server where that cannot do it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runner/engines/llama_server.hpp"

namespace oldiron {

/// A tool that measures what llama-bench does not.
struct OtherTool {
  std::string name;                            ///< "llama-batched-bench"
  std::function<bool(const Workload&)> wanted;  ///< whether a workload has what it is for
  std::unique_ptr<TrialEngine> engine;         ///< nullptr: there is none
  std::string why_none;
};

/// Asks `bench` first; what it calls unsupported goes to those of `others` that are for such a workload, and then to `server` (nullptr:
/// there is none, `why_no_server`). Each measurement of another tool is tagged with why. If none can, the reasons of all are the trial's. Where llama.cpp's llama-bench crashes and its server does not once it does not
/// repack, all further trials are the server's, and their tags say so.
std::unique_ptr<TrialEngine> make_llama_tools(std::unique_ptr<TrialEngine> bench, std::unique_ptr<TrialEngine> server, std::string why_no_server,
                                              std::vector<OtherTool> others = {});

/// Each trial is the server's, for figures that are compared with such as llama-bench cannot give. Where llama.cpp's crashes and does not
/// once it does not repack, all further trials run so, and their tags say it.
std::unique_ptr<TrialEngine> make_server_alone(std::unique_ptr<TrialEngine> server);

}  // namespace oldiron
