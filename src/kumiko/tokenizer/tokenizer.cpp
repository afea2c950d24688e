#include "kumiko/tokenizer/tokenizer.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/tokenizer/tokenizer_utf8.h"

namespace kumiko {

namespace {

constexpr std::array<std::string_view, 5> end_names = {"<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>",
                                                       "<\uFF5Cend\u2581of\u2581sentence\uFF5C>"};

}  // namespace

constinit const std::span<const std::string_view> end_of_document_names = end_names;

std::optional<int32_t> find_end_of_document(const std::vector<AddedToken>& added_tokens) {
  for (const std::string_view content : end_of_document_names) {
    for (const AddedToken& token : added_tokens) {
      if (token.special && token.content == content) return token.id;
    }
  }
  return std::nullopt;
}

struct Tokenizer::State {
  TokenizerParts parts;
  AddedTokenMatcher matcher;
  std::vector<std::string> spelled;  // by id, "" for those that are not used
  std::vector<std::string> bytes;    // by id, what they stand for behind others
  std::unordered_map<std::string_view, int32_t> ids;
  std::vector<int32_t> special_ids;
};

Tokenizer::Tokenizer(TokenizerParts parts)
    : end_of_document_(parts.end_of_document ? parts.end_of_document : find_end_of_document(parts.added_tokens)),
      begin_of_text_(parts.begin_of_text),
      end_tokens_(parts.end_tokens) {
  for (const auto& end : {parts.named.eos, end_of_document_}) {
    if (end && !ends_text(*end)) end_tokens_.push_back(*end);
  }
  AddedTokenMatcher matcher(parts.added_tokens, parts.normalizer.get());
  auto state = std::make_shared<State>(State{std::move(parts), std::move(matcher), {}, {}, {}, {}});
  state->spelled = state->parts.model->tokens();
  state->special_ids = state->parts.special_ids;
  for (const AddedToken& token : state->parts.added_tokens) {
    const auto id = static_cast<size_t>(token.id);
    if (id >= state->spelled.size()) state->spelled.resize(id + 1);
    // As the package prints it.
    NormalizedText content{token.content};
    if (token.normalized && state->parts.normalizer) state->parts.normalizer->apply(content);
    state->spelled[id] = content.text;
    if (token.special) state->special_ids.push_back(token.id);
  }
  for (const std::string& token : state->spelled) state->bytes.push_back(state->parts.decoder.decode(token, false));
  for (const AddedToken& token : state->parts.added_tokens) state->ids.emplace(token.content, token.id);
  for (const bool plain : {true, false}) {  // "A" is rather the token "A" than the token "<0x41>"
    for (size_t id = 0; id < state->bytes.size(); ++id) {
      const std::string& bytes = state->bytes[id];
      if (!bytes.empty() && plain == (bytes == state->spelled[id])) state->ids.emplace(bytes, static_cast<int32_t>(id));
    }
  }
  state_ = std::move(state);
  if (begin_of_text_ && !has_token(*begin_of_text_)) {
    throw_user("post_processor: the token that begins texts has the id {}, which the vocabulary does not use",
               *begin_of_text_);
  }
}

std::vector<int32_t> Tokenizer::encode(std::string_view text) const {
  std::vector<int32_t> ids;
  encode(text, ids);
  return ids;
}

void Tokenizer::encode(std::string_view text, std::vector<int32_t>& ids, TextStart start) const {
  std::string well_formed;
  if (state_->parts.model->needs_utf8() && well_formed_utf8_prefix(text) != text.size()) {
    well_formed = replace_ill_formed_utf8(text);
    text = well_formed;
  }
  state_->matcher.cut(
      text, start,
      [&](std::string_view between, TextStart between_start) {
        state_->parts.model->encode(between, between_start, ids);
      },
      [&](int32_t id) { ids.push_back(id); });
}

std::string Tokenizer::decode(std::span<const int32_t> ids) const {
  std::string text;
  bool first = true;
  for (const int32_t id : ids) {
    if (first) {
      text += first_token_bytes(id);
      first = decoder().first_until_text && text.empty();
    } else {
      text += token_bytes(id);
    }
  }
  int64_t strip_left = decoder().strip_start;
  strip_beginning(text, decoder().strip_character, strip_left);
  strip_end(text, decoder().strip_character, decoder().strip_stop);
  return text;
}

int64_t Tokenizer::vocab_size() const { return static_cast<int64_t>(state_->bytes.size()); }

bool Tokenizer::has_token(int32_t id) const {
  return id >= 0 && id < vocab_size() && !state_->spelled[static_cast<size_t>(id)].empty();
}

std::string_view Tokenizer::token_bytes(int32_t id) const {
  if (!has_token(id)) {
    throw_user("token id {} is not of the vocabulary of {} tokens: is this the tokenizer that made the ids?", id,
               vocab_size());
  }
  return state_->bytes[static_cast<size_t>(id)];
}

std::string Tokenizer::first_token_bytes(int32_t id) const {
  token_bytes(id);  // checks the id
  return decoder().decode(state_->spelled[static_cast<size_t>(id)], true);
}

const TokenDecoder& Tokenizer::decoder() const { return state_->parts.decoder; }

std::optional<int32_t> Tokenizer::find_token(std::string_view content) const {
  const auto found = state_->ids.find(content);
  if (found == state_->ids.end()) return std::nullopt;
  return found->second;
}

const std::vector<AddedToken>& Tokenizer::added_tokens() const { return state_->parts.added_tokens; }

bool Tokenizer::is_special(int32_t id) const {
  return std::find(state_->special_ids.begin(), state_->special_ids.end(), id) != state_->special_ids.end();
}

void Tokenizer::set_end_of_document(std::string_view content) {
  end_of_document_ = find_token(content);
  if (!end_of_document_) {
    throw_user("the tokenizer has no token \"{}\" to end documents with; expected one of its vocabulary, such as {}",
               content, state_->special_ids.empty() ? "</s>" : token_bytes(state_->special_ids.front()));
  }
  end_tokens_ = {*end_of_document_};
}

void Tokenizer::set_end_of_document(int32_t id) {
  token_bytes(id);  // checks the id
  end_of_document_ = id;
  end_tokens_ = {id};
}

bool Tokenizer::ends_text(int32_t id) const {
  return std::find(end_tokens_.begin(), end_tokens_.end(), id) != end_tokens_.end();
}

const NamedTokens& Tokenizer::named_tokens() const { return state_->parts.named; }

bool Tokenizer::pieces_are_independent() const { return state_->parts.model->pieces_are_independent(); }

std::string_view Tokenizer::kind() const { return state_->parts.model->kind(); }

int64_t Tokenizer::num_merges() const { return state_->parts.model->num_merges(); }

int64_t num_required_rows(const Tokenizer& tokenizer) {
  std::vector<bool> is_added(static_cast<size_t>(tokenizer.vocab_size()));
  for (const AddedToken& token : tokenizer.added_tokens()) is_added[static_cast<size_t>(token.id)] = true;
  int64_t rows = tokenizer.vocab_size();
  while (rows > 0 && is_added[static_cast<size_t>(rows - 1)]) --rows;
  return rows;
}

void check_vocabulary(const Tokenizer& tokenizer, int64_t vocab_size, std::string_view origin) {
  if (num_required_rows(tokenizer) <= vocab_size) return;
  throw_user("the tokenizer has {} tokens, but the model of {} knows {}: it is not the one the model was trained with",
             tokenizer.vocab_size(), origin, vocab_size);
}

void refuse_without_row(const Tokenizer& tokenizer, std::span<const int32_t> ids, int64_t vocab_size) {
  for (const int32_t id : ids) {
    if (id < vocab_size) continue;
    throw_user(
        "the text holds the token \"{}\", whose id {} has no row in the model's embedding of {}: it was added to the "
        "tokenizer behind what the model knows",
        tokenizer.token_bytes(id), id, vocab_size);
  }
}

}  // namespace kumiko
