// The screen of `oldiron facts`: how the machine is set up, what tells it, and which memory is in which slot.
#include <fmt/format.h>

#include <algorithm>

#include "core/text.hpp"
#include "reports/layout.hpp"
#include "reports/screens.hpp"

namespace oldiron::reports {
namespace {

constexpr int kFactColumns = 25;

std::string fact_line(const FactView& fact) {
  std::string text = fact.text.empty() ? "not available: " + one_line(fact.reason)
                                       : one_line(fact.text) + "  [" + one_line(fact.source) + "]";
  if (fact.text.empty() && !fact.how_to_get.empty()) text += ". To get it: " + one_line(fact.how_to_get);
  return labelled(fact.label, text, kFactColumns);
}

std::string module_text(const MemoryModule& module) {
  if (module.bytes == 0) return "empty";
  std::string text = module.bytes < 0 ? "size not told" : module_bytes_text(module.bytes);
  if (!module.type.empty()) text += " " + one_line(module.type);
  const double rated = module.rated_transfers_per_s / 1e6, runs = module.transfers_per_s / 1e6;
  if (rated > 0) text += fmt::format("-{:.0f}", rated);
  if (runs > 0 && runs != rated) text += fmt::format(" at {:.0f}", runs);
  if (module.ranks > 0) text += fmt::format(", {} rank{}", module.ranks, module.ranks == 1 ? "" : "s");
  for (const std::string& name : {module.maker, module.part})
    if (!name.empty()) text += (&name == &module.maker ? ", " : " ") + one_line(name);
  return text;
}

std::string slots_text(const Available<MemoryModules>& modules) {
  if (!modules) return labelled("memory modules", "not available: " + one_line(modules.reason()), kFactColumns);
  std::string out = fmt::format("  {}  [{}]\n", "memory modules", one_line(modules->source));
  for (const MemoryModule& module : modules->table) {
    const std::string channel = module.channel.empty() ? "" : "channel " + one_line(module.channel) + ": ";
    out += labelled(fit(one_line(module.slot), kFactColumns - 2), channel + module_text(module), kFactColumns);
  }
  return out;
}

}  // namespace

std::string facts_text(const FactsScreen& screen) {
  std::string out;
  FactGroup group = FactGroup::firmware;
  for (const FactView& fact : fact_views(screen.facts)) {
    if (fact.group != group) out += std::string(out.empty() ? "" : "\n") + std::string(to_string(fact.group)) + "\n";
    group = fact.group;
    out += fact_line(fact);
  }
  return out + "\n" + slots_text(screen.machine.modules);
}

std::string facts_summary(const Facts& facts) {
  const std::vector<FactView> views = fact_views(facts);
  std::string out, missing;
  for (std::size_t i = 0; i < views.size();) {
    const FactGroup group = views[i].group;
    std::string known;
    for (; i < views.size() && views[i].group == group; ++i) {
      std::string& list = views[i].text.empty() ? missing : known;
      list += (list.empty() ? "" : ", ") + std::string(views[i].label);
      if (!views[i].text.empty()) list += " " + glued(one_line(views[i].text));
    }
    if (!known.empty()) out += labelled(to_string(group) == "CPU" ? "clock" : to_string(group), known);
  }
  if (!missing.empty()) out += labelled("not told", missing + " (why: " + glued("`oldiron facts`") + ")");
  return out;
}

}  // namespace oldiron::reports
