#include "runner/engines/llama_tools.hpp"

#include <fmt/format.h>

namespace oldiron {
namespace {

class LlamaTools : public TrialEngine {
 public:
  LlamaTools(std::unique_ptr<TrialEngine> bench, std::unique_ptr<TrialEngine> server, std::string why_no_server)
      : bench_(std::move(bench)), server_(std::move(server)), why_no_server_(std::move(why_no_server)) {}

  std::string version() override { return bench_->version(); }

  Trial run(const TrialSpec& spec) override {
    Trial trial = bench_->run(spec);
    // Refused before it started: what a run showed to be impossible is the engine's limit, not the tool's.
    if (trial.status != Status::unsupported || !trial.provenance.command.empty()) return trial;
    const std::string reason = trial.reason;
    if (server_) trial = server_->run(spec);
    else trial.reason = fmt::format("{}, and {}", reason, why_no_server_);
    if (server_ && trial.status == Status::unsupported) trial.reason = fmt::format("llama-bench: {}; llama-server: {}", reason, trial.reason);
    for (Measurement& each : trial.measurements) each.tags.push_back("through llama-server: " + reason);
    return trial;
  }

 private:
  std::unique_ptr<TrialEngine> bench_, server_;
  std::string why_no_server_;
};

}  // namespace

std::unique_ptr<TrialEngine> make_llama_tools(std::unique_ptr<TrialEngine> bench, std::unique_ptr<TrialEngine> server, std::string why_no_server) {
  return std::make_unique<LlamaTools>(std::move(bench), std::move(server), std::move(why_no_server));
}

}  // namespace oldiron
