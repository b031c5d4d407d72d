#include "app/tune_record.hpp"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/json.hpp"
#include "core/text.hpp"

namespace oldiron {

namespace {

constexpr int kSchema = 1;

Json candidate_json(const Candidate& c) {
  return {{"engine", std::string(to_string(c.engine))},
          {"bench", c.bench},
          {"version", c.version},
          {"flags", c.flags},
          {"server", c.server},
          {"server_flags", c.server_flags},
          {"no_server", c.no_server},
          {"model", c.request.model},
          {"type", c.request.type},
          {"head_type", c.request.head_type},
          {"layers", c.request.layers},
          {"remembered", c.remembered}};
}

Json storage_json(const Available<Storage>& storage) {
  if (!storage) return {{"reason", storage.reason()}};
  return {{"file_system", storage->file_system},   {"network", storage->network},
          {"file_bytes", storage->file_bytes},     {"cached_bytes", storage->cached_bytes},
          {"no_cached", storage->no_cached},       {"bytes_per_s", storage->bytes_per_s},
          {"cached_bytes_per_s", storage->cached_bytes_per_s}};
}

Available<Storage> storage_from_json(const Json& json) {
  if (json.contains("reason")) return Available<Storage>::not_available(json.at("reason").get<std::string>());
  return Storage{.file_system = json.at("file_system"),
                 .network = json.at("network"),
                 .file_bytes = json.at("file_bytes"),
                 .cached_bytes = json.at("cached_bytes"),
                 .no_cached = json.at("no_cached"),
                 .bytes_per_s = json.at("bytes_per_s"),
                 .cached_bytes_per_s = json.at("cached_bytes_per_s")};
}

Candidate candidate_from_json(const Json& json) {
  return {.engine = engine_from_name(json.at("engine").get<std::string>()),
          .bench = json.at("bench"),
          .version = json.at("version"),
          .flags = json.value("flags", std::vector<std::string>{}),
          .server = json.value("server", ""),
          .server_flags = json.value("server_flags", std::vector<std::string>{}),
          .no_server = json.value("no_server", ""),
          .request = {.model = json.at("model"),
                      .type = json.at("type"),
                      .head_type = json.at("head_type"),
                      .layers = json.at("layers")},
          .remembered = json.at("remembered")};
}

}  // namespace

void save_record(const TuneRecord& record, const std::string& dir) {
  Json candidates = Json::array(), rejected = Json::array();
  for (const Candidate& c : record.candidates) candidates.push_back(candidate_json(c));
  for (const RejectedCandidate& r : record.rejected)
    rejected.push_back(
        {{"engine", std::string(to_string(r.engine))}, {"bench", r.bench}, {"reason", r.reason}});
  const Json json = {{"schema", kSchema},
                     {"created", record.created},
                     {"machine", to_json(record.machine)},
                     {"state", to_json(record.state)},
                     {"profile", to_json(record.profile)},
                     {"profile_after", to_json(record.profile_after)},
                     {"cyclic_read", to_json(record.cyclic)},
                     {"power", to_json(record.power)},
                     {"traffic", record.traffic ? *record.traffic : ""},
                     {"no_traffic", record.traffic.reason()},
                     {"price_per_kwh", record.tariff.price_per_kwh},
                     {"hours_per_day", record.tariff.hours_per_day},
                     {"workload", to_json(record.workload)},
                     {"storage", storage_json(record.storage)},
                     {"cold", record.cold},
                     {"baseline", record.baseline},
                     {"budget_s", record.budget_s},
                     {"max_trials", record.max_trials},
                     {"draft_model", record.draft_model},
                     {"quality_text", record.quality_text},
                     {"quality_name", record.quality_name},
                     {"settings", record.settings},
                     {"candidates", candidates},
                     {"rejected", rejected}};
  write_file(dir + "/tune.json", dump_json(json, 1));
}

std::optional<TuneRecord> load_record(const std::string& dir) {
  const std::string path = dir + "/tune.json";
  if (!std::filesystem::exists(path)) return std::nullopt;
  const Json json = parse_json(read_file(path), path);
  try {
    if (json.at("schema").get<int>() != kSchema)
      throw Error(path + ": written by another version of oldiron; choose another folder with --out");
    TuneRecord record;
    record.created = json.at("created");
    record.machine = machine_from_json(json.at("machine"));
    record.state = machine_state_from_json(json.at("state"));
    record.profile = profile_from_json(json.at("profile"));
    record.profile_after = profile_from_json(json.at("profile_after"));
    if (json.contains("cyclic_read")) record.cyclic = cyclic_read_from_json(json.at("cyclic_read"));
    // Absent in tunes before there was any power.
    if (json.contains("power")) record.power = power_meter_from_json(json.at("power"));
    if (const std::string counted = json.value("traffic", ""); !counted.empty()) record.traffic = counted;
    else record.traffic = Available<std::string>::not_available(json.value("no_traffic", "not asked for"));
    record.tariff = {.price_per_kwh = json.value("price_per_kwh", 0.0), .hours_per_day = json.value("hours_per_day", 24.0)};
    record.workload = workload_from_json(json.at("workload"));
    // Absent in tunes before storage was looked at.
    if (json.contains("storage")) record.storage = storage_from_json(json.at("storage"));
    record.cold = json.value("cold", false);
    record.baseline = json.value("baseline", std::vector<std::string>{});
    record.budget_s = json.at("budget_s");
    record.max_trials = json.at("max_trials");
    record.draft_model = json.value("draft_model", "");  // absent in tunes before there were drafts
    record.quality_text = json.value("quality_text", "");
    record.quality_name = json.value("quality_name", "");
    record.settings = json.at("settings").get<std::map<std::string, std::string>>();
    for (const Json& c : json.at("candidates")) record.candidates.push_back(candidate_from_json(c));
    for (const Json& r : json.at("rejected"))
      record.rejected.push_back({.engine = engine_from_name(r.at("engine").get<std::string>()),
                                 .bench = r.at("bench"),
                                 .reason = r.at("reason")});
    return record;
  } catch (const Json::exception& error) {
    throw Error(path + ": damaged (" + error.what() +
                "); remove the file and tune again, finished trials are kept");
  }
}

}  // namespace oldiron
