#include "core/storage.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/text.hpp"

namespace oldiron {
namespace {

double time_s(double bytes, double bytes_per_s) { return bytes_per_s > 0 ? bytes / bytes_per_s : 0; }

}  // namespace

double Storage::load_s() const {
  const auto cached = static_cast<double>(std::max<std::int64_t>(0, cached_bytes));
  return time_s(static_cast<double>(file_bytes) - cached, bytes_per_s) + time_s(cached, cached_bytes_per_s);
}

double Storage::cold_load_s() const { return time_s(static_cast<double>(file_bytes), bytes_per_s); }

std::string storage_text(const Storage& storage) {
  std::string text = fmt::format("{} on {}{}", bytes_text(static_cast<double>(storage.file_bytes)), storage.file_system,
                                 storage.network ? ", a network file system" : "");
  if (storage.cached_bytes < 0) {
    text += fmt::format("; how much of it is in memory is not known: {}", storage.no_cached);
    return storage.bytes_per_s > 0 ? text + fmt::format("; it reads at {}", bytes_per_s_text(storage.bytes_per_s)) : text;
  }
  if (storage.cached_bytes >= storage.file_bytes) return text + ", all of it in the page cache";
  const double share = static_cast<double>(storage.cached_bytes) / static_cast<double>(std::max<std::int64_t>(1, storage.file_bytes));
  text += storage.cached_bytes == 0 ? ", none of it in the page cache" : fmt::format(", {} of it in the page cache", percent_text(share));
  if (storage.bytes_per_s > 0)
    text += fmt::format("; {} at {}: {}", storage.cached_bytes == 0 ? "it comes" : "the rest comes", bytes_per_s_text(storage.bytes_per_s),
                        seconds_text(storage.load_s()));
  return text;
}

}  // namespace oldiron
