#include "app/version.hpp"

namespace oldiron {

std::string version() { return OLDIRON_VERSION; }

}  // namespace oldiron
