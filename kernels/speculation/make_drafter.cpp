#include "kernels/speculation/make_drafter.hpp"

#include <fmt/format.h>

#include "kernels/speculation/model_drafter.hpp"
#include "kernels/speculation/mtp_drafter.hpp"
#include "kernels/speculation/ngram_drafter.hpp"

namespace oldiron {

bool needs_draft_model(DraftKind kind) { return kind != DraftKind::ngram; }

std::string why_no_draft(DraftKind kind, const ModelSpec &target,
                         const ModelSpec *draft) {
  if (!needs_draft_model(kind))
    return "";
  const std::string name = lever("draft_kind").get(Config{.draft_kind = kind});
  if (draft == nullptr)
    return fmt::format(
        "draft_kind={} needs a model that drafts; name it with --draft-model F",
        name);
  const bool reads_keys = draft->embedding_length_out > 0;
  if (reads_keys != (kind == DraftKind::mtp))
    return fmt::format("{} is {}; use draft_kind={}", draft->id,
                       reads_keys ? "a drafter that reads another model's keys"
                                  : "a whole model",
                       reads_keys ? "mtp" : "model");
  if (draft->vocab_size != target.vocab_size)
    return fmt::format("{} has {} tokens and {} has {}; a draft model needs "
                       "the vocabulary of the model it drafts for",
                       draft->id, draft->vocab_size, target.id,
                       target.vocab_size);
  return "";
}

std::unique_ptr<Drafter> make_drafter(const Config &config,
                                      const Decoder &target,
                                      std::shared_ptr<const Weights> draft,
                                      int max_context, Team &team) {
  if (config.draft_len == 0)
    return nullptr;
  if (const std::string reason = why_no_draft(
          config.draft_kind, target.model(), draft ? &draft->model() : nullptr);
      !reason.empty())
    throw Error(reason);
  switch (config.draft_kind) {
  case DraftKind::ngram:
    return std::make_unique<NgramDrafter>();
  case DraftKind::mtp:
    return std::make_unique<MtpDrafter>(std::move(draft), config, target, team);
  case DraftKind::model:
    return std::make_unique<ModelDrafter>(std::move(draft), config, max_context,
                                          config.draft_len, team);
  }
  return nullptr;
}

} // namespace oldiron
