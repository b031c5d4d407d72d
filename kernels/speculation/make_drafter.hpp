// The drafter that a configuration asks for.
#pragma once

#include <memory>
#include <string>

#include "kernels/decoder.hpp"
#include "kernels/speculation/drafter.hpp"

namespace oldiron {

/// Whether a kind of draft needs a model beside the one it drafts for.
bool needs_draft_model(DraftKind kind);

/// A sentence on why `draft` (nullptr: none was named) cannot draft for `target` as the kind wants it, else
/// empty.
std::string why_no_draft(DraftKind kind, const ModelSpec& target, const ModelSpec* draft);

/// For texts of at most `max_context` tokens on `target`; `draft` may be empty where the kind needs no model.
/// nullptr with draft_len=0. Throws Error with why_no_draft().
std::unique_ptr<Drafter> make_drafter(const Config& config, const Decoder& target,
                                      std::shared_ptr<const Weights> draft, int max_context, Team& team);

}  // namespace oldiron
