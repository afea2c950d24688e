#include "kumiko/text/text_documents.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "kumiko/base/error.h"
#include "kumiko/text/json_object.h"
#include "kumiko/tokenizer/tokenizer_utf8.h"

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

class BlockReader {
 public:
  BlockReader(TextBlock& block, const TextInput& input, const DocumentVisitor& visit)
      : block_(block), input_(input), visit_(visit) {}

  BlockFacts read() {
    facts_.num_bytes = static_cast<int64_t>(block_.text.size());
    look_for_nul();
    mend_utf8();
    switch (block_.end) {
      case DocumentEnd::file:
        add(block_.text);
        break;
      case DocumentEnd::line:
        read_lines();
        break;
      case DocumentEnd::blank_line:
        read_paragraphs();
        break;
      case DocumentEnd::json_line:
        read_json_lines();
        break;
      case DocumentEnd::json_value:
        read_json_values();
        break;
    }
    if (block_.ends_document && !is_json(block_.end)) visit_.end();
    return std::move(facts_);
  }

 private:
  std::string file() const {
    const std::filesystem::path& file = input_.files[block_.file];
    return file == standard_input ? "standard input" : file.string();
  }
  int64_t line_at(size_t position) const {
    return block_.first_line +
           std::count(block_.text.begin(), block_.text.begin() + static_cast<std::ptrdiff_t>(position), '\n');
  }

  void look_for_nul() {
    const std::string& text = block_.text;
    if (text.empty() || std::memchr(text.data(), 0, text.size()) == nullptr) return;
    facts_.num_nul = std::count(text.begin(), text.end(), '\0');
    facts_.first_nul_line = line_at(text.find('\0'));
  }

  // What is not UTF-8 becomes U+FFFD.
  void mend_utf8() {
    const std::string_view text = block_.text;
    size_t good = well_formed_utf8_prefix(text);
    if (good == text.size()) return;
    facts_.first_invalid_line = line_at(good);
    if (input_.invalid_utf8 == InvalidUtf8::fail && !(input_.skip_bad_lines && is_json(block_.end))) {
      throw_user(
          "{} line {}: byte 0x{:02X} is not UTF-8; convert the file (iconv -f ITS-ENCODING -t UTF-8), or replace such "
          "bytes with --invalid-utf8 replace",
          file(), facts_.first_invalid_line, static_cast<unsigned char>(text[good]));
    }
    std::string mended;
    mended.reserve(text.size() + 64);
    for (size_t at = 0; at < text.size();) {
      mended.append(text, at, good - at);
      if (good == text.size()) break;
      append_utf8(mended, U'\uFFFD');
      ++facts_.num_invalid;
      at = good + utf8_unit(text, good).length;
      good = at + well_formed_utf8_prefix(text.substr(at));
      if (input_.invalid_utf8 == InvalidUtf8::fail) bad_places_.push_back(mended.size() - 1);
    }
    block_.text = std::move(mended);
    facts_.num_characters = std::count_if(block_.text.begin(), block_.text.end(),
                                          [](char c) { return static_cast<unsigned char>(c) >= 0xC0; }) -
                            facts_.num_invalid;
  }

  void add(std::string_view piece) {
    if (piece.empty()) return;
    ++facts_.num_texts;
    const bool continues = block_.continues_document && piece.data() == block_.text.data();
    visit_.text(piece, continues ? TextStart::inside : TextStart::whole);
  }

  void read_lines() {
    for_each_line(block_.text, [&](std::string_view line, size_t) {
      if (!is_blank(without_line_end(line))) add(without_line_end(line));
      if (line.ends_with('\n')) visit_.end();
    });
  }

  void read_paragraphs() {
    const std::string_view text = block_.text;
    size_t begin = 0;  // of the paragraph that is being gathered
    for_each_line(text, [&](std::string_view line, size_t at) {
      if (!is_blank(without_line_end(line))) return;
      add(without_line_end(text.substr(begin, at - begin)));
      visit_.end();
      begin = at + line.size();
    });
    add(block_.ends_document ? without_line_end(text.substr(begin)) : text.substr(begin));
  }

  // With --invalid-utf8 fail, JSON in which something was replaced is bad.
  void check_replaced(size_t begin, size_t end) const {
    const auto found = std::lower_bound(bad_places_.begin(), bad_places_.end(), begin);
    if (found != bad_places_.end() && *found < end) throw BadJson{*found, true, "it is not UTF-8"};
  }

  void bad_line(int64_t line, size_t begin, const BadJson& bad) {
    std::string reason = bad.reason;
    if (!bad.is_json) {
      reason = fmt::format("not valid JSON at column {}: {}; expected one JSON object a line", bad.position - begin + 1,
                           reason);
      if (input_.format == TextFormat::automatic) reason += " (--format text takes the file as plain text)";
    }
    if (!input_.skip_bad_lines) throw_user("{} line {}: {}", file(), line, reason);
    if (facts_.num_bad_lines++ > 0) return;
    facts_.first_bad_line = line;
    facts_.first_reason = reason;
  }

  // The document at text[at], and the place behind its object.
  JsonText json_at(std::string_view text, size_t at) {
    const char first = text[at];
    if (first != '{') {
      json_value_end(text, at);
      throw BadJson{at, true,
                    fmt::format("a JSON {}; expected one object a line", first == '['   ? "array"
                                                                         : first == '"' ? "string"
                                                                                        : "number or word")};
    }
    return read_json_text(text, at, input_.key());
  }

  void give(const JsonText& document) {
    if (!document.text.empty()) {
      ++facts_.num_texts;
      visit_.text(document.text, TextStart::whole);
    }
    visit_.end();
  }

  void note_half_surrogates(const JsonText& document, int64_t line) {
    if (document.half_surrogates == 0) return;
    if (facts_.num_invalid == 0 || line < facts_.first_invalid_line) facts_.first_invalid_line = line;
    facts_.num_invalid += document.half_surrogates;
  }

  void read_json_lines() {
    int64_t number = block_.first_line;
    std::vector<JsonText> documents;  // of a line: all of them or none
    for_each_line(block_.text, [&](std::string_view line, size_t begin) {
      // A byte order mark where files were joined.
      const std::string_view whole = std::string_view(block_.text).substr(0, begin + without_line_end(line).size());
      size_t at = begin + (line.starts_with("\xEF\xBB\xBF") ? 3 : 0);
      documents.clear();
      try {
        check_replaced(begin, begin + line.size());
        while ((at = std::min(whole.find_first_not_of(" \t\r", at), whole.size())) < whole.size()) {
          documents.push_back(json_at(whole, at));
          at = documents.back().end;
        }
        for (const JsonText& document : documents) {
          note_half_surrogates(document, number);
          give(document);
        }
      } catch (const BadJson& bad) {
        bad_line(number, begin, bad);
      }
      ++number;
    });
  }

  // Where objects begin and end is known to be right (json_cutter.h).
  void read_json_values() {
    const std::string_view text = block_.text;
    size_t at = 0;
    int64_t line = block_.first_line;
    size_t counted = 0;
    while ((at = text.find('{', at)) != std::string_view::npos) {
      line += std::count(text.begin() + static_cast<std::ptrdiff_t>(counted),
                         text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
      counted = at;
      try {
        JsonText document = json_at(text, at);
        check_replaced(at, document.end);
        note_half_surrogates(document, line);
        give(document);
        at = document.end;
      } catch (const BadJson& bad) {
        bad_line(line, at, bad);
        // The object has the form of one, so its end can be found; without it the rest would be read as objects.
        JsonCutter cutter;
        size_t end = at;
        while (end < text.size() && cutter.scan(text.substr(end, 1), file()) == std::string_view::npos) ++end;
        at = end + 1;
      }
    }
  }

  TextBlock& block_;
  const TextInput& input_;
  const DocumentVisitor& visit_;
  BlockFacts facts_;
  std::vector<size_t> bad_places_;  // in the mended text
};

}  // namespace

BlockFacts visit_documents(TextBlock& block, const TextInput& input, const DocumentVisitor& visit) {
  return BlockReader(block, input, visit).read();
}

}  // namespace kumiko
