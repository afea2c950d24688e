// Megatron's indexed dataset, read: PREFIX.bin holds the tokens of all sequences back to back, PREFIX.idx ("MMIDIDX",
// version 1) says where each sequence begins and which sequences form a document. For a GPT a document is one sequence.
//
//   .idx   9 bytes "MMIDIDX\0\0" | u64 version | u8 token type | u64 S | u64 D | i32[S] tokens a sequence
//          | i64[S] byte offset in .bin | i64[D] first sequence of each document, and S at the end | (i8[S] modes)
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string>

#include "kumiko/base/file.h"
#include "kumiko/data/token_type.h"
#include "kumiko/data/unaligned_view.h"

namespace kumiko {

// The two files of a dataset.
std::filesystem::path index_path(const std::string& prefix);
std::filesystem::path tokens_path(const std::string& prefix);

// A vocabulary that holds every id that fits an int32_t.
inline constexpr int64_t any_vocabulary = int64_t{1} << 31;

class IndexedDataset {
 public:
  // Maps both files and checks every promise that the format makes. User error, naming the file, what is wrong and what
  // was expected, otherwise; token types that hold no ids (float32, float64) are refused too.
  explicit IndexedDataset(std::string prefix);

  const std::string& prefix() const { return prefix_; }
  TokenType token_type() const { return type_; }
  int64_t num_sequences() const { return sizes_.size(); }
  int64_t num_documents() const { return documents_.size() - 1; }
  int64_t num_tokens() const { return num_tokens_; }

  // Tokens of each sequence.
  UnalignedView<int32_t> sizes() const { return sizes_; }
  // num_documents() + 1 sequence numbers: document d is the sequences [documents()[d], documents()[d + 1]).
  UnalignedView<int64_t> documents() const { return documents_; }
  // The whole of .bin that the index speaks of: num_tokens() tokens of token_type().
  std::span<const std::byte> token_bytes() const;

  // Tokens [offset, offset + out.size()) of a sequence. The range must lie within it (internal error otherwise). User
  // error if a token is negative or not below vocab_size, naming the token and where it stands.
  void read(int64_t sequence, int64_t offset, std::span<int32_t> out, int64_t vocab_size = any_vocabulary) const;

  // The largest token id among the first `limit` tokens of the dataset; -1 if there are none. Reads them all.
  int64_t max_token_id(int64_t limit = std::numeric_limits<int64_t>::max()) const;

  // User error if one of the first `limit` tokens is not below vocab_size: the cheap check at the start of a run;
  // read() makes sure of the rest.
  void check_vocabulary(int64_t vocab_size, int64_t limit) const;

 private:
  // Checks the arrays against each other and against the size of .bin, and counts the tokens.
  void check_index();
  template <class Visit>
  void for_each_block(int64_t begin, int64_t end, const Visit& visit) const;
  [[noreturn]] void throw_outside_vocabulary(int64_t token, int64_t position, int64_t vocab_size) const;

  std::string prefix_;
  MappedFile index_;
  MappedFile tokens_;
  TokenType type_{};
  UnalignedView<int32_t> sizes_;
  UnalignedView<int64_t> pointers_;
  UnalignedView<int64_t> documents_;
  int64_t num_tokens_ = 0;
};

}  // namespace kumiko
