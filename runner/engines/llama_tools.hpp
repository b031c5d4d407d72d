// The tools of one build of a foreign engine as one TrialEngine: llama-bench, and llama-server where that cannot do it.
#pragma once

#include <memory>
#include <string>

#include "runner/engines/llama_server.hpp"

namespace oldiron {

/// Asks `bench` first; what it calls unsupported goes to `server` (nullptr: there is none, `why_no_server`), and each measurement of it
/// is tagged with why. If neither can, the reasons of both are the trial's. Where llama.cpp's llama-bench crashes and its server does not once it does not
/// repack, all further trials are the server's, and their tags say so.
std::unique_ptr<TrialEngine> make_llama_tools(std::unique_ptr<TrialEngine> bench, std::unique_ptr<TrialEngine> server, std::string why_no_server);

/// Each trial is the server's, for figures that are compared with such as llama-bench cannot give. Where llama.cpp's crashes and does not
/// once it does not repack, all further trials run so, and their tags say it.
std::unique_ptr<TrialEngine> make_server_alone(std::unique_ptr<TrialEngine> server);

}  // namespace oldiron
