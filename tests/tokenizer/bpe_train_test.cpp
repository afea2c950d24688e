#include "kumiko/tokenizer/bpe_train.h"

#include <random>

#include "kumiko/base/file.h"
#include "kumiko/base/text.h"
#include "kumiko/tokenizer/bpe_byte_map.h"
#include "kumiko/tokenizer/bpe_corpus.h"
#include "kumiko/tokenizer/pre_tokenizer_scan.h"
#include "kumiko/tokenizer/tokenizer_json.h"
#include "tokenizer/tokenizer_test_util.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;

const fs::path corpus = tokenizer_fixture("gpt2/corpus.txt");

void write_file(const fs::path& path, std::string_view text) {
  OutputFile file(path);
  file.write(text);
  file.finish();
}

// A text in parts of about `chunk` bytes.
Corpus corpus_of(const std::string& text, size_t chunk = 1 << 20) {
  const auto rest = std::make_shared<std::string>(text);
  return {
      [=]() -> std::optional<CorpusPart> {
        if (rest->empty()) return std::nullopt;
        size_t cut = 0;
        for (size_t size = chunk; cut == 0 && size < rest->size(); size += chunk) {
          cut = corpus_cut(std::string_view(*rest).substr(0, size), chunk);
        }
        const std::string part = rest->substr(0, cut == 0 ? rest->size() : cut);
        rest->erase(0, part.size());
        return CorpusPart{[part](const auto& visit) { visit(part); }, static_cast<int64_t>(text.size() - rest->size())};
      },
      static_cast<int64_t>(text.size())};
}

BpeTrainOptions fixture_options() {
  return {.vocab_size = 700, .min_frequency = 2, .special_tokens = {"<|endoftext|>", "<|日本|>"}};
}

TEST(BpeTrain, WritesTheFileThatTheTokenizersPackageWrites) {
  const fs::path output = fresh_folder("train") / "tokenizer.json";
  int64_t last_size = 0;
  train_bpe_to_file(fixture_options(), corpus_of(read_text_file(corpus)), output,
                    [&](const BpeTrainProgress& progress) {
                      EXPECT_LE(progress.done, progress.total);
                      if (progress.phase == "merging") last_size = progress.done;
                    });
  EXPECT_EQ(last_size, 700);
  EXPECT_EQ(read_text_file(output), read_text_file(tokenizer_fixture("gpt2/tokenizer.json")));
}

// To the last pair, with special tokens that merges make again.
TEST(BpeTrain, FindsTheMergesOfTheTokenizersPackageInTheirOrder) {
  const BpeVocabulary vocabulary =
      train_bpe({.vocab_size = 100000, .min_frequency = 1, .special_tokens = {"aab", "aba", "baab", "st", "ter"}},
                corpus_of(read_text_file(corpus)))
          .vocabulary;
  std::string merges;
  for (const BpeMerge& merge : vocabulary.merges) {
    merges += to_byte_alphabet(vocabulary.tokens[static_cast<size_t>(merge.left)]) + " " +
              to_byte_alphabet(vocabulary.tokens[static_cast<size_t>(merge.right)]) + "\n";
  }
  EXPECT_EQ(merges, read_text_file(tokenizer_fixture("gpt2/all_merges.txt")));
}

TEST(BpeTrain, DoesNotDependOnThreadsOrChunks) {
  const std::string expected = read_text_file(tokenizer_fixture("gpt2/tokenizer.json"));
  for (const auto& [threads, chunk] : {std::pair<int64_t, int64_t>{1, 1 << 20}, {3, 200}, {4, 1000}}) {
    BpeTrainOptions options = fixture_options();
    options.threads = threads;
    const Corpus parts = corpus_of(read_text_file(corpus), static_cast<size_t>(chunk));
    EXPECT_EQ(byte_level_bpe_json(train_bpe(options, parts).vocabulary, options.special_tokens), expected)
        << threads << " threads, chunks of " << chunk;
  }
}

std::vector<std::string> scan_pieces(std::string_view text, bool llama3) {
  std::vector<std::string> pieces;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = llama3 ? llama3_piece_end(text, begin, 3) : gpt2_piece_end(text, begin);
    pieces.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return pieces;
}

TEST(BpeCorpus, CutsOnlyWhereAPieceBegins) {
  const std::vector<std::string> parts = {"a",  "b1", "日", ".", "'s",     "!!",     " ", " ",      "\n",
                                          "\n", "\r", "\t", "é", "\u3000", "\u00A0", "9", "\u0085", "x y"};
  std::mt19937 random(2);
  int cuts = 0;
  for (int repetition = 0; repetition < 3000; ++repetition) {
    std::string text;
    for (uint32_t size = random() % 25; size > 0; --size) text += parts[random() % parts.size()];
    const size_t cut = last_piece_boundary(text);
    if (cut == 0) continue;
    ++cuts;
    for (const bool llama3 : {false, true}) {
      std::vector<std::string> pieces = scan_pieces(text.substr(0, cut), llama3);
      for (const std::string& piece : scan_pieces(text.substr(cut), llama3)) pieces.push_back(piece);
      ASSERT_EQ(pieces, scan_pieces(text, llama3)) << text << "\ncut at " << cut;
    }
  }
  EXPECT_GT(cuts, 1000);
}

TEST(BpeCorpus, CutsLongTextsWithoutAPlaceBetweenCharacters) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "日本";
  EXPECT_EQ(corpus_cut(std::string_view(text).substr(0, 64 * 16 - 1), 64), 0U);
  const size_t cut = corpus_cut(std::string_view(text).substr(0, 64 * 16), 64);
  EXPECT_EQ(cut, 64U * 16 - 64 * 16 % 3) << "cut inside a character";
  EXPECT_EQ(corpus_cut("word word", 64), 4U);
}

TEST(BpeTrain, RefusesWhatCannotBeTrained) {
  const auto message = [](const std::function<void(BpeTrainOptions&)>& change) {
    BpeTrainOptions options = fixture_options();
    change(options);
    return user_error([&] { train_bpe(options, corpus_of("")); });
  };
  EXPECT_EQ(message([](auto& options) { options.vocab_size = 257; }),
            "a vocabulary of 257 tokens is too small: expected at least 258, for the 256 bytes and 2 special tokens");
  EXPECT_EQ(message([](auto& options) { options.min_frequency = 0; }), "a minimum frequency of 0: expected at least 1");
  EXPECT_EQ(message([](auto& options) {
              options.special_tokens = {"<a>", "<a>"};
            }),
            "the special token \"<a>\" is given twice");
  EXPECT_EQ(message([](auto& options) { options.special_tokens = {"é"}; }),
            "the special token \"é\" is too short: expected two characters or more");
  EXPECT_EQ(message([](auto&) {}), "there is no text to train a tokenizer on: the input is empty");
}

TEST(BpeTrain, LeavesTheOldFileWhenItFails) {
  const fs::path folder = fresh_folder("fails");
  write_file(folder / "tokenizer.json", "old");
  BpeTrainOptions options = fixture_options();
  user_error([&] { train_bpe_to_file(options, corpus_of(""), folder / "tokenizer.json"); });
  EXPECT_EQ(read_text_file(folder / "tokenizer.json"), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 1);
}

}  // namespace
}  // namespace kumiko
