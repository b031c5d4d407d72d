#include "runner/http_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "probes/files.hpp"

namespace oldiron {
namespace {

// A thousand tokens as events are half a megabyte.
constexpr std::size_t kLongestHead_bytes = 1 << 16, kLongestBody_bytes = 1 << 26;

bool equal_but_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::size_t> number(std::string_view text, int base) {
  std::size_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || stop == text.data()) return {};
  return value;
}

/// The value of a header, without its blanks; nothing if there is none.
std::optional<std::string_view> header(std::string_view head, std::string_view name) {
  for (auto begin = head.find('\n'); begin != std::string_view::npos; begin = head.find('\n', begin + 1)) {
    const std::string_view line = head.substr(begin + 1, head.find('\n', begin + 1) - begin - 1);
    const auto colon = line.find(':');
    if (colon != std::string_view::npos && equal_but_case(line.substr(0, colon), name)) return trim(line.substr(colon + 1));
  }
  return {};
}

}  // namespace

void HttpReader::end(double at_s, std::string error) {
  answer_.error = std::move(error);
  answer_.ended_s = at_s;
  state_ = State::done;
  unread_.clear();
}

void HttpReader::read_head() {
  const auto blank = unread_.find("\r\n\r\n");
  const std::string head = unread_.substr(0, blank);
  constexpr std::size_t kStatus = 9;  // behind "HTTP/1.1 "
  const std::size_t status = head.size() < kStatus + 3 ? 0 : number(std::string_view(head).substr(kStatus, 3), 10).value_or(0);
  if (!head.starts_with("HTTP/1.") || status == 0) return end(0, "does not speak HTTP");
  unread_.erase(0, blank + 4);
  if (status < 200) return;  // 100 Continue: the answer follows
  answer_.status = static_cast<int>(status);
  is_stream_ = header(head, "Content-Type").value_or("").starts_with("text/event-stream");
  const auto coding = header(head, "Transfer-Encoding");
  const auto length = header(head, "Content-Length");
  if (coding && equal_but_case(*coding, "chunked")) state_ = State::chunk_size;
  else if (!length) state_ = State::until_close;
  else if (const auto bytes = number(*length, 10)) {
    left_bytes_ = *bytes;
    state_ = State::body;
  } else end(0, fmt::format("told a length that is no number ({})", *length));
}

bool HttpReader::take_line(std::string& line) {
  const auto newline = unread_.find('\n');
  if (newline == std::string::npos) return false;
  line = trim(std::string_view(unread_).substr(0, newline));
  unread_.erase(0, newline + 1);
  return true;
}

void HttpReader::take_event_line(std::string_view line, double at_s) {
  if (line.starts_with("data:")) {
    line.remove_prefix(line.starts_with("data: ") ? 6 : 5);
    if (!event_.data.empty()) event_.data += '\n';
    event_.data += line;
  } else if (line.empty() && !event_.data.empty()) {
    event_.at_s = at_s;
    answer_.events.push_back(std::move(event_));
    event_ = {};
  }
}

void HttpReader::take_body(std::string_view bytes, double at_s) {
  taken_bytes_ += bytes.size();
  if (taken_bytes_ > kLongestBody_bytes) return end(at_s, "gave an answer without an end");
  if (!is_stream_) {
    answer_.body += bytes;
    return;
  }
  for (auto newline = bytes.find('\n'); newline != std::string_view::npos; newline = bytes.find('\n')) {
    unfinished_line_ += bytes.substr(0, newline);
    if (unfinished_line_.ends_with('\r')) unfinished_line_.pop_back();
    take_event_line(unfinished_line_, at_s);
    unfinished_line_.clear();
    bytes.remove_prefix(newline + 1);
  }
  unfinished_line_ += bytes;
}

/// One piece of what is unread; false if more must arrive first.
bool HttpReader::step(double at_s) {
  std::string line;
  switch (state_) {
    case State::head:
      if (unread_.find("\r\n\r\n") != std::string::npos) read_head();
      else if (unread_.size() > kLongestHead_bytes || (unread_.size() >= 7 && !unread_.starts_with("HTTP/1.")))
        end(at_s, "does not speak HTTP");
      else return false;
      return true;
    case State::body:
    case State::chunk:
    case State::until_close: {
      if (state_ == State::until_close) left_bytes_ = std::numeric_limits<std::size_t>::max();
      const std::size_t bytes = std::min(left_bytes_, unread_.size());
      const std::string piece = unread_.substr(0, bytes);
      unread_.erase(0, bytes);
      left_bytes_ -= bytes;
      take_body(piece, at_s);
      if (done()) return false;
      if (left_bytes_ > 0) return false;
      if (state_ == State::body) end(at_s);
      else state_ = State::chunk_end;
      return true;
    }
    case State::chunk_end:
      if (!take_line(line)) return false;
      state_ = State::chunk_size;
      return true;
    case State::chunk_size: {
      if (!take_line(line)) return false;
      const auto bytes = number(line, 16);
      if (!bytes) end(at_s, "sent a piece without its length");
      left_bytes_ = bytes.value_or(0);
      if (bytes) state_ = left_bytes_ > 0 ? State::chunk : State::trailer;
      return true;
    }
    case State::trailer:
      if (!take_line(line)) return false;
      if (line.empty()) end(at_s);
      return true;
    case State::done:
      break;
  }
  return false;
}

void HttpReader::feed(std::string_view bytes, double at_s) {
  if (done()) return;
  unread_ += bytes;
  while (step(at_s)) {
  }
  if (done()) answer_.ended_s = at_s;
  else if (state_ != State::head && unread_.size() > kLongestHead_bytes) end(at_s, "sent a line without an end");
}

void HttpReader::close(double at_s) {
  if (done()) return;
  if (state_ == State::until_close) return end(at_s);
  end(at_s, answer_.status == 0 ? "closed the connection without an answer" : "closed the connection in the middle of its answer");
}

}  // namespace oldiron
