#include "kumiko/text/text_input.h"

#include <algorithm>

#include "kumiko/base/error.h"

namespace kumiko {

const std::string& TextInput::key() const {
  static const std::string usual = default_json_key;
  return json_key ? *json_key : usual;
}

void TextInput::validate() const {
  if (files.empty()) throw_user("no input: give text files (.txt) or JSON lines (.jsonl) with --input");
  if (std::count(files.begin(), files.end(), standard_input) > 1) {
    throw_user("--input: standard input (-) is given twice; it can be read once");
  }
  if (key().empty()) throw_user("--json-key is empty; expected the key under which the text is");
  if (format == TextFormat::text && json_key) {
    throw_user("--json-key {} is for JSON, and --format text takes every file as plain text; leave one of them out",
               *json_key);
  }
  if (format == TextFormat::text && skip_bad_lines) {
    throw_user("--skip-bad-lines is for JSON, and --format text takes every file as plain text; leave one of them out");
  }
  if ((format == TextFormat::jsonl || format == TextFormat::json) && split_on) {
    throw_user("--split-on is for plain text, and --format takes every file as JSON; leave one of them out");
  }
}

DocumentEnd document_end(const TextInput& input, const std::filesystem::path& file, const TextReader& reader) {
  const DocumentEnd of_text = input.split_on.value_or(DocumentEnd::file);
  switch (input.format) {
    case TextFormat::text:
      return of_text;
    case TextFormat::jsonl:
      return DocumentEnd::json_line;
    case TextFormat::json:
      return DocumentEnd::json_value;
    case TextFormat::automatic:
      break;
  }
  switch (json_layout(reader.beginning(), reader.is_whole())) {
    case JsonLayout::lines:
      return DocumentEnd::json_line;
    case JsonLayout::values:
      return DocumentEnd::json_value;
    case JsonLayout::none:
      break;
  }
  return is_named_json(file.filename().string()) ? DocumentEnd::json_line : of_text;
}

}  // namespace kumiko
