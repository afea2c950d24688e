// Megatron's indexed dataset, written as a stream. Tokens go to disk as they come; what is kept in memory is four bytes
// a sequence. Both files are written under temporary names and appear together at the end, the index last: a build that
// is interrupted at any moment leaves either the dataset that was there before, or no index, never half of one.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kumiko/base/file.h"
#include "kumiko/base/file_lock.h"
#include "kumiko/data/indexed_dataset.h"
#include "kumiko/data/token_type.h"

namespace kumiko {

class IndexedDatasetWriter {
 public:
  // Takes PREFIX.lock and opens PREFIX.bin.tmp; creates the folder if there is none. `type` must be an integer type.
  // User error if another process writes this dataset.
  IndexedDatasetWriter(std::string prefix, TokenType type);
  // Without commit(), removes what was written.
  ~IndexedDatasetWriter();
  IndexedDatasetWriter(const IndexedDatasetWriter&) = delete;
  IndexedDatasetWriter& operator=(const IndexedDatasetWriter&) = delete;

  // Adds tokens to the sequence that is being written. User error if one does not fit the type or the sequence grows
  // beyond 2^31 - 1 tokens.
  void append(std::span<const int32_t> tokens);
  // Ends the sequence, also one without tokens.
  void end_sequence();
  // Ends the document: the sequences ended since the last document, also none.
  void end_document();

  // Appends every sequence and document of a dataset of the same token type (internal error if it is another).
  void append(const IndexedDataset& dataset);

  int64_t num_tokens() const { return num_tokens_; }
  int64_t num_sequences() const { return static_cast<int64_t>(sizes_.size()); }
  int64_t num_documents() const { return num_documents_; }

  // Puts both files on the disk under their final names. Every sequence and document must have been ended.
  void commit();

 private:
  // `documents` documents in a row of `sequences` sequences each: normally there is one such run in all.
  struct DocumentRun {
    int64_t sequences = 0;
    int64_t documents = 0;
  };

  void add_document(int64_t sequences);
  void write_index(OutputFile& file) const;

  std::string prefix_;
  TokenType type_;
  std::optional<FileLock> lock_;  // given back when the files have their names
  std::optional<OutputFile> tokens_;
  std::vector<char> encoded_;
  std::deque<int32_t> sizes_;
  std::vector<DocumentRun> runs_;
  int64_t sequence_tokens_ = 0;     // in the sequence that is being written
  int64_t document_sequences_ = 0;  // in the document that is being written
  int64_t num_tokens_ = 0;
  int64_t num_documents_ = 0;
  bool committed_ = false;
};

}  // namespace kumiko
