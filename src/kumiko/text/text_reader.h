// A file, a pipe or standard input as UTF-8 text: unpacked, converted from UTF-16, without its byte order mark.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kumiko/text/file_kind.h"
#include "kumiko/text/unpacker.h"

namespace kumiko {

// The name of standard input.
inline constexpr const char* standard_input = "-";

class TextReader {
 public:
  // User error, saying what it is, for what cannot be read or is no text. `nul_is_text`: NUL bytes are text too.
  TextReader(const std::filesystem::path& path, bool nul_is_text);
  ~TextReader();
  TextReader(const TextReader&) = delete;
  TextReader& operator=(const TextReader&) = delete;

  // The first bytes, of the whole text if is_whole(): sample_bytes or a few more.
  std::string_view beginning() const { return sample_; }
  bool is_whole() const { return ended_; }

  // Appends `size` bytes to `text`, some more or fewer; false if the text has ended and nothing was left. What is no
  // character of UTF-16 becomes a byte 0xFF, which is none of UTF-8. Bytes that are not UTF-8 are left as they are.
  bool read(std::string& text, size_t size);

  // Of the file, so far.
  int64_t file_bytes() const { return file_bytes_; }
  // Whether the text is the bytes of the file, but for a byte order mark.
  bool is_plain() const { return unpacker_ == nullptr && encoding_ == TextEncoding::utf8; }
  size_t mark_size() const { return mark_size_; }
  // What was done to the bytes, for people: "gzip, unpacked"; empty if nothing was.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  std::string_view next_part();
  size_t read_bytes(char* to, size_t size);
  bool read_decoded(std::string& text, size_t size);
  void append_utf16(std::string& text, std::string_view bytes, bool last);
  void unify_line_ends(std::string& text, size_t begin, bool last);

  std::string name_;
  int descriptor_ = -1;
  std::string buffer_;  // of the file
  size_t unread_ = 0;   // where the bytes of buffer_ begin that were not handed out
  int64_t file_bytes_ = 0;
  std::unique_ptr<Unpacker> unpacker_;
  TextEncoding encoding_ = TextEncoding::utf8;
  size_t mark_size_ = 0;
  std::string begin_;      // bytes that were looked at and are still to be decoded
  std::string undecoded_;  // half a UTF-16 character
  bool ended_ = false;     // all is decoded
  bool cr_ends_lines_ = false;
  bool cr_waits_ = false;  // a CR at the end of what was handed out, to be seen with what follows
  std::string sample_;     // decoded, and handed out first
  size_t sample_taken_ = 0;
  std::vector<std::string> notes_;
};

// The whole of it. For files of the size of a prompt.
std::string read_whole_text(const std::filesystem::path& path);

}  // namespace kumiko
