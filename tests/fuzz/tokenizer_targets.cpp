#include <algorithm>
#include <vector>

#include "fuzz/targets.h"
#include "kumiko/tokenizer/sentencepiece_file.h"
#include "kumiko/tokenizer/tokenizer.h"
#include "kumiko/tokenizer/tokenizer_json.h"
#include "kumiko/tokenizer/tokenizer_sentencepiece.h"
#include "kumiko/tokenizer/tokenizer_settings.h"

namespace kumiko::fuzz {
namespace {

constexpr std::string_view sample = "Hello, world! 123 \xe4\xb8\xad\xf0\x9f\x99\x82\n\n  a\xff\xc3(";

// What a tokenizer makes of a text is of its vocabulary, and can be made text again.
void use(const Tokenizer& tokenizer, std::string_view text) {
  const std::vector<int32_t> ids = tokenizer.encode(text);
  for (const int32_t id : ids) {
    require(id >= 0 && id < tokenizer.vocab_size(), "an id outside the vocabulary");
    require(tokenizer.has_token(id), "an id that no token has");
  }
  tokenizer.decode(ids);
}

const std::vector<Tokenizer>& good_tokenizers() {
  static const std::vector<Tokenizer> loaded = [] {
    std::vector<Tokenizer> tokenizers;
    for (const char* name : {"gpt2", "llama3", "llama2", "t5", "albert", "unigram_bytes", "added", "steps"}) {
      tokenizers.push_back(load_tokenizer(std::filesystem::path(KUMIKO_FIXTURES) / "tokenizer" / name));
    }
    return tokenizers;
  }();
  return loaded;
}

}  // namespace

void tokenizer_json(std::string_view input) {
  const Tokenizer tokenizer = tokenizer_from_json(input);
  use(tokenizer, sample);
  use(tokenizer, input.substr(0, 200));
}

// vocab.json and merges.txt.
void gpt2_files(std::string_view input) {
  const auto [vocabulary, merges] = two_files(input);
  use(Tokenizer(parts_from_vocabulary(vocabulary, merges, PairPattern::gpt2, false)), sample);
}

void sentencepiece(std::string_view input) {
  // Each by itself: the reader of the pieces may refuse what the library takes.
  const auto reader = [](std::string_view text) { read_sentencepiece_file(text); };
  const auto library = [](std::string_view text) {
    const Tokenizer tokenizer(parts_from_sentencepiece(text));
    use(tokenizer, sample);
    use(tokenizer, text.substr(0, 200));
  };
  for (const Target part : {Target{"reader", reader}, Target{"library", library}}) {
    const std::string found = finding(part, input);
    require(found.empty(), found.c_str());
  }
}

// Any text through sound tokenizers: the first byte says which.
void encode(std::string_view input) {
  if (input.empty()) return;
  const std::vector<Tokenizer>& tokenizers = good_tokenizers();
  use(tokenizers[static_cast<unsigned char>(input[0]) % tokenizers.size()], input.substr(1));
}

// What stands beside a tokenizer.json.
void tokenizer_config(std::string_view input) {
  read_tokenizer_settings(file_of("tokenizer_config.json", input).parent_path());
}

}  // namespace kumiko::fuzz
