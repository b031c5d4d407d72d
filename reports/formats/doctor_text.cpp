// The screen of `oldiron doctor`: what costs speed, the most at stake first, with commands to fix and undo.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/json.hpp"
#include "core/text.hpp"
#include "reports/doctor_screen.hpp"
#include "reports/layout.hpp"

namespace oldiron::reports {
namespace {

std::string place_text(Place place) {
  switch (place) {
    case Place::here:
      return "here";
    case Place::container_host:
      return "on the container's host";
    case Place::hypervisor:
      return "on the hypervisor";
    case Place::bios:
      return "in the BIOS";
    case Place::hardware:
      return "at the machine";
  }
  return "";
}

std::string signed_percent(double share) {
  const std::string text = fine_percent_text(share);
  return share > 0 ? "+" + text : text;
}

/// "+4.2 % to +9.0 % decode, measured (…)".
std::string stake_text(const Stake& stake, double decode_tokens_per_s) {
  const std::string how = stake.how.empty() ? "" : " (" + one_line(stake.how) + ")";
  switch (stake.basis) {
    case StakeBasis::nothing:
      return "no speed";
    case StakeBasis::unknown:
      return "not measured" + how;
    case StakeBasis::computed:
      return fmt::format("up to {}, computed{}", signed_percent(stake.high), how);
    case StakeBasis::measured:
      break;
  }
  std::string text = stake.low < 0 && stake.high > 0 ? "not told apart from nothing: " : "";
  text += stake.low == 0 ? fmt::format("up to {}", signed_percent(stake.high))
                         : fmt::format("{} to {}", signed_percent(stake.low), signed_percent(stake.high));
  if (decode_tokens_per_s > 0) text += fmt::format(" of {} tokens/s", rate_text(decode_tokens_per_s));
  return text + ", measured" + how;
}

/// Commands are printed as they are, on a line of their own: a wrapped one cannot be pasted.
std::string command_text(std::string_view label, const std::string& command) {
  return "     " + left(label, 9) + one_line(command) + "\n";
}

std::string finding_text(const Finding& finding, std::size_t number, double decode_tokens_per_s) {
  constexpr int kLabel = 14;
  std::string out;
  for (const std::string& line : wrap(one_line(finding.what), kScreenColumns - 5))
    out += (out.empty() ? fmt::format("{:>3}  ", number) : "     ") + line + "\n";
  const auto row = [&](const char* label, const std::string& text) {
    out += labelled("   " + std::string(label), text, kLabel);
  };
  row("costs", one_line(finding.why));
  row("stake", stake_text(finding.stake, decode_tokens_per_s));
  row("where", place_text(finding.place));
  out += command_text("fix", finding.fix) + command_text("undo", finding.undo);
  if (!finding.lasting.empty()) row("lasting", one_line(finding.lasting));
  return out + "\n";
}

std::string listed(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ", ") + one_line(item);
  return text;
}

}  // namespace

std::string doctor_text(const DoctorScreen& screen) {
  const Diagnosis& diagnosis = screen.diagnosis;
  std::string out;
  for (const std::string& line : wrap(one_line(screen.subject), kScreenColumns)) out += line + "\n";
  if (!out.empty()) out += "\n";
  if (diagnosis.findings.empty()) out += "Nothing found.\n\n";
  for (std::size_t i = 0; i < diagnosis.findings.size(); ++i)
    out += finding_text(diagnosis.findings[i], i + 1, screen.decode_tokens_per_s);
  if (!diagnosis.fine.empty()) out += labelled("as it should be", listed(diagnosis.fine), 18);
  for (const std::string& reason : diagnosis.not_checked) out += labelled("not checked", one_line(reason), 18);
  for (const std::string& tag : screen.notes) out += labelled("note", one_line(tag), 18);
  return out + "\nNothing was changed.\n";
}

std::string doctor_json(const DoctorScreen& screen) {
  Json findings = Json::array();
  for (const Finding& finding : screen.diagnosis.findings)
    findings.push_back({{"id", finding.id},
                        {"what", finding.what},
                        {"why", finding.why},
                        {"stake",
                         {{"basis", to_string(finding.stake.basis)},
                          {"low", finding.stake.low},
                          {"high", finding.stake.high},
                          {"how", finding.stake.how}}},
                        {"where", to_string(finding.place)},
                        {"fix", finding.fix},
                        {"undo", finding.undo},
                        {"lasting", finding.lasting}});
  const Json json = {{"schema", 1},
                     {"subject", screen.subject},
                     {"findings", findings},
                     {"fine", screen.diagnosis.fine},
                     {"not_checked", screen.diagnosis.not_checked},
                     {"decode_tokens_per_s", screen.decode_tokens_per_s},
                     {"notes", screen.notes}};
  return dump_json(json, 1) + "\n";
}

}  // namespace oldiron::reports
