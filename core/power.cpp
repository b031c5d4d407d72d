#include "core/power.hpp"

namespace oldiron {
namespace {

constexpr double kDay_s = 24 * 3600;
constexpr double kKilowattHour_j = 3.6e6;

}  // namespace

double decode_j_per_token(const TurnPower& turn) {
  return turn.generate_tokens > 0 ? turn.decode_w * turn.decode_s / turn.generate_tokens : 0;
}

double turn_j(const TurnPower& turn) {
  return turn.prefill_w * turn.prefill_s + turn.decode_w * turn.decode_s;
}

Available<double> cost_per_million_tokens(const TurnPower& turn, const Tariff& tariff) {
  const auto none = [](const char* reason) { return Available<double>::not_available(reason); };
  if (tariff.price_per_kwh <= 0) return none("no price was given; add --price with what a kWh costs");
  const double turn_s = turn.prefill_s + turn.decode_s;
  if (turn_s <= 0 || turn.generate_tokens <= 0) return none("no whole turn was measured");
  const double busy_s = tariff.hours_per_day * 3600, idle_s = kDay_s - busy_s;
  if (idle_s > 0 && turn.idle_w <= 0)
    return none("the power of its idle hours is not known; give both figures with --watts IDLE,LOADED");
  const double turns = busy_s / turn_s;
  const double day_j = turns * turn_j(turn) + idle_s * turn.idle_w;
  return day_j / kKilowattHour_j * tariff.price_per_kwh / (turns * turn.generate_tokens) * 1e6;
}

}  // namespace oldiron
