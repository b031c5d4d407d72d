#include "runner/engines/lossy_tools.hpp"

#include <utility>

namespace oldiron {
namespace {

class LossyTools : public TrialEngine {
 public:
  LossyTools(std::unique_ptr<TrialEngine> speed, std::unique_ptr<TrialEngine> perplexity, std::string why_no_perplexity)
      : speed_(std::move(speed)), perplexity_(std::move(perplexity)), why_no_perplexity_(std::move(why_no_perplexity)) {}

  std::string version() override { return speed_->version(); }

  Trial run(const TrialSpec& spec) override {
    if (spec.workload.quality_texts <= 0) return speed_->run(spec);
    if (perplexity_) return perplexity_->run(spec);
    Trial trial;
    trial.spec = spec;
    trial.status = Status::unsupported;
    trial.reason = why_no_perplexity_;
    return trial;
  }

  std::int64_t held_bytes(const TrialSpec& spec) const override { return speed_->held_bytes(spec); }
  bool watches_samples() const override { return speed_->watches_samples(); }
  double running_cpu_s() const override { return speed_->running_cpu_s(); }

  void retire() override {
    speed_->retire();
    if (perplexity_) perplexity_->retire();
  }

 private:
  std::unique_ptr<TrialEngine> speed_, perplexity_;
  std::string why_no_perplexity_;
};

}  // namespace

std::unique_ptr<TrialEngine> make_lossy_tools(std::unique_ptr<TrialEngine> speed, std::unique_ptr<TrialEngine> perplexity, std::string why_no_perplexity) {
  return std::make_unique<LossyTools>(std::move(speed), std::move(perplexity), std::move(why_no_perplexity));
}

}  // namespace oldiron
