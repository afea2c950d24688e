#include "kumiko/tokenizer/pre_tokenizer.h"

#include <algorithm>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/tokenizer/bpe_byte_map.h"
#include "kumiko/tokenizer/pre_tokenizer_regex.h"
#include "kumiko/tokenizer/pre_tokenizer_scan.h"
#include "kumiko/tokenizer/pre_tokenizer_unicode.h"
#include "kumiko/tokenizer/tokenizer_utf8.h"

namespace kumiko {

const std::string gpt2_pattern = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
const std::string llama3_pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const std::string qwen2_pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

namespace {

// A known pattern whose matches leave nothing of a text over: isolated matches are all the pieces.
template <class PieceEnd>
class ScanCutter : public PreTokenizer {
 public:
  explicit ScanCutter(PieceEnd piece_end) : piece_end_(piece_end) {}
  void cut(std::string_view text, TextStart, const PieceSink& sink) const override {
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = piece_end_(text, begin);
      sink(text.substr(begin, end - begin));
      begin = end;
    }
  }

 private:
  PieceEnd piece_end_;
};

template <class PieceEnd>
std::unique_ptr<PreTokenizer> make_scan(PieceEnd piece_end) {
  return std::make_unique<ScanCutter<PieceEnd>>(piece_end);
}

using Found = std::function<void(size_t begin, size_t end)>;
using Finder = std::function<void(std::string_view text, const Found& found)>;

class SplitCutter : public PreTokenizer {
 public:
  SplitCutter(Finder find_all, bool keep_matches, bool keep_rest)
      : find_all_(std::move(find_all)), keep_matches_(keep_matches), keep_rest_(keep_rest) {}
  void cut(std::string_view text, TextStart, const PieceSink& sink) const override {
    size_t done = 0;
    find_all_(text, [&](size_t begin, size_t end) {
      if (keep_rest_ && begin > done) sink(text.substr(done, begin - done));
      if (keep_matches_ && end > begin) sink(text.substr(begin, end - begin));
      done = end;
    });
    if (keep_rest_ && done < text.size()) sink(text.substr(done));
  }

 private:
  Finder find_all_;
  bool keep_matches_;
  bool keep_rest_;
};

// The behaviours that join matches with what is beside them.
class JoiningCutter : public PreTokenizer {
 public:
  JoiningCutter(Finder find_all, SplitBehavior behavior, bool inverted)
      : find_all_(std::move(find_all)), behavior_(behavior), inverted_(inverted) {}
  void cut(std::string_view text, TextStart, const PieceSink& sink) const override {
    size_t begin = 0;
    size_t end = 0;
    bool match = false;  // of the last part of the piece [begin, end)
    const auto add = [&](size_t part_end, bool is_match) {
      if (!joins(match, is_match)) {
        if (end > begin) sink(text.substr(begin, end - begin));
        begin = end;
      }
      end = part_end;
      match = is_match;
    };
    find_all_(text, [&](size_t match_begin, size_t match_end) {
      if (match_begin > end) add(match_begin, inverted_);
      add(match_end, !inverted_);
    });
    if (end < text.size()) add(text.size(), inverted_);
    if (end > begin) sink(text.substr(begin, end - begin));
  }

 private:
  bool joins(bool before, bool next) const {
    if (behavior_ == SplitBehavior::merged_with_previous) return next && !before;
    if (behavior_ == SplitBehavior::merged_with_next) return before && !next;
    return before == next;
  }

  Finder find_all_;
  SplitBehavior behavior_;
  bool inverted_;
};

std::unique_ptr<PreTokenizer> make_split_cutter(Finder find_all, SplitBehavior behavior, bool inverted) {
  if (behavior != SplitBehavior::isolated && behavior != SplitBehavior::removed) {
    return std::make_unique<JoiningCutter>(std::move(find_all), behavior, inverted);
  }
  const bool keep_all = behavior == SplitBehavior::isolated;
  return std::make_unique<SplitCutter>(std::move(find_all), keep_all || inverted, keep_all || !inverted);
}

class SpacePrefixer : public PreTokenizer {
 public:
  explicit SpacePrefixer(std::unique_ptr<PreTokenizer> next) : next_(std::move(next)) {}
  void cut(std::string_view text, TextStart start, const PieceSink& sink) const override {
    if (text.empty() || text.front() == ' ' || start == TextStart::inside) return next_->cut(text, start, sink);
    next_->cut(" " + std::string(text), start, sink);
  }

 private:
  std::unique_ptr<PreTokenizer> next_;
};

class Speller : public PreTokenizer {
 public:
  explicit Speller(std::unique_ptr<PreTokenizer> cutter) : cutter_(std::move(cutter)) {}
  void cut(std::string_view text, TextStart start, const PieceSink& sink) const override {
    cutter_->cut(text, start, [&](std::string_view piece) { sink(to_byte_alphabet(piece)); });
  }

 private:
  std::unique_ptr<PreTokenizer> cutter_;
};

class Metaspace : public PreTokenizer {
 public:
  Metaspace(std::string mark, PrependScheme scheme, bool split)
      : mark_(std::move(mark)), scheme_(scheme), split_(split) {}
  void cut(std::string_view text, TextStart start, const PieceSink& sink) const override {
    if (text.empty()) return;
    std::string marked;
    marked.reserve(text.size() + text.size() / 4 + mark_.size());
    const bool has_mark = text.front() == ' ' || text.starts_with(mark_);
    if (!has_mark && prepends(start)) marked = mark_;
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find(' ', begin), text.size());
      marked.append(text, begin, end - begin);
      if (end < text.size()) marked += mark_;
      begin = end + 1;
    }
    const std::string_view whole = marked;
    size_t begin = 0;
    while (split_) {
      const size_t next = whole.find(mark_, begin + 1);
      if (next == std::string_view::npos) break;
      sink(whole.substr(begin, next - begin));
      begin = next;
    }
    sink(whole.substr(begin));
  }

 private:
  bool prepends(TextStart start) const {
    if (start == TextStart::inside) return false;
    return scheme_ == PrependScheme::always || (scheme_ == PrependScheme::first && start == TextStart::whole);
  }

  std::string mark_;
  PrependScheme scheme_;
  bool split_;
};

class Chain : public PreTokenizer {
 public:
  explicit Chain(std::vector<std::unique_ptr<PreTokenizer>> steps) : steps_(std::move(steps)) {}
  void cut(std::string_view text, TextStart start, const PieceSink& sink) const override {
    cut_from(0, text, start, sink);
  }

 private:
  void cut_from(size_t step, std::string_view text, TextStart start, const PieceSink& sink) const {
    if (step == steps_.size()) {
      if (!text.empty()) sink(text);
      return;
    }
    if (step + 1 == steps_.size()) return steps_[step]->cut(text, start, sink);
    bool first = true;
    steps_[step]->cut(text, start, [&](std::string_view piece) {
      // A step that rewrites has other memory: its first piece is the beginning all the same.
      const bool dropped_before = piece.data() > text.data() && piece.data() < text.data() + text.size();
      cut_from(step + 1, piece, first && !dropped_before ? start : TextStart::behind, sink);
      first = false;
    });
  }

  std::vector<std::unique_ptr<PreTokenizer>> steps_;
};

}  // namespace

std::unique_ptr<PreTokenizer> make_split(const std::string& pattern, SplitBehavior behavior, bool inverted) {
  const bool pieces_are_matches = behavior == SplitBehavior::isolated || inverted;
  if (pieces_are_matches && pattern == gpt2_pattern) return make_scan(gpt2_piece_end);
  if (pieces_are_matches && (pattern == llama3_pattern || pattern == qwen2_pattern)) {
    const int max_digits = pattern == llama3_pattern ? 3 : 1;
    return make_scan(
        [max_digits](std::string_view text, size_t begin) { return llama3_piece_end(text, begin, max_digits); });
  }
  const Finder find_all = [regex = Regex(pattern)](std::string_view text, const Found& found) {
    regex.find_all(text, found);
  };
  return make_split_cutter(find_all, behavior, inverted);
}

std::unique_ptr<PreTokenizer> make_literal_split(std::string literal, SplitBehavior behavior, bool inverted) {
  if (literal.empty()) throw_user("a pre-tokenizer that splits at an empty string would never end");
  const Finder find_all = [literal = std::move(literal)](std::string_view text, const Found& found) {
    for (size_t at = text.find(literal); at != std::string_view::npos; at = text.find(literal, at + literal.size())) {
      found(at, at + literal.size());
    }
  };
  return make_split_cutter(find_all, behavior, inverted);
}

std::unique_ptr<PreTokenizer> make_character_split(bool (*matches)(char32_t), SplitBehavior behavior) {
  const Finder find_all = [matches](std::string_view text, const Found& found) {
    size_t length;
    for (size_t position = 0; position < text.size(); position += length) {
      if (matches(decode_utf8(text, position, length))) found(position, position + length);
    }
  };
  return make_split_cutter(find_all, behavior, false);
}

std::unique_ptr<PreTokenizer> make_word_split() {
  enum class Kind { space, word, other };
  const auto kind_of = [](char32_t character) {
    if (is_word_character(character)) return Kind::word;
    return character_class(character) == CharacterClass::space ? Kind::space : Kind::other;
  };
  const Finder find_all = [kind_of](std::string_view text, const Found& found) {
    size_t begin = 0;
    Kind kind = Kind::space;
    size_t length;
    for (size_t position = 0; position < text.size(); position += length) {
      const Kind next = kind_of(decode_utf8(text, position, length));
      if (next == kind) continue;
      if (kind != Kind::space) found(begin, position);
      begin = position;
      kind = next;
    }
    if (kind != Kind::space) found(begin, text.size());
  };
  return make_split_cutter(find_all, SplitBehavior::removed, true);
}

std::unique_ptr<PreTokenizer> make_byte_level(bool add_prefix_space, bool use_pattern, bool spelled) {
  auto cutter = use_pattern ? make_split(gpt2_pattern, SplitBehavior::isolated, false) : make_chain({});
  if (add_prefix_space) cutter = std::make_unique<SpacePrefixer>(std::move(cutter));
  if (!spelled) return cutter;
  return std::make_unique<Speller>(std::move(cutter));
}

std::unique_ptr<PreTokenizer> make_metaspace(std::string mark, PrependScheme scheme, bool split) {
  return std::make_unique<Metaspace>(std::move(mark), scheme, split);
}

std::unique_ptr<PreTokenizer> make_chain(std::vector<std::unique_ptr<PreTokenizer>> steps) {
  if (steps.size() == 1) return std::move(steps.front());
  return std::make_unique<Chain>(std::move(steps));
}

}  // namespace kumiko
