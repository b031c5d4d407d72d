// Steps of several tokens in a report: streams and verifications, each beside its wall.
#pragma once

#include <string>
#include <vector>

#include "app/engine_tune.hpp"
#include "core/machine.hpp"
#include "reports/report.hpp"

namespace oldiron {

/// Their walls with the experts that the steps used; where nobody counted them, as many as independent tokens would.
std::vector<reports::StreamSpeed> streams_of(const EngineTune& tune, const Profile& profile);
std::vector<reports::VerifyCost> verify_of(const EngineTune& tune, const Profile& profile);

/// Empty if nobody asked for streams.
std::string why_no_streams(const EngineTune& tune);

}  // namespace oldiron
