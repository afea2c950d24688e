// Byte-pair encoding (Sennrich, Haddow and Birch, 2016), over bytes as GPT-2 has it or over any other symbols.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kumiko {

struct BpeMerge {
  int32_t left;
  int32_t right;
  int32_t result;
};

// What training finds and tokenizer.json holds.
struct BpeVocabulary {
  std::vector<std::string> tokens;  // by id, the bytes that each stands for; an id that is not used is ""
  std::vector<BpeMerge> merges;     // the first is the most urgent
  // Tokens that no text ever becomes, because their names are not of the byte alphabet; "" in `tokens`.
  std::vector<std::pair<int32_t, std::string>> unreachable;
};

// Working memory of BpeMerger, to be kept from call to call.
struct BpeWorkspace {
  struct Symbol {
    int32_t id;
    int32_t previous;  // index of the live neighbour, -1 for none
    int32_t next;
    uint32_t rank;  // of the merge with `next`; no_rank if there is none, or if this symbol is gone
  };
  std::vector<Symbol> symbols;
  std::vector<uint64_t> queue;  // min-heap of rank << 32 | index
};

class BpeMerger {
 public:
  // User error if one of the 256 bytes has no token, so that some text could not be encoded.
  explicit BpeMerger(const BpeVocabulary& vocabulary);
  // Only for merge().
  explicit BpeMerger(const std::vector<BpeMerge>& merges);

  // Appends the ids of one piece of text: always the merge of lowest rank first, the leftmost of equals.
  void encode(std::string_view piece, BpeWorkspace& work, std::vector<int32_t>& ids) const;

  // The same for the ids in work.symbols, whose other members need not be set.
  void merge(BpeWorkspace& work, std::vector<int32_t>& ids) const;

 private:
  struct Slot {
    uint64_t pair = ~uint64_t{0};
    uint32_t rank = 0;
  };
  static constexpr uint32_t no_rank = ~uint32_t{0};

  void insert(int32_t left, int32_t right, uint32_t rank);
  uint32_t rank_of(int32_t left, int32_t right) const;
  size_t home(uint64_t pair) const { return static_cast<size_t>(pair * 0x9E3779B97F4A7C15u >> shift_); }

  std::array<int32_t, 256> byte_ids_;
  std::vector<int32_t> results_;  // by rank
  std::vector<Slot> slots_;       // open addressing, linear probing, at most half full
  int shift_;
};

}  // namespace kumiko
