#include "kumiko/tokenizer/tokenizer_added.h"

#include <algorithm>
#include <utility>

#include "kumiko/tokenizer/pre_tokenizer_unicode.h"
#include "kumiko/tokenizer/tokenizer_utf8.h"

namespace kumiko {
namespace {

bool word_before(std::string_view text, size_t position) {
  size_t length;
  return position > 0 && is_word_character(decode_utf8(text, previous_utf8(text, position), length));
}

bool word_at(std::string_view text, size_t position) {
  size_t length;
  return position < text.size() && is_word_character(decode_utf8(text, position, length));
}

size_t skip_space_left(std::string_view text, size_t position) {
  while (position > 0) {
    size_t length;
    const size_t previous = previous_utf8(text, position);
    if (character_class(decode_utf8(text, previous, length)) != CharacterClass::space) break;
    position = previous;
  }
  return position;
}

size_t skip_space_right(std::string_view text, size_t position) {
  size_t length;
  while (position < text.size() && character_class(decode_utf8(text, position, length)) == CharacterClass::space) {
    position += length;
  }
  return position;
}

}  // namespace

AddedTokenMatcher::AddedTokenMatcher(const std::vector<AddedToken>& tokens, const Normalizer* normalizer)
    : normalizer_(normalizer) {
  for (AddedToken token : tokens) {
    if (token.normalized && normalizer != nullptr) {
      NormalizedText content{token.content};
      normalizer->apply(content);
      token.content = std::move(content.text);
    }
    (token.normalized ? normalized_ : exact_).add(token);
  }
}

void AddedTokenMatcher::cut(std::string_view text, TextStart start, const TextSink& on_text,
                            const IdSink& on_id) const {
  exact_.cut(
      text, start,
      [&](std::string_view between, TextStart between_start) {
        if (normalizer_ == nullptr) return normalized_.cut(between, between_start, on_text, on_id);
        NormalizedText rewritten{std::string(between), between_start};
        normalizer_->apply(rewritten);
        normalized_.cut(rewritten.text, rewritten.start, on_text, on_id);
      },
      on_id);
}

size_t AddedTokenMatcher::Trie::child(size_t node, char byte) const {
  for (const auto& [label, target] : nodes_[node].children) {
    if (label == byte) return target;
  }
  return none;
}

void AddedTokenMatcher::Trie::add(const AddedToken& token) {
  if (token.content.empty()) return;
  size_t node = 0;
  for (const char byte : token.content) {
    size_t next = child(node, byte);
    if (next == none) {
      next = nodes_.size();
      nodes_.emplace_back();
      nodes_[node].children.emplace_back(byte, next);
    }
    node = next;
  }
  nodes_[node].token = tokens_.size();
  tokens_.push_back(token);
  bool& is_first = is_first_byte_[static_cast<unsigned char>(token.content[0])];
  if (!is_first) first_bytes_ += token.content[0];
  is_first = true;
}

size_t AddedTokenMatcher::Trie::find_first_byte(std::string_view text, size_t position) const {
  if (first_bytes_.empty()) return std::string_view::npos;
  if (first_bytes_.size() == 1) return text.find(first_bytes_[0], position);
  const auto found = std::find_if(text.begin() + static_cast<ptrdiff_t>(std::min(position, text.size())), text.end(),
                                  [&](char byte) { return is_first_byte_[static_cast<unsigned char>(byte)]; });
  return found == text.end() ? std::string_view::npos : static_cast<size_t>(found - text.begin());
}

size_t AddedTokenMatcher::Trie::longest_at(std::string_view text, size_t position) const {
  size_t longest = none;
  size_t node = 0;
  for (; position < text.size(); ++position) {
    node = child(node, text[position]);
    if (node == none) break;
    if (nodes_[node].token != none) longest = nodes_[node].token;
  }
  return longest;
}

void AddedTokenMatcher::Trie::cut(std::string_view text, TextStart start, const TextSink& on_text,
                                  const IdSink& on_id) const {
  size_t done = 0;
  const auto hand_over = [&](size_t begin, size_t end) {
    if (begin < end) on_text(text.substr(begin, end - begin), begin == 0 ? start : TextStart::behind);
  };
  size_t position = find_first_byte(text, 0);
  while (position != std::string_view::npos) {
    const size_t found = longest_at(text, position);
    if (found == none) {
      position = find_first_byte(text, position + 1);
      continue;
    }
    const AddedToken& token = tokens_[found];
    const size_t match_end = position + token.content.size();
    const bool alone = !word_before(text, position) && !word_at(text, match_end);
    if (alone || !token.single_word) {
      const size_t begin = token.lstrip ? std::max(skip_space_left(text, position), done) : position;
      hand_over(done, begin);
      on_id(token.id);
      done = token.rstrip ? skip_space_right(text, match_end) : match_end;
    }
    position = find_first_byte(text, match_end);
  }
  hand_over(done, text.size());
}

}  // namespace kumiko
