#include "app/replay_tunes.hpp"

#include <memory>

#include "app/served_line.hpp"

namespace oldiron {

std::vector<EngineTune> replay_tunes(const TuneRecord& record, Journal& journal) {
  std::vector<EngineTune> tunes;
  for (const Candidate& candidate : record.candidates) {
    tunes.push_back(replay_engine(record, candidate, journal));
    if (auto served = served_before(tunes.back(), record, journal)) tunes.back().served = std::make_shared<ServedLine>(std::move(*served));
  }
  return tunes;
}

}  // namespace oldiron
