// Included into an ISA's region: reading memory as fast as loads go.

// Software prefetch crosses 4 KiB pages, where hardware prefetchers stop.
std::uint64_t stream_read(const std::byte* data, std::size_t bytes) {
  std::uint64_t sums[8] = {};
  for (std::size_t at = 0; at < bytes; at += 512) {
#pragma GCC unroll 8
    for (int line = 0; line < 8; ++line) __builtin_prefetch(data + at + kPrefetchBytes + 64 * line);
    add_stream(sums, data + at);
  }
  std::uint64_t total = 0;
  for (const std::uint64_t s : sums) total += s;
  return total;
}
