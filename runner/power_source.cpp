#include "runner/power_source.hpp"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "core/clock.hpp"
#include "core/text.hpp"
#include "probes/files.hpp"
#include "probes/rapl.hpp"

namespace oldiron {
namespace {

// RAPL counts every millisecond: a fifth of a second is far above its steps.
constexpr double kRaplTick_s = 0.2;
constexpr double kMostWatts = 1e5;

Available<double> none(std::string reason) { return Available<double>::not_available(std::move(reason)); }

class FromRapl : public Meter {
 public:
  explicit FromRapl(Rapl rapl) : rapl_(std::move(rapl)), last_s_(now_s()) {}

  std::string name() const override { return "RAPL: " + rapl_.zones(); }

  bool since_last() const override { return true; }

  double interval_s() const override { return kRaplTick_s; }

  Available<double> read() override {
    const Available<double> joules = rapl_.joules();
    if (!joules) return joules;
    const double now = now_s();
    if (now <= last_s_) return none("no time has passed");
    const double mean_w = (*joules - last_j_) / (now - last_s_);
    last_s_ = now;
    last_j_ = *joules;
    return mean_w;
  }

 private:
  Rapl rapl_;
  double last_s_, last_j_ = 0;
};

class Given : public Meter {
 public:
  explicit Given(double loaded_w) : loaded_w_(loaded_w) {}

  std::string name() const override { return "a figure that was given"; }

  double interval_s() const override { return 1; }

  Available<double> read() override { return loaded_w_; }

 private:
  double loaded_w_;
};

Command silent(std::vector<std::string> argv) {
  Command command;
  command.argv = std::move(argv);
  return command;
}

}  // namespace

PowerRequest parse_watts(const std::string& text) {
  PowerRequest request;
  const std::size_t comma = text.find(',');
  const auto number = [&](std::string_view part) {
    double value = 0;
    const auto [stop, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc() || stop != part.data() + part.size() || !(value > 0) || value > kMostWatts)
      throw Error(fmt::format(
          "--watts {}: no number of watts; write --watts LOADED or --watts IDLE,LOADED, for example 60,140",
          text));
    return value;
  };
  const std::string_view whole = text;
  if (comma != text.npos) request.idle_w = number(whole.substr(0, comma));
  request.loaded_w = number(comma == text.npos ? whole : whole.substr(comma + 1));
  if (request.idle_w > request.loaded_w)
    throw Error(fmt::format("--watts {}: idle is more than loaded; write --watts IDLE,LOADED", text));
  return request;
}

Available<double> parse_power_command(std::string_view out) {
  const std::string_view whole = trim(out);
  const std::string line(trim(whole.substr(0, whole.find('\n'))));
  const auto watts = first_number(line);
  if (!watts)
    return none(line.empty() ? "it printed nothing"
                             : fmt::format("it printed `{}`, which is no number of watts", line));
  if (!(*watts > 0) || *watts > kMostWatts)
    return none(fmt::format("it printed {:g}, which cannot be watts", *watts));
  return *watts;
}

Available<double> parse_likwid_power(std::string_view out) {
  double sum = 0;
  bool counts = false;
  for (const std::string_view line : split(out, '\n')) {
    if (line.starts_with("Domain ")) counts = line == "Domain PKG:" || line == "Domain DRAM:";
    if (const auto watts = line.starts_with("Power consumed:") && counts ? first_number(line) : std::nullopt)
      sum += *watts;
  }
  return sum > 0 ? Available<double>(sum) : none("likwid-powermeter printed no power of a package");
}

Available<double> parse_dcmi_power(std::string_view out) {
  for (const std::string_view line : split(out, '\n'))
    if (trim(line).starts_with("Instantaneous power reading"))
      if (const auto watts = first_number(line); watts && *watts > 0) return *watts;
  return none("the controller gave no power reading");
}

Available<PowerSource> find_power_source(const PowerRequest& request, const std::string& root,
                                         const RunShort& run) {
  if (request.loaded_w > 0)
    return PowerSource{.meter = std::make_unique<Given>(request.loaded_w), .whole_machine = true};
  if (!request.command.empty()) {
    auto meter =
        std::make_unique<CommandMeter>(fmt::format("`{}`", request.command),
                                       silent({"/bin/sh", "-c", request.command}), parse_power_command, run);
    if (const Available<double> watts = meter->read(); !watts)
      throw Error(fmt::format("--power-command {}: {}; it must print one number, the watts of now",
                              request.command, watts.reason()));
    return PowerSource{.meter = std::move(meter), .whole_machine = true};
  }
  Available<Rapl> rapl = Rapl::open(root);
  if (rapl) return PowerSource{.meter = std::make_unique<FromRapl>(*rapl), .whole_machine = false};
  std::string reasons = rapl.reason();
  const auto attempt = [&](const char* name, std::vector<std::string> argv,
                           Available<double> (*parse)(std::string_view)) {
    auto meter = std::make_unique<CommandMeter>(name, silent(std::move(argv)), parse, run);
    const Available<double> watts = meter->read();
    if (!watts) reasons += fmt::format("; {} {}", name, watts.reason());
    return watts ? std::move(meter) : nullptr;
  };
  if (auto likwid = attempt("likwid-powermeter", {"likwid-powermeter", "-s", "1s"}, parse_likwid_power))
    return PowerSource{.meter = std::move(likwid), .whole_machine = false};
  if (auto ipmi = attempt("ipmitool", {"ipmitool", "dcmi", "power", "reading"}, parse_dcmi_power))
    return PowerSource{.meter = std::move(ipmi), .whole_machine = true};
  return Available<PowerSource>::not_available(
      reasons + "; a plug's figure can be given with --watts IDLE,LOADED or --power-command");
}

}  // namespace oldiron
