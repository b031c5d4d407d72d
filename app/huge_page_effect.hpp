// What huge pages are worth to a decode on this machine, measured.
#pragma once

#include <functional>
#include <string>

#include "core/finding.hpp"
#include "runner/model_source.hpp"

namespace oldiron {

/// Decodes with 4 KiB pages and with transparent huge pages in turns, each time in a fresh process; a minute or two.
/// `progress` is told what happens. A card that names no number of layers is cut to about 1 GB. Throws Error if a
/// decode cannot be had.
HugePageEffect measure_huge_pages(ModelRequest request, const std::function<void(const std::string&)>& progress);

}  // namespace oldiron
