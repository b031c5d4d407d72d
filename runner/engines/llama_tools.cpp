#include "runner/engines/llama_tools.hpp"

#include <fmt/format.h>

#include <optional>

namespace oldiron {
namespace {

class LlamaTools : public TrialEngine {
 public:
  LlamaTools(std::unique_ptr<TrialEngine> bench, std::unique_ptr<TrialEngine> server, std::string why_no_server)
      : bench_(std::move(bench)), server_(std::move(server)), why_no_server_(std::move(why_no_server)) {}

  std::string version() override { return bench_->version(); }

  Trial run(const TrialSpec& spec) override {
    if (crashed_repacking_) return without_repacking(spec, *crashed_repacking_);
    Trial trial = bench_->run(spec);
    if (may_repack(spec) && trial.status == Status::failed && trial.reason.find("SIGSEGV") != std::string::npos && server_) {
      const Trial other = without_repacking(spec, trial.reason);
      if (other.status != Status::ok) return trial;
      crashed_repacking_ = trial.reason;
      return other;
    }
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
  /// llama.cpp repacks by itself, its llama-bench cannot be told not to, and its kernels for AMX are known to crash.
  static bool may_repack(const TrialSpec& spec) { return spec.engine == Engine::llama_cpp && spec.config.repack == Switch::automatic; }

  Trial without_repacking(const TrialSpec& spec, const std::string& crash) {
    TrialSpec other = spec;
    if (may_repack(spec)) other.config.repack = Switch::off;
    Trial trial = server_->run(other);
    trial.spec = spec;
    for (Measurement& each : trial.measurements) each.tags.push_back(fmt::format("without repacking, through llama-server: {}", crash));
    return trial;
  }

  std::unique_ptr<TrialEngine> bench_, server_;
  std::optional<std::string> crashed_repacking_ = {};  ///< how it crashed, where not repacking helped
  std::string why_no_server_;
};

}  // namespace

std::unique_ptr<TrialEngine> make_llama_tools(std::unique_ptr<TrialEngine> bench, std::unique_ptr<TrialEngine> server, std::string why_no_server) {
  return std::make_unique<LlamaTools>(std::move(bench), std::move(server), std::move(why_no_server));
}

}  // namespace oldiron
