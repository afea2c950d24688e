#include "kumiko/data/block_encoder.h"

#include <nlohmann/json.hpp>

#include "kumiko/base/error.h"
#include "kumiko/base/json_text.h"
#include "kumiko/base/text.h"

namespace kumiko {
namespace {

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r") == std::string_view::npos; }

std::string_view without_line_end(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

// Calls visit(line with its newline, position) for every line.
template <class Visit>
void for_each_line(std::string_view text, const Visit& visit) {
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t newline = text.find('\n', begin);
    const size_t end = newline == std::string_view::npos ? text.size() : newline + 1;
    visit(text.substr(begin, end - begin), begin);
    begin = end;
  }
}

std::string keys_of(const nlohmann::json& object) {
  std::string keys;
  for (const auto& [key, value] : object.items()) {
    if (value.is_string()) keys += (keys.empty() ? "" : ", ") + key;
  }
  return keys.empty() ? "none" : keys;
}

std::string parse_json_line(std::string_view line, const std::string& file_name, int64_t number,
                            const std::string& json_key) {
  nlohmann::json object;
  try {
    object = parse_json(line, "");
  } catch (const Error& error) {
    throw_user("{} line {}: {}; expected one JSON object a line", file_name, number, error.what());
  }
  if (!object.is_object()) {
    throw_user("{} line {}: a JSON {}; expected one object a line", file_name, number, object.type_name());
  }
  const auto found = object.find(json_key);
  if (found == object.end()) {
    throw_user("{} line {}: no key \"{}\"; keys with text in this line: {}; choose one with --json-key", file_name,
               number, json_key, keys_of(object));
  }
  if (!found->is_string()) {
    throw_user("{} line {}: \"{}\" is a JSON {}; expected a string; keys with text in this line: {}", file_name, number,
               json_key, found->type_name(), keys_of(object));
  }
  return std::move(found->get_ref<std::string&>());
}

}  // namespace

EncodedBlock encode_block(const TextBlock& block, DocumentEnd end, const std::string& file_name,
                          const std::string& json_key, const Encode& encode) {
  EncodedBlock encoded;
  encoded.bytes_read = block.bytes_read;
  encoded.keep_empty_documents = end == DocumentEnd::json_line;
  const std::string_view text = block.text;
  const auto end_document = [&] { encoded.ends.push_back(static_cast<int64_t>(encoded.tokens.size())); };
  const auto add = [&](std::string_view piece) {
    const bool continues = block.continues_document && piece.data() == text.data();
    if (!piece.empty()) encode(piece, continues ? TextStart::inside : TextStart::whole, encoded.tokens);
  };

  switch (end) {
    case DocumentEnd::file:
      add(text);
      break;
    case DocumentEnd::line:
      for_each_line(text, [&](std::string_view line, size_t) {
        if (!is_blank(without_line_end(line))) add(without_line_end(line));
        if (line.ends_with('\n')) end_document();
      });
      break;
    case DocumentEnd::blank_line: {
      size_t begin = 0;  // of the paragraph that is being gathered
      for_each_line(text, [&](std::string_view line, size_t at) {
        if (!is_blank(without_line_end(line))) return;
        add(without_line_end(text.substr(begin, at - begin)));
        end_document();
        begin = at + line.size();
      });
      add(block.ends_document ? without_line_end(text.substr(begin)) : text.substr(begin));
      break;
    }
    case DocumentEnd::json_line: {
      int64_t number = block.first_line;
      for_each_line(text, [&](std::string_view line, size_t) {
        if (!is_blank(without_line_end(line))) {
          add(parse_json_line(without_line_end(line), file_name, number, json_key));
          end_document();
        }
        ++number;
      });
      break;
    }
  }
  if (block.ends_document && end != DocumentEnd::json_line) end_document();
  return encoded;
}

}  // namespace kumiko
