// report.json: the keys that scripts rely on (answer, trials, machine, model), and everything else that is
// known beside.
#include "core/json.hpp"

#include <nlohmann/json.hpp>

#include "core/accounting.hpp"
#include "reports/formats.hpp"
#include "reports/sentences.hpp"

namespace oldiron::reports {
namespace {

Json interval(const Measurement& m) {
  if (m.median <= 0 && m.high <= 0) return nullptr;
  return {{"median", m.median},
          {"low", m.low},
          {"high", m.high},
          {"samples", m.samples.size()},
          {"tags", m.tags}};
}

Json ratio(const Ratio& r) {
  if (r.median <= 0) return nullptr;
  return {{"median", r.median}, {"low", r.interval.low}, {"high", r.interval.high}};
}

/// Speed stands beside a line only if this very line ran.
Json flags(const FlagLine& f) {
  const std::string line = f.basis == Basis::none ? "" : command_line(f.argv);
  Json json = {{"line", line.empty() ? Json(nullptr) : Json(line)},
               {"basis", to_string(f.basis)},
               {"reason", f.reason}};
  if (!line.empty()) json["argv"] = f.argv;
  if (f.basis == Basis::confirmed && f.turn_s > 0) json["turn_s"] = f.turn_s;
  if (!f.served_decode.samples.empty())
    json["served"] = {{"decode_tokens_per_s", interval(f.served_decode)}, {"prefill_tokens_per_s", interval(f.served_prefill)}, {"finding", f.finding}};
  return json;
}

Json positive(double value) { return value > 0 ? Json(value) : Json(nullptr); }

Json wall(const Wall& w) {
  Json json = {{"name", w.name.empty() ? "not measured" : w.name},
               {"fraction", positive(w.fraction)},
               {"bytes_per_s", positive(w.fraction > 0 ? w.bytes_per_s : 0)},
               {"limit_bytes_per_s", positive(w.fraction > 0 ? w.limit_bytes_per_s : 0)}};
  if (w.fraction > 0 && w.limit_bytes_per_s > 0) json["limit_of"] = w.own_pages ? "own_pages" : "fresh_pages";
  if (w.limit_ops_per_s > 0) {
    json["ops_per_s"] = w.ops_per_s;
    json["limit_ops_per_s"] = w.limit_ops_per_s;
  }
  return json;
}

Json waits(const BarrierWaits& w) {
  if (w.share.empty()) return nullptr;
  Json json = {
      {"barriers_per_step", w.per_step}, {"barrier_s", w.barrier_s}, {"share_per_rank", Json::array()}};
  for (const Measurement& share : w.share) json["share_per_rank"].push_back(interval(share));
  return json;
}

Json pages(const std::vector<PagesObtained>& pages) {
  Json json = Json::array();
  for (const PagesObtained& each : pages)
    json.push_back({{"use", each.use}, {"bytes", each.bytes}, {"huge_page_bytes", each.huge_page_bytes}});
  return json;
}

Json counted(const Answer& a) {
  Json json = Json::object();
  for (const Measurement& m : a.counted) json[m.name.substr(std::string_view(kCounted).size())] = m.median;
  if (!a.no_counters.empty()) json["reason"] = a.no_counters;
  if (!a.dram_read.samples.empty()) json["dram_bytes_per_s"] = interval(a.dram_read);
  return json;
}

Json next_start(const Answer& a) {
  const auto bounds = [](const std::optional<Interval>& next) { return next ? Json{{"low", next->low}, {"high", next->high}} : Json(nullptr); };
  return {{"decode_tokens_per_s", bounds(a.next_decode)}, {"prefill_tokens_per_s", bounds(a.next_prefill)}};
}

Json answer(const Available<Answer>& available) {
  if (!available) return nullptr;
  const Answer& a = *available;
  return {{"engine", to_string(a.engine)},
          {"config", to_json(a.config)},
          {"decode_tokens_per_s", interval(a.decode)},
          {"prefill_tokens_per_s", interval(a.prefill)},
          {"turn_s", interval(a.turn_s)},
          {"next_start", next_start(a)},
          {"confirmed", a.confirmed},
          {"load_s", a.load_s > 0 ? Json(a.load_s) : Json(nullptr)},
          {"memory_bytes", a.memory_bytes > 0 ? Json(a.memory_bytes) : Json(nullptr)},
          {"wall", wall(a.wall)},
          {"prefill_wall", wall(a.prefill_wall)},
          {"speedup", ratio(a.speedup)},
          {"pairs", a.pairs},
          {"waits", waits(a.waits)},
          {"multiply_ops_per_s", a.multiplied.samples.empty() ? Json(nullptr) : interval(a.multiplied)},
          {"pages", pages(a.pages)},
          {"counted", counted(a)},
          {"quality", a.quality.empty() ? Json(nullptr) : Json(a.quality)},
          {"flags", {{"llama_cpp", flags(a.llama_cpp)}, {"ik_llama_cpp", flags(a.ik_llama)}}}};
}

Json answers(const Report& report) {
  Json json = {{"lossless", answer(report.lossless)},
               {"lossy", answer(report.lossy)},
               {"default", answer(report.default_answer)},
               {"reasons", Json::object()}};
  const auto why = [&json](const char* name, const Available<Answer>& a) {
    if (!a) json["reasons"][name] = a.reason();
  };
  why("lossless", report.lossless);
  why("lossy", report.lossy);
  why("default", report.default_answer);
  return json;
}

Json model(const Report& report) {
  const ModelSpec& m = report.model;
  const Config config = report.lossless ? report.lossless->config : Config{};
  const std::int64_t context =
      report.workload.depth_tokens + report.workload.prompt_tokens + report.workload.generate_tokens;
  const BytesPerToken b = bytes_per_token(m, config.n_experts, context, config.kv_type);
  return {{"id", m.id},
          {"architecture", m.architecture},
          {"fingerprint", m.fingerprint},
          {"types", types_text(m)},
          {"bytes", m.bytes()},
          {"n_params", m.n_params()},
          {"block_count", m.block_count},
          {"expert_count", m.expert_count},
          {"expert_used_count", m.expert_used_count},
          {"context_length", m.context_length},
          {"synthetic", m.synthetic},
          {"bytes_per_token",
           {{"always_on", b.always_on},
            {"head", b.head},
            {"experts", b.experts},
            {"kv", b.kv},
            {"total", b.total()},
            {"context", context}}}};
}

Json findings(const Report& report) {
  Json json = {{"effects", Json::array()},
               {"lossy_choices", Json::array()},
               {"drafts", Json::array()},
               {"verify", Json::array()},
               {"streams", Json::array()},
               {"not_tried", Json::array()}};
  for (const LeverEffect& e : report.effects) {
    const char* of = e.phase == Phase::decode ? "decode" : e.phase == Phase::prefill ? "prefill" : "turn";
    json["effects"].push_back({{"lever", e.lever},
                               {"value", e.value},
                               {"from", e.from},
                               {"lossy", e.loss == Loss::lossy},
                               {"speed", of},
                               {"ratio", ratio(e.ratio)},
                               {"verdict", to_string(e.verdict)},
                               {"reason", e.reason}});
  }
  if (report.yours) {
    const YourLine& yours = *report.yours;
    json["yours"] = {{"command", yours.argv},
                     {"config", to_json(yours.config)},
                     {"lossy", yours.lossy},
                     {"decode_tokens_per_s", interval(yours.decode)},
                     {"prefill_tokens_per_s", interval(yours.prefill)},
                     {"turn_s", interval(yours.turn_s)},
                     {"decode_ratio", ratio(yours.decode_ratio)},
                     {"prefill_ratio", ratio(yours.prefill_ratio)},
                     {"turn_ratio", ratio(yours.turn_ratio)},
                     {"pairs", yours.pairs},
                     {"winner", yours.answer_wins ? "tuned" : yours.yours_wins ? "yours" : "none"},
                     {"failure", yours.failure},
                     {"not_compared", yours.not_compared}};
  }
  if (!report.stand_in.empty()) json["stand_in"] = {{"config", report.stand_in}, {"default_failure", report.default_failure}};
  if (!report.state_differences.empty()) json["state_differences"] = report.state_differences;
  for (const LossyChoice& choice : report.lossy_choices) {
    Json entry = {{"changed", choice.changed}, {"decode_tokens_per_s", interval(choice.decode)}, {"quality", nullptr}};
    if (choice.quality) {
      const Quality& q = *choice.quality;
      entry["quality"] = {{"kl", to_json(q.kl)}, {"top1", to_json(q.top1)}, {"texts", q.texts}, {"loops", q.loops < 0 ? Json(nullptr) : Json(q.loops)}, {"own_loops", q.own_loops < 0 ? Json(nullptr) : Json(q.own_loops)}};
    } else {
      entry["reason"] = choice.quality.reason();
    }
    json["lossy_choices"].push_back(std::move(entry));
  }
  for (const DraftSpeed& speed : report.drafts) {
    Json acceptance = Json::array();
    for (const Measurement& m : speed.acceptance) acceptance.push_back(interval(m));
    json["drafts"].push_back({{"kind", speed.kind},
                              {"length", speed.length},
                              {"decode_tokens_per_s", interval(speed.decode)},
                              {"plain_decode_tokens_per_s", interval(speed.plain)},
                              {"round_tokens", interval(speed.round_tokens)},
                              {"acceptance", acceptance}});
  }
  for (const VerifyCost& v : report.verify)
    json["verify"].push_back(
        {{"tokens", v.tokens}, {"step_s", v.step_s}, {"break_even_tokens", v.break_even_tokens}, {"wall", wall(v.wall)}});
  for (const StreamSpeed& s : report.streams)
    json["streams"].push_back({{"sequences", s.sequences}, {"tokens_per_s", interval(s.tokens_per_s)}, {"by", s.by}, {"wall", wall(s.wall)}, {"experts_per_layer", positive(s.experts)}});
  for (const LeftOut& n : report.left_out)
    json["not_tried"].push_back({{"lever", n.lever}, {"reason", n.reason}});
  return json;
}

Json power(const Report& report) {
  Json json = to_json(report.power);
  if (!report.power || !report.lossless) return json;
  const TurnPower turn = turn_power(report);
  json["decode_w"] = interval(report.lossless->decode_power_w);
  json["prefill_w"] = interval(report.lossless->prefill_power_w);
  json["decode_j_per_token"] = positive(decode_j_per_token(turn));
  json["turn_j"] = positive(turn_j(turn));
  json["price_per_kwh"] = positive(report.tariff.price_per_kwh);
  json["hours_per_day"] = report.tariff.hours_per_day;
  const Available<double> cost = cost_per_million_tokens(turn, report.tariff);
  json["cost_per_million_tokens"] = cost && turn.decode_w > 0 ? Json(*cost) : Json(nullptr);
  return json;
}

}  // namespace

std::string json_report(const Report& report) {
  Json json = findings(report);
  json["schema"] = 1;
  json["oldiron"] = report.oldiron_version;
  json["created"] = report.created;
  json["answer"] = answers(report);
  json["machine"] = to_json(report.machine);
  json["machine_state"] = to_json(report.state);
  json["model"] = model(report);
  json["workload"] = to_json(report.workload);
  json["bandwidth"] = to_json(report.profile)["bandwidth"];
  json["bandwidth_saturated"] = report.profile.read_saturated;
  json["compute"] = to_json(report.profile)["compute"];
  json["cyclic_read"] = to_json(report.cyclic);
  json["power"] = power(report);
  const BudgetUse& b = report.budget;
  json["budget"] = {{"limit_s", b.limit_s}, {"used_s", b.used_s},         {"load_s", b.load_s},
                    {"loads", b.loads},     {"remembered", b.remembered}, {"stopped_by", b.stopped_by}};
  json["engines"] = Json::array();
  for (const GivenEngine& e : report.engines) {
    Json engine = {{"engine", to_string(e.engine)}, {"dir", e.dir}, {"version", nullptr}};
    if (e.version) engine["version"] = *e.version;
    else engine["reason"] = e.version.reason();
    json["engines"].push_back(engine);
  }
  json["trials"] = Json::array();
  for (const Trial& trial : report.trials) json["trials"].push_back(to_json(trial));
  return dump_json(json, 1) + "\n";
}

}  // namespace oldiron::reports
