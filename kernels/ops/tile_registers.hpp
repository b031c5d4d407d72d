// The shapes of AMX's eight tile registers, as LDTILECFG reads them.
#pragma once

#include <cstdint>

namespace oldiron {

/// A register is up to 16 rows of up to 64 bytes; registers without rows may not be used.
struct alignas(64) TileShapes {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};

  constexpr TileShapes& set(int tile, int tile_rows, int bytes) {
    rows[tile] = static_cast<std::uint8_t>(tile_rows);
    row_bytes[tile] = static_cast<std::uint16_t>(bytes);
    return *this;
  }
};

static_assert(sizeof(TileShapes) == 64);

}  // namespace oldiron
