#include "tests/fake_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <mutex>

namespace {

class Server {
 public:
  Server(const Settings& settings, const std::map<std::string, std::string>& flags, const std::vector<std::string>& fail)
      : settings_(settings), flags_(flags), fail_(fail) {}

  [[noreturn]] void run() {
    if (fails("port")) {
      std::fprintf(stderr, "\ncouldn't bind to server socket: hostname=127.0.0.1 port=%s\n\n", flag("--port", "8080").c_str());
      std::exit(1);
    }
    const int listener = listening();
    std::thread([this] { load(); }).detach();
    for (;;) {
      const int peer = accept(listener, nullptr, nullptr);
      if (peer >= 0) std::thread([this, peer] { serve(peer); }).detach();
    }
  }

 private:
  bool fails(const char* how) const { return std::find(fail_.begin(), fail_.end(), how) != fail_.end(); }

  std::string flag(const char* name, const std::string& otherwise) const {
    const auto found = flags_.find(name);
    return found == flags_.end() ? otherwise : found->second;
  }

  int listening() const {
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = inet_addr(flag("--host", "127.0.0.1").c_str());
    address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(flag("--port", "8080").c_str())));
    const int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(listener, 16) != 0) {
      std::fprintf(stderr, "couldn't bind HTTP server socket, hostname: %s, port: %s\n", flag("--host", "").c_str(), flag("--port", "").c_str());
      std::exit(1);
    }
    return listener;
  }

  /// What ends, stops or disturbs a process, at its load or at a generation.
  void misbehave() const {
    if (fails("fork")) leave_a_child(false);
    if (fails("setsid")) leave_a_child(true);
    if (fails("zombie") && fork() == 0) std::_Exit(0);
    if (fails("babble")) babble(stderr, settings_.number("bytes", 8388608));
    if (fails("babble_out")) babble(stdout, settings_.number("bytes", 8388608));
    while (fails("babble_for_ever")) babble(stderr, 65536);
    if (fails("segv")) die_by(SIGSEGV);
    if (fails("ill")) die_by(SIGILL);
    if (fails("abort")) die_by(SIGABRT);
    if (fails("kill")) die_by(SIGKILL);
    if (fails("exit")) {
      std::fprintf(stderr, "main: error: failed to load model '%s'\n", flag("-m", "").c_str());
      std::_Exit(static_cast<int>(settings_.number("exit", 1)));
    }
    if (fails("hang")) sleep_for_ever();
  }

  void load() {
    // A load that goes on reads its file.
    const auto reads = static_cast<int>(settings_.number("load_s", 0) * 10);
    for (int i = 0; i < reads; ++i) {
      text_of_file(flag("-m", ""));
      sleep_s(0.1);
    }
    if (settings_.text("fail_at", "load") == "load") misbehave();
    std::fprintf(stderr, "fake_engine: model loaded\n");
    std::fputs(text_of_file(settings_.text("say")).c_str(), stderr);
    ready_ = true;
  }

  static void put(int peer, const std::string& text) {
    for (std::size_t sent = 0; sent < text.size();) {
      const ssize_t got = send(peer, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (got <= 0) return;
      sent += static_cast<std::size_t>(got);
    }
  }

  static void answer(int peer, const char* status, const std::string& body) {
    put(peer, std::string("HTTP/1.1 ") + status + "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  }

  static std::string read_request(int peer) {
    std::string text;
    char bytes[65536];
    for (;;) {
      const ssize_t got = recv(peer, bytes, sizeof bytes, 0);
      if (got <= 0) return text;
      text.append(bytes, static_cast<std::size_t>(got));
      const auto head = text.find("\r\n\r\n");
      if (head == std::string::npos) continue;
      const auto length = text.find("Content-Length: ");
      if (length == std::string::npos || text.size() - head - 4 >= std::strtoul(text.c_str() + length + 16, nullptr, 10)) return text;
    }
  }

  void serve(int peer) {
    const std::string request = read_request(peer);
    const char* const variable = std::getenv("LLAMA_API_KEY");
    const std::string key = flag("--api-key", variable != nullptr ? variable : "");
    const bool known = key.empty() || fails("no_key") || request.find("Authorization: Bearer " + key + "\r\n") != std::string::npos;
    if (request.rfind("GET /health ", 0) == 0) answer(peer, ready_ ? "200 OK" : "503 Service Unavailable", ready_ ? "{\"status\":\"ok\"}" : "{}");
    else if (!known) answer(peer, "401 Unauthorized", "{\"error\":{\"message\":\"Invalid API Key\"}}");
    else if (!ready_) answer(peer, "503 Service Unavailable", "{}");
    else if (request.rfind("POST /completion ", 0) == 0) complete(peer, request);
    else answer(peer, "200 OK", "{}");
    close(peer);
  }

  void complete(int peer, const std::string& request) {
    const auto open = request.find('[', request.find("\"prompt\":"));
    const auto close = request.find(']', open);
    // A text has a hundred.
    const auto prompt = open == std::string::npos
                            ? 100
                            : 1 + std::count(request.begin() + static_cast<std::ptrdiff_t>(open), request.begin() + static_cast<std::ptrdiff_t>(close), ',');
    int tokens = std::atoi(request.c_str() + request.find("\"n_predict\":") + 12);
    const bool failing = settings_.text("fail_at", "load") == "generation" && tokens > 4;
    if (tokens > 4 && short_answers_++ < settings_.number("short_answers", 0)) tokens /= 2;
    put(peer, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    event(peer, "{\"content\":\"a\",\"stop\":false}");
    if (failing) misbehave();
    while (failing && fails("endless")) event(peer, "{\"content\":\"" + std::string(8192, 'a') + "\",\"stop\":false}");
    for (int i = 1; i < std::min(tokens, 64); ++i) event(peer, "{\"content\":\"a\",\"stop\":false}");
    std::string last = "{\"content\":\"\",\"stop\":true,\"unknown\":[1]" + timings(static_cast<int>(prompt), tokens, failing) + "}";
    if (failing && fails("half_json")) last.resize(last.size() / 2);
    event(peer, last);
    put(peer, "0\r\n\r\n");
  }

  static void event(int peer, const std::string& data) {
    char size[32];
    const std::string text = "data: " + data + "\n\n";
    std::snprintf(size, sizeof size, "%zx\r\n", text.size());
    put(peer, size + text + "\r\n");
  }

  std::string timings(int prompt, int tokens, bool failing) const {
    if (failing && fails("no_timings")) return "";
    const std::string attention = flag("-fa", "auto");
    const bool ik = settings_.text("engine") == "ik_llama";
    const Speeds speeds = {.cores = static_cast<int>(settings_.number("cores", 2)),
                           .ik = ik,
                           .read = flags_.count("--no-mmap") > 0 || flag("-lm", "auto") == "none",
                           .repacked = flags_.count("-rtr") > 0,
                           .flash_attention = attention == "on",
                           .ubatch = std::atof(flag("-ub", "512").c_str())};
    const std::string threads = flag("-t", "2");
    const double speed = settings_.number("server_speed", settings_.number("speed", 1));
    const double prompt_ms = 1000 * prompt / speed / speeds.prefill(std::atoi(flag("-tb", threads).c_str()));
    const double predicted_ms = 1000 * (tokens > 1 ? tokens - 1 : 0.1) / speed / speeds.decode(std::atoi(threads.c_str()));
    const auto number = [&](double value) {
      if (failing && fails("nan")) return std::string("nan");
      return failing && fails("null") ? std::string("null") : std::to_string(value);
    };
    return ",\"timings\":{\"prompt_n\":" + std::to_string(prompt) + ",\"prompt_ms\":" + number(prompt_ms) + ",\"predicted_n\":" + std::to_string(tokens) +
           ",\"predicted_ms\":" + number(predicted_ms) + (ik ? ",\"n_ctx\":512" : ",\"cache_n\":0") + "}";
  }

  const Settings& settings_;
  const std::map<std::string, std::string>& flags_;
  const std::vector<std::string>& fail_;
  std::atomic<bool> ready_ = false;
  std::atomic<int> short_answers_ = 0;
};

}  // namespace

void run_server(const Settings& settings, const std::map<std::string, std::string>& flags, const std::vector<std::string>& fail) {
  Server(settings, flags, fail).run();
}
