#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <iostream>

#include "app/options.hpp"
#include "app/version.hpp"
#include "core/text.hpp"
#include "kernels/gguf.hpp"

namespace oldiron {

namespace {

namespace fs = std::filesystem;

void add_model(CLI::App& command, Options& options, bool required) {
  auto* model = command.add_option("MODEL", options.model.model, "A GGUF file, a card's name, or a card's own path (.json)");
  if (required) model->required();
  command.add_option("--type", options.model.type,
                     "Of a card: tensor type or profile (q4_0, q8_0, q4_k_m_mainline)");
  command.add_option("--head-type", options.model.head_type,
                     "Of a card: type of the head and embedding (q6_k)");
  command
      .add_option("--layers", options.model.layers, "Of a card: only the first N layers, for quick trials")
      ->check(CLI::NonNegativeNumber);
}

// One option per lever, by loop; --set name=value does the same.
void add_levers(CLI::App& command, Options& options) {
  command
      .add_option_function<std::vector<std::string>>(
          "--set",
          [&options](const std::vector<std::string>& settings) {
            for (const std::string& setting : settings) {
              const auto equals = setting.find('=');
              if (equals == std::string::npos)
                throw Error(fmt::format(
                    "--set {}: no '='; write --set NAME=VALUE, for example --set n_experts=4", setting));
              options.settings[std::string(lever(setting.substr(0, equals)).name)] =
                  setting.substr(equals + 1);
            }
          },
          "A lever: NAME=VALUE")
      ->allow_extra_args(false);
  for (const Lever& each : levers())
    command.add_option_function<std::string>(
        fmt::format("--{}", each.name),
        [&options, name = std::string(each.name)](const std::string& v) { options.settings[name] = v; },
        std::string(each.help));
}

void add_json(CLI::App& command, Options& options) {
  command.add_option("--json", options.json_path, "Write the result as JSON to this file");
}

void add_model_questions(CLI::App& model, Options& options) {
  model
      .add_option("--context", options.context,
                  "Tokens already in the context: their keys and values are read too")
      ->check(CLI::NonNegativeNumber);
  model.add_option("--machine", options.machine,
                   "Ask about another machine: a name in configs/machines, a file like those, or a probe's --json");
  model.add_option("--claim", options.claim, "Answer in one line whether so many tokens per second can be")
      ->check(CLI::PositiveNumber);
  model.add_option("--routing", options.routing,
                   "How neighbouring tokens share experts, beside independent: sticky:0.5, zipf:1, measured:8,13,17");
  model.add_option("--draft", options.draft, "A drafter, whose bytes count into a round of drafts");
  model.add_flag("--no-measure", options.no_measure, "Measure nothing here, and predict no speeds");
}

void add_workload(CLI::App& command, Options& options) {
  command.add_option("--prompt", options.prompt_tokens, "Prompt tokens of a turn")
      ->check(CLI::PositiveNumber);
  command.add_option("--generate", options.generate_tokens, "Generated tokens of a turn")
      ->check(CLI::PositiveNumber);
}

void add_draft_model(CLI::App& command, Options& options) {
  command.add_option("--draft-model", options.draft_model, "A GGUF file or card that drafts where draft_kind asks for a model");
}

void add_leave(CLI::App& command, Options& options) {
  command.add_option("--leave-cores", options.leave_cores, "Cores that are left to others, the last ones")->check(CLI::NonNegativeNumber);
  command.add_option("--leave-memory", options.leave_memory, "Memory that is left to others: 8G, 512M; a trial that comes near is stopped");
}

void add_tariff(CLI::App& command, Options& options) {
  command.add_option("--price", options.tariff.price_per_kwh, "What a kWh costs, in any currency: the cost of a million tokens is told in it")
      ->check(CLI::PositiveNumber);
  command.add_option("--hours-per-day", options.tariff.hours_per_day, "Hours a day that the machine is busy; the others it is on and idle")
      ->check(CLI::Range(0.1, 24.0));
}

void add_power(CLI::App& command, Options& options) {
  auto* watts = command.add_option("--watts", options.watts, "What the machine draws, from a plug: LOADED or IDLE,LOADED");
  command.add_option("--power-command", options.power_command, "A command that prints the watts of now, asked each second")->excludes(watts);
  add_tariff(command, options);
  command.add_flag("--count-traffic", options.count_traffic,
                   "Have likwid-perfctr count what the memory controllers deliver while tokens are decoded, and compare");
}

// A file to write is refused before the work that would fill it, not after.
void check_output(const char* option, const std::string& path) {
  const fs::path parent = fs::path(path).parent_path();
  std::error_code ignored;
  if (!parent.empty() && !fs::is_directory(parent, ignored))
    throw Error(fmt::format("{} {}: there is no folder {}; make it first", option, path, parent.string()));
  if (fs::is_directory(path, ignored))
    throw Error(fmt::format("{} {}: this is a folder; name a file", option, path));
}

}  // namespace

double parse_duration_s(const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  const std::string_view unit(stop, static_cast<std::size_t>(end - stop));
  const double scale = unit.empty() || unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
  if (error != std::errc() || scale == 0 || !(value > 0))
    throw Error(fmt::format("--budget {}: no duration; write 90s, 10m or 1h", text));
  return value * scale;
}

Config Options::config() const {
  Config config;
  for (const auto& [name, value] : settings) lever(name).set(config, value);
  return config;
}

Options parse_command_line(int argc, char** argv) {
  Options options;
  CLI::App app{"oldiron: what this server can do with a language model, and the command line that does it",
               "oldiron"};
  app.require_subcommand(1);
  app.set_version_flag("--version", "oldiron " + version());

  CLI::App* probe = app.add_subcommand("probe", "Measure this machine: cores, memory, bandwidth, latency");
  add_json(*probe, options);
  probe->add_option("--out", options.out, "Folder for the charts (SVG), probe.json and probe.txt; without it nothing is written");
  add_leave(*probe, options);
  probe->add_flag("--quick", options.quick, "Reading and arithmetic of all threads only, some three seconds");

  CLI::App* facts = app.add_subcommand("facts", "How this machine is set up; as root also what only root may read, once");
  add_json(*facts, options);
  facts->add_option("-o,--out", options.out, "As root: the file to write, instead of the one that later runs read");

  CLI::App* doctor = app.add_subcommand("doctor", "What in this machine's setup costs speed, and how to change it and back");
  add_json(*doctor, options);
  doctor->add_option("--pid", options.pid, "Examine a running process instead: an engine that somebody else started")
      ->check(CLI::PositiveNumber);
  doctor->add_flag("--measure", options.measure, "Measure what huge pages are worth to a decode: a minute or two");
  doctor->add_option("--machine", options.machine, "Look at a recorded machine instead: a file of `oldiron record`");
  add_model(*doctor, options, false);

  CLI::App* record = app.add_subcommand("record", "This machine's facts in one anonymised file, for a bug report");
  record->add_option("-o,--out", options.out, "File to write")->default_str("oldiron-record.json");

  CLI::App* model = app.add_subcommand("model", "Does it fit, how fast could it be, and what limits it");
  add_model(*model, options, true);
  model->add_option("MODEL2", options.second_model, "A second one, set beside it");
  add_model_questions(*model, options);
  add_levers(*model, options);
  add_workload(*model, options);
  add_json(*model, options);

  CLI::App* tune = app.add_subcommand("tune", "Find the best settings for a model on this machine");
  options.model.model = "gemma-4-26b-a4b-it";
  add_model(*tune, options, false);
  add_levers(*tune, options);
  add_workload(*tune, options);
  tune->add_option("--depth", options.depth_tokens, "Tokens that are in the context when a turn begins")->check(CLI::NonNegativeNumber);
  tune->add_option("--streams", options.streams, "Users at once that the answer is measured with too, 1, 2, 4 up to so many; without it up to 8 by our own engine, and none with --engine")
      ->check(CLI::PositiveNumber);
  add_draft_model(*tune, options);
  add_power(*tune, options);
  add_leave(*tune, options);
  tune->add_option("--text", options.quality_text, "A text to measure on what lossy settings of a foreign engine lose; else a licence of Debian's");
  std::string budget = "10m";
  tune->add_option("--budget", budget, "Time to spend: 90s, 10m, 1h");
  tune->add_option("--max-trials", options.max_trials, "Trials to run at most")
      ->check(CLI::NonNegativeNumber);
  tune->add_option("--engine", options.engine_dir, "Folder with the engine's binaries (llama-bench)");
  tune->add_option("--out", options.out, "Folder for the journal and the report")->default_str("oldiron-out");
  tune->add_flag("--cold", options.cold, "Drop the model's file from the page cache before each load of a foreign engine: what it costs is said first");
  tune->add_flag("--baseline", options.baseline, "Compare with the line that you run now: tune … --baseline -- llama-server -m … ; without a line, with the engine's defaults");
  tune->add_option("--quiet-wait", options.quiet_wait_s, "Seconds that a trial waits for a quiet machine at most; 0: it looks, and goes on")->check(CLI::NonNegativeNumber);
  tune->add_flag("--retry", options.retry, "Run trials again that failed before");

  CLI::App* report = app.add_subcommand("report", "Write the report of an earlier tune again");
  report->add_option("DIR", options.out, "Folder of the tune")->default_str("oldiron-out");
  add_tariff(*report, options);

  CLI::App* synth = app.add_subcommand("synth", "Write a GGUF of a card's shapes with generated weights");
  add_model(*synth, options, true);
  synth->add_option("-o,--out", options.out, "File to write")->required();
  synth->add_option("--tokenizer", options.tokenizer,
                    "bytes: text in and out, a token per byte; none: token ids only, for llama-bench")
      ->check(CLI::IsMember({"none", "bytes"}));

  CLI::App* logits = app.add_subcommand("logits", "Logits of every position of a sequence of token ids");
  add_model(*logits, options, true);
  add_levers(*logits, options);
  logits->add_option("--tokens", options.tokens, "Token ids: 1,2,3")->required();
  logits->add_option("--out", options.out, "JSON file to write")->required();

  CLI::App* generate =
      app.add_subcommand("generate", "Continue token ids greedily, with drafts or without");
  add_model(*generate, options, true);
  add_levers(*generate, options);
  generate->add_option("--tokens", options.tokens, "Prompt, as token ids: 1,2,3");
  generate->add_option("--generate", options.generate_tokens, "Tokens to generate")->check(CLI::PositiveNumber);
  add_draft_model(*generate, options);
  generate->add_flag("--check", options.check, "Generate again without drafts and compare; exit code 1 if they differ");
  add_json(*generate, options);

  CLI::App* quality =
      app.add_subcommand("quality", "What a lossy configuration or another file loses");
  add_model(*quality, options, true);
  add_levers(*quality, options);
  quality->add_option("--against", options.against, "File to compare with; without it the model's own configuration");
  quality->add_option("--tokens", options.tokens, "A text, as token ids; without it texts that the reference writes");
  quality->add_option("--texts", options.texts, "Texts to write")->check(CLI::Range(1, 64));
  quality->add_option("--text-tokens", options.text_tokens, "Tokens of each text")->check(CLI::Range(2, 1 << 20));
  quality->add_option("--seed", options.seed, "Seed of the first text");
  add_json(*quality, options);

  CLI::App* audit = app.add_subcommand("audit", "What each flag of a copied llama.cpp or ik_llama.cpp command line does here");
  audit->add_option("--engine", options.engine_dir, "A folder of llama.cpp or ik_llama.cpp: run the line there on a short workload and look for evidence");
  audit->add_option("--model", options.model.model, "Judge it for this model instead of the line's: a GGUF file or a card's name");
  audit->add_flag("--ablate", options.ablate, "With --engine: measure what each flag does to the speed, one added to the other from bare defaults to the full line");
  audit->add_option("--passes", options.passes, "Of --ablate: how often every step is measured")->check(CLI::Range(1, 100))->default_str("8");
  audit->add_option("--out", options.out, "Of --ablate: folder for the waterfall (SVG); without it none is written");
  add_json(*audit, options);
  audit->footer("The line stands behind --, in quotes or as words: oldiron audit -- llama-server -m MODEL -t 8 -fa on");

  CLI::App* engines = app.add_subcommand("engines", "Which builds of llama.cpp and ik_llama.cpp are here, and whether their tools run");
  engines->add_option("DIR", options.engine_dir, "A folder that holds them; without it the folders of PATH");
  add_json(*engines, options);

  CLI::App* endpoint = app.add_subcommand("endpoint", "How fast a running server answers: Ollama, LM Studio, vLLM, llama-server");
  endpoint->add_option("URL", options.url, "Its OpenAI-compatible interface: http://127.0.0.1:11434/v1; with /completions behind it, without chat")->required();
  endpoint->add_option("--model", options.endpoint_model, "A model as the server calls it, if it has several");
  endpoint->add_option("--compare", options.compare_dir, "Folder of a tune, whose answer is set beside it");
  endpoint->add_option("--repetitions", options.repetitions, "Long answers to ask for")->check(CLI::Range(1, 100));
  add_workload(*endpoint, options);
  add_json(*endpoint, options);
  endpoint->footer("A key, where the server wants one, is taken from the environment: OLDIRON_API_KEY.");

  app.add_subcommand("trial", "Run trials given as JSON lines on standard input (used by tune)");

  // Not for people, and its arguments are another program's: kept from the parser.
  if (argc > 1 && std::string_view(argv[1]) == "guard") {
    options.command = argv[1];
    const bool separated = argc > 2 && std::string_view(argv[2]) == "--";
    options.rest.assign(argv + (separated ? 3 : 2), argv + argc);
    return options;
  }
  // A pasted line has options of its own, which are not ours.
  if (argc > 1 && (std::string_view(argv[1]) == "audit" || std::string_view(argv[1]) == "tune")) {
    if (std::string_view(argv[1]) == "audit") options.model.model.clear();
    char** const end = argv + argc;
    char** const separator = std::find_if(argv, end, [](const char* word) { return std::string_view(word) == "--"; });
    if (separator != end) options.rest.assign(separator + 1, end);
    argc = static_cast<int>(separator - argv);
  }
  if (argc > 1 && argv[1][0] != '-') {
    std::vector<std::string> names;
    for (const CLI::App* each : app.get_subcommands({})) names.push_back(each->get_name());
    if (std::find(names.begin(), names.end(), argv[1]) == names.end()) {
      const std::string near = nearest(argv[1], names);
      throw Error(fmt::format("there is no command `{}`{}; the commands are {}", argv[1],
                              near.empty() ? "" : fmt::format(" (did you mean `{}`?)", near),
                              fmt::join(names, ", ")));
    }
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::cout << (app.get_subcommands().empty() ? app.help() : app.get_subcommands()[0]->help());
    return options;
  } catch (const CLI::CallForVersion& call) {
    std::cout << call.what() << "\n";
    return options;
  } catch (const CLI::ParseError& error) {
    throw Error(fmt::format("{}; see oldiron --help", error.what()));
  }
  options.command = app.get_subcommands()[0]->get_name();
  options.budget_s = parse_duration_s(budget);
  if (options.command == "endpoint") options.workload_given = endpoint->count("--prompt") + endpoint->count("--generate") > 0;
  if (options.command == "tune") options.model_given = tune->count("MODEL") > 0;
  options.model.model = first_gguf_part(options.model.model);
  if (!options.json_path.empty()) check_output("--json", options.json_path);
  if (options.command == "synth" || options.command == "logits" || ((options.command == "facts" || options.command == "record") && !options.out.empty()))
    check_output("--out", options.out);
  if (options.out.empty() && options.command != "facts" && options.command != "record" && options.command != "probe" && options.command != "audit") options.out = "oldiron-out";
  return options;
}

}  // namespace oldiron
