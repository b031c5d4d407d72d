// Vocabularies for files whose weights are generated.
#pragma once

#include "core/model.hpp"
#include "kernels/gguf_header_writer.hpp"

namespace oldiron {

/// none: token ids only. bytes: any text is a token per byte (a space is one too), with beginning, end and turn tokens,
/// filled up with words that no text is cut into, so that the head keeps its size and answers can be read.
enum class Vocabulary { none, bytes };

/// The keys below "tokenizer.". Throws Error if the model has no room for the bytes.
void put_vocabulary(const ModelSpec& model, Vocabulary vocabulary, HeaderWriter& out);

}  // namespace oldiron
