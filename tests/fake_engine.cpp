// fake_engine: stands in for llama-bench in tests: same flags, same JSON, known speeds, and every way to
// fail.
//
// A setting NAME is looked up, first found wins, as
//   an argument         --fake-NAME=VALUE        (never shown to the flag parser)
//   the environment     OLDIRON_FAKE_NAME=VALUE  (NAME in capitals)
//   a file              fake_engine.conf in the folder of argv[0]: one NAME=VALUE per line
// so that a folder with a symbolic link llama-bench -> fake_engine and such a file is an engine of its own.
//
// Only a run with tests fails or is logged: --help and `-p 0 -n 0` (which prints the build) do so with
// fail_always=1.
//
// Settings (default in brackets):
//   engine     llama_cpp or ik_llama: which flags and which JSON fields [llama_cpp]
//   help       file to print for --help [a built-in list of the engine's flags]; a flag that the help does
//   not list is
//              refused with exit code 1, as the real ones do
//   fail       what goes wrong, several by comma [none]:
//                hang         sleeps for ever after the load      ignore_term  ignores SIGTERM, SIGINT and
//                SIGHUP segv ill abort kill                              dies by that signal after the load
//                exit         exits with code `exit` [1] after a line on stderr
//                half_json    stops in the middle of the JSON, exit code 0
//                nan          prints nan for every rate           empty        prints nothing, exit code 0
//                babble       writes `bytes` [8388608] to stderr  babble_out   the same to stdout, before the
//                JSON fork         leaves a sleeping child behind      setsid       the same in a session of
//                its own memory       touches `bytes` and keeps them      drift        each sample is `drift`
//                [0.02] slower
//   fail_from  the first call that fails, counted by the lines of `log` [0: all]
//   fail_until   the first call that does not fail [none]
//   fail_always  1: --help and runs without tests fail too [0]
//   fail_flag  fails only if this word stands among the flags, as in "-rtr"
//   fail_without  fails only if this word does not
//   say        file that a run with tests prints to stderr once the model is loaded
//   log        file that gets one line per benchmark run: the arguments
//   load_s     seconds of "loading the model" [0]
//   sample_s   seconds per sample [0]
//   noise      relative noise of the samples, uniform to both sides [0.005]; seed [1]
//   cores      physical cores of the pretended machine [2]
//   speed      all rates are so many times the ones below [1]
//
// Called llama-server or llama-perplexity it is one: see fake_server.hpp and fake_perplexity.hpp.
//
// Speeds, before noise, with t threads of that phase and c = cores:
//   scale(t, gain) = t / (1 + (1 - gain) (t - 1)) up to t = c; 0.4 of scale(c) beyond
//   decode  = 4 scale(t, 0.9) x pages
//   prefill = 40 scale(t, 0.97) x pages x u / (u + 64) x (u > 1024: 0.9) x (flash attention on: 1.05)
//   pages: ik_llama: 1.5 for -rtr 1, 1.4 for -mmp 0; llama_cpp: 1.1 for -mmp 0 or -lm none.
// So the best is t = c, u = 1024, repacked and not mapped; tests may rely on it.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/fake_perplexity.hpp"
#include "tests/fake_server.hpp"
#include "tests/fake_settings.hpp"

namespace {

const char* const kHelpBoth =
    "  -h, --help\n  -m, --model <filename>\n  -p, --n-prompt <n>\n  -n, --n-gen <n>\n  -pg <pp,tg>\n"
    "  -b, --batch-size <n>\n  -ub, --ubatch-size <n>\n  -ctk, --cache-type-k <t>\n  -ctv, --cache-type-v "
    "<t>\n"
    "  -t, --threads <n>\n  -ngl, --n-gpu-layers <n>\n  -fa, --flash-attn <0|1>\n  -mmp, --mmap <0|1>\n"
    "  -r, --repetitions <n>\n  -o, --output <csv|json|md|sql>\n  -v, --verbose\n  --numa <mode>\n";
const char* const kHelpLlama =
    "  -d, --n-depth <n>\n  -lm, --load-mode <auto|none|mmap>\n  --no-warmup\n  --progress\n";
const char* const kHelpIk =
    "  -gp <pp,tg>\n  -tgb, --threads-gen-batch <n1,n2>\n  -rtr, --run-time-repack <0|1>\n  -w, --warmup "
    "<0|1>\n"
    "  -thp, --transparent-huge-pages <0|1>\n  -fmoe, --fused-moe <0|1>\n";

/// True if the call is one that shall fail, by fail_from and fail_flag; `call` counts from 0.
bool fails(const Settings& settings, int call, const std::vector<std::string>& flags) {
  if (call < settings.number("fail_from", 0) || call >= settings.number("fail_until", 1e9)) return false;
  const auto has = [&](const std::string& flag) { return std::find(flags.begin(), flags.end(), flag) != flags.end(); };
  const std::string wanted = settings.text("fail_flag"), cure = settings.text("fail_without");
  return (wanted.empty() || has(wanted)) && (cure.empty() || !has(cure));
}

/// As JSON has it.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') out += "\\n";
    else out += c;
  }
  return out;
}

struct Test {
  int prompt = 0, generate = 0, threads = 0;
};

class Bench {
 public:
  Bench(const Settings& settings, std::map<std::string, std::string> flags, std::vector<std::string> fail)
      : settings_(settings), flags_(std::move(flags)), fail_(std::move(fail)) {}

  bool fail(const char* how) const {
    for (const auto& each : fail_)
      if (each == how) return true;
    return false;
  }

  bool has_tests() const { return !planned().empty(); }

  void run() {
    const std::vector<Test> tests = planned();
    if (!tests.empty()) {
      sleep_s(settings_.number("load_s", 0));
      std::fprintf(stderr, "fake_engine: model loaded\n");
      std::fputs(text_of_file(settings_.text("say")).c_str(), stderr);
    }
    misbehave();
    if (flag("-o", "md").rfind("json", 0) != 0) return print_table(tests);
    std::printf("[\n");
    for (std::size_t i = 0; i < tests.size(); ++i) {
      print(tests[i]);
      if (fail("half_json")) {
        std::fflush(stdout);
        std::_Exit(0);
      }
      std::printf(i + 1 < tests.size() ? ",\n" : "\n]\n");
      std::fflush(stdout);
    }
  }

  void misbehave() {
    if (fail("ignore_term"))
      for (const int each : {SIGTERM, SIGINT, SIGHUP}) std::signal(each, SIG_IGN);
    if (fail("fork")) leave_a_child(false);
    if (fail("setsid")) leave_a_child(true);
    if (fail("babble")) babble(stderr, settings_.number("bytes", 8388608));
    if (fail("babble_out")) babble(stdout, settings_.number("bytes", 8388608));
    if (fail("memory")) eat_memory();
    if (fail("segv")) die_by(SIGSEGV);
    if (fail("ill")) die_by(SIGILL);
    if (fail("abort")) die_by(SIGABRT);
    if (fail("kill")) die_by(SIGKILL);
    if (fail("hang")) sleep_for_ever();
    if (fail("exit")) {
      std::fprintf(stderr, "main: error: failed to load model '%s'\n", flag("-m", "").c_str());
      std::exit(static_cast<int>(settings_.number("exit", 1)));
    }
    if (fail("empty")) std::exit(0);
  }

 private:
  std::string flag(const char* name, const char* otherwise) const {
    const auto found = flags_.find(name);
    return found == flags_.end() ? otherwise : found->second;
  }

  bool ik() const { return settings_.text("engine") == "ik_llama"; }

  void eat_memory() {
    memory_.resize(static_cast<std::size_t>(settings_.number("bytes", 8388608)));
    for (std::size_t i = 0; i < memory_.size(); i += 4096) memory_[i] = static_cast<char>(i >> 12);
  }

  std::vector<Test> planned() const {
    const auto generate_and_batch =
        split(flag("-tgb", (flag("-t", "2") + "," + flag("-t", "2")).c_str()), ',');
    const int decode_threads = std::atoi(generate_and_batch.front().c_str());
    const int prefill_threads = std::atoi(generate_and_batch.back().c_str());
    std::vector<Test> tests;
    for (const auto& each : split(flag("-p", "512"), ','))
      if (const int n = std::atoi(each.c_str()); n > 0) tests.push_back({n, 0, prefill_threads});
    for (const auto& each : split(flag("-n", "128"), ','))
      if (const int n = std::atoi(each.c_str()); n > 0) tests.push_back({0, n, decode_threads});
    for (const char* both : {"-pg", "-gp"})
      if (const auto pair = split(flag(both, ""), ','); pair.size() == 2)
        tests.push_back({std::atoi(pair[0].c_str()), std::atoi(pair[1].c_str()), decode_threads});
    return tests;
  }

  Speeds speeds_of() const {
    const std::string attention = flag("-fa", "auto");
    return {.cores = static_cast<int>(settings_.number("cores", 2)),
            .ik = ik(),
            .read = flag("-mmp", "1") == "0" || flag("-lm", "auto") == "none",
            .repacked = flag("-rtr", "0") == "1",
            .flash_attention = attention == "1" || attention == "on",
            .ubatch = std::atof(flag("-ub", "512").c_str())};
  }

  double rate(const Test& test) const {
    const Speeds speeds = speeds_of();
    const double prefill = speeds.prefill(test.threads), decode = speeds.decode(test.threads);
    return settings_.number("speed", 1) * (test.prompt + test.generate) /
           (test.prompt / prefill + test.generate / decode);
  }

  double noise(const Test& test, int sample) const {
    std::string key = settings_.text("seed", "1") + "/" + std::to_string(sample) + "/" +
                      std::to_string(test.prompt) + "/" + std::to_string(test.generate);
    for (const auto& [name, value] : flags_) key += name + value;
    std::uint64_t x = std::hash<std::string>{}(key)*0x9e3779b97f4a7c15u;
    x ^= x >> 29;
    const double unit = static_cast<double>(x >> 11) / 9007199254740992.0;  // 2^53
    return 1 + settings_.number("noise", 0.005) * (2 * unit - 1);
  }

  void print_table(const std::vector<Test>& tests) const {
    std::printf(
        "| model | size | params | backend | threads | test | t/s |\n| --- | ---: | ---: | --- | ---: | ---: "
        "| ---: |\n");
    for (const auto& test : tests)
      std::printf("| gemma4 fake Q4_0 | 13.4 GiB | 25.2 B | CPU | %d | %s%d | %.2f ± 0.01 |\n", test.threads,
                  test.prompt > 0 ? "pp" : "tg", test.prompt + test.generate, rate(test));
    std::printf("\nbuild: fa4e000 (4242)\n");
  }

  void print(const Test& test) const {
    std::vector<double> rates;
    const int samples = std::atoi(flag("-r", "5").c_str());
    for (int i = 0; i < samples; ++i) {
      sleep_s(settings_.number("sample_s", 0));
      const double slower = fail("drift") ? std::pow(1 - settings_.number("drift", 0.02), i) : 1;
      rates.push_back(rate(test) * noise(test, i) * slower);
    }
    print_fields(test);
    print_result(test, rates);
  }

  void print_fields(const Test& test) const {
    std::printf("  {\n    \"build_commit\": \"fa4e000\",\n    \"build_number\": 4242,\n");
    if (ik())
      std::printf(
          "    \"cuda\": false,\n    \"vulkan\": false,\n    \"metal\": false,\n    \"blas\": false,\n");
    else std::printf("    \"backends\": \"CPU\",\n");
    std::printf("    \"cpu_info\": \"Fake CPU\",\n    \"gpu_info\": \"\",\n    \"model_filename\": \"%s\",\n",
                escaped(flag("-m", "")).c_str());
    std::printf("    \"model_type\": \"gemma4 fake Q4_0\",\n    \"model_size\": 14400000000,\n");
    std::printf("    \"model_n_params\": 25200000000,\n    \"n_batch\": %s,\n    \"n_ubatch\": %s,\n",
                flag("-b", "2048").c_str(), flag("-ub", "512").c_str());
    std::printf("    \"n_threads\": %d,\n    \"type_k\": \"%s\",\n    \"type_v\": \"%s\",\n", test.threads,
                flag("-ctk", "f16").c_str(), flag("-ctv", "f16").c_str());
    const std::string attention = flag("-fa", ik() ? "1" : "auto");
    const bool off = attention == "0" || attention == "off", on = attention == "1" || attention == "on";
    if (ik())
      std::printf("    \"flash_attn\": %s,\n    \"use_mmap\": %s,\n    \"repack\": %s,\n",
                  off ? "false" : "true", flag("-mmp", "1") == "0" ? "false" : "true",
                  flag("-rtr", "0") == "1" ? "true" : "false");
    else
      std::printf("    \"flash_attn\": %d,\n    \"load_mode\": \"%s\",\n    \"n_depth\": %s,\n",
                  off  ? 0
                  : on ? 1
                       : -1,
                  flag("-mmp", "1") == "0" ? "none" : flag("-lm", "auto").c_str(), flag("-d", "0").c_str());
    std::printf("    \"n_prompt\": %d,\n    \"n_gen\": %d,\n    \"test_time\": \"2026-01-01T00:00:00Z\",\n",
                test.prompt, test.generate);
  }

  void print_result(const Test& test, const std::vector<double>& rates) const {
    double sum = 0, squares = 0;
    for (const double each : rates) sum += each;
    const double count = static_cast<double>(rates.size()), mean = sum / count;
    for (const double each : rates) squares += (each - mean) * (each - mean);
    const double deviation = rates.size() > 1 ? std::sqrt(squares / (count - 1)) : 0;
    const double tokens = test.prompt + test.generate;
    const auto number = [&](double value) {
      return fail("nan") ? std::string("nan") : std::to_string(value);
    };
    std::string ns, ts;
    for (const double each : rates) {
      ns += (ns.empty() ? "" : ", ") + std::to_string(static_cast<std::int64_t>(1e9 * tokens / each));
      ts += (ts.empty() ? "" : ", ") + number(each);
    }
    std::printf("    \"avg_ns\": %lld,\n    \"stddev_ns\": %lld,\n",
                static_cast<long long>(1e9 * tokens / mean),
                static_cast<long long>(1e9 * tokens / mean * deviation / mean));
    if (fail("half_json")) return;
    std::printf("    \"avg_ts\": %s,\n    \"stddev_ts\": %s,\n", number(mean).c_str(),
                number(deviation).c_str());
    if (ik())
      std::printf("    \"test\": \"%s%d\",\n", test.prompt > 0 ? "pp" : "tg", test.prompt + test.generate);
    std::printf("    \"samples_ns\": [ %s ],\n    \"samples_ts\": [ %s ]\n  }", ns.c_str(), ts.c_str());
  }

  const Settings& settings_;
  std::map<std::string, std::string> flags_;
  std::vector<std::string> fail_;
  std::vector<char> memory_;
};

std::string help_text(const Settings& settings, bool is_server, bool is_perplexity) {
  const std::string path = settings.text("help");
  if (is_perplexity) return kPerplexityHelp + std::string(settings.text("engine") == "ik_llama" ? kPerplexityHelpIk : kPerplexityHelpLlama);
  if (path.empty() && is_server) return kServerHelp + std::string(settings.text("engine") == "ik_llama" ? kServerHelpIk : kServerHelpLlama);
  if (path.empty())
    return std::string(kHelpBoth) + (settings.text("engine") == "ik_llama" ? kHelpIk : kHelpLlama);
  return text_of_file(path);
}

bool lists(const std::string& help, const std::string& flag) {
  for (auto at = help.find(flag); at != std::string::npos; at = help.find(flag, at + 1)) {
    const char before = at == 0 ? ' ' : help[at - 1];
    const char after = at + flag.size() < help.size() ? help[at + flag.size()] : '\n';
    if (before == ' ' && std::strchr(", \n", after) != nullptr) return true;
  }
  return false;
}

/// Appends the call to the log and says how many calls stood there before.
int logged_calls(const Settings& settings, const std::vector<std::string>& arguments) {
  const std::string path = settings.text("log");
  if (path.empty()) return 0;
  int calls = 0;
  std::ifstream before(path);
  for (std::string line; std::getline(before, line);) ++calls;
  std::ofstream log(path, std::ios::app);
  for (const auto& each : arguments) log << each << ' ';
  log << '\n';
  return calls;
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> fakes, flags;
  std::vector<std::string> arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto equals = argument.find('=');
    if (argument.rfind("--fake-", 0) == 0 && equals != std::string::npos)
      fakes[argument.substr(7, equals - 7)] = argument.substr(equals + 1);
    else arguments.push_back(argument);
  }
  const Settings settings(argv[0], fakes);
  const std::string name = argv[0];
  const std::string tool = name.substr(name.rfind('/') + 1);
  const bool is_server = tool == "llama-server", is_perplexity = tool == "llama-perplexity";
  const std::string help = help_text(settings, is_server, is_perplexity);
  const bool always = settings.number("fail_always", 0) != 0;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "-h" || arguments[i] == "--help") {
      if (always) Bench(settings, flags, split(settings.text("fail"), ',')).misbehave();
      std::printf("usage: %s [options]\n\noptions:\n%s", argv[0], help.c_str());
      return 0;
    }
    if (arguments[i] == "--version") {
      std::fprintf(stderr, "version: 4242 (fa4e000)\n");
      return 0;
    }
    if (!lists(help, arguments[i])) {
      std::fprintf(stderr, "error: invalid parameter for argument: %s\n", arguments[i].c_str());
      return 1;
    }
    const bool flag_follows = i + 1 < arguments.size() && arguments[i + 1].size() > 1 && arguments[i + 1][0] == '-' &&
                              std::isalpha(static_cast<unsigned char>(arguments[i + 1].back())) != 0;
    const bool switch_only = flag_follows || arguments[i] == "-v" || arguments[i] == "--verbose" ||
                             arguments[i] == "--no-warmup" || arguments[i] == "--progress";
    const std::string value = switch_only || i + 1 >= arguments.size() ? "1" : arguments[i + 1];
    flags[arguments[i]] = value;
    if (!switch_only) ++i;
  }
  if (is_server) {
    const int call = logged_calls(settings, arguments);
    const bool failing = fails(settings, call, arguments);
    run_server(settings, flags, failing ? split(settings.text("fail"), ',') : std::vector<std::string>{});
  }
  if (is_perplexity) {
    const int call = logged_calls(settings, arguments);
    run_perplexity(settings, flags, fails(settings, call, arguments) ? split(settings.text("fail"), ',') : std::vector<std::string>{});
  }
  const bool counts = always || Bench(settings, flags, {}).has_tests();
  const int call = counts ? logged_calls(settings, arguments) : 0;
  std::vector<std::string> fail;
  if (counts && fails(settings, call, arguments)) fail = split(settings.text("fail"), ',');
  Bench(settings, flags, fail).run();
  return 0;
}
