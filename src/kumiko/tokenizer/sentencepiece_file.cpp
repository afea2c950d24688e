#include "kumiko/tokenizer/sentencepiece_file.h"

#include <cmath>
#include <unordered_set>

#include "kumiko/base/error.h"
#include "kumiko/tokenizer/charsmap.h"
#include "kumiko/tokenizer/protobuf_fields.h"
#include "kumiko/tokenizer/tokenizer_utf8.h"

namespace kumiko {
namespace {

using Field = ProtobufFields::Field;
using Type = SentencePiece::Type;

SentencePiece read_piece(std::string_view message) {
  SentencePiece piece;
  ProtobufFields fields(message);
  for (Field field; fields.next(field);) {
    if (field.number == 1) piece.text = field.text("its text");
    if (field.number == 2) piece.score = field.real("its score");
    if (field.number == 3) piece.type = static_cast<Type>(field.number_value("its type"));
  }
  return piece;
}

void read_trainer_spec(std::string_view message, SentencePieceFile& file) {
  const auto id = [](const Field& field, const char* name) {
    return static_cast<int64_t>(static_cast<int32_t>(field.number_value(name)));
  };
  ProtobufFields fields(message);
  for (Field field; fields.next(field);) {
    if (field.number == 3) file.kind = static_cast<SentencePieceFile::Kind>(field.number_value("model_type"));
    if (field.number == 24) file.space_ends_words = field.number_value("treat_whitespace_as_suffix") != 0;
    if (field.number == 35) file.byte_fallback = field.number_value("byte_fallback") != 0;
    if (field.number == 40) file.unknown_id = id(field, "unk_id");
    if (field.number == 41) file.begin_id = id(field, "bos_id");
    if (field.number == 42) file.end_id = id(field, "eos_id");
    if (field.number == 43) file.pad_id = id(field, "pad_id");
    if (field.number == 44) file.unknown_surface = field.text("unk_surface");
  }
}

void read_normalizer_spec(std::string_view message, SentencePieceFile& file) {
  ProtobufFields fields(message);
  for (Field field; fields.next(field);) {
    if (field.number == 2) file.charsmap = field.text("precompiled_charsmap");
    if (field.number == 3) file.add_dummy_prefix = field.number_value("add_dummy_prefix") != 0;
    if (field.number == 4) file.remove_extra_whitespaces = field.number_value("remove_extra_whitespaces") != 0;
    if (field.number == 5) file.escape_whitespaces = field.number_value("escape_whitespaces") != 0;
  }
  if (!file.charsmap.empty()) Charsmap::read(file.charsmap);
}

// The rules for the way back, which the library reads as well.
void check_denormalizer_spec(std::string_view message) {
  SentencePieceFile file;
  read_normalizer_spec(message, file);
}

bool is_byte_name(std::string_view text) {
  return text.size() == 6 && text.starts_with("<0x") && text.ends_with('>') &&
         text.substr(3, 2).find_first_not_of("0123456789ABCDEF") == std::string_view::npos;
}

void check_pieces(const SentencePieceFile& file) {
  std::unordered_set<std::string_view> seen;
  size_t num_unknown = 0;
  for (size_t id = 0; id < file.pieces.size(); ++id) {
    const SentencePiece& piece = file.pieces[id];
    const auto fail = [&](const char* what) { throw_user("its piece {} {}", id, what); };
    if (piece.text.empty()) fail("is empty");
    if (piece.text.find('\0') != std::string::npos) fail("holds a zero byte");
    if (well_formed_utf8_prefix(piece.text) != piece.text.size()) fail("is not UTF-8");
    if (!std::isfinite(piece.score)) fail("has a score that is no number");
    if (piece.type < Type::normal || piece.type > Type::byte) fail("is of an unknown type");
    if (piece.type == Type::byte && !is_byte_name(piece.text)) fail("stands for a byte, but is not spelled <0xHH>");
    if (!seen.insert(piece.text).second) fail("is there twice");
    num_unknown += piece.type == Type::unknown;
  }
  if (num_unknown != 1) throw_user("it has {} pieces for what is unknown: expected one", num_unknown);
}

void check_ids(const SentencePieceFile& file) {
  const auto size = static_cast<int64_t>(file.pieces.size());
  for (const auto& [name, id] : {std::pair("unk_id", file.unknown_id), std::pair("bos_id", file.begin_id),
                                 std::pair("eos_id", file.end_id), std::pair("pad_id", file.pad_id)}) {
    if (id < -1 || (id >= size && std::string_view(name) == "unk_id")) {
      throw_user("its {} is {}: expected an id below {}", name, id, size);
    }
  }
  if (file.kind < SentencePieceFile::Kind::unigram || file.kind > SentencePieceFile::Kind::character) {
    throw_user("its model_type is {}: expected 1 to 4", static_cast<uint64_t>(file.kind));
  }
}

SentencePieceFile read_fields(std::string_view model) {
  SentencePieceFile file;
  ProtobufFields fields(model);
  for (Field field; fields.next(field);) {
    if (field.number == 1) file.pieces.push_back(read_piece(field.text("pieces")));
    if (field.number == 2) read_trainer_spec(field.text("trainer_spec"), file);
    if (field.number == 3) read_normalizer_spec(field.text("normalizer_spec"), file);
    if (field.number == 5) check_denormalizer_spec(field.text("denormalizer_spec"));
  }
  if (file.pieces.empty()) throw_user("it has no pieces");
  check_pieces(file);
  check_ids(file);
  return file;
}

}  // namespace

SentencePieceFile read_sentencepiece_file(std::string_view model) {
  try {
    return read_fields(model);
  } catch (const Error& error) {
    throw_user("not a SentencePiece model ({}): the file is damaged, cut off, or of another kind", error.what());
  }
}

}  // namespace kumiko
