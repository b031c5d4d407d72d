#include "tests/fake_perplexity.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace {

void write_base(const std::string& path, int tokens, int vocab, int chunks, bool half) {
  const std::size_t row = 2 * (2 * ((static_cast<std::size_t>(vocab) + 1) / 2) + 4);
  const auto n = static_cast<std::size_t>(tokens);
  std::string bytes(20 + static_cast<std::size_t>(chunks) * (4 * n + (n - 1 - n / 2) * row), '\0');
  const std::int32_t header[] = {tokens, vocab, chunks};
  std::memcpy(bytes.data(), "_logits_", 8);
  std::memcpy(bytes.data() + 8, header, sizeof header);
  if (half) bytes.resize(bytes.size() / 2);
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace

void run_perplexity(const Settings& settings, const std::map<std::string, std::string>& flags, const std::vector<std::string>& fail) {
  const auto fails = [&](const char* how) { return std::find(fail.begin(), fail.end(), how) != fail.end(); };
  const auto number = [&](const char* flag) { return std::atoi(flags.at(flag).c_str()); };
  if (fails("segv")) die_by(SIGSEGV);
  if (fails("hang")) sleep_for_ever();
  if (fails("exit")) {
    std::fprintf(stderr, "main: error: failed to load model '%s'\n", flags.at("-m").c_str());
    std::exit(1);
  }
  if (!flags.contains("--kl-divergence")) {
    write_base(flags.at("--kl-divergence-base"), number("-c"), static_cast<int>(settings.number("vocab", 512)), number("--chunks"), fails("half_base"));
    std::exit(0);
  }
  std::string text = text_of_file(settings.text("figures"));
  const std::size_t line = text.find("Mean    KLD:");
  if (fails("nan")) text.replace(line, text.find("±", line) - line, "Mean    KLD:        nan ");
  if (fails("missing")) text.erase(line, text.find('\n', line) + 1 - line);
  if (fails("truncated") || fails("lost")) text.resize(text.size() / 2);
  std::fputs(text.c_str(), stdout);
  std::exit(0);
}
