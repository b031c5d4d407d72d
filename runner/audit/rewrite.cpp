#include "runner/audit/rewrite.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "core/audit/flag_groups.hpp"
#include "core/audit/wrappers.hpp"
#include "core/memory_plan.hpp"
#include "core/text.hpp"
#include "probes/files.hpp"
#include "runner/command_words.hpp"

namespace oldiron {
namespace {

constexpr std::int64_t kContext = 4096;
constexpr const char* kPrompt =
    "An old server stands in a rack. Its memory has four channels, and every word that it writes is a walk through all of them. "
    "Tell in order what happens between a question and its answer, and where the time goes.";

std::int64_t number_of(const std::string& text, std::int64_t otherwise) {
  std::int64_t number = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

class Rewriter {
 public:
  Rewriter(const Audit& audit, const RunPlace& place, const std::vector<std::size_t>& left_out)
      : audit_(audit), place_(place), left_out_(left_out) {}

  RunLine write() {
    line_.command.argv = {place_.program};
    line_.work = place_.work;
    for (at_ = 0; at_ < audit_.rows.size(); ++at_)
      if (std::find(left_out_.begin(), left_out_.end(), at_) == left_out_.end()) row(audit_.rows[at_]);
    tell_left_out("it talks to a person", interactive_);
    tell_left_out("nothing is downloaded", downloads_);
    work();
    if (!is_bench()) context();
    log();
    if (audit_.line.tool == "llama-server") service();
    return std::move(line_);
  }

 private:
  bool is_bench() const { return audit_.line.tool == "llama-bench"; }

  void add(std::initializer_list<std::string> words) { line_.command.argv.insert(line_.command.argv.end(), words); }

  void tell(std::string sentence) { line_.rewrites.push_back(std::move(sentence)); }

  void tell_left_out(const char* why, const std::vector<std::string>& flags) {
    if (!flags.empty()) tell(fmt::format("left out {}: {}", list_text(flags, "and"), why));
  }

  void row(const FlagRow& row) {
    const GivenFlag& flag = row.flag;
    if (flag.at == std::string::npos) return front(row);
    const std::string& word = flag.word;
    if (one_of(kInteractiveFlags, word)) return interactive_.push_back(flag.text());
    if (one_of(kDownloadFlags, word)) return downloads_.push_back(flag.text());
    if (one_of(kWorkFlags, word) || one_of(kLogFlags, word) || one_of(kServiceFlags, word)) return;
    if (one_of(kFileFlags, word) && !flag.values.empty() && !is_file(flag.value()))
      return tell(fmt::format("left out {}: there is no such file here", flag.text()));
    if (flag.record != nullptr && flag.record->spells("-c") && !is_bench()) {
      context_ = &row;
      line_.rows.push_back(at_);
      return;
    }
    if (flag.record != nullptr && (flag.record->spells("-b") || flag.record->spells("-ub")))
      batch_ = std::max(batch_, number_of(flag.value(), 0));
    line_.rows.push_back(at_);
    add({word});
    for (const std::string& value : flag.values) add({value});
  }

  /// Variables are set for the run; the programs in front are not started: what numactl, taskset and nice do is done by us.
  void front(const FlagRow& row) {
    const GivenFlag& flag = row.flag;
    const bool variable = std::any_of(audit_.line.environment.begin(), audit_.line.environment.end(),
                                      [&](const auto& each) { return each.first == flag.word; });
    const bool loader = flag.word.starts_with("LD_");
    const Wrapper wrapper{flag.word, flag.values};
    if (variable && !loader) {
      line_.rows.push_back(at_);
      line_.command.env.emplace_back(flag.word, flag.value());
      line_.front.push_back(flag.word + "=" + flag.value());
    } else if (!variable && !settings_of(wrapper).empty()) {
      if (row.verdict != FlagVerdict::can_act && row.verdict != FlagVerdict::default_anyway) return tell(fmt::format("left out {}: {}", flag.text(), row.why));
      line_.rows.push_back(at_);
      place(wrapper, line_.command);
      line_.front.push_back(wrapper.name);
      line_.front.insert(line_.front.end(), wrapper.words.begin(), wrapper.words.end());
    } else {
      tell(fmt::format("left out {}: the audit starts the tool itself", flag.text()));
    }
  }

  void work() {
    const RunWork& work = place_.work;
    add({"-m", place_.model});
    if (is_bench()) {
      add({"-p", std::to_string(work.prompt_tokens), "-n", std::to_string(work.generate_tokens), "-r", "1", "-o", "json"});
      return tell(fmt::format("the work is one prompt of {} tokens and {} generated ones, once", work.prompt_tokens, work.generate_tokens));
    }
    for (int i = 0; i < work.prompt_repeats; ++i) line_.prompt += (i > 0 ? "\n" : "") + std::string(kPrompt);
    if (audit_.line.tool == "llama-cli") {
      add({"-p", line_.prompt, "-n", std::to_string(work.generate_tokens)});
      if (audit_.engine == Engine::llama_cpp) add({"-st"});
      if (work.whole_length) add({"--ignore-eos"});
    }
    tell(fmt::format("the work is a short prompt and {} generated tokens", work.generate_tokens));
  }

  void context() {
    const std::int64_t asked = context_ != nullptr ? number_of(context_->flag.value(), 0) : 0;
    std::int64_t context = asked > 0 ? asked : std::max(kContext, batch_);
    std::int64_t most = context;
    if (place_.spec != nullptr && place_.usable_memory_bytes > 0)
      most = largest_context(*place_.spec, {.engine = audit_.engine}, place_.usable_memory_bytes);
    if (place_.spec != nullptr && place_.spec->context_length > 0 && asked <= 0) most = std::min<std::int64_t>(most, place_.spec->context_length);
    if (most > 0) context = std::min(context, most);
    if (place_.context > 0) context = place_.context;
    line_.context = context;
    add({"-c", std::to_string(context)});
    if (asked <= 0) tell(fmt::format("-c {} instead of the model's whole context", context));
    else if (context < asked) tell(fmt::format("-c {} instead of {}: more does not fit into memory", context, asked));
    if (context_ != nullptr && context != asked) line_.altered.push_back(context_);
  }

  /// Evidence is in lines that the default leaves out.
  void log() {
    if (!place_.work.evidence) return;
    if (is_bench()) add({"-v"});
    else if (audit_.engine == Engine::llama_cpp) add({"-lv", "4"});
  }

  void service() {
    line_.port = place_.port;
    line_.api_key = place_.api_key;
    add({"--host", "127.0.0.1", "--port", std::to_string(place_.port)});
    if (!place_.api_key.empty()) add({"--api-key", place_.api_key});
    tell(fmt::format("it listens on 127.0.0.1, port {}{}", place_.port, place_.api_key.empty() ? "" : ", behind a random key"));
  }

  const Audit& audit_;
  const RunPlace& place_;
  const std::vector<std::size_t>& left_out_;
  RunLine line_;
  std::vector<std::string> interactive_, downloads_;
  const FlagRow* context_ = nullptr;
  std::int64_t batch_ = 0;
  std::size_t at_ = 0;  ///< index of the row at hand
};

}  // namespace

bool can_be_run(std::string_view tool) { return one_of("llama-cli llama-server llama-bench", tool); }

RunLine rewrite(const Audit& audit, const RunPlace& place, const std::vector<std::size_t>& left_out) {
  return Rewriter(audit, place, left_out).write();
}

}  // namespace oldiron
