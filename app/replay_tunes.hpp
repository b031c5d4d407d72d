// A tune that was made, from its record and its journal; nothing runs.
#pragma once

#include <vector>

#include "app/engine_tune.hpp"

namespace oldiron {

/// Each engine's tune with its answer's own start, if it had one.
std::vector<EngineTune> replay_tunes(const TuneRecord& record, Journal& journal);

}  // namespace oldiron
