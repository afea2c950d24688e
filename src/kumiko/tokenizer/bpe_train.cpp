#include "kumiko/tokenizer/bpe_train.h"

#include <algorithm>
#include <thread>
#include <unordered_set>

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/tokenizer/bpe_byte_map.h"
#include "kumiko/tokenizer/tokenizer_json.h"
#include "kumiko/tokenizer/tokenizer_utf8.h"

namespace kumiko {
namespace {

constexpr int64_t num_bytes = 256;

void add_token(BpeVocabulary& vocabulary, const std::string& name) {
  auto bytes = from_byte_alphabet(name);
  if (!bytes) vocabulary.unreachable.emplace_back(static_cast<int32_t>(vocabulary.tokens.size()), name);
  vocabulary.tokens.push_back(bytes.value_or(""));
}

// Special tokens first, then the byte alphabet in the order of its characters.
BpeVocabulary base_vocabulary(const std::vector<std::string>& special_tokens) {
  BpeVocabulary vocabulary;
  for (const std::string& token : special_tokens) add_token(vocabulary, token);
  std::vector<char32_t> alphabet(byte_alphabet().begin(), byte_alphabet().end());
  std::sort(alphabet.begin(), alphabet.end());
  for (const char32_t character : alphabet) {
    std::string name;
    append_utf8(name, character);
    add_token(vocabulary, name);
  }
  return vocabulary;
}

int thread_count(int64_t wanted) {
  if (wanted > 0) return static_cast<int>(wanted);
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

}  // namespace

void BpeTrainOptions::validate() const {
  if (threads < 0) throw_user("{} threads: expected 0 (all cores) or more", threads);
  if (min_frequency < 1) throw_user("a minimum frequency of {}: expected at least 1", min_frequency);
  std::unordered_set<std::string> seen;
  for (const std::string& token : special_tokens) {
    if (from_byte_alphabet(token).value_or("not one byte").size() < 2)
      throw_user("the special token \"{}\" is too short: expected two characters or more", token);
    if (well_formed_utf8_prefix(token) != token.size()) throw_user("a special token is not well-formed UTF-8");
    if (!seen.insert(token).second) throw_user("the special token \"{}\" is given twice", token);
  }
  const int64_t least = num_bytes + static_cast<int64_t>(special_tokens.size());
  if (vocab_size < least) {
    throw_user("a vocabulary of {} tokens is too small: expected at least {}, for the {} bytes and {} special tokens",
               vocab_size, least, num_bytes, special_tokens.size());
  }
  if (vocab_size > (1 << 24))
    throw_user("a vocabulary of {} tokens is too large: expected at most {}", vocab_size, 1 << 24);
}

BpeTrainResult train_bpe(const BpeTrainOptions& options, const Corpus& corpus,
                         const std::function<void(const BpeTrainProgress&)>& progress) {
  options.validate();
  const auto report = [&](std::string_view phase, int64_t done, int64_t total) {
    if (progress) progress({phase, done, total});
  };
  const auto pre_tokenizer = make_byte_level(false, true);
  const CorpusWords counted = count_words(corpus, *pre_tokenizer, thread_count(options.threads),
                                          [&](int64_t bytes) { report("reading", bytes, corpus.total_bytes); });
  const std::vector<WordCount>& words = counted.words;
  if (words.empty()) throw_user("there is no text to train a tokenizer on: the input is empty");
  BpeTrainResult result{base_vocabulary(options.special_tokens), counted.num_bytes, static_cast<int64_t>(words.size())};
  learn_merges(words, options.vocab_size, options.min_frequency, result.vocabulary,
               [&](int64_t size) { report("merging", size, options.vocab_size); });
  return result;
}

BpeTrainResult train_bpe_to_file(const BpeTrainOptions& options, const Corpus& corpus,
                                 const std::filesystem::path& output,
                                 const std::function<void(const BpeTrainProgress&)>& progress) {
  options.validate();
  // Opened before the work, so that a place that cannot be written is known at once.
  AtomicFile file(output);
  BpeTrainResult result = train_bpe(options, corpus, progress);
  file.write(byte_level_bpe_json(result.vocabulary, options.special_tokens));
  file.commit();
  return result;
}

}  // namespace kumiko
