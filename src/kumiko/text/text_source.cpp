#include "kumiko/text/text_source.h"

#include <algorithm>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/base/log.h"

namespace kumiko {
namespace {

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

TextSource::TextSource(TextInput input, Options options) : input_(std::move(input)), options_(std::move(options)) {
  input_.validate();
  look_at_files();
  tell_notes();
  if (all_seen_) check_use();
}

TextSource::~TextSource() = default;

// A file is opened again when its turn comes: here it is known before hours of work whether all can be read.
void TextSource::look_at_files() {
  std::set<std::string> seen;
  for (const std::filesystem::path& file : input_.files) {
    std::error_code failure;
    if (file == standard_input || std::filesystem::is_fifo(file, failure) ||
        std::filesystem::is_character_file(file, failure)) {
      all_seen_ = false;
      continue;
    }
    if (!seen.insert(file.string()).second) {
      total_bytes_ += static_cast<int64_t>(std::filesystem::file_size(file, failure));
      continue;
    }
    const TextReader reader(file, input_.format == TextFormat::text);
    const uintmax_t size = std::filesystem::file_size(file, failure);
    if (failure) throw_user("cannot read {}: {}", file.string(), failure.message());
    total_bytes_ += static_cast<int64_t>(size);
    note(file, reader, document_end(input_, file, reader));
  }
  if (!all_seen_) total_bytes_ = 0;
}

void TextSource::note(const std::filesystem::path& file, const TextReader& reader, DocumentEnd end) {
  const auto add = [&](const std::string& text) {
    auto found = std::find_if(notes_.begin(), notes_.end(), [&](const Note& known) { return known.text == text; });
    if (found == notes_.end())
      found = notes_.insert(notes_.end(), {text, file == standard_input ? "standard input" : file.string(), 0});
    ++found->files;
  };
  any_json_ = any_json_ || is_json(end);
  for (const std::string& text : reader.notes()) add(text);
  if (input_.format != TextFormat::automatic || !is_json(end)) return;
  if (!is_named_json(file.filename().string())) {
    add("JSON by its content, read as such (--format text takes it as plain text)");
  }
}

void TextSource::tell_notes() {
  for (const Note& note : notes_) {
    log::info("{}{}: {}", note.first_file, note.files > 1 ? fmt::format(" and {} more", note.files - 1) : "",
              note.text);
  }
  notes_.clear();
}

void TextSource::check_use() const {
  if (input_.json_key && !any_json_) {
    throw_user("--json-key {}: none of the inputs is JSON, by content or name; leave it out, or force --format jsonl",
               *input_.json_key);
  }
  if (input_.skip_bad_lines && !any_json_) {
    throw_user("--skip-bad-lines: none of the inputs is JSON, by content or name, and no line of plain text is bad");
  }
}

std::string TextSource::name() const {
  const std::filesystem::path& file = input_.files[next_file_ - 1];
  return file == standard_input ? "standard input" : file.string();
}

bool TextSource::open_next() {
  if (reader_) finished_bytes_ += reader_->file_bytes();
  reader_.reset();
  if (next_file_ == input_.files.size()) {
    if (!all_seen_) check_use();
    return false;
  }
  const std::filesystem::path& file = input_.files[next_file_++];
  reader_ = std::make_unique<TextReader>(file, input_.format == TextFormat::text);
  end_ = document_end(input_, file, *reader_);
  if (!all_seen_) {
    note(file, *reader_, end_);
    std::error_code ignored;
    if (std::filesystem::is_regular_file(file, ignored)) notes_.clear();  // told before
    tell_notes();
  }
  cutter_ = {};
  is_open_ = true;
  line_ = 1;
  taken_bytes_ = static_cast<int64_t>(reader_->mark_size());
  return true;
}

// Reads until `target` bytes are pending or the file ends; then it is closed.
void TextSource::fill(size_t target) {
  while (is_open_ && pending_.size() < target) is_open_ = reader_->read(pending_, target - pending_.size());
  if (end_ != DocumentEnd::json_value) return;
  const size_t found = cutter_.scan(std::string_view(pending_).substr(scanned_), name());
  if (found != std::string_view::npos) cut_ = scanned_ + found;
  scanned_ = pending_.size();
  if (!is_open_) cutter_.end(name());
}

TextBlock TextSource::take(size_t size, bool ends_document) {
  TextBlock block;
  block.file = next_file_ - 1;
  block.end = end_;
  block.first_line = line_;
  block.continues_document = in_document_;
  block.ends_document = ends_document;
  if (size == pending_.size()) {
    block.text = std::exchange(pending_, {});
  } else {
    block.text.assign(pending_, 0, size);
    pending_.erase(0, size);
  }
  scanned_ -= std::min(scanned_, size);
  cut_ = 0;
  line_ += std::count(block.text.begin(), block.text.end(), '\n');
  taken_bytes_ += static_cast<int64_t>(size);
  const bool all = pending_.empty() && !is_open_;
  block.bytes_read = finished_bytes_ + (reader_->is_plain() && !all ? taken_bytes_ : reader_->file_bytes());
  in_document_ = !ends_document;
  return block;
}

// Of those in pending_.
size_t TextSource::end_of_documents() {
  switch (end_) {
    case DocumentEnd::blank_line:
      return end_of_last_blank_line(pending_);
    case DocumentEnd::line:
    case DocumentEnd::json_line:
      return end_of_last_line(pending_);
    case DocumentEnd::json_value:
      return cut_;
    case DocumentEnd::file:
      break;
  }
  return 0;
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
    if (const size_t cut = end_of_documents(); cut > 0) return take(cut, true);
    if (options_.cut_document && !is_json(end_)) {
      if (const size_t cut = options_.cut_document(pending_); cut > 0) return take(cut, false);
    }
    target = 2 * pending_.size();
  }
}

}  // namespace kumiko
