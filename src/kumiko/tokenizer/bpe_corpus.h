// A corpus in parts that can be pre-tokenised apart: each piece of the whole is a piece of one part.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace kumiko {

// The largest position, not 0, at which `text` can be cut so that pre-tokenising both sides gives the pieces of the
// whole; 0 if there is none. These are the places after a line feed and before a space, with no other white space near:
// the GPT-2 and Llama-3 patterns begin a new piece there.
size_t last_piece_boundary(std::string_view text);

// Where to cut a text of about `chunk_bytes` or more: there, or, in a text of sixteen times that without such a place,
// between any two characters. 0: nowhere yet.
size_t corpus_cut(std::string_view text, size_t chunk_bytes);

// Some of a corpus. `read` hands each of its texts, or parts of a text, to `visit`; it may be called by any thread.
struct CorpusPart {
  std::function<void(const std::function<void(std::string_view text)>& visit)> read;
  int64_t bytes_read = 0;  // of the corpus, up to the end of this part
};

struct Corpus {
  std::function<std::optional<CorpusPart>()> next;  // none at the end; called by one thread at a time
  int64_t total_bytes = 0;                          // 0: not known before the end
};

}  // namespace kumiko
