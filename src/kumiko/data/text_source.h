// Text files as a stream of blocks of bounded size, cut where a document ends or, inside a long document, where cutting
// cannot change its tokens.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kumiko {

// What ends a document. `json_line`: every line is a JSON object with one document in it.
enum class DocumentEnd { file, blank_line, line, json_line };

struct TextBlock {
  std::string text;
  size_t file = 0;             // position in the list of files
  int64_t first_line = 1;      // of the file, counted from 1
  bool ends_document = false;  // false: the last document in `text` goes on in the next block
  int64_t bytes_read = 0;      // of all files, up to the end of this block
};

// The last place (0: none) where text may be cut so that the pieces, tokenized apart and joined, give the tokens of the
// whole. Holds for byte-level BPE with the pre-tokenizers of GPT-2 and its successors, which never join across
//   - a space between ASCII letters (the space begins a token), or
//   - the end of a line between printing characters, ASCII or East Asian, of which the second is a letter or digit (the
//     newline ends a token). Cut after the newline, and only a single one: runs of newlines stay whole.
size_t last_safe_cut(std::string_view text);

class TextSource {
 public:
  struct Options {
    size_t block_bytes = size_t{256} << 10;
    // Whether a document may be cut at last_safe_cut(). Otherwise a block is at least one document.
    bool cut_documents = false;
  };

  // User error for a file that cannot be read. `ends[i]` is what ends a document in files[i].
  TextSource(std::vector<std::filesystem::path> files, std::vector<DocumentEnd> ends, Options options);

  // Of all files.
  int64_t total_bytes() const { return total_bytes_; }

  // None at the end of the last file. User error if a file cannot be read.
  std::optional<TextBlock> next();

 private:
  bool open_next();
  void fill(size_t target);
  TextBlock take(size_t size, bool ends_document);

  std::vector<std::filesystem::path> files_;
  std::vector<DocumentEnd> ends_;
  Options options_;
  int64_t total_bytes_ = 0;

  size_t next_file_ = 0;  // files_[next_file_ - 1] is open, where is_open_
  std::ifstream stream_;
  bool is_open_ = false;
  bool in_document_ = false;  // the last block left its document open
  std::string pending_;       // read, but not yet given out
  int64_t line_ = 1;
  int64_t bytes_read_ = 0;
};

}  // namespace kumiko
