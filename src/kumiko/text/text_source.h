// Text files as a stream of blocks of bounded size, cut where a document ends or, inside a long document, where the
// caller allows it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "kumiko/text/json_cutter.h"
#include "kumiko/text/text_input.h"

namespace kumiko {

struct TextBlock {
  std::string text;
  size_t file = 0;  // position in the list of files
  DocumentEnd end = DocumentEnd::file;
  int64_t first_line = 1;           // of the file, counted from 1
  bool continues_document = false;  // the first document in `text` began in the block before
  bool ends_document = false;       // false: the last document in `text` goes on in the next block
  int64_t bytes_read = 0;           // of all files, as they lie on the disk, up to the end of this block
};

class TextSource {
 public:
  struct Options {
    size_t block_bytes = size_t{256} << 10;
    // The last place in a text where its document may be cut in two; 0 if there is none. If empty, a block is at least
    // one document.
    std::function<size_t(std::string_view text)> cut_document;
  };

  // Looks at all plain files. User error for one that cannot be read or is no text. Says once what was made of files
  // whose names do not tell it.
  TextSource(TextInput input, Options options);
  ~TextSource();

  // Of all files; 0 if one is a pipe.
  int64_t total_bytes() const { return total_bytes_; }

  // None at the end of the last file. User error if a file cannot be read.
  std::optional<TextBlock> next();

 private:
  void look_at_files();
  void note(const std::filesystem::path& file, const TextReader& reader, DocumentEnd end);
  void tell_notes();
  void check_use() const;
  bool open_next();
  void fill(size_t target);
  TextBlock take(size_t size, bool ends_document);
  size_t end_of_documents();
  std::string name() const;

  TextInput input_;
  Options options_;
  int64_t total_bytes_ = 0;
  bool all_seen_ = true;  // no pipe is among the files
  bool any_json_ = false;
  struct Note {
    std::string text;
    std::string first_file;
    int64_t files = 0;
  };
  std::vector<Note> notes_;

  size_t next_file_ = 0;  // input_.files[next_file_ - 1] is open, where is_open_
  std::unique_ptr<TextReader> reader_;
  DocumentEnd end_ = DocumentEnd::file;
  JsonCutter cutter_;
  bool is_open_ = false;
  bool in_document_ = false;  // the last block left its document open
  std::string pending_;       // read, but not yet given out
  size_t scanned_ = 0;        // of pending_, by cutter_
  size_t cut_ = 0;            // behind the last object that it found
  int64_t line_ = 1;
  int64_t finished_bytes_ = 0;  // of the files before this one
  int64_t taken_bytes_ = 0;     // of this one
};

}  // namespace kumiko
