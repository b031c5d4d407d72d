#include "app/tool_choice.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "runner/engines/llama_bench.hpp"

namespace oldiron {

BeyondBench beyond_bench(const TuneRequest& request, const Candidate& candidate) {
  if (candidate.engine == Engine::oldiron) return {};
  const auto knows = [&](std::string_view flag) { return std::find(candidate.flags.begin(), candidate.flags.end(), flag) != candidate.flags.end(); };
  const auto unsaid = [&](Config config) {
    config.head_type = HeadType::as_is;  // said by the file that is asked for
    const Flags flags = flags_for(config, candidate.engine, Tool::bench, knows, false, &request.model);
    return flags.unsupported.empty() ? "" : flags.unsupported.front();
  };
  const auto of_first_word = [](const std::string& why) { return BeyondBench{why.substr(0, why.find('=')), why}; };
  if (const int depth = request.base.workload.depth_tokens; depth > 0)
    if (const auto flags = bench_dialect(candidate.engine).depth(depth); !flags) return {"depth", flags.reason()};
  const Config begin = start(request.space, request.machine, request.model);
  if (const std::string why = unsaid(begin); !why.empty()) return of_first_word(why);
  for (const Axis& axis : request.space.axes)
    for (const std::string& value : axis.values)
      if (const std::string why = unsaid(with(request.space, begin, axis.lever, value, request.machine, request.model)); !why.empty()) return of_first_word(why);
  return {};
}

void choose_tool(const TuneRecord& record, const Candidate& candidate, TuneRequest& request) {
  const BeyondBench beyond = beyond_bench(request, candidate);
  if (beyond.lever.empty()) return;
  if (!candidate.server.empty()) request.base.engine_dir = candidate.server;
  else if (record.settings.contains(beyond.lever))
    throw Error(fmt::format("--{}: {}, and {}", beyond.lever, beyond.why, candidate.no_server));
}

}  // namespace oldiron
