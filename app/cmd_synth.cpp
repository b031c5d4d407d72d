#include <fmt/format.h>

#include "app/commands.hpp"
#include "core/clock.hpp"
#include "core/text.hpp"
#include "kernels/gguf.hpp"

namespace oldiron {

int cmd_synth(const Options& options) {
  if (is_file(options.model))
    throw Error(fmt::format("{}: synth makes files from cards, and this is a file; cards: {}", options.model.model,
                            fmt::join(card_names(cards_dir()), ", ")));
  const auto source = open_model(options.model, cards_dir());
  const double start_s = now_s();
  fmt::print("writing {} ({}), weights are generated: the file is for measuring, its text is meaningless\n", options.out,
             bytes_text(static_cast<double>(source->model().bytes())));
  write_gguf(*source, options.out, options.tokenizer == "bytes" ? Vocabulary::bytes : Vocabulary::none);
  const double seconds = now_s() - start_s;
  fmt::print("wrote {} in {} ({})\n", options.out, seconds_text(seconds),
             bytes_per_s_text(static_cast<double>(source->model().bytes()) / seconds));
  return 0;
}

}  // namespace oldiron
