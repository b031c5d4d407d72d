// The text that foreign engines read for quality.
#pragma once

#include <string>

#include "app/tune_record.hpp"

namespace oldiron {

/// Keeps what --text names; an empty path names none. `foreign`: a foreign engine is asked. Throws Error if the text is of no use.
void take_text(const std::string& path, bool foreign, TuneRecord& record);

/// Path of the text: what was named, or what every Debian has.
std::string text_of(const TuneRecord& record);

}  // namespace oldiron
