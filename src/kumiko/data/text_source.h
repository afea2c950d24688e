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
  size_t file = 0;                  // position in the list of files
  int64_t first_line = 1;           // of the file, counted from 1
  bool continues_document = false;  // the first document in `text` began in the block before
  bool ends_document = false;       // false: the last document in `text` goes on in the next block
  int64_t bytes_read = 0;           // of all files, up to the end of this block
};

// Where a text may be cut so that the pieces, tokenized apart and joined, give the tokens of the whole (the second
// piece as TextStart::inside).
struct CutPlaces {
  bool at_spaces = false;    // before a space between ASCII letters: the space begins a token
  bool at_newlines = false;  // behind the newline of a line whose last character prints, ASCII or East Asian, where a
                             // letter or digit begins the next: the newline ends a token. Runs of newlines stay whole.
  bool any() const { return at_spaces || at_newlines; }
};

// The last of these places in `text`; 0 if there is none.
size_t last_safe_cut(std::string_view text, CutPlaces places);

// Whether a token with these bytes could reach across such a place, whatever stands around it.
bool reaches_across_space(std::string_view token);
bool reaches_across_newline(std::string_view token);

class TextSource {
 public:
  struct Options {
    size_t block_bytes = size_t{256} << 10;
    // Where a document may be cut. If nowhere, a block is at least one document.
    CutPlaces cut_places;
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
