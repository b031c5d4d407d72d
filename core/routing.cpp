// Expected unions of experts.
#include "core/routing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "core/check.hpp"

namespace oldiron {
namespace {

/// What the tokens after the first add if each draws evenly.
double evenly(double experts, double used, double tokens) {
  return experts * (1 - std::pow(1 - used / experts, tokens));
}

/// How likely each expert is to be used by one token; the sum is `used`.
std::vector<double> zipf_uses(int experts, int used, double exponent) {
  std::vector<double> weight(static_cast<std::size_t>(experts));
  for (std::size_t r = 0; r < weight.size(); ++r) weight[r] = std::pow(static_cast<double>(r + 1), -exponent);
  const auto sum = [&](double rate) {
    double total = 0;
    for (const double w : weight) total += 1 - std::exp(-rate * w);
    return total;
  };
  double low = 0, high = 1;
  while (sum(high) < used && high < 1e12) high *= 2;
  for (int i = 0; i < 200; ++i) (sum((low + high) / 2) < used ? low : high) = (low + high) / 2;
  for (double& w : weight) w = 1 - std::exp(-high * w);
  return weight;
}

double sticky(double experts, double used, double kept, int tokens) {
  double together = used;
  for (int t = 1; t < tokens; ++t) together += (1 - kept) * used * (1 - (together - used) / (experts - used));
  return together;
}

double interpolated(const std::vector<double>& distinct, double experts, int tokens) {
  const std::size_t last = distinct.size() - 1, at = static_cast<std::size_t>(tokens) - 1;
  if (at <= last) return distinct[at];
  // Each further token finds untouched experts as rarely as evenly drawn ones would.
  const double used = distinct.front(), beyond = static_cast<double>(at - last);
  return experts - (experts - distinct[last]) * std::pow(1 - used / experts, beyond);
}

std::vector<double> numbers(std::string_view list, std::string_view text) {
  std::vector<double> out;
  while (!list.empty()) {
    const std::string_view word = list.substr(0, list.find(','));
    double value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size() || !std::isfinite(value)) {
      throw Error(fmt::format("routing {}: `{}` is no number; write independent, zipf:1, sticky:0.5 or "
                              "measured:8,13.1,17 (experts of 1, 2, 3 tokens)",
                              text, word));
    }
    out.push_back(value);
    list.remove_prefix(std::min(word.size() + 1, list.size()));
  }
  return out;
}

}  // namespace

double distinct_experts(const Routing& routing, int expert_count, int used, int tokens) {
  if (expert_count <= 0 || used <= 0 || tokens <= 0) return 0;
  if (used >= expert_count) return expert_count;
  switch (routing.kind) {
    case Routing::Kind::independent:
      return evenly(expert_count, used, tokens);
    case Routing::Kind::zipf: {
      double together = 0;
      for (const double use : zipf_uses(expert_count, used, routing.exponent))
        together += 1 - std::pow(1 - use, tokens);
      return together;
    }
    case Routing::Kind::sticky:
      return sticky(expert_count, used, routing.kept, tokens);
    case Routing::Kind::measured:
      return routing.distinct.empty() ? evenly(expert_count, used, tokens)
                                      : interpolated(routing.distinct, expert_count, tokens);
  }
  return 0;
}

Routing routing_from_text(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  const std::vector<double> values =
      colon == std::string_view::npos ? std::vector<double>{} : numbers(text.substr(colon + 1), text);
  const auto refuse = [&](std::string_view why) {
    return Error(fmt::format("routing {}: {}", text, why));
  };
  Routing routing;
  if (name == "independent") {
    if (!values.empty()) throw refuse("independent takes no number");
  } else if (name == "zipf") {
    routing.kind = Routing::Kind::zipf;
    if (!values.empty()) routing.exponent = values.front();
    if (routing.exponent < 0 || routing.exponent > 5) throw refuse("the exponent is from 0 to 5");
  } else if (name == "sticky") {
    routing.kind = Routing::Kind::sticky;
    if (!values.empty()) routing.kept = values.front();
    if (routing.kept < 0 || routing.kept > 1) throw refuse("the share of kept experts is from 0 to 1");
  } else if (name == "measured") {
    routing.kind = Routing::Kind::measured;
    routing.distinct = values;
    if (values.empty()) throw refuse("give the mean experts of 1, 2, 3 .. tokens: measured:8,13.1,17");
    if (!std::is_sorted(values.begin(), values.end()) || values.front() <= 0)
      throw refuse("more tokens touch more experts, and never none");
  } else {
    throw refuse("it is independent, zipf:EXPONENT, sticky:SHARE or measured:N1,N2,…");
  }
  return routing;
}

std::string to_string(const Routing& routing) {
  switch (routing.kind) {
    case Routing::Kind::independent:
      return "independent";
    case Routing::Kind::zipf:
      return fmt::format("zipf:{:g}", routing.exponent);
    case Routing::Kind::sticky:
      return fmt::format("sticky:{:g}", routing.kept);
    case Routing::Kind::measured:
      return fmt::format("measured:{:g}", fmt::join(routing.distinct, ","));
  }
  return "";
}

}  // namespace oldiron
