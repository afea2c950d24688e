// What was read, summed over blocks in any order, and what is to be said of it at the end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kumiko/text/text_documents.h"

namespace kumiko {

class TextReport {
 public:
  explicit TextReport(TextInput input) : input_(std::move(input)), files_(input_.files.size()) {}

  void add(size_t file, const BlockFacts& facts);
  // User error if what was read of the file so far looks as if it were of another encoding than UTF-8 (unless
  // input.invalid_utf8 is replace).
  void check_encoding(size_t file) const;
  // At the end: check_encoding of all, then a warning for each kind of thing that was replaced, left out or empty.
  void finish() const;

  int64_t num_bytes() const { return num_bytes_; }
  // "; 3 bad lines were left out, the first ..." for an error about an input without text; empty if there were none.
  std::string of_bad_lines() const;

 private:
  std::string name(size_t file) const;
  struct First {
    int64_t count = 0;
    std::string place;  // "a.txt line 3"
    std::string reason;
  };
  First total(int64_t BlockFacts::*count, int64_t BlockFacts::*line) const;

  TextInput input_;
  std::vector<BlockFacts> files_;
  int64_t num_bytes_ = 0;
};

}  // namespace kumiko
