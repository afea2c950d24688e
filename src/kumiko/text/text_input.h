// Which texts a command reads, and how: one description for all that read many of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "kumiko/text/text_reader.h"

namespace kumiko {

// What ends a document. `json_line`: every line holds JSON objects with one document in each. `json_value`: such
// objects may lie over several lines, or in an array.
enum class DocumentEnd { file, blank_line, line, json_line, json_value };
inline bool is_json(DocumentEnd end) { return end == DocumentEnd::json_line || end == DocumentEnd::json_value; }

enum class TextFormat { automatic, text, jsonl, json };

// Bytes that are not UTF-8. automatic: become U+FFFD, but a file that looks as if it were of another encoding is
// refused.
enum class InvalidUtf8 { automatic, replace, fail };

struct TextInput {
  std::vector<std::filesystem::path> files;  // "-": standard input
  TextFormat format = TextFormat::automatic;
  std::optional<std::string> json_key;  // if none is given, default_json_key
  std::optional<DocumentEnd> split_on;  // of text files; a file is one document if it is not given
  InvalidUtf8 invalid_utf8 = InvalidUtf8::automatic;
  bool skip_bad_lines = false;  // JSON that is broken or has no text under the key is left out and counted

  static constexpr const char* default_json_key = "text";
  const std::string& key() const;

  // User error if there is no file or standard input stands in it twice.
  void validate() const;
};

// What ends the documents of a file, by the format that is forced, else by its content or its name.
DocumentEnd document_end(const TextInput& input, const std::filesystem::path& file, const TextReader& reader);

}  // namespace kumiko
