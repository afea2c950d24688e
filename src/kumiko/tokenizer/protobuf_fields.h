// The wire format of protocol buffers, read strictly: fields one after the other, each a key and a value.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "kumiko/base/error.h"

namespace kumiko {

class ProtobufFields {
 public:
  enum class Wire : uint64_t { variable = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };
  struct Field {
    uint64_t number = 0;
    Wire wire = Wire::variable;
    uint64_t value = 0;      // of a variable-length or a 4-byte one
    std::string_view bytes;  // of one with a length

    // User error if the field was written as another kind than `expected`.
    void check(Wire expected, std::string_view name) const {
      if (wire != expected) throw_user("{} is of the wire type {}, not {}", name, as_number(wire), as_number(expected));
    }
    std::string_view text(std::string_view name) const {
      check(Wire::bytes, name);
      return bytes;
    }
    uint64_t number_value(std::string_view name) const {
      check(Wire::variable, name);
      return value;
    }
    float real(std::string_view name) const {
      check(Wire::fixed32, name);
      const auto bits = static_cast<uint32_t>(value);
      float result;
      std::memcpy(&result, &bits, sizeof(result));
      return result;
    }

   private:
    static uint64_t as_number(Wire wire) { return static_cast<uint64_t>(wire); }
  };

  explicit ProtobufFields(std::string_view message) : rest_(message) {}

  // False at the end. User error where the message is damaged.
  bool next(Field& field) {
    if (rest_.empty()) return false;
    const uint64_t key = variable();
    field = {key >> 3, static_cast<Wire>(key & 7), 0, {}};
    if (field.number == 0) throw_user("a field has the number 0");
    switch (field.wire) {
      case Wire::variable:
        field.value = variable();
        return true;
      case Wire::fixed64:
        take(8);
        return true;
      case Wire::bytes:
        field.bytes = take(variable());
        return true;
      case Wire::fixed32: {
        uint32_t bits;
        std::memcpy(&bits, take(sizeof(bits)).data(), sizeof(bits));
        field.value = bits;
        return true;
      }
    }
    throw_user("a field is of the unknown wire type {}", key & 7);
  }

 private:
  std::string_view take(uint64_t size) {
    if (size > rest_.size()) throw_user("a field of {} bytes ends beyond the {} that there are", size, rest_.size());
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  uint64_t variable() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return value;
    }
    throw_user("a number has more than ten bytes");
  }

  std::string_view rest_;
};

}  // namespace kumiko
