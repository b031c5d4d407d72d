#include "reports/noise_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <climits>
#include <utility>

#include "reports/layout.hpp"

namespace oldiron::reports {
namespace {

/// Figures of one kind, as a note names them.
struct Figures {
  std::string_view name;
  std::vector<const Measurement*> all = {};
  bool shows_intervals = false;  ///< so that what is said of them counts
};

std::vector<Figures> figures_of(const Profile& profile) {
  const Abilities& a = profile.abilities;
  std::vector<Figures> kinds = {
      {"reads", {}, true}, {"peaks", {}, true}, {"stores"}, {"latencies"}, {"others"}};
  for (const BandwidthPoint& p : profile.read) kinds[0].all.push_back(&p.bytes_per_s);
  for (const ComputePeak& p : profile.compute) kinds[1].all.push_back(&p.ops_per_s);
  for (const StreamPoint& p : a.streams) kinds[2].all.push_back(&p.bytes_per_s);
  for (const LatencyPoint& p : a.latency) kinds[3].all.push_back(&p.s);
  for (const LoadedLatencyPoint& p : a.loaded_latency) kinds[3].all.push_back(&p.s);
  for (const BlockReadPoint& p : a.blocks) kinds[4].all.push_back(&p.bytes_per_s);
  for (const HandOver& p : a.hand_overs) kinds[4].all.push_back(&p.s);
  for (const BarrierPoint& p : a.barriers) kinds[4].all.push_back(&p.s);
  for (const NodePair& p : a.node_pairs) kinds[4].all.insert(kinds[4].all.end(), {&p.bytes_per_s, &p.s});
  return kinds;
}

/// A tag taken apart: "noisy: neighbour: other processes used 1.5 CPUs" is that, "neighbour", and the rest.
struct Tag {
  std::string kind, cause, detail;
};

void replace(std::string& text, std::string_view from, std::string_view to) {
  if (const std::size_t at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
}

void erase_between(std::string& text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  const std::size_t end = at == std::string::npos ? at : text.find(to, at);
  if (end != std::string::npos) text.erase(at, end + to.size() - at);
}

Tag taken_apart(const std::string& text) {
  Tag tag;
  std::string rest = text;
  for (const std::string_view kind : {"noisy", "disturbed", "under this load"})
    if (rest.starts_with(std::string(kind) + ": ")) {
      tag.kind = kind;
      rest.erase(0, kind.size() + 2);
      break;
    }
  if (tag.kind.empty()) return {.kind = "", .cause = text, .detail = ""};
  // What it lost, and further observations, are told in the JSON.
  rest = rest.substr(0, rest.find("; "));
  erase_between(rest, " (", ")");
  erase_between(rest, ", in ", " samples");
  replace(rest, "other processes used ", "");
  replace(rest, "most of it ", "mostly ");
  replace(rest, ", and nothing that this system counts explains it", ", unexplained,");
  const std::size_t colon = rest.find(": ");
  tag.cause = rest.substr(0, colon);
  if (colon != std::string::npos) tag.detail = rest.substr(colon + 2);
  return tag;
}

/// The same cause whatever its figures: "steal 4 %" and "steal 5 %".
std::string without_digits(std::string text) {
  std::erase_if(text, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
  return text;
}

struct Cause {
  Tag tag;                       ///< of the first figure
  std::vector<std::size_t> hit;  ///< figures of each kind
  const Measurement* last = nullptr;  ///< counted; a figure may name a cause twice
};

std::vector<Cause> causes_of(const std::vector<Figures>& kinds) {
  std::vector<Cause> causes;
  for (std::size_t k = 0; k < kinds.size(); ++k)
    for (const Measurement* m : kinds[k].all)
      for (const std::string& text : m->tags) {
        const Tag tag = taken_apart(text);
        if (tag.kind.empty() && !kinds[k].shows_intervals) continue;
        auto cause = std::find_if(causes.begin(), causes.end(), [&](const Cause& c) {
          return c.tag.kind == tag.kind && without_digits(c.tag.cause) == without_digits(tag.cause);
        });
        if (cause == causes.end())
          cause = causes.insert(cause, {tag, std::vector<std::size_t>(kinds.size()), nullptr});
        if (cause->last != m) ++cause->hit[k];
        cause->last = m;
      }
  return causes;
}

std::string where_text(const Cause& cause, const std::vector<Figures>& kinds, bool by_kind) {
  std::string text;
  std::size_t hit = 0, all = 0;
  for (std::size_t k = 0; k < kinds.size(); ++k) {
    hit += cause.hit[k];
    all += kinds[k].all.size();
    if (cause.hit[k] == 0) continue;
    text += text.empty() ? "" : ", ";
    text += cause.hit[k] == kinds[k].all.size()
                ? fmt::format("all {}", kinds[k].name)
                : fmt::format("{}/{} {}", cause.hit[k], kinds[k].all.size(), kinds[k].name);
  }
  return by_kind ? text : fmt::format("{} of {} figures", hit, all);
}

std::string line_of(const Cause& cause, const std::vector<Figures>& kinds, bool by_kind) {
  const std::string where = where_text(cause, kinds, by_kind);
  const Tag& tag = cause.tag;
  if (tag.kind.empty()) return fmt::format("{}: {}", where, one_line(tag.cause));
  std::string text = one_line(tag.cause);
  if (tag.kind == "disturbed")
    text += " in some samples of " + where;
  else
    text += (tag.kind == "noisy" ? " in " : " all the while, over ") + where;
  return tag.detail.empty() ? text : text + ": " + one_line(tag.detail);
}

std::vector<std::string> lines_of(const std::vector<Figures>& kinds, int most_columns) {
  std::vector<std::string> lines;
  for (const Cause& cause : causes_of(kinds)) {
    const std::string line = line_of(cause, kinds, true);
    lines.push_back(columns(line) <= most_columns ? line : line_of(cause, kinds, false));
  }
  return lines;
}

}  // namespace

std::vector<std::string> noise_lines(const Profile& profile, int most_columns) {
  return lines_of(figures_of(profile), most_columns);
}

std::vector<std::string> noise_notes(const Profile& profile, const std::vector<std::string_view>& kinds) {
  std::vector<Figures> figures = figures_of(profile);
  std::erase_if(figures, [&](const Figures& f) {
    return std::find(kinds.begin(), kinds.end(), f.name) == kinds.end();
  });
  std::vector<std::string> notes = lines_of(figures, INT_MAX);
  for (std::string& note : notes) note = "Note: " + note + ".";
  return notes;
}

}  // namespace oldiron::reports
