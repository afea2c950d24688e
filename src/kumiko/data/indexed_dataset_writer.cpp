#include "kumiko/data/indexed_dataset_writer.h"

#include <unistd.h>

#include <filesystem>
#include <limits>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/data/index_format.h"

namespace kumiko {
namespace {

std::filesystem::path temporary(const std::filesystem::path& path) { return path.string() + ".tmp"; }

template <class T>
void write_number(OutputFile& file, T value) {
  file.write(&value, sizeof(value));
}

template <class T>
void encode(std::span<const int32_t> tokens, std::vector<char>& bytes) {
  bytes.resize(tokens.size() * sizeof(T));
  char* to = bytes.data();
  for (const int32_t token : tokens) {
    const T value = static_cast<T>(token);
    std::memcpy(to, &value, sizeof(T));
    to += sizeof(T);
  }
}

void encode(TokenType type, std::span<const int32_t> tokens, std::vector<char>& bytes) {
  switch (token_size(type)) {
    case 1:
      return encode<uint8_t>(tokens, bytes);
    case 2:
      return encode<uint16_t>(tokens, bytes);
    case 4:
      return encode<uint32_t>(tokens, bytes);
    default:
      return encode<uint64_t>(tokens, bytes);
  }
}

}  // namespace

IndexedDatasetWriter::IndexedDatasetWriter(std::string prefix, TokenType type)
    : prefix_(std::move(prefix)), type_(type) {
  if (largest_token(type) == 0) throw_internal("tokens cannot be written as {}", token_type_name(type));
  const std::filesystem::path folder = tokens_path(prefix_).parent_path();
  if (!folder.empty()) {
    std::error_code failure;
    std::filesystem::create_directories(folder, failure);
    if (failure) throw_environment("cannot create folder {}: {}", folder.string(), failure.message());
  }
  lock_.emplace(prefix_ + ".lock", "the dataset " + prefix_);
  tokens_.emplace(temporary(tokens_path(prefix_)));
}

IndexedDatasetWriter::~IndexedDatasetWriter() {
  if (committed_) return;
  ::unlink(temporary(tokens_path(prefix_)).c_str());
  ::unlink(temporary(index_path(prefix_)).c_str());
}

void IndexedDatasetWriter::append(std::span<const int32_t> tokens) {
  const int64_t largest = largest_token(type_);
  for (const int32_t token : tokens) {
    if (token >= 0 && token <= largest) continue;
    throw_user("token id {} does not fit the dataset {} of type {}: expected ids from 0 to {}; check the tokenizer",
               token, prefix_, token_type_name(type_), largest);
  }
  encode(type_, tokens, encoded_);
  tokens_->write(encoded_.data(), encoded_.size());
  sequence_tokens_ += static_cast<int64_t>(tokens.size());
  num_tokens_ += static_cast<int64_t>(tokens.size());
  if (sequence_tokens_ > std::numeric_limits<int32_t>::max()) {
    throw_user("document {} of {} has more than {} tokens, the most that the format can hold; split it into several",
               num_documents_, prefix_, std::numeric_limits<int32_t>::max());
  }
}

void IndexedDatasetWriter::end_sequence() {
  sizes_.push_back(static_cast<int32_t>(std::exchange(sequence_tokens_, 0)));
  ++document_sequences_;
}

void IndexedDatasetWriter::end_document() { add_document(std::exchange(document_sequences_, 0)); }

void IndexedDatasetWriter::add_document(int64_t sequences) {
  if (runs_.empty() || runs_.back().sequences != sequences) runs_.push_back({sequences, 0});
  ++runs_.back().documents;
  ++num_documents_;
}

void IndexedDatasetWriter::append(const IndexedDataset& dataset) {
  if (dataset.token_type() != type_) {
    throw_internal("a dataset of {} was added to one of {}", token_type_name(dataset.token_type()),
                   token_type_name(type_));
  }
  const std::span<const std::byte> bytes = dataset.token_bytes();
  tokens_->write(bytes.data(), bytes.size());
  for (int64_t i = 0; i < dataset.num_sequences(); ++i) sizes_.push_back(dataset.sizes()[i]);
  for (int64_t d = 0; d < dataset.num_documents(); ++d) {
    add_document(dataset.documents()[d + 1] - dataset.documents()[d]);
  }
  num_tokens_ += dataset.num_tokens();
}

void IndexedDatasetWriter::write_index(OutputFile& file) const {
  file.write(index_magic.data(), index_magic.size());
  write_number(file, index_version);
  write_number(file, static_cast<uint8_t>(type_));
  write_number(file, static_cast<uint64_t>(num_sequences()));
  write_number(file, static_cast<uint64_t>(num_documents_ + 1));
  for (const int32_t size : sizes_) write_number(file, size);
  int64_t pointer = 0;
  for (const int32_t size : sizes_) {
    write_number(file, pointer);
    pointer += size * token_size(type_);
  }
  int64_t sequence = 0;
  write_number(file, sequence);
  for (const DocumentRun& run : runs_) {
    for (int64_t d = 0; d < run.documents; ++d) write_number(file, sequence += run.sequences);
  }
}

void IndexedDatasetWriter::commit() {
  if (sequence_tokens_ != 0 || document_sequences_ != 0) {
    throw_internal("{}: committed with a document that was not ended", prefix_);
  }
  const std::filesystem::path tokens = tokens_path(prefix_);
  const std::filesystem::path index = index_path(prefix_);
  tokens_->finish();
  OutputFile index_file(temporary(index));
  write_index(index_file);
  index_file.finish();
  lock_->check();
  // An older index must not speak of the new tokens, not even for a moment: it goes first, and the new one comes last.
  if (std::filesystem::remove(index)) sync_directory(index.parent_path());
  rename_durably(temporary(tokens), tokens);
  rename_durably(temporary(index), index);
  committed_ = true;
}

}  // namespace kumiko
