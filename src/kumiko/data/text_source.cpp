#include "kumiko/data/text_source.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

bool is_ascii_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_ascii_digit(char c) { return c >= '0' && c <= '9'; }

// Whether a three-byte UTF-8 character beginning at `at` is kana, an ideograph or Hangul (U+3040 to U+D7A3 has leads E3
// to ED; E3 80 is CJK punctuation, with the ideographic space).
bool is_east_asian(std::string_view text, size_t at) {
  if (at + 3 > text.size()) return false;
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[at + i]); };
  if (byte(0) < 0xE3 || byte(0) > 0xED || (byte(1) & 0xC0) != 0x80 || (byte(2) & 0xC0) != 0x80) return false;
  return !(byte(0) == 0xE3 && byte(1) == 0x80) && !(byte(0) == 0xED && byte(1) > 0x9E);
}

bool prints_before(std::string_view text, size_t end) {
  if (end == 0) return false;
  if (text[end - 1] > 0x20 && text[end - 1] < 0x7F) return true;
  return end >= 3 && is_east_asian(text, end - 3);
}

bool begins_word(std::string_view text, size_t at) {
  return at < text.size() && (is_ascii_letter(text[at]) || is_ascii_digit(text[at]) || is_east_asian(text, at));
}

size_t end_of_last_line(std::string_view text) {
  const size_t newline = text.rfind('\n');
  return newline == std::string_view::npos ? 0 : newline + 1;
}

// The end of the last blank line that is followed by its newline; 0 if there is none.
size_t end_of_last_blank_line(std::string_view text) {
  size_t end = end_of_last_line(text);
  while (end > 0) {
    const size_t newline = end - 1;
    const size_t begin = end_of_last_line(text.substr(0, newline));
    if (text.substr(begin, newline - begin).find_first_not_of(" \t\r") == std::string_view::npos) return end;
    end = begin;
  }
  return 0;
}

}  // namespace

size_t last_safe_cut(std::string_view text, CutPlaces places) {
  for (size_t at = text.size(); at-- > 1;) {
    if (places.at_spaces && text[at] == ' ' && at + 1 < text.size() && is_ascii_letter(text[at - 1]) &&
        is_ascii_letter(text[at + 1])) {
      return at;
    }
    if (places.at_newlines && text[at - 1] == '\n' && begins_word(text, at) && prints_before(text, at - 1)) return at;
  }
  return 0;
}

bool reaches_across_space(std::string_view token) {
  for (size_t at = token.find(' ', 1); at != std::string_view::npos; at = token.find(' ', at + 1)) {
    if (is_ascii_letter(token[at - 1]) && (at + 1 == token.size() || is_ascii_letter(token[at + 1]))) return true;
  }
  return false;
}

// What a token holds of the characters beside the newline may be a part of them.
bool reaches_across_newline(std::string_view token) {
  const auto may_print = [](char byte) { return static_cast<unsigned char>(byte) > 0x20 && byte != 0x7F; };
  const auto may_begin_word = [](char byte) {
    const auto value = static_cast<unsigned char>(byte);
    return is_ascii_letter(byte) || is_ascii_digit(byte) || (value >= 0xE3 && value <= 0xED);
  };
  for (size_t at = token.find('\n'); at != std::string_view::npos; at = token.find('\n', at + 1)) {
    if (at + 1 < token.size() && may_begin_word(token[at + 1]) && (at == 0 || may_print(token[at - 1]))) return true;
  }
  return false;
}

TextSource::TextSource(std::vector<std::filesystem::path> files, std::vector<DocumentEnd> ends, Options options)
    : files_(std::move(files)), ends_(std::move(ends)), options_(options) {
  for (const std::filesystem::path& file : files_) {
    std::error_code failure;
    if (std::filesystem::is_directory(file, failure)) {
      throw_user("cannot read {}: it is a folder; give its files, as in {}/*", file.string(), file.string());
    }
    const uintmax_t size = std::filesystem::file_size(file, failure);
    if (failure) throw_user("cannot read {}: {}", file.string(), failure.message());
    total_bytes_ += static_cast<int64_t>(size);
  }
}

bool TextSource::open_next() {
  if (next_file_ == files_.size()) return false;
  const std::filesystem::path& path = files_[next_file_++];
  stream_ = std::ifstream(path, std::ios::binary);
  if (!stream_) throw_user("cannot read {}: {}", path.string(), std::strerror(errno));
  is_open_ = true;
  line_ = 1;
  return true;
}

// Reads until `target` bytes are pending or the file ends; then it is closed.
void TextSource::fill(size_t target) {
  const size_t have = pending_.size();
  if (have >= target) return;
  pending_.resize(target);
  stream_.read(pending_.data() + have, static_cast<std::streamsize>(target - have));
  pending_.resize(have + static_cast<size_t>(stream_.gcount()));
  if (stream_.bad()) throw_environment("cannot read {}: {}", files_[next_file_ - 1].string(), std::strerror(errno));
  if (stream_.eof()) is_open_ = false;
}

TextBlock TextSource::take(size_t size, bool ends_document) {
  TextBlock block;
  block.file = next_file_ - 1;
  block.first_line = line_;
  block.continues_document = in_document_;
  block.ends_document = ends_document;
  if (size == pending_.size()) {
    block.text = std::exchange(pending_, {});
  } else {
    block.text.assign(pending_, 0, size);
    pending_.erase(0, size);
  }
  line_ += std::count(block.text.begin(), block.text.end(), '\n');
  bytes_read_ += static_cast<int64_t>(size);
  block.bytes_read = bytes_read_;
  in_document_ = !ends_document;
  return block;
}

std::optional<TextBlock> TextSource::next() {
  size_t target = options_.block_bytes;
  while (true) {
    if (!is_open_ && !open_next()) return std::nullopt;
    fill(target);
    if (!is_open_) {
      if (pending_.empty() && !in_document_) continue;
      return take(pending_.size(), true);
    }
    const DocumentEnd end = ends_[next_file_ - 1];
    size_t cut = 0;
    if (end == DocumentEnd::blank_line) cut = end_of_last_blank_line(pending_);
    if (end == DocumentEnd::line || end == DocumentEnd::json_line) cut = end_of_last_line(pending_);
    if (cut > 0) return take(cut, true);
    if (options_.cut_places.any() && end != DocumentEnd::json_line) cut = last_safe_cut(pending_, options_.cut_places);
    if (cut > 0) return take(cut, false);
    target = 2 * pending_.size();
  }
}

}  // namespace kumiko
