#include "kumiko/tokenizer/tokenizer.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/tokenizer/tokenizer_utf8.h"

namespace kumiko {

struct Tokenizer::State {
  std::unique_ptr<TokenizerModel> model;
  std::vector<AddedToken> added_tokens;
  AddedTokenMatcher matcher;
  std::vector<std::string> bytes;  // by id
  std::unordered_map<std::string_view, int32_t> ids;
  std::vector<int32_t> special_ids;
};

Tokenizer::Tokenizer(std::unique_ptr<TokenizerModel> model, std::vector<AddedToken> added_tokens) {
  std::vector<std::string> bytes = model->tokens();
  std::vector<int32_t> special_ids;
  for (const AddedToken& token : added_tokens) {
    const auto id = static_cast<size_t>(token.id);
    if (id >= bytes.size()) bytes.resize(id + 1);
    bytes[id] = token.content;
    if (token.special) special_ids.push_back(token.id);
  }
  AddedTokenMatcher matcher(added_tokens);
  auto state = std::make_shared<State>(State{
      std::move(model), std::move(added_tokens), std::move(matcher), std::move(bytes), {}, std::move(special_ids)});
  for (const AddedToken& token : state->added_tokens) state->ids.emplace(token.content, token.id);
  for (size_t id = 0; id < state->bytes.size(); ++id) {
    if (!state->bytes[id].empty()) state->ids.emplace(state->bytes[id], static_cast<int32_t>(id));
  }
  state_ = std::move(state);
}

std::vector<int32_t> Tokenizer::encode(std::string_view text) const {
  std::vector<int32_t> ids;
  encode(text, ids);
  return ids;
}

void Tokenizer::encode(std::string_view text, std::vector<int32_t>& ids) const {
  std::string well_formed;
  if (state_->model->needs_utf8() && well_formed_utf8_prefix(text) != text.size()) {
    well_formed = replace_ill_formed_utf8(text);
    text = well_formed;
  }
  state_->matcher.cut(
      text, [&](std::string_view between) { state_->model->encode(between, ids); },
      [&](int32_t id) { ids.push_back(id); });
}

std::string Tokenizer::decode(std::span<const int32_t> ids) const {
  std::string text;
  for (const int32_t id : ids) text += token_bytes(id);
  return text;
}

int64_t Tokenizer::vocab_size() const { return static_cast<int64_t>(state_->bytes.size()); }

bool Tokenizer::has_token(int32_t id) const {
  return id >= 0 && id < vocab_size() && !state_->bytes[static_cast<size_t>(id)].empty();
}

std::string_view Tokenizer::token_bytes(int32_t id) const {
  if (!has_token(id)) {
    throw_user("token id {} is not of the vocabulary of {} tokens: is this the tokenizer that made the ids?", id,
               vocab_size());
  }
  return state_->bytes[static_cast<size_t>(id)];
}

std::optional<int32_t> Tokenizer::find_token(std::string_view content) const {
  const auto found = state_->ids.find(content);
  if (found == state_->ids.end()) return std::nullopt;
  return found->second;
}

const std::vector<AddedToken>& Tokenizer::added_tokens() const { return state_->added_tokens; }

bool Tokenizer::is_special(int32_t id) const {
  return std::find(state_->special_ids.begin(), state_->special_ids.end(), id) != state_->special_ids.end();
}

std::optional<int32_t> Tokenizer::end_of_document() const {
  for (const std::string_view content : {"<|endoftext|>", "<|end_of_text|>", "</s>"}) {
    for (const AddedToken& token : state_->added_tokens) {
      if (token.special && token.content == content) return token.id;
    }
  }
  return std::nullopt;
}

std::string_view Tokenizer::kind() const { return state_->model->kind(); }

int64_t Tokenizer::num_merges() const { return state_->model->num_merges(); }

}  // namespace kumiko
