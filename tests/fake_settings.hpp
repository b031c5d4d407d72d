// What the fakes of an engine's tools share: their settings, their speeds and their ways to fail (see fake_engine.cpp).
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

inline std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

inline std::string text_of_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  return text.str();
}

/// The settings of the header comment.
class Settings {
 public:
  Settings(const std::string& argv0, const std::map<std::string, std::string>& arguments)
      : values_(arguments) {
    const auto slash = argv0.rfind('/');
    std::ifstream file((slash == std::string::npos ? "." : argv0.substr(0, slash)) + "/fake_engine.conf");
    for (std::string line; std::getline(file, line);) {
      const auto equals = line.find('=');
      if (equals != std::string::npos) file_[line.substr(0, equals)] = line.substr(equals + 1);
    }
  }

  std::string text(const std::string& name, const std::string& otherwise = "") const {
    if (const auto found = values_.find(name); found != values_.end()) return found->second;
    std::string variable = "OLDIRON_FAKE_";
    for (const char c : name) variable += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    if (const char* value = std::getenv(variable.c_str())) return value;
    if (const auto found = file_.find(name); found != file_.end()) return found->second;
    return otherwise;
  }

  double number(const std::string& name, double otherwise) const {
    const std::string value = text(name);
    return value.empty() ? otherwise : std::strtod(value.c_str(), nullptr);
  }

 private:
  std::map<std::string, std::string> values_, file_;
};

inline void sleep_s(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

[[noreturn]] inline void sleep_for_ever() {
  for (;;) pause();
}

inline void die_by(int signal_number) {
  const rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  std::signal(signal_number, SIG_DFL);
  raise(signal_number);
}

inline void babble(std::FILE* to, double bytes) {
  const std::string line(127, '#');
  for (double written = 0; written < bytes; written += 128) std::fprintf(to, "%s\n", line.c_str());
  std::fflush(to);
}

inline void leave_a_child(bool own_session) {
  if (fork() != 0) return;
  if (own_session) setsid();
  sleep_for_ever();
}

/// The speeds of the header comment of fake_engine.cpp, before noise.
struct Speeds {
  int cores = 2;
  bool ik = false, read = false, repacked = false, flash_attention = false;
  double ubatch = 512;

  double scale(int threads, double gain) const {
    const int used = threads < cores ? threads : cores;
    const double speed = used / (1 + (1 - gain) * (used - 1));
    return threads > cores ? 0.4 * speed : speed;
  }

  double pages() const {
    if (!ik) return read ? 1.1 : 1;
    return (repacked ? 1.5 : 1) * (read ? 1.4 : 1);
  }

  double prefill(int threads) const {
    return 40 * scale(threads, 0.97) * pages() * ubatch / (ubatch + 64) * (ubatch > 1024 ? 0.9 : 1) * (flash_attention ? 1.05 : 1);
  }

  double decode(int threads) const { return 4 * scale(threads, 0.9) * pages(); }
};
