// The ids of words seen before. Text repeats itself, so nearly every piece is found here and not merged again.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace kumiko {

// Direct-mapped: a word has one place, and takes it from the word that was there. 4 MiB in all, one cache line a word.
class BpeCache {
 public:
  static constexpr size_t max_bytes = 23;
  static constexpr size_t max_ids = 9;

  struct Key {
    std::array<uint64_t, 3> parts;  // the word's bytes, zeros, and its size in the last byte

    explicit Key(std::string_view word) : parts{} {
      if (!word.empty()) std::memcpy(parts.data(), word.data(), word.size());
      parts[2] |= uint64_t{word.size()} << 56;
    }
    bool operator==(const Key& other) const {
      return ((parts[0] ^ other.parts[0]) | (parts[1] ^ other.parts[1]) | (parts[2] ^ other.parts[2])) == 0;
    }
  };

  // The ids of `key`; empty if it is not there. Valid until the next store.
  std::span<const int32_t> find(const Key& key) const {
    const Entry& entry = entries_[place(key)];
    return entry.key == key ? std::span(entry.ids.data(), entry.num_ids) : std::span<const int32_t>();
  }

  // Words of more than max_ids ids are not kept.
  void store(const Key& key, std::span<const int32_t> ids) {
    if (ids.size() > max_ids) return;
    Entry& entry = entries_[place(key)];
    entry.key = key;
    entry.num_ids = static_cast<uint32_t>(ids.size());
    std::copy(ids.begin(), ids.end(), entry.ids.begin());  // memcpy takes no null, which nothing's address may be
  }

 private:
  struct alignas(64) Entry {
    Key key{""};
    std::array<int32_t, max_ids> ids;
    uint32_t num_ids = 0;
  };
  static_assert(sizeof(Entry) == 64);
  static constexpr int log2_entries = 16;

  static size_t place(const Key& key) {
    uint64_t hash = key.parts[0] * 0x9E3779B97F4A7C15u ^ key.parts[1] * 0xC2B2AE3D27D4EB4Fu;
    hash = (hash ^ hash >> 29 ^ key.parts[2]) * 0xD6E8FEB86659FD93u;
    return static_cast<size_t>(hash >> (64 - log2_entries));
  }

  std::vector<Entry> entries_{size_t{1} << log2_entries};
};

}  // namespace kumiko
