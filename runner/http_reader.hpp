// HttpReader: one HTTP/1.1 answer as its bytes arrive, with the events of a stream and when each came.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace oldiron {

/// One event of a text/event-stream: what stood behind its "data:" lines.
struct ServerEvent {
  std::string data = {};
  double at_s = 0;  ///< now_s() when its last byte was read
  bool operator==(const ServerEvent&) const = default;
};

struct HttpAnswer {
  int status = 0;                        ///< 200; 0: none came
  std::string body = {};                 ///< empty of an event stream
  std::vector<ServerEvent> events = {};  ///< of an event stream
  double sent_s = 0, ended_s = 0;        ///< now_s(): the request was on its way, the answer's last byte was read
  std::string error = {};                ///< why the answer is none, or is cut short; goes after the server's name
  bool timed_out = false;                ///< that error is the deadline

  bool ok() const { return error.empty() && status == 200; }
};

class HttpReader {
 public:
  /// Takes what arrived at `at_s`. Bytes behind the answer's end are ignored.
  void feed(std::string_view bytes, double at_s);

  /// The server closed the connection: an end, or a cut.
  void close(double at_s);

  /// The answer is whole, or can become none: see its error.
  bool done() const { return state_ == State::done; }

  const HttpAnswer& answer() const { return answer_; }

 private:
  enum class State : std::uint8_t { head, body, chunk_size, chunk, chunk_end, trailer, until_close, done };

  void read_head();
  bool step(double at_s);
  bool take_line(std::string& line);
  void take_body(std::string_view bytes, double at_s);
  void take_event_line(std::string_view line, double at_s);
  void end(double at_s, std::string error = {});

  State state_ = State::head;
  bool is_stream_ = false;
  std::size_t left_bytes_ = 0;  ///< of the body or the chunk
  std::size_t taken_bytes_ = 0;
  std::string unread_ = {}, unfinished_line_ = {};
  ServerEvent event_ = {};
  HttpAnswer answer_ = {};
};

}  // namespace oldiron
