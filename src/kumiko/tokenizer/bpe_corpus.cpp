#include "kumiko/tokenizer/bpe_corpus.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/tokenizer/pre_tokenizer_unicode.h"
#include "kumiko/tokenizer/tokenizer_utf8.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;

constexpr size_t growth_limit = 16;

// Whether a whole character that is not white space stands at, or ends before, a position. Ill-formed bytes are none,
// which is what the U+FFFD that they become would be.
bool solid_at(std::string_view text, size_t position) {
  const Utf8Unit unit = utf8_unit(text, position);
  if (unit.cut_off) return false;
  size_t length;
  return !unit.well_formed || character_class(decode_utf8(text, position, length)) != CharacterClass::space;
}

bool solid_before(std::string_view text, size_t position) {
  return position > 0 && solid_at(text, previous_utf8(text, position));
}

}  // namespace

size_t last_piece_boundary(std::string_view text) {
  for (size_t position = text.size(); position-- > 1;) {
    if (text[position] == ' ') {
      if (position + 1 < text.size() && solid_at(text, position + 1) && solid_before(text, position)) return position;
    } else if (text[position - 1] == '\n') {
      if (solid_at(text, position) && solid_before(text, position - 1)) return position;
    }
  }
  return 0;
}

// Where the last whole character ends.
static size_t last_character_end(std::string_view text) {
  const size_t last = previous_utf8(text, text.size());
  return utf8_unit(text, last).cut_off && last > 0 ? last : text.size();
}

CorpusReader::CorpusReader(std::vector<fs::path> files, size_t chunk_bytes)
    : files_(std::move(files)), chunk_bytes_(chunk_bytes) {
  for (const fs::path& file : files_) {
    if (!fs::exists(file)) throw_user("cannot read {}: No such file or directory", file.string());
    if (!fs::is_regular_file(file)) throw_user("cannot read {}: expected a text file", file.string());
    total_bytes_ += fs::file_size(file);
  }
}

bool CorpusReader::open_next_file() {
  if (next_file_ == files_.size()) return false;
  const fs::path& file = files_[next_file_++];
  stream_ = std::ifstream(file, std::ios::binary);
  if (!stream_) throw_user("cannot read {}: {}", file.string(), std::strerror(errno));
  file_done_ = false;
  return true;
}

void CorpusReader::read_more(size_t bytes) {
  const size_t before = pending_.size();
  pending_.resize(before + bytes);
  stream_.read(pending_.data() + before, static_cast<std::streamsize>(bytes));
  pending_.resize(before + static_cast<size_t>(stream_.gcount()));
  if (stream_.bad()) throw_environment("cannot read {}: {}", files_[next_file_ - 1].string(), std::strerror(errno));
  file_done_ = stream_.eof();
}

bool CorpusReader::next(std::string& chunk) {
  const std::lock_guard lock(mutex_);
  while (true) {
    if (file_done_ && !pending_.empty()) {
      chunk = std::exchange(pending_, {});
      return true;
    }
    if (file_done_ && !open_next_file()) return false;
    read_more(chunk_bytes_);
    if (file_done_) continue;
    size_t cut = last_piece_boundary(pending_);
    if (cut == 0 && pending_.size() >= growth_limit * chunk_bytes_) cut = last_character_end(pending_);
    if (cut == 0) continue;
    chunk.assign(pending_, 0, cut);
    pending_.erase(0, cut);
    return true;
  }
}

}  // namespace kumiko
