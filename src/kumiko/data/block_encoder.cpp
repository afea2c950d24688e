#include "kumiko/data/block_encoder.h"

namespace kumiko {

EncodedBlock encode_block(TextBlock block, const TextInput& input, const Encode& encode) {
  EncodedBlock encoded;
  encoded.bytes_read = block.bytes_read;
  encoded.file = block.file;
  encoded.keep_empty_documents = is_json(block.end);
  const DocumentVisitor visitor{[&](std::string_view text, TextStart start) { encode(text, start, encoded.tokens); },
                                [&] { encoded.ends.push_back(static_cast<int64_t>(encoded.tokens.size())); }};
  encoded.facts = visit_documents(block, input, visitor);
  return encoded;
}

}  // namespace kumiko
