// Included into an ISA's region: reading memory as fast as loads go.

template <bool kPrefetch>
WORD std::uint64_t stream_sum(const std::byte* data, std::size_t bytes, std::size_t prefetch_bytes) {
  std::uint64_t sums[8] = {};
  for (std::size_t at = 0; at < bytes; at += 512) {
    if constexpr (kPrefetch) {
#pragma GCC unroll 8
      for (int line = 0; line < 8; ++line) __builtin_prefetch(data + at + prefetch_bytes + 64 * line);
    }
    add_stream(sums, data + at);
  }
  std::uint64_t total = 0;
  for (const std::uint64_t s : sums) total += s;
  return total;
}

// Software prefetch crosses 4 KiB pages, where hardware prefetchers stop.
std::uint64_t stream_read(const std::byte* data, std::size_t bytes, std::size_t prefetch_bytes) {
  return prefetch_bytes == 0 ? stream_sum<false>(data, bytes, 0)
                             : stream_sum<true>(data, bytes, prefetch_bytes);
}
