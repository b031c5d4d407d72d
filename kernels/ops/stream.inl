// Included into an ISA's region: reading memory as fast as loads go, and moving it by stores.

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

template <StreamMove kMove>
void stream_moved(float* to, const float* a, const float* b, std::size_t n) {
  constexpr bool kPast = kMove >= StreamMove::write_past;
  constexpr bool kCopy = kMove == StreamMove::copy || kMove == StreamMove::copy_past;
  constexpr bool kTriad = kMove == StreamMove::triad || kMove == StreamMove::triad_past;
  const F32 one = all(1.0F), three = all(3.0F);
  for (std::size_t at = 0; at < n; at += 128) {
#pragma GCC unroll 32
    for (std::size_t i = at; i < at + 128; i += kLanes) {
      F32 x = one;
      if constexpr (kCopy) x = load(a + i);
      if constexpr (kTriad) x = fmadd(three, load(b + i), load(a + i));
      if constexpr (kPast)
        store_past(to + i, x);
      else
        store(to + i, x);
    }
    // Else the compiler sees a memset or a memcpy here, which choose stores of their own.
    asm volatile("" : "+r"(at)::"memory");
  }
  if constexpr (kPast) _mm_sfence();
}

void stream_move(StreamMove move, float* to, const float* a, const float* b, std::size_t n) {
  switch (move) {
    case StreamMove::write:
      return stream_moved<StreamMove::write>(to, a, b, n);
    case StreamMove::copy:
      return stream_moved<StreamMove::copy>(to, a, b, n);
    case StreamMove::triad:
      return stream_moved<StreamMove::triad>(to, a, b, n);
    case StreamMove::write_past:
      return stream_moved<StreamMove::write_past>(to, a, b, n);
    case StreamMove::copy_past:
      return stream_moved<StreamMove::copy_past>(to, a, b, n);
    case StreamMove::triad_past:
      return stream_moved<StreamMove::triad_past>(to, a, b, n);
  }
}
