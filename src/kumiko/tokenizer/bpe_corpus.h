// A corpus of text files in chunks that can be pre-tokenised apart: each piece of the whole is a piece of one chunk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace kumiko {

// The largest position, not 0, at which `text` can be cut so that pre-tokenising both sides gives the pieces of the
// whole; 0 if there is none. These are the places after a line feed and before a space, with no other white space near:
// the GPT-2 and Llama-3 patterns begin a new piece there.
size_t last_piece_boundary(std::string_view text);

class CorpusReader {
 public:
  // User error, naming the file, for a file that does not exist or is not a plain file. A chunk is of about
  // `chunk_bytes`; it grows to sixteen times that where there is no safe place to cut, and is then cut between any two
  // characters.
  CorpusReader(std::vector<std::filesystem::path> files, size_t chunk_bytes);

  // The next chunk, which never crosses from one file into another; false at the end. Safe from several threads.
  bool next(std::string& chunk);

  uint64_t total_bytes() const { return total_bytes_; }

 private:
  bool open_next_file();
  void read_more(size_t bytes);

  std::vector<std::filesystem::path> files_;
  size_t chunk_bytes_;
  uint64_t total_bytes_ = 0;
  std::mutex mutex_;
  size_t next_file_ = 0;
  std::ifstream stream_;
  std::string pending_;  // read, and not handed out
  bool file_done_ = true;
};

}  // namespace kumiko
