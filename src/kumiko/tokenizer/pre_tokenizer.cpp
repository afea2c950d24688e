#include "kumiko/tokenizer/pre_tokenizer.h"

#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/tokenizer/pre_tokenizer_regex.h"
#include "kumiko/tokenizer/pre_tokenizer_scan.h"

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
  void cut(std::string_view text, const PieceSink& sink) const override {
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
  void cut(std::string_view text, const PieceSink& sink) const override {
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

std::unique_ptr<PreTokenizer> make_split_cutter(Finder find_all, SplitBehavior behavior, bool inverted) {
  const bool keep_all = behavior == SplitBehavior::isolated;
  return std::make_unique<SplitCutter>(std::move(find_all), keep_all || inverted, keep_all || !inverted);
}

class SpacePrefixer : public PreTokenizer {
 public:
  explicit SpacePrefixer(std::unique_ptr<PreTokenizer> next) : next_(std::move(next)) {}
  void cut(std::string_view text, const PieceSink& sink) const override {
    if (text.empty() || text.front() == ' ') return next_->cut(text, sink);
    next_->cut(" " + std::string(text), sink);
  }

 private:
  std::unique_ptr<PreTokenizer> next_;
};

class Chain : public PreTokenizer {
 public:
  explicit Chain(std::vector<std::unique_ptr<PreTokenizer>> steps) : steps_(std::move(steps)) {}
  void cut(std::string_view text, const PieceSink& sink) const override { cut_from(0, text, sink); }

 private:
  void cut_from(size_t step, std::string_view text, const PieceSink& sink) const {
    if (step == steps_.size()) {
      if (!text.empty()) sink(text);
      return;
    }
    if (step + 1 == steps_.size()) return steps_[step]->cut(text, sink);
    steps_[step]->cut(text, [&](std::string_view piece) { cut_from(step + 1, piece, sink); });
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

std::unique_ptr<PreTokenizer> make_byte_level(bool add_prefix_space, bool use_pattern) {
  auto pattern = use_pattern ? make_split(gpt2_pattern, SplitBehavior::isolated, false) : make_chain({});
  if (!add_prefix_space) return pattern;
  return std::make_unique<SpacePrefixer>(std::move(pattern));
}

std::unique_ptr<PreTokenizer> make_chain(std::vector<std::unique_ptr<PreTokenizer>> steps) {
  if (steps.size() == 1) return std::move(steps.front());
  return std::make_unique<Chain>(std::move(steps));
}

}  // namespace kumiko
