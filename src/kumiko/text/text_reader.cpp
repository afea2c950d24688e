#include "kumiko/text/text_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/tokenizer/tokenizer_utf8.h"

namespace kumiko {
namespace {

constexpr size_t part_bytes = size_t{256} << 10;

int open_file(const std::filesystem::path& path, const std::string& name) {
  if (path == standard_input) return ::dup(STDIN_FILENO);
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw_user("cannot read {}: {}", name, std::strerror(errno));
  struct stat status {};
  if (::fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode)) {
    ::close(descriptor);
    throw_user("cannot read {}: it is a folder; give its files, as in {}/*", name, name);
  }
  return descriptor;
}

}  // namespace

TextReader::TextReader(const std::filesystem::path& path, bool nul_is_text)
    : name_(path == standard_input ? "standard input" : path.string()), descriptor_(open_file(path, name_)) {
  try {
    if (descriptor_ < 0) throw_user("cannot read {}: {}", name_, std::strerror(errno));
    // A pipe may give a few bytes at a time.
    buffer_ = std::string(next_part());
    while (!buffer_.empty() && buffer_.size() < 8) {
      const std::string first = buffer_;
      const std::string_view more = next_part();
      if (more.empty()) {
        buffer_ = first;
        break;
      }
      buffer_ = first + std::string(more);
    }
    unread_ = 0;
    if (const std::string_view compression = compression_of(buffer_); !compression.empty()) {
      notes_.push_back(fmt::format("{}, unpacked", compression));
      unpacker_ = make_unpacker(name_, compression, [this] {
        if (unread_ == buffer_.size()) next_part();
        return std::string_view(buffer_).substr(std::exchange(unread_, buffer_.size()));
      });
    }
    begin_.resize(sample_bytes);
    begin_.resize(read_bytes(begin_.data(), sample_bytes));
    if (unpacker_ != nullptr && !compression_of(begin_).empty()) {
      throw_user("cannot read {}: its content is compressed twice; unpack it first", name_);
    }
    if (const std::string reason = why_no_text(begin_, nul_is_text); !reason.empty()) {
      throw_user("cannot read {}: it is {}{}", name_, reason, unpacker_ != nullptr ? " (behind its compression)" : "");
    }
    const ByteOrderMark mark = byte_order_mark(begin_);
    encoding_ = mark.encoding;
    mark_size_ = mark.size;
    begin_.erase(0, mark.size);
    if (encoding_ != TextEncoding::utf8) notes_.emplace_back("UTF-16 by its byte order mark, converted to UTF-8");
    ended_ = !read_decoded(sample_, sample_bytes);
    cr_ends_lines_ = sample_.find('\n') == std::string::npos &&
                     sample_.find('\r') < std::max<size_t>(1, sample_.size()) - (ended_ ? 0 : 1);
    if (cr_ends_lines_) {
      notes_.emplace_back("lines that end with CR alone, made LF");
      unify_line_ends(sample_, 0, ended_);
    }
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

TextReader::~TextReader() { ::close(descriptor_); }

// Into buffer_; empty at the end of the file.
std::string_view TextReader::next_part() {
  buffer_.resize(part_bytes);
  ssize_t got = 0;
  do {
    got = ::read(descriptor_, buffer_.data(), part_bytes);
  } while (got < 0 && errno == EINTR);
  if (got < 0) throw_environment("cannot read {}: {}", name_, std::strerror(errno));
  buffer_.resize(static_cast<size_t>(got));
  unread_ = 0;
  file_bytes_ += got;
  return buffer_;
}

size_t TextReader::read_bytes(char* to, size_t size) {
  size_t done = std::min(size, begin_.size());
  if (to != begin_.data()) {
    std::memcpy(to, begin_.data(), done);
    begin_.erase(0, done);
  } else {
    done = 0;  // begin_ is being filled
  }
  if (unpacker_ != nullptr) return done + unpacker_->read(to + done, size - done);
  while (done < size) {
    if (unread_ == buffer_.size() && next_part().empty()) break;
    const size_t count = std::min(size - done, buffer_.size() - unread_);
    std::memcpy(to + done, buffer_.data() + unread_, count);
    unread_ += count;
    done += count;
  }
  return done;
}

void TextReader::append_utf16(std::string& text, std::string_view bytes, bool last) {
  undecoded_ += bytes;
  const auto unit = [&](size_t at) {
    const auto a = static_cast<unsigned char>(undecoded_[at]);
    const auto b = static_cast<unsigned char>(undecoded_[at + 1]);
    return static_cast<char32_t>(encoding_ == TextEncoding::utf16_little ? a | b << 8 : a << 8 | b);
  };
  size_t at = 0;
  for (; at + 2 <= undecoded_.size(); at += 2) {
    const char32_t first = unit(at);
    const bool high = first >= 0xD800 && first < 0xDC00;
    if (high && at + 4 > undecoded_.size() && !last) break;
    const char32_t second = high && at + 4 <= undecoded_.size() ? unit(at + 2) : 0;
    if (second >= 0xDC00 && second < 0xE000) {
      append_utf8(text, 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00));
      at += 2;
    } else if (first >= 0xD800 && first < 0xE000) {
      text += '\xFF';
    } else {
      append_utf8(text, first);
    }
  }
  undecoded_.erase(0, at);
  if (last && !undecoded_.empty()) {
    text += '\xFF';
    undecoded_.clear();
  }
}

// False at the end.
bool TextReader::read_decoded(std::string& text, size_t size) {
  const size_t before = text.size();
  if (encoding_ == TextEncoding::utf8) {
    text.resize(before + size);
    const size_t got = read_bytes(text.data() + before, size);
    text.resize(before + got);
    return got == size;
  }
  std::string bytes(size, '\0');
  bytes.resize(read_bytes(bytes.data(), size));
  const bool last = bytes.size() < size;
  append_utf16(text, bytes, last);
  return !last;
}

// CR alone becomes LF, from text[begin] on.
void TextReader::unify_line_ends(std::string& text, size_t begin, bool last) {
  if (cr_waits_) text.insert(begin, 1, '\r');
  cr_waits_ = !last && text.size() > begin && text.back() == '\r';
  if (cr_waits_) text.pop_back();
  for (size_t at = text.find('\r', begin); at != std::string::npos; at = text.find('\r', at + 1)) {
    if (at + 1 == text.size() || text[at + 1] != '\n') text[at] = '\n';
  }
}

bool TextReader::read(std::string& text, size_t size) {
  const size_t before = text.size();
  const size_t sampled = std::min(size, sample_.size() - sample_taken_);
  text.append(sample_, sample_taken_, sampled);
  sample_taken_ += sampled;
  if (sampled < size && !ended_) {
    const size_t begin = text.size();
    ended_ = !read_decoded(text, size - sampled);
    if (cr_ends_lines_) unify_line_ends(text, begin, ended_);
  }
  return text.size() > before || !ended_ || sample_taken_ < sample_.size();
}

std::string read_whole_text(const std::filesystem::path& path) {
  TextReader reader(path, false);
  std::string text;
  while (reader.read(text, part_bytes)) {
  }
  return text;
}

}  // namespace kumiko
