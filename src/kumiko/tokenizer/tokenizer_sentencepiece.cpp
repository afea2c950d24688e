#include "kumiko/tokenizer/tokenizer_sentencepiece.h"

#include <sentencepiece_processor.h>

#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/tokenizer/bpe_model.h"
#include "kumiko/tokenizer/sentencepiece_options.h"

namespace kumiko {
namespace {

class SentencePiece : public TokenizerModel {
 public:
  explicit SentencePiece(std::string_view model) : options_(read_sentencepiece_options(model)) {
    if (const auto status = processor_.LoadFromSerializedProto({model.data(), model.size()}); !status.ok()) {
      throw_user("not a SentencePiece model ({}): the file is damaged, cut off, or of another kind", status.ToString());
    }
    for (int id = 0; id < processor_.GetPieceSize(); ++id) tokens_.push_back(processor_.IdToPiece(id));
  }

  const SentencePieceOptions& options() const { return options_; }
  const sentencepiece::SentencePieceProcessor& processor() const { return processor_; }

  std::string_view kind() const override {
    return options_.kind == SentencePieceOptions::Kind::bpe ? "SentencePiece BPE" : "SentencePiece Unigram";
  }
  bool needs_utf8() const override { return true; }
  const std::vector<std::string>& tokens() const override { return tokens_; }
  // In one long text rounding can decide between paths that are equally good.
  bool pieces_are_independent() const override {
    return options_.kind == SentencePieceOptions::Kind::bpe && !options_.space_ends_words;
  }

  // The library puts a space before every text: the one that a text goes on with stands for it.
  void encode(std::string_view text, TextStart start, std::vector<int32_t>& ids) const override {
    if (start == TextStart::inside && options_.add_dummy_prefix && text.starts_with(' ')) text.remove_prefix(1);
    std::vector<int> found;
    if (const auto status = processor_.Encode({text.data(), text.size()}, &found); !status.ok()) {
      throw_internal("SentencePiece does not encode a text: {}", status.ToString());
    }
    ids.insert(ids.end(), found.begin(), found.end());
  }

 private:
  SentencePieceOptions options_;
  sentencepiece::SentencePieceProcessor processor_;
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

Tokenizer tokenizer_from_sentencepiece(std::string_view bytes) {
  auto model = std::make_unique<SentencePiece>(bytes);
  const sentencepiece::SentencePieceProcessor& processor = model->processor();
  TokenizerParts parts;
  std::vector<std::pair<std::string, std::string>> surfaces;
  const auto byte_tokens = find_byte_tokens(model->tokens());
  for (size_t byte = 0; byte < byte_tokens.size(); ++byte) {
    if (byte_tokens[byte] < 0 || !processor.IsByte(byte_tokens[byte])) continue;
    surfaces.emplace_back(processor.IdToPiece(byte_tokens[byte]), std::string(1, static_cast<char>(byte)));
  }
  for (int id = 0; id < processor.GetPieceSize(); ++id) {
    if (processor.IsControl(id) || processor.IsUnknown(id)) parts.special_ids.push_back(id);
    if (processor.IsUnknown(id)) surfaces.emplace_back(processor.IdToPiece(id), model->options().unknown_surface);
  }
  const SentencePieceOptions& options = model->options();
  parts.decoder.steps = {replace_named(std::move(surfaces)),
                         unmark_spaces(options.add_dummy_prefix || options.remove_extra_whitespaces)};
  parts.decoder.first_until_text = options.remove_extra_whitespaces;
  if (processor.eos_id() >= 0) parts.end_of_document = processor.eos_id();
  if (processor.bos_id() >= 0) parts.begin_of_text = processor.bos_id();
  parts.model = std::move(model);
  return Tokenizer(std::move(parts));
}

}  // namespace kumiko
