#include "runner/engines/llama_tools.hpp"

#include <fmt/format.h>

#include <optional>

namespace oldiron {
namespace {

/// llama.cpp repacks by itself, its llama-bench cannot be told not to, and its kernels for AMX are known to crash.
bool may_repack(const TrialSpec& spec) { return spec.engine == Engine::llama_cpp && spec.config.repack == Switch::automatic; }

/// What a crash shows of repacking, and the server without it.
class RepackingServer {
 public:
  explicit RepackingServer(std::unique_ptr<TrialEngine> server) : server_(std::move(server)) {}

  explicit operator bool() const { return server_ != nullptr; }
  TrialEngine* operator->() const { return server_.get(); }

  /// Repacking was seen to crash, and leaving it out to help.
  bool knows_better() const { return crash_.has_value(); }

  /// What another trial without repacking gave, if `trial` crashed and that one did not.
  Trial mended(Trial trial) {
    const bool crashed = trial.status == Status::failed && trial.reason.find("SIGSEGV") != std::string::npos;
    if (!server_ || !crashed || !may_repack(trial.spec)) return trial;
    crash_ = trial.reason;
    Trial other = run_without(trial.spec);
    if (other.status == Status::ok) return other;
    crash_.reset();
    return trial;
  }

  Trial run_without(const TrialSpec& spec) {
    TrialSpec other = spec;
    if (may_repack(spec)) other.config.repack = Switch::off;
    Trial trial = server_->run(other);
    trial.spec = spec;
    for (Measurement& each : trial.measurements) each.tags.push_back(fmt::format("without repacking, through llama-server: {}", *crash_));
    return trial;
  }

 private:
  std::unique_ptr<TrialEngine> server_;
  std::optional<std::string> crash_ = {};
};

/// Before it started: what a run showed to be impossible is the engine's limit, not the tool's.
bool refused(const Trial& trial) { return trial.status == Status::unsupported && trial.provenance.command.empty(); }

Trial tagged(Trial trial, const std::string& tool, const std::string& reasons) {
  for (Measurement& each : trial.measurements) each.tags.push_back(fmt::format("through {}: {}", tool, reasons));
  return trial;
}

class LlamaTools : public TrialEngine {
 public:
  LlamaTools(std::unique_ptr<TrialEngine> bench, std::unique_ptr<TrialEngine> server, std::string why_no_server, std::vector<OtherTool> others)
      : bench_(std::move(bench)), server_(std::move(server)), why_no_server_(std::move(why_no_server)), others_(std::move(others)) {}

  std::string version() override { return bench_->version(); }

  Trial run(const TrialSpec& spec) override {
    if (server_.knows_better()) return server_.run_without(spec);
    Trial trial = server_.mended(bench_->run(spec));
    if (!refused(trial)) return trial;
    std::string reasons = trial.reason;
    for (const OtherTool& tool : others_) {
      if (!tool.wanted(spec.workload)) continue;
      if (tool.engine) trial = tool.engine->run(spec);
      if (tool.engine && !refused(trial)) return tagged(std::move(trial), tool.name, reasons);
      reasons += fmt::format("; {}: {}", tool.name, tool.engine ? trial.reason : tool.why_none);
    }
    if (server_) trial = server_->run(spec);
    if (server_ && !refused(trial)) return tagged(std::move(trial), "llama-server", reasons);
    trial.reason = server_ ? fmt::format("llama-bench: {}; llama-server: {}", reasons, trial.reason) : fmt::format("{}, and {}", reasons, why_no_server_);
    return trial;
  }

 private:
  std::unique_ptr<TrialEngine> bench_;
  RepackingServer server_;
  std::string why_no_server_;
  std::vector<OtherTool> others_;
};

class ServerAlone : public TrialEngine {
 public:
  explicit ServerAlone(std::unique_ptr<TrialEngine> server) : server_(std::move(server)) {}

  std::string version() override { return server_->version(); }

  Trial run(const TrialSpec& spec) override {
    if (server_.knows_better()) return server_.run_without(spec);
    Trial trial = server_->run(spec);
    for (Measurement& each : trial.measurements) each.tags.emplace_back("through llama-server");
    return server_.mended(std::move(trial));
  }

 private:
  RepackingServer server_;
};

}  // namespace

std::unique_ptr<TrialEngine> make_llama_tools(std::unique_ptr<TrialEngine> bench, std::unique_ptr<TrialEngine> server, std::string why_no_server,
                                              std::vector<OtherTool> others) {
  return std::make_unique<LlamaTools>(std::move(bench), std::move(server), std::move(why_no_server), std::move(others));
}

std::unique_ptr<TrialEngine> make_server_alone(std::unique_ptr<TrialEngine> server) { return std::make_unique<ServerAlone>(std::move(server)); }

}  // namespace oldiron
