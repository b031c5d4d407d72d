#include "kernels/ops/scratch.hpp"

#include <algorithm>

#include "core/buffer.hpp"

namespace oldiron {

std::byte* scratch(std::size_t bytes) {
  thread_local Buffer memory;
  if (memory.size() < bytes) {
    memory = Buffer();  // frees the old pages before it asks for new ones
    memory = Buffer(std::max<std::size_t>(bytes, 2 << 20), PageSize::transparent);
  }
  return memory.data();
}

}  // namespace oldiron
