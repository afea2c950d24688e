#include "kumiko/data/indexed_dataset.h"

#include <algorithm>
#include <array>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/base/text.h"
#include "kumiko/data/index_format.h"

namespace kumiko {
namespace {

// An index that is too short to be whole was cut off; one that contradicts itself was damaged. Both need a rebuild.
constexpr const char* rebuild = "build the dataset again, or copy both files again";

MappedFile open_file(const std::string& prefix, const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) {
    const std::string_view ending = std::string_view(prefix).substr(prefix.size() - std::min<size_t>(prefix.size(), 4));
    if (ending == ".bin" || ending == ".idx") {
      throw_user("there is no dataset {0}: {1} does not exist; give the prefix without its ending: {2}", prefix,
                 path.string(), prefix.substr(0, prefix.size() - 4));
    }
    if (prefix.find(' ') != std::string::npos) {
      throw_user(
          "there is no dataset \"{}\": {} does not exist; if these are several, separate them by commas on the command "
          "line, or write a list: [\"a\", \"b\"]",
          prefix, path.string());
    }
    throw_user(
        "there is no dataset {0}: {1} does not exist; expected the prefix of {0}.bin and {0}.idx, as written by "
        "`kumiko data build --output {0}`",
        prefix, path.string());
  }
  return MappedFile(path);
}

template <class T>
T read_number(std::span<const std::byte> bytes, size_t offset) {
  return UnalignedView<T>(bytes.data() + offset, 1)[0];
}

}  // namespace

std::filesystem::path index_path(const std::string& prefix) { return prefix + ".idx"; }
std::filesystem::path tokens_path(const std::string& prefix) { return prefix + ".bin"; }

IndexedDataset::IndexedDataset(std::string prefix)
    : prefix_(std::move(prefix)),
      index_(open_file(prefix_, index_path(prefix_))),
      tokens_(open_file(prefix_, tokens_path(prefix_))) {
  const std::span<const std::byte> bytes = index_.bytes();
  const std::string path = index_path(prefix_).string();
  if (bytes.size() < index_header_size) {
    throw_user("{} is truncated: {} bytes, but its header alone takes {}; {}", path, bytes.size(), index_header_size,
               rebuild);
  }
  if (std::memcmp(bytes.data(), index_magic.data(), index_magic.size()) != 0) {
    throw_user("{} is not the index of an indexed dataset: it does not begin with MMIDIDX", path);
  }
  const auto version = read_number<uint64_t>(bytes, 9);
  if (version != index_version) throw_user("{} has version {}; this program reads version 1", path, version);
  const auto code = read_number<uint8_t>(bytes, 17);
  if (!is_token_type(code)) throw_user("{} has token type {}; the known types are 1 to 8; {}", path, code, rebuild);
  type_ = TokenType{code};
  if (largest_token(type_) == 0) {
    throw_user("{} holds {} numbers, which are not token ids; expected an integer type", path, token_type_name(type_));
  }

  const auto sequences = read_number<uint64_t>(bytes, 18);
  const auto documents = read_number<uint64_t>(bytes, 26);
  // More entries than the file has bytes cannot be; checking this first keeps the sum below from overflowing.
  const bool possible = sequences <= bytes.size() && documents <= bytes.size();
  const uint64_t expected = possible ? index_header_size + 12 * sequences + 8 * documents : 0;
  if (!possible || bytes.size() < expected) {
    throw_user("{} is truncated: {} bytes, but {} sequences and {} document boundaries take {}; {}", path, bytes.size(),
               sequences, documents, possible ? std::to_string(expected) : "more than that", rebuild);
  }
  if (bytes.size() != expected && bytes.size() != expected + sequences) {
    throw_user(
        "{} has the wrong length: {} bytes, but {} sequences and {} document boundaries take {} ({} with modes); "
        "{}",
        path, bytes.size(), sequences, documents, expected, expected + sequences, rebuild);
  }
  const auto count = static_cast<int64_t>(sequences);
  const std::byte* arrays = bytes.data() + index_header_size;
  sizes_ = {arrays, count};
  pointers_ = {arrays + 4 * count, count};
  documents_ = {arrays + 12 * count, static_cast<int64_t>(documents)};
  check_index();
}

// Calls visit(tokens, position of the first) over tokens [begin, end) of .bin, a small block at a time.
template <class Visit>
void IndexedDataset::for_each_block(int64_t begin, int64_t end, const Visit& visit) const {
  constexpr int64_t block = 256;
  std::array<int64_t, block> tokens;
  while (begin < end) {
    const int64_t count = std::min(block, end - begin);
    load_tokens(type_, tokens_.bytes().data() + begin * token_size(type_), count, tokens.data());
    visit(std::span<const int64_t>(tokens.data(), static_cast<size_t>(count)), begin);
    begin += count;
  }
}

void IndexedDataset::check_index() {
  const std::string path = index_path(prefix_).string();
  const int64_t item = token_size(type_);
  int64_t end = 0;
  for (int64_t i = 0; i < num_sequences(); ++i) {
    if (sizes_[i] < 0) throw_user("{}: sequence {} has {} tokens; {}", path, i, sizes_[i], rebuild);
    if (pointers_[i] != end) {
      throw_user("{}: sequence {} begins at byte {}, but the ones before it end at byte {}; {}", path, i, pointers_[i],
                 end, rebuild);
    }
    end += sizes_[i] * item;
  }
  if (documents_.size() == 0 || documents_[0] != 0) {
    throw_user("{}: the first document boundary is {}; expected 0; {}", path,
               documents_.size() == 0 ? "missing" : std::to_string(documents_[0]), rebuild);
  }
  for (int64_t d = 0; d < num_documents(); ++d) {
    if (documents_[d + 1] >= documents_[d]) continue;
    throw_user("{}: document {} ends at sequence {}, before its first, {}; {}", path, d, documents_[d + 1],
               documents_[d], rebuild);
  }
  if (documents_[num_documents()] != num_sequences()) {
    throw_user("{}: the last document ends at sequence {}; expected {}, the number of sequences; {}", path,
               documents_[num_documents()], num_sequences(), rebuild);
  }
  const auto have = static_cast<int64_t>(tokens_.bytes().size());
  if (end > have) {
    throw_user("{} is truncated: {} bytes, but {} speaks of {}; {}", tokens_path(prefix_).string(), have, path, end,
               rebuild);
  }
  num_tokens_ = end / item;
}

std::span<const std::byte> IndexedDataset::token_bytes() const {
  return tokens_.bytes().first(static_cast<size_t>(num_tokens_ * token_size(type_)));
}

void IndexedDataset::throw_outside_vocabulary(int64_t token, int64_t position, int64_t vocab_size) const {
  int64_t sequence = 0;
  while (position >= sizes_[sequence]) position -= sizes_[sequence++];
  throw_user(
      "token id {} in {} (sequence {}, token {}) exceeds vocab_size {}: expected ids from 0 to {}; build the "
      "dataset with the model's tokenizer, or set vocab_size to that of the dataset's tokenizer",
      token, prefix_, sequence, position, vocab_size, vocab_size - 1);
}

void IndexedDataset::read(int64_t sequence, int64_t offset, std::span<int32_t> out, int64_t vocab_size) const {
  const auto count = static_cast<int64_t>(out.size());
  if (sequence < 0 || sequence >= num_sequences() || offset < 0 || offset + count > sizes_[sequence]) {
    throw_internal("{}: tokens {} to {} of sequence {} do not exist", prefix_, offset, offset + count, sequence);
  }
  const int64_t first = pointers_[sequence] / token_size(type_) + offset;
  for_each_block(first, first + count, [&](std::span<const int64_t> tokens, int64_t begin) {
    for (size_t i = 0; i < tokens.size(); ++i) {
      const int64_t position = begin + static_cast<int64_t>(i);
      if (tokens[i] < 0 || tokens[i] >= vocab_size) throw_outside_vocabulary(tokens[i], position, vocab_size);
      out[static_cast<size_t>(position - first)] = static_cast<int32_t>(tokens[i]);
    }
  });
}

int64_t IndexedDataset::max_token_id(int64_t limit) const {
  int64_t largest = -1;
  for_each_block(0, std::min(limit, num_tokens_), [&](std::span<const int64_t> tokens, int64_t) {
    for (const int64_t token : tokens) largest = std::max(largest, token);
  });
  return largest;
}

void IndexedDataset::check_vocabulary(int64_t vocab_size, int64_t limit) const {
  if (largest_token(type_) < vocab_size) return;
  for_each_block(0, std::min(limit, num_tokens_), [&](std::span<const int64_t> tokens, int64_t begin) {
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (tokens[i] >= 0 && tokens[i] < vocab_size) continue;
      throw_outside_vocabulary(tokens[i], begin + static_cast<int64_t>(i), vocab_size);
    }
  });
}

}  // namespace kumiko
