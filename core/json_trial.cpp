// JSON of a trial and its parts. Frozen: docs/trial.md.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/json.hpp"
#include "core/json_reader.hpp"
#include "core/text.hpp"

namespace oldiron {
namespace {

constexpr int kSchema = 1;
constexpr Status kStatuses[] = {Status::ok, Status::noisy, Status::failed, Status::timed_out,
                                Status::unsupported};

Status status_from_name(const std::string& name) {
  std::vector<std::string> known;
  for (Status status : kStatuses) {
    if (name == to_string(status)) return status;
    known.emplace_back(to_string(status));
  }
  throw Error(fmt::format("trial: status cannot be `{}`: it is {}", name, list_text(known, "or")));
}

bool is_number(const Lever& lever) { return lever.domain.names.empty(); }

Json to_json(const MemoryPlaces& places) {
  return {{"file_system", places.file_system},
          {"file_bytes", places.file_bytes},
          {"cached_before_bytes", places.cached_before_bytes},
          {"cached_after_bytes", places.cached_after_bytes},
          {"swap_before_bytes", places.swap_before_bytes},
          {"swap_after_bytes", places.swap_after_bytes},
          {"node_bytes", places.node_bytes}};
}

MemoryPlaces memory_places_from_json(const Json& json) {
  JsonReader reader(json, "trial.provenance.places");
  MemoryPlaces places;
  reader.read("file_system", places.file_system);
  reader.read("file_bytes", places.file_bytes);
  reader.read("cached_before_bytes", places.cached_before_bytes);
  reader.read("cached_after_bytes", places.cached_after_bytes);
  reader.read("swap_before_bytes", places.swap_before_bytes);
  reader.read("swap_after_bytes", places.swap_after_bytes);
  reader.read("node_bytes", places.node_bytes);
  reader.finish();
  return places;
}

Json to_json(const Provenance& provenance) {
  Json json = {{"engine_version", provenance.engine_version},
               {"machine_fingerprint", provenance.machine_fingerprint},
               {"model_fingerprint", provenance.model_fingerprint},
               {"command", provenance.command},
               {"started", provenance.started},
               {"wall_s", provenance.wall_s},
               {"load_s", provenance.load_s},
               {"worker_age_s", provenance.worker_age_s},
               {"peak_rss_bytes", provenance.peak_rss_bytes},
               {"huge_page_bytes", provenance.huge_page_bytes},
               {"cpus", provenance.cpus},
               {"before", to_json(provenance.before)},
               {"after", to_json(provenance.after)},
               {"log_path", provenance.log_path}};
  if (!provenance.no_counters.empty()) json["no_counters"] = provenance.no_counters;
  if (!(provenance.places == MemoryPlaces{})) json["places"] = to_json(provenance.places);
  // Absent where nothing was read, as in trials that were written before there was such a key.
  for (const PagesObtained& each : provenance.pages)
    json["pages"].push_back(
        {{"use", each.use}, {"bytes", each.bytes}, {"huge_page_bytes", each.huge_page_bytes}});
  return json;
}

Provenance provenance_from_json(const Json& json) {
  JsonReader reader(json, "trial.provenance");
  Provenance provenance;
  reader.read("engine_version", provenance.engine_version);
  reader.read("machine_fingerprint", provenance.machine_fingerprint);
  reader.read("model_fingerprint", provenance.model_fingerprint);
  reader.read("command", provenance.command);
  reader.read("started", provenance.started);
  reader.read("wall_s", provenance.wall_s);
  reader.read("load_s", provenance.load_s);
  reader.read("worker_age_s", provenance.worker_age_s);
  reader.read("peak_rss_bytes", provenance.peak_rss_bytes);
  reader.read("huge_page_bytes", provenance.huge_page_bytes);
  if (reader.has("pages"))
    for (const Json& each : reader.list("pages")) {
      JsonReader pages(each, "trial.provenance.pages");
      PagesObtained obtained;
      pages.read("use", obtained.use);
      pages.read("bytes", obtained.bytes);
      pages.read("huge_page_bytes", obtained.huge_page_bytes);
      pages.finish();
      provenance.pages.push_back(std::move(obtained));
    }
  reader.read("cpus", provenance.cpus);
  provenance.before = machine_state_from_json(reader.at("before"));
  provenance.after = machine_state_from_json(reader.at("after"));
  reader.read("log_path", provenance.log_path);
  if (reader.has("no_counters")) reader.read("no_counters", provenance.no_counters);
  if (reader.has("places")) provenance.places = memory_places_from_json(reader.at("places"));
  reader.finish();
  return provenance;
}

}  // namespace

Json to_json(const Config& config) {
  Json json = Json::object();
  for (const Lever& lever : levers()) {
    const std::string value = lever.get(config);
    json[std::string(lever.name)] = is_number(lever) ? Json(std::stoi(value)) : Json(value);
  }
  return json;
}

Config config_from_json(const Json& json) {
  JsonReader reader(json, "config");
  Config config;
  for (const Lever& lever : levers()) {
    const std::string key(lever.name);
    if (!reader.has(key.c_str())) continue;  // written before the lever was there
    std::string value;
    if (is_number(lever)) {
      int number = 0;
      reader.read(key.c_str(), number);
      value = std::to_string(number);
    } else {
      reader.read(key.c_str(), value);
    }
    lever.set(config, value);
  }
  reader.finish();
  return config;
}

Json to_json(const Measurement& measurement) {
  Json json = {{"name", measurement.name},     {"unit", measurement.unit}, {"samples", measurement.samples},
               {"median", measurement.median}, {"low", measurement.low},   {"high", measurement.high},
               {"tags", measurement.tags}};
  // Absent where nothing disturbed, as in trials that were written before there was such a key.
  if (!measurement.disturbed.empty()) json["disturbed"] = to_json(measurement.disturbed);
  return json;
}

Json to_json(const std::vector<Disturbed>& disturbed) {
  Json json = Json::array();
  for (const Disturbed& each : disturbed)
    json.push_back({{"by", each.by}, {"what", each.what}, {"samples", each.samples}});
  return json;
}

std::vector<Disturbed> disturbed_from_json(const Json& json) {
  std::vector<Disturbed> list;
  for (const Json& each : json) {
    JsonReader reader(each, "disturbed");
    Disturbed disturbed;
    reader.read("by", disturbed.by);
    reader.read("what", disturbed.what);
    reader.read("samples", disturbed.samples);
    reader.finish();
    list.push_back(std::move(disturbed));
  }
  return list;
}

Measurement measurement_from_json(const Json& json) {
  JsonReader reader(json, "measurement");
  Measurement measurement;
  reader.read("name", measurement.name);
  reader.read("unit", measurement.unit);
  reader.read("samples", measurement.samples);
  reader.read("median", measurement.median);
  reader.read("low", measurement.low);
  reader.read("high", measurement.high);
  reader.read("tags", measurement.tags);
  if (reader.has("disturbed")) measurement.disturbed = disturbed_from_json(reader.list("disturbed"));
  reader.finish();
  return measurement;
}

Json to_json(const Workload& workload) {
  Json json = {{"name", workload.name},
          {"prompt_tokens", workload.prompt_tokens},
          {"generate_tokens", workload.generate_tokens},
          {"depth_tokens", workload.depth_tokens},
          {"verify_max", workload.verify_max},
          {"streams_max", workload.streams_max},
          {"seed", workload.seed}};
  // Absent where it is not asked for, as in trials that were written before there was such a key.
  if (workload.quality_texts > 0) {
    json["quality_texts"] = workload.quality_texts;
    json["quality_tokens"] = workload.quality_tokens;
  }
  return json;
}

Workload workload_from_json(const Json& json) {
  JsonReader reader(json, "workload");
  Workload workload;
  reader.read("name", workload.name);
  reader.read("prompt_tokens", workload.prompt_tokens);
  reader.read("generate_tokens", workload.generate_tokens);
  reader.read("depth_tokens", workload.depth_tokens);
  reader.read("verify_max", workload.verify_max);
  reader.read("streams_max", workload.streams_max);
  reader.read("seed", workload.seed);
  if (reader.has("quality_texts")) {
    reader.read("quality_texts", workload.quality_texts);
    reader.read("quality_tokens", workload.quality_tokens);
  }
  reader.finish();
  for (const int count : {workload.prompt_tokens, workload.generate_tokens, workload.depth_tokens,
                          workload.verify_max, workload.streams_max, workload.quality_texts,
                          workload.quality_tokens}) {
    if (count < 0) throw reader.error("no count may be below 0");
  }
  return workload;
}

Json to_json(const Budget& budget) {
  Json json = {{"seconds", budget.seconds}, {"min_samples", budget.min_samples}, {"max_samples", budget.max_samples}};
  if (!budget.warm_up) json["warm_up"] = false;
  return json;
}

Budget budget_from_json(const Json& json) {
  JsonReader reader(json, "budget");
  Budget budget;
  reader.read("seconds", budget.seconds);
  reader.read("min_samples", budget.min_samples);
  reader.read("max_samples", budget.max_samples);
  if (reader.has("warm_up")) reader.read("warm_up", budget.warm_up);
  reader.finish();
  return budget;
}

Json to_json(const TrialSpec& spec) {
  Json json = {{"engine", to_string(spec.engine)},
          {"engine_dir", spec.engine_dir},
          {"model", spec.model},
          {"type", spec.type},
          {"card_head_type", spec.card_head_type},
          {"layers", spec.layers},
          {"workload", to_json(spec.workload)},
          {"config", to_json(spec.config)},
          {"budget", to_json(spec.budget)},
          {"repetition", spec.repetition}};
  if (!spec.draft_model.empty()) json["draft_model"] = spec.draft_model;
  if (spec.cold) json["cold"] = true;
  if (!spec.more_front.empty()) json["more_front"] = spec.more_front;
  if (!spec.more_flags.empty()) json["more_flags"] = spec.more_flags;
  return json;
}

TrialSpec trial_spec_from_json(const Json& json) {
  JsonReader reader(json, "trial.spec");
  TrialSpec spec;
  std::string engine;
  reader.read("engine", engine);
  spec.engine = engine_from_name(engine);
  reader.read("engine_dir", spec.engine_dir);
  reader.read("model", spec.model);
  reader.read("type", spec.type);
  reader.read("card_head_type", spec.card_head_type);
  if (reader.has("draft_model")) reader.read("draft_model", spec.draft_model);
  reader.read("layers", spec.layers);
  spec.workload = workload_from_json(reader.at("workload"));
  spec.config = config_from_json(reader.at("config"));
  spec.budget = budget_from_json(reader.at("budget"));
  reader.read("repetition", spec.repetition);
  if (reader.has("cold")) reader.read("cold", spec.cold);
  if (reader.has("more_front")) reader.read("more_front", spec.more_front);
  if (reader.has("more_flags")) reader.read("more_flags", spec.more_flags);
  reader.finish();
  return spec;
}

Json to_json(const Trial& trial) {
  Json measurements = Json::array();
  for (const Measurement& measurement : trial.measurements) measurements.push_back(to_json(measurement));
  return {
      {"schema", kSchema},      {"spec", to_json(trial.spec)},  {"status", to_string(trial.status)},
      {"reason", trial.reason}, {"measurements", measurements}, {"provenance", to_json(trial.provenance)}};
}

Trial trial_from_json(const Json& json) {
  JsonReader reader(json, "trial");
  int schema = 0;
  reader.read("schema", schema);
  if (schema != kSchema) {
    throw reader.error(fmt::format("schema {} is not one this program reads; it reads {}", schema, kSchema));
  }
  Trial trial;
  trial.spec = trial_spec_from_json(reader.at("spec"));
  std::string status;
  reader.read("status", status);
  trial.status = status_from_name(status);
  reader.read("reason", trial.reason);
  for (const Json& measurement : reader.list("measurements")) {
    trial.measurements.push_back(measurement_from_json(measurement));
  }
  trial.provenance = provenance_from_json(reader.at("provenance"));
  reader.finish();
  return trial;
}

}  // namespace oldiron
