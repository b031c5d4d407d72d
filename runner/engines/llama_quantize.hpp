// llama-quantize of either engine: a model's file once more, with its head in another type and all else as it was.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/model.hpp"
#include "runner/engine.hpp"
#include "runner/engines/bench_rows.hpp"

namespace oldiron {

/// The llama-quantize in the folder of a found llama-bench, or why there is none that can be used.
Available<FoundTool> find_quantize(const FoundEngine& bench, const RunCommand& run = ask_guarded);

/// The line that writes the file `in`, which is `model`, as `out` with the head in `head`. Without a rule for each other tensor the program would mix types of its own.
/// `file_type`: general.file_type of the file, a number that differs between the engines above that of llama.cpp's types.
std::vector<std::string> quantize_argv(const FoundTool& found, const ModelSpec& model, TensorType head, int file_type, int threads, const std::string& in,
                                       const std::string& out);

/// Files of one model by the type of their heads.
using HeadFiles = std::map<HeadType, std::string>;

struct HeadFileRequest {
  std::string model;  ///< path of the file, of a split model that of its first part
  HeadType head = HeadType::as_is;
  std::string dir;    ///< where the new one goes
  std::string log_dir = {};
  int threads = 1;
  std::function<void(const std::string&)> say = {};  ///< a sentence for people
};

/// Path of the file with that head: one that lies there already, or a new one, which exists as a whole or not at all. Throws Error
/// if the disk has no room, the program fails, or more than the head is changed.
std::string write_head_file(const HeadFileRequest& request, const FoundTool& found, const RunCommand& run = run_guarded);

/// `inner`, whose trials with another head read the file of that head.
std::unique_ptr<TrialEngine> make_with_heads(std::unique_ptr<TrialEngine> inner, HeadFiles files);

}  // namespace oldiron
