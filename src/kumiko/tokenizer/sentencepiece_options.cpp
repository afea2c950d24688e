#include "kumiko/tokenizer/sentencepiece_options.h"

#include <optional>

namespace kumiko {
namespace {

struct Field {
  uint64_t number = 0;
  uint64_t value = 0;      // of a varint
  std::string_view bytes;  // of a string or message
};

// The fields of one message, one after the other.
class FieldReader {
 public:
  explicit FieldReader(std::string_view message) : rest_(message) {}

  std::optional<Field> next() {
    const auto key = varint();
    if (!key) return std::nullopt;
    Field field;
    field.number = *key >> 3;
    enum WireType : uint64_t { is_varint = 0, is_fixed64 = 1, is_bytes = 2, is_fixed32 = 5 };
    const uint64_t type = *key & 7;
    if (type == is_varint) {
      const auto value = varint();
      if (!value) return std::nullopt;
      field.value = *value;
      return field;
    }
    uint64_t size = type == is_fixed64 ? 8 : 4;
    if (type == is_bytes) {
      const auto length = varint();
      if (!length) return std::nullopt;
      size = *length;
    } else if (type != is_fixed64 && type != is_fixed32) {
      return std::nullopt;
    }
    if (size > rest_.size()) return std::nullopt;
    field.bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return field;
  }

 private:
  std::optional<uint64_t> varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }

  std::string_view rest_;
};

void read_trainer_spec(std::string_view message, SentencePieceOptions& options) {
  FieldReader reader(message);
  while (const auto field = reader.next()) {
    if (field->number == 3) options.kind = static_cast<SentencePieceOptions::Kind>(field->value);
    if (field->number == 24) options.space_ends_words = field->value != 0;
    if (field->number == 44) options.unknown_surface = field->bytes;
  }
}

void read_normalizer_spec(std::string_view message, SentencePieceOptions& options) {
  FieldReader reader(message);
  while (const auto field = reader.next()) {
    if (field->number == 3) options.add_dummy_prefix = field->value != 0;
    if (field->number == 4) options.remove_extra_whitespaces = field->value != 0;
  }
}

}  // namespace

SentencePieceOptions read_sentencepiece_options(std::string_view model) {
  SentencePieceOptions options;
  FieldReader reader(model);
  while (const auto field = reader.next()) {
    if (field->number == 2) read_trainer_spec(field->bytes, options);
    if (field->number == 3) read_normalizer_spec(field->bytes, options);
  }
  return options;
}

}  // namespace kumiko
