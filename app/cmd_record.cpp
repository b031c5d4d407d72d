#include <fmt/format.h>

#include "app/commands.hpp"
#include "core/text.hpp"
#include "probes/record.hpp"

namespace oldiron {

int cmd_record(const Options& options) {
  const std::string path = options.out.empty() ? "oldiron-record.json" : options.out;
  const std::string record = record_machine();
  write_file(path, record);
  fmt::print("wrote {} ({}): the facts of this machine, without names, serial numbers and ids.\n"
             "It is text: look through it before you send it. `oldiron doctor --machine {}` reads it.\n",
             path, bytes_text(static_cast<double>(record.size())), path);
  return 0;
}

}  // namespace oldiron
