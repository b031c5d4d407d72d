// Any bytes as what a server sends: the reader gives the same answer however they are cut, and what is read from that answer is
// sane. Run by libFuzzer (preset fuzz) and, over tests/data/fuzz_http, by every build's tests.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/check.hpp"
#include "runner/endpoint.hpp"
#include "runner/engines/server_answer.hpp"
#include "runner/http_reader.hpp"

namespace {

using namespace oldiron;

void require(bool condition) {
  if (!condition) std::abort();
}

bool alike(const HttpAnswer& one, const HttpAnswer& other) {
  return one.status == other.status && one.body == other.body && one.events == other.events && one.error == other.error;
}

/// In pieces of lengths that `seed` draws.
HttpReader fed(std::string_view bytes, std::uint32_t seed) {
  HttpReader reader;
  while (!bytes.empty() && !reader.done()) {
    seed = seed * 1664525 + 1013904223;
    const std::size_t length = std::min<std::size_t>(bytes.size(), 1 + (seed >> 16) % ((seed >> 8) % 4 == 0 ? 64 : 4));
    reader.feed(bytes.substr(0, length), 1);
    bytes.remove_prefix(length);
  }
  return reader;
}

void read(const HttpAnswer& answer) {
  try {
    const Completion read = read_completion(answer);
    require(std::isfinite(read.prefill_tokens_per_s()) && read.prefill_tokens_per_s() > 0);
    require(std::isfinite(read.decode_tokens_per_s()) && read.decode_tokens_per_s() >= 0);
    require(read.drafted_tokens >= 0 && read.accepted_tokens >= 0);
  } catch (const Error& error) {
    require(*error.what() != '\0');
  }
  const StreamReading stream = read_stream(answer);
  require(stream.pieces > 0 || !stream.error.empty());
  require(stream.last_s >= stream.first_s);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  HttpReader whole;
  whole.feed(bytes, 1);
  HttpReader pieces = fed(bytes, data[0]);
  require(whole.done() == pieces.done());
  whole.close(1);
  pieces.close(1);
  require(whole.done() && pieces.done());
  require(alike(whole.answer(), pieces.answer()));
  require(whole.answer().ok() || !whole.answer().error.empty() || whole.answer().status != 200);
  read(whole.answer());
  // The same bytes as a body and as an event, behind a head that was read.
  read({.status = 200, .body = std::string(bytes)});
  read({.status = 200, .events = {{.data = std::string(bytes), .at_s = 1}}});
  return 0;
}
