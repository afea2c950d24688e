#include "kumiko/text/file_kind.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "kumiko/base/text.h"
#include "kumiko/text/json_object.h"

namespace kumiko {
namespace {

using namespace std::string_view_literals;

struct Magic {
  std::string_view begin;
  std::string_view name;
};

constexpr std::array compressions = {Magic{"\x1F\x8B"sv, "gzip"}, Magic{"\x28\xB5\x2F\xFD"sv, "zstd"},
                                     Magic{"\xFD"
                                           "7zXZ\0"sv,
                                           "xz"},
                                     Magic{"BZh"sv, "bzip2"}, Magic{"\x04\x22\x4D\x18"sv, "lz4"}};

constexpr std::string_view to_json_lines =
    "write its texts as JSON lines first, as pandas does: to_json(path, orient=\"records\", lines=True)";

struct Binary {
  std::string_view begin;
  std::string_view name;
  std::string_view advice;
};

constexpr std::array binaries = {
    Binary{"PK\x03\x04"sv, "a ZIP archive", "unpack it first"},
    Binary{"PK\x05\x06"sv, "an empty ZIP archive", "expected text"},
    Binary{"PAR1"sv, "a Parquet file", to_json_lines},
    Binary{"ARROW1"sv, "an Arrow file", to_json_lines},
    Binary{"Obj\x01"sv, "an Avro file", to_json_lines},
    Binary{"\x89HDF\r\n\x1A\n"sv, "an HDF5 file", to_json_lines},
    Binary{"SQLite format 3\0"sv, "an SQLite database", to_json_lines},
    Binary{"%PDF-"sv, "a PDF document", "take its text out first, as with pdftotext"},
    Binary{"{\\rtf"sv, "an RTF document", "save it as plain text first"},
    Binary{"\xD0\xCF\x11\xE0"sv, "an old Office document", "save it as plain text first"},
    Binary{"\x7F"
           "ELF"sv,
           "a program (ELF)", "expected text"},
    Binary{"7z\xBC\xAF\x27\x1C"sv, "a 7-Zip archive", "unpack it first"},
    Binary{"Rar!\x1A\x07"sv, "a RAR archive", "unpack it first"},
    Binary{"\x1F\x9D"sv, "compressed by compress (.Z)", "unpack it first"},
    Binary{"\x89PNG"sv, "a PNG picture", "expected text"},
    Binary{"\xFF\xD8\xFF"sv, "a JPEG picture", "expected text"},
    Binary{"GIF8"sv, "a GIF picture", "expected text"},
    Binary{"\x93NUMPY"sv, "a NumPy array", "expected text"},
    Binary{"MMIDIDX\0"sv, "the index of a dataset that is built already", "give its prefix to data.data_path"},
    Binary{"version https://git-lfs.github.com/spec/v1"sv, "a Git LFS pointer, not the file that it stands for",
           "run git lfs pull"},
    Binary{"\xFF\xFE\0\0"sv, "UTF-32 text", "convert it: iconv -f UTF-32 -t UTF-8"},
    Binary{"\0\0\xFE\xFF"sv, "UTF-32 text", "convert it: iconv -f UTF-32 -t UTF-8"},
};

std::string why_nul(std::string_view begin) {
  const size_t first = begin.find('\0');
  if (first == std::string_view::npos) return "";
  size_t even = 0;
  size_t odd = 0;
  for (size_t i = 0; i < begin.size(); ++i) {
    if (begin[i] == '\0') ++(i % 2 == 0 ? even : odd);
  }
  constexpr size_t enough = 16;
  if (begin.size() >= enough && std::max(even, odd) * 4 > begin.size() &&
      std::min(even, odd) * 8 < std::max(even, odd)) {
    return std::string("UTF-16 text without a byte order mark, by its NUL bytes; convert it: iconv -f UTF-16") +
           (odd > even ? "LE" : "BE") + " -t UTF-8";
  }
  return "binary: byte " + std::to_string(first) +
         " is NUL; expected text (--format text takes it as text all the same)";
}

// Where the JSON object, or array, at `at` ends; `cut_off`: the text ends inside it, and all before is right.
struct Scanned {
  bool json = false;
  bool cut_off = false;
  size_t end = 0;
};
Scanned scan_value(std::string_view text, size_t at, bool whole) {
  try {
    return {true, false, json_value_end(text, at)};
  } catch (const BadJson& bad) {
    const bool at_end = bad.position >= text.size();
    return {at_end && !whole, at_end, text.size()};
  }
}

size_t skip_blank(std::string_view text, size_t at) {
  return std::min(text.find_first_not_of(" \t\r\n", at), text.size());
}

bool is_object_line(std::string_view line) {
  const size_t begin = skip_blank(line, 0);
  return begin < line.size() && line[begin] == '{' && scan_value(line, begin, true).json;
}

// A file whose first line is broken is one of JSON lines all the same.
bool most_lines_are_objects(std::string_view text, bool whole) {
  int lines = 0;
  int objects = 0;
  while (!text.empty() && lines < 10) {
    const size_t newline = text.find('\n');
    if (newline == std::string_view::npos && !whole) break;
    const std::string_view line = text.substr(0, newline);
    text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
    if (trim(line).empty()) continue;
    ++lines;
    objects += is_object_line(line);
  }
  return objects * 2 > lines;
}

}  // namespace

std::string_view compression_of(std::string_view begin) {
  for (const Magic& magic : compressions) {
    if (!begin.starts_with(magic.begin)) continue;
    // Its fourth byte is a digit, and a block or the end begins behind it: a text may begin with these letters.
    if (magic.name == "bzip2" && (begin.size() < 5 || std::isdigit(static_cast<unsigned char>(begin[3])) == 0 ||
                                  (begin[4] != '1' && begin[4] != '\x17'))) {
      continue;
    }
    return magic.name;
  }
  return "";
}

ByteOrderMark byte_order_mark(std::string_view begin) {
  if (begin.starts_with("\xEF\xBB\xBF")) return {TextEncoding::utf8, 3};
  if (begin.starts_with("\xFF\xFE")) return {TextEncoding::utf16_little, 2};
  if (begin.starts_with("\xFE\xFF")) return {TextEncoding::utf16_big, 2};
  return {};
}

std::string why_no_text(std::string_view begin, bool nul_is_text) {
  const auto because = [](std::string_view name, std::string_view advice) {
    return std::string(name) + "; " + std::string(advice);
  };
  for (const Binary& binary : binaries) {
    if (begin.starts_with(binary.begin)) return because(binary.name, binary.advice);
  }
  if (begin.size() > 262 && begin.substr(257, 5) == "ustar") return because("a tar archive", "unpack it first");
  if (byte_order_mark(begin).encoding != TextEncoding::utf8) return "";
  for (const std::string_view shift : {"\x1B$B"sv, "\x1B$@"sv, "\x1B(J"sv}) {
    if (begin.find(shift) != std::string_view::npos) {
      return because("ISO-2022-JP text", "convert it: iconv -f ISO-2022-JP -t UTF-8");
    }
  }
  return nul_is_text ? "" : why_nul(begin);
}

JsonLayout json_layout(std::string_view begin, bool whole) {
  const size_t at = skip_blank(begin, 0);
  if (at == begin.size()) return JsonLayout::none;
  const size_t next = skip_blank(begin, at + 1);
  const char second = next < begin.size() ? begin[next] : '\0';
  if (begin[at] == '[' && (second == '{' || second == ']')) {
    return scan_value(begin, at, whole).json ? JsonLayout::values : JsonLayout::none;
  }
  const Scanned first = begin[at] == '{' && (second == '"' || second == '}') ? scan_value(begin, at, whole) : Scanned{};
  if (!first.json) return most_lines_are_objects(begin, whole) ? JsonLayout::lines : JsonLayout::none;
  const size_t newline = begin.find('\n', at);
  if (newline < first.end) return JsonLayout::values;
  // Objects one after another without any line: blocks of lines would be the whole file.
  const bool another = skip_blank(begin, first.end) < begin.size() && begin[skip_blank(begin, first.end)] == '{';
  return newline == std::string_view::npos && another ? JsonLayout::values : JsonLayout::lines;
}

bool is_named_json(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const std::string_view ending : {".gz", ".zst", ".xz", ".bz2", ".lz4"}) {
    if (name.ends_with(ending)) name.resize(name.size() - ending.size());
  }
  constexpr std::array endings = {".json", ".jsonl", ".ndjson", ".jsonlines", ".jl"};
  return std::any_of(endings.begin(), endings.end(), [&](const char* ending) { return name.ends_with(ending); });
}

}  // namespace kumiko
