#include "kumiko/text/text_report.h"

#include "kumiko/base/error.h"
#include "kumiko/base/log.h"
#include "kumiko/base/text.h"

namespace kumiko {
namespace {

// Takes over the line of `from` if it is earlier than that of `to`.
bool is_earlier(int64_t from, int64_t to) { return from > 0 && (to == 0 || from < to); }

}  // namespace

void TextReport::add(size_t file, const BlockFacts& facts) {
  BlockFacts& sums = files_[file];
  num_bytes_ += facts.num_bytes;
  sums.num_bytes += facts.num_bytes;
  sums.num_invalid += facts.num_invalid;
  sums.num_characters += facts.num_characters;
  sums.num_nul += facts.num_nul;
  sums.num_bad_lines += facts.num_bad_lines;
  sums.num_texts += facts.num_texts;
  if (is_earlier(facts.first_invalid_line, sums.first_invalid_line)) sums.first_invalid_line = facts.first_invalid_line;
  if (is_earlier(facts.first_nul_line, sums.first_nul_line)) sums.first_nul_line = facts.first_nul_line;
  if (is_earlier(facts.first_bad_line, sums.first_bad_line)) {
    sums.first_bad_line = facts.first_bad_line;
    sums.first_reason = facts.first_reason;
  }
}

std::string TextReport::name(size_t file) const {
  return input_.files[file] == standard_input ? "standard input" : input_.files[file].string();
}

void TextReport::check_encoding(size_t file) const {
  // Text in Latin 1 has one such byte in a hundred or more, in Shift_JIS, EUC-JP or GBK nearly all; a text in UTF-8
  // that was damaged has characters beside them.
  constexpr int64_t least = 4;
  constexpr int64_t one_in = 200;
  const BlockFacts& sums = files_[file];
  const bool foreign =
      sums.num_invalid >= least && sums.num_invalid > sums.num_characters && sums.num_invalid * one_in > sums.num_bytes;
  if (!foreign || input_.invalid_utf8 == InvalidUtf8::replace) return;
  throw_user(
      "{} is not UTF-8: {} of its {} bytes read so far are none, the first in line {}; if it is of another encoding, "
      "convert it (iconv -f ITS-ENCODING -t UTF-8, with SHIFT_JIS, EUC-JP, LATIN1, ...); --invalid-utf8 replace takes "
      "it all the same",
      name(file), with_thousands(sums.num_invalid), with_thousands(sums.num_bytes), sums.first_invalid_line);
}

TextReport::First TextReport::total(int64_t BlockFacts::*count, int64_t BlockFacts::*line) const {
  First first;
  for (size_t file = 0; file < files_.size(); ++file) {
    const BlockFacts& sums = files_[file];
    if (sums.*count == 0) continue;
    if (first.count == 0) {
      first.place = fmt::format("{} line {}", name(file), sums.*line);
      first.reason = sums.first_reason;
    }
    first.count += sums.*count;
  }
  return first;
}

std::string TextReport::of_bad_lines() const {
  const First bad = total(&BlockFacts::num_bad_lines, &BlockFacts::first_bad_line);
  if (bad.count == 0) return "";
  return fmt::format("; {} bad line{} left out, the first {}: {}", with_thousands(bad.count),
                     bad.count == 1 ? " was" : "s were", bad.place, bad.reason);
}

void TextReport::finish() const {
  for (size_t file = 0; file < files_.size(); ++file) check_encoding(file);
  if (const First bad = total(&BlockFacts::num_bad_lines, &BlockFacts::first_bad_line); bad.count > 0) {
    log::warning("{}", of_bad_lines().substr(2));
  }
  if (const First invalid = total(&BlockFacts::num_invalid, &BlockFacts::first_invalid_line); invalid.count > 0) {
    log::warning(
        "{} place{} not UTF-8 and became U+FFFD, the first in {}; if the file is of another encoding, convert it with "
        "iconv",
        with_thousands(invalid.count), invalid.count == 1 ? " was" : "s were", invalid.place);
  }
  if (const First nul = total(&BlockFacts::num_nul, &BlockFacts::first_nul_line); nul.count > 0) {
    log::warning("{} NUL byte{} stand in the text, the first in {}; they were taken as text", with_thousands(nul.count),
                 nul.count == 1 ? "" : "s", nul.place);
  }
  std::string names;
  int64_t without = 0;
  for (size_t file = 0; file < files_.size(); ++file) {
    if (files_[file].num_texts > 0) continue;
    if (without++ < 3) names += (names.empty() ? "" : ", ") + name(file);
  }
  if (without == 0) return;
  log::warning(
      "no text in {}{}: {}", names, without > 3 ? fmt::format(" and {} more", without - 3) : "",
      without == 1 ? "the file is empty, or its documents are" : "the files are empty, or their documents are");
}

}  // namespace kumiko
