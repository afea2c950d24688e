#include "kumiko/convert/sentencepiece_model.h"

#include <cstring>
#include <string_view>

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"

namespace kumiko {
namespace {

// The file is a protocol buffer: fields, each a key (number << 3 | wire type) and a value.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : rest_(bytes) {}

  struct Field {
    uint64_t number = 0;
    uint64_t value = 0;      // of a variable-length or a 4-byte one
    std::string_view bytes;  // of one with a length
  };

  bool next(Field& field) {
    if (rest_.empty()) return false;
    const uint64_t key = variable();
    field = {key >> 3, 0, {}};
    switch (key & 7) {
      case 0:
        field.value = variable();
        return true;
      case 1:
        take(8);
        return true;
      case 2:
        field.bytes = take(variable());
        return true;
      case 5:
        std::memcpy(&field.value, take(4).data(), 4);
        return true;
      default:
        throw_user("an unknown kind of field");
    }
  }

 private:
  std::string_view take(uint64_t size) {
    if (size > rest_.size()) throw_user("a field ends beyond the file");
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  uint64_t variable() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) return value;
    }
    throw_user("a number is too long");
  }

  std::string_view rest_;
};

SentencePiece read_piece(std::string_view bytes) {
  SentencePiece piece;
  Fields fields(bytes);
  for (Fields::Field field; fields.next(field);) {
    if (field.number == 1) piece.text = field.bytes;
    if (field.number == 2) std::memcpy(&piece.score, &field.value, sizeof(piece.score));
    if (field.number == 3) piece.type = static_cast<int32_t>(field.value);
  }
  return piece;
}

}  // namespace

std::vector<SentencePiece> read_sentencepiece_model(const std::filesystem::path& path) {
  const std::string text = read_text_file(path);
  std::vector<SentencePiece> pieces;
  try {
    Fields fields(text);
    for (Fields::Field field; fields.next(field);) {
      if (field.number == 1) pieces.push_back(read_piece(field.bytes));
    }
  } catch (const Error& error) {
    throw_user("{} is not a SentencePiece model: {}", path.string(), error.what());
  }
  if (pieces.empty()) throw_user("{} is not a SentencePiece model: it has no pieces", path.string());
  return pieces;
}

}  // namespace kumiko
