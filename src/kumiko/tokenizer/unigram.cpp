#include "kumiko/tokenizer/unigram.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/tokenizer/bpe_model.h"
#include "kumiko/tokenizer/bpe_workspace.h"
#include "kumiko/tokenizer/token_trie.h"
#include "kumiko/tokenizer/tokenizer_utf8.h"

namespace kumiko {
namespace {

struct ViterbiNode {
  double score = 0;    // of the best path that ends here
  int32_t id = 0;      // its last token
  int32_t begin = -1;  // where that begins; -1: no path ends here
};

struct UnigramWorkspace {
  BpeCache cache;
  std::vector<ViterbiNode> nodes;  // by end in bytes
  std::vector<int32_t> reversed;
};

class Unigram : public TokenizerModel {
 public:
  Unigram(UnigramVocabulary vocabulary, std::unique_ptr<PreTokenizer> pre_tokenizer, bool pieces_are_words)
      : vocabulary_(std::move(vocabulary)),
        trie_(vocabulary_.tokens),
        pre_tokenizer_(std::move(pre_tokenizer)),
        byte_ids_(find_byte_tokens(vocabulary_.tokens)),
        pieces_are_words_(pieces_are_words) {
    constexpr double unknown_penalty = 10;  // SentencePiece's
    double lowest = std::numeric_limits<double>::infinity();
    for (const double score : vocabulary_.scores) lowest = std::min(lowest, score);
    unknown_score_ = lowest - unknown_penalty;
  }

  std::string_view kind() const override {
    return vocabulary_.byte_fallback ? "Unigram with byte fallback" : "Unigram";
  }
  bool needs_utf8() const override { return true; }
  const std::vector<std::string>& tokens() const override { return vocabulary_.tokens; }
  // In one long piece rounding can decide between paths that are equally good.
  bool pieces_are_independent() const override { return pieces_are_words_; }

  void encode(std::string_view text, TextStart start, std::vector<int32_t>& ids) const override {
    auto workspace = pool_.take();
    cut_text(pre_tokenizer_.get(), text, start, [&](std::string_view piece) { encode_piece(piece, *workspace, ids); });
    pool_.give_back(std::move(workspace));
  }

 private:
  void encode_piece(std::string_view piece, UnigramWorkspace& work, std::vector<int32_t>& ids) const {
    encode_word(piece, work.cache, ids, [&] {
      find_paths(piece, work.nodes);
      append_best(piece, work, ids);
    });
  }

  // Of equal paths the one found first stays, as in the package: that with the longest last token.
  void find_paths(std::string_view piece, std::vector<ViterbiNode>& nodes) const {
    if (piece.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
      throw_user("a piece of text of {} bytes is too long for a Unigram tokenizer: split the documents", piece.size());
    }
    nodes.assign(piece.size() + 1, {});
    for (size_t begin = 0; begin < piece.size();) {
      const double so_far = nodes[begin].score;
      const auto offer = [&](size_t end, double score, int32_t id) {
        ViterbiNode& node = nodes[end];
        const double candidate = score + so_far;
        if (node.begin < 0 || candidate > node.score) node = {candidate, id, static_cast<int32_t>(begin)};
      };
      const size_t length = utf8_unit(piece, begin).length;
      bool has_character = false;
      trie_.each_prefix(piece.substr(begin), [&](size_t size, int32_t id) {
        offer(begin + size, vocabulary_.scores[static_cast<size_t>(id)], id);
        has_character = has_character || size == length;
      });
      if (!has_character) offer(begin + length, unknown_score_, vocabulary_.unknown.value_or(no_token));
      begin += length;
    }
  }

  void append_best(std::string_view piece, UnigramWorkspace& work, std::vector<int32_t>& ids) const {
    std::vector<int32_t>& reversed = work.reversed;
    reversed.clear();
    const int32_t unknown = vocabulary_.unknown.value_or(no_token);
    for (size_t end = piece.size(); end > 0;) {
      const ViterbiNode* node = &work.nodes[end];
      auto begin = static_cast<size_t>(node->begin);
      if (node->id != unknown) {
        reversed.push_back(node->id);
      } else {
        while (begin > 0 && (node = &work.nodes[begin])->id == unknown) begin = static_cast<size_t>(node->begin);
        append_unknown(piece.substr(begin, end - begin), reversed);
      }
      end = begin;
    }
    ids.insert(ids.end(), reversed.rbegin(), reversed.rend());
  }

  void append_unknown(std::string_view text, std::vector<int32_t>& reversed) const {
    const auto byte_id = [&](char byte) { return byte_ids_[static_cast<unsigned char>(byte)]; };
    if (const int32_t id = trie_.find(text); id >= 0) {
      reversed.push_back(id);
    } else if (vocabulary_.byte_fallback &&
               std::all_of(text.begin(), text.end(), [&](char byte) { return byte_id(byte) >= 0; })) {
      for (size_t i = text.size(); i-- > 0;) reversed.push_back(byte_id(text[i]));
    } else if (vocabulary_.unknown) {
      reversed.push_back(*vocabulary_.unknown);
    } else {
      throw_user("the vocabulary has no token for \"{}\", and none for what is unknown", text);
    }
  }

  static constexpr int32_t no_token = -1;

  UnigramVocabulary vocabulary_;
  TokenTrie trie_;
  std::unique_ptr<PreTokenizer> pre_tokenizer_;
  std::array<int32_t, 256> byte_ids_;
  bool pieces_are_words_;
  double unknown_score_ = 0;
  mutable WorkspacePool<UnigramWorkspace> pool_;
};

}  // namespace

std::unique_ptr<TokenizerModel> make_unigram(UnigramVocabulary vocabulary, std::unique_ptr<PreTokenizer> pre_tokenizer,
                                             bool pieces_are_words) {
  return std::make_unique<Unigram>(std::move(vocabulary), std::move(pre_tokenizer), pieces_are_words);
}

}  // namespace kumiko
