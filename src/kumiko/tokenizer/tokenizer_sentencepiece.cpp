#include "kumiko/tokenizer/tokenizer_sentencepiece.h"

#include <sentencepiece_processor.h>

#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/tokenizer/bpe_model.h"
#include "kumiko/tokenizer/sentencepiece_file.h"

namespace kumiko {
namespace {

using Library = sentencepiece::SentencePieceProcessor;

// Fields of one message may stand in several parts, of which the last counts: this one says that no text gets a mark
// for a space put before it (normalizer_spec.add_dummy_prefix = false).
constexpr std::string_view without_prefix("\x1A\x02\x18\x00", 4);

std::unique_ptr<Library> load(const std::string& model) {
  auto library = std::make_unique<Library>();
  std::string reason;
  try {
    const auto status = library->LoadFromSerializedProto(model);
    if (status.ok()) return library;
    reason = status.ToString();
  } catch (const std::exception& error) {
    reason = error.what();
  }
  throw_user("not a SentencePiece model ({}): the file is damaged, cut off, or of another kind", reason);
}

class SentencePieceModel : public TokenizerModel {
 public:
  SentencePieceModel(std::string_view model, SpacePrefix prefix)
      : file_(read_sentencepiece_file(model)), prefix_(prefix), library_(load(std::string(model))) {
    if (prefix_ != SpacePrefix::by_model) plain_library_ = load(std::string(model).append(without_prefix));
    for (const SentencePiece& piece : file_.pieces) tokens_.push_back(piece.text);
  }

  const SentencePieceFile& file() const { return file_; }

  std::string_view kind() const override {
    return file_.kind == SentencePieceFile::Kind::bpe ? "SentencePiece BPE" : "SentencePiece Unigram";
  }
  bool needs_utf8() const override { return true; }
  const std::vector<std::string>& tokens() const override { return tokens_; }
  // In one long text rounding can decide between paths that are equally good.
  bool pieces_are_independent() const override {
    return file_.kind == SentencePieceFile::Kind::bpe && !file_.space_ends_words;
  }

  void encode(std::string_view text, TextStart start, std::vector<int32_t>& ids) const override {
    const Library* library = library_.get();
    if (prefix_ == SpacePrefix::by_model) {
      // The library puts a space before every text: the one that a text goes on with stands for it.
      if (start == TextStart::inside && file_.add_dummy_prefix && text.starts_with(' ')) text.remove_prefix(1);
    } else {
      const bool marked = text.starts_with(' ') || text.starts_with(space_mark);
      const bool wanted = prefix_ == SpacePrefix::always ? start != TextStart::inside
                                                         : prefix_ == SpacePrefix::first && start == TextStart::whole;
      if (marked || !wanted) library = plain_library_.get();
    }
    std::vector<int> found;
    if (const auto status = library->Encode({text.data(), text.size()}, &found); !status.ok()) {
      throw_user("SentencePiece does not encode a text: {}", status.ToString());
    }
    ids.insert(ids.end(), found.begin(), found.end());
  }

 private:
  SentencePieceFile file_;
  SpacePrefix prefix_;
  std::unique_ptr<Library> library_;
  std::unique_ptr<Library> plain_library_;  // the same without a space before a text; null where that is never wanted
  std::vector<std::string> tokens_;
};

TokenDecoder::Step unmark_spaces(bool drops_first) {
  return [drops_first](std::string& token, bool first) {
    std::string_view rest = token;
    if (first && drops_first && rest.starts_with(space_mark)) rest.remove_prefix(space_mark.size());
    std::string text;
    for (size_t at = rest.find(space_mark); at != std::string_view::npos; at = rest.find(space_mark)) {
      text.append(rest.substr(0, at)).append(" ");
      rest.remove_prefix(at + space_mark.size());
    }
    token = text.append(rest);
  };
}

// The bytes of the tokens "<0x00>" to "<0xFF>", and how an unknown token is printed.
TokenDecoder::Step replace_named(std::vector<std::pair<std::string, std::string>> surfaces) {
  return [surfaces = std::move(surfaces)](std::string& token, bool) {
    if (!token.starts_with('<')) return;
    for (const auto& [name, surface] : surfaces) {
      if (token == name) {
        token = surface;
        return;
      }
    }
  };
}

}  // namespace

TokenizerParts parts_from_sentencepiece(std::string_view bytes, SpacePrefix prefix) {
  auto model = std::make_unique<SentencePieceModel>(bytes, prefix);
  const SentencePieceFile& file = model->file();
  TokenizerParts parts;
  std::vector<std::pair<std::string, std::string>> surfaces;
  const auto byte_tokens = find_byte_tokens(model->tokens());
  for (size_t byte = 0; byte < byte_tokens.size(); ++byte) {
    if (byte_tokens[byte] < 0) continue;
    const SentencePiece& piece = file.pieces[static_cast<size_t>(byte_tokens[byte])];
    if (piece.type != SentencePiece::Type::byte) continue;
    surfaces.emplace_back(piece.text, std::string(1, static_cast<char>(byte)));
  }
  const auto is_piece = [&](int64_t id) { return id >= 0 && id < static_cast<int64_t>(file.pieces.size()); };
  const auto id_if_used = [&](int64_t id) {
    return is_piece(id) ? std::optional(static_cast<int32_t>(id)) : std::nullopt;
  };
  for (size_t id = 0; id < file.pieces.size(); ++id) {
    const SentencePiece::Type type = file.pieces[id].type;
    const bool unknown = type == SentencePiece::Type::unknown;
    if (unknown || type == SentencePiece::Type::control) parts.special_ids.push_back(static_cast<int32_t>(id));
    if (unknown) surfaces.emplace_back(file.pieces[id].text, file.unknown_surface);
    if (unknown) parts.named.unknown = static_cast<int32_t>(id);
  }
  const bool drops_first = prefix == SpacePrefix::by_model ? file.add_dummy_prefix || file.remove_extra_whitespaces
                                                           : prefix != SpacePrefix::never;
  parts.decoder.steps = {replace_named(std::move(surfaces)), unmark_spaces(drops_first)};
  parts.decoder.first_until_text = file.remove_extra_whitespaces;
  parts.named.eos = id_if_used(file.end_id);
  parts.named.bos = id_if_used(file.begin_id);
  parts.named.pad = id_if_used(file.pad_id);
  parts.end_of_document = parts.named.eos;
  parts.begin_of_text = parts.named.bos;
  parts.model = std::move(model);
  return parts;
}

}  // namespace kumiko
