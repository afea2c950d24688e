#include <algorithm>
#include <vector>

#include "fuzz/targets.h"
#include "kumiko/data/block_encoder.h"
#include "kumiko/data/cut_places.h"
#include "kumiko/data/indexed_dataset.h"
#include "kumiko/text/text_source.h"

namespace kumiko::fuzz {

// Two bytes with the length of .idx, .idx, .bin.
void indexed_dataset(std::string_view input) {
  if (input.size() < 2) return;
  const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(input[i])); };
  const size_t length = std::min(byte(0) | byte(1) << 8U, input.size() - 2);
  std::filesystem::path prefix = file_of("data.idx", input.substr(2, length));
  file_of("data.bin", input.substr(2 + length));
  const IndexedDataset dataset(prefix.replace_extension().string());
  dataset.max_token_id();
  for (int64_t i = 0; i < std::min<int64_t>(dataset.num_sequences(), 50); ++i) {
    std::vector<int32_t> tokens(static_cast<size_t>(dataset.sizes()[i]));
    dataset.read(i, 0, tokens, 1000);
  }
  dataset.check_vocabulary(1000, 100);
  int64_t last = 0;
  for (int64_t i = 0; i <= dataset.num_documents(); ++i) {
    require(dataset.documents()[i] >= last, "documents out of order");
    last = dataset.documents()[i];
  }
}

// A byte for what ends a document (the last two leave it to the content), one for how the text is cut into blocks, the
// text.
void text_lines(std::string_view input) {
  if (input.size() < 2) return;
  const auto kind = static_cast<unsigned char>(input[0]) % 7;
  const auto how = static_cast<unsigned char>(input[1]);
  const std::filesystem::path path = file_of("text.txt", input.substr(2));
  std::string whole;
  TextReader reader(path, kind < 3);
  while (reader.read(whole, 1 + how % 64)) {
  }
  TextInput read;
  read.files = {path, path};
  read.skip_bad_lines = kind >= 3 && (how & 32U) != 0;
  read.invalid_utf8 = InvalidUtf8::replace;
  if (kind < 3) {
    read.format = TextFormat::text;
    read.split_on = static_cast<DocumentEnd>(kind);
  } else if (kind < 5) {
    read.format = kind == 3 ? TextFormat::jsonl : TextFormat::json;
  }
  TextSource::Options options;
  options.block_bytes = 1 + how % 64;
  options.cut_document = [places = CutPlaces{(how & 64U) != 0, (how & 128U) != 0}](std::string_view text) {
    return last_safe_cut(text, places);
  };
  TextSource source(read, options);
  size_t bytes = 0;
  while (auto block = source.next()) {
    bytes += block->text.size();
    const EncodedBlock encoded =
        encode_block(std::move(*block), read, [](std::string_view text, TextStart, std::vector<int32_t>& ids) {
          for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
        });
    for (const int64_t place : encoded.ends) {
      require(place >= 0 && place <= static_cast<int64_t>(encoded.tokens.size()), "a document ends outside its block");
    }
  }
  require(bytes == 2 * whole.size(), "text is lost between blocks");
}

}  // namespace kumiko::fuzz
