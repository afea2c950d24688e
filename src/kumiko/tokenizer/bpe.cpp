#include "kumiko/tokenizer/bpe.h"

#include <algorithm>
#include <bit>
#include <functional>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

uint64_t key(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

std::array<int32_t, 256> find_byte_ids(const BpeVocabulary& vocabulary) {
  std::array<int32_t, 256> ids;
  ids.fill(-1);
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const std::string& token = vocabulary.tokens[id];
    if (token.size() == 1) ids[static_cast<unsigned char>(token[0])] = static_cast<int32_t>(id);
  }
  const auto missing = std::find(ids.begin(), ids.end(), -1);
  if (missing != ids.end()) {
    throw_user(
        "the vocabulary has no token for byte 0x{:02X}: text with it could not be encoded; expected all 256 bytes",
        missing - ids.begin());
  }
  return ids;
}

}  // namespace

BpeMerger::BpeMerger(const BpeVocabulary& vocabulary) : BpeMerger(vocabulary.merges) {
  byte_ids_ = find_byte_ids(vocabulary);
}

BpeMerger::BpeMerger(const std::vector<BpeMerge>& merges) : byte_ids_() {
  const size_t num_slots = std::bit_ceil(std::max<size_t>(16, 2 * merges.size()));
  shift_ = 64 - std::countr_zero(num_slots);
  slots_.resize(num_slots);
  results_.reserve(merges.size());
  for (const BpeMerge& merge : merges) {
    insert(merge.left, merge.right, static_cast<uint32_t>(results_.size()));
    results_.push_back(merge.result);
  }
}

// A pair that comes twice keeps its later rank, as in the `tokenizers` package.
void BpeMerger::insert(int32_t left, int32_t right, uint32_t rank) {
  const uint64_t pair = key(left, right);
  size_t index = home(pair);
  while (slots_[index].pair != pair && slots_[index].pair != Slot{}.pair) index = (index + 1) & (slots_.size() - 1);
  slots_[index] = {pair, rank};
}

uint32_t BpeMerger::rank_of(int32_t left, int32_t right) const {
  const uint64_t pair = key(left, right);
  size_t index = home(pair);
  while (slots_[index].pair != pair) {
    if (slots_[index].pair == Slot{}.pair) return no_rank;
    index = (index + 1) & (slots_.size() - 1);
  }
  return slots_[index].rank;
}

void BpeMerger::encode(std::string_view piece, BpeWorkspace& work, std::vector<int32_t>& ids) const {
  work.symbols.resize(piece.size());
  for (size_t i = 0; i < piece.size(); ++i) work.symbols[i].id = byte_ids_[static_cast<unsigned char>(piece[i])];
  merge(work, ids);
}

void BpeMerger::merge(BpeWorkspace& work, std::vector<int32_t>& ids) const {
  auto& symbols = work.symbols;
  auto& queue = work.queue;
  queue.clear();
  const auto size = static_cast<int32_t>(symbols.size());
  for (int32_t i = 0; i < size; ++i) {
    BpeWorkspace::Symbol& symbol = symbols[static_cast<size_t>(i)];
    symbol = {symbol.id, i - 1, i + 1 < size ? i + 1 : -1, no_rank};
  }
  const auto at = [&](int32_t index) -> BpeWorkspace::Symbol& { return symbols[static_cast<size_t>(index)]; };
  const auto rank_symbol = [&](int32_t index) {
    BpeWorkspace::Symbol& symbol = at(index);
    symbol.rank = symbol.next < 0 ? no_rank : rank_of(symbol.id, at(symbol.next).id);
    if (symbol.rank == no_rank) return false;
    queue.push_back(uint64_t{symbol.rank} << 32 | static_cast<uint32_t>(index));
    return true;
  };
  for (int32_t i = 0; i < size; ++i) rank_symbol(i);
  std::make_heap(queue.begin(), queue.end(), std::greater<>());
  const auto requeue = [&](int32_t index) {
    if (rank_symbol(index)) std::push_heap(queue.begin(), queue.end(), std::greater<>());
  };
  while (!queue.empty()) {
    std::pop_heap(queue.begin(), queue.end(), std::greater<>());
    const auto rank = static_cast<uint32_t>(queue.back() >> 32);
    const auto index = static_cast<int32_t>(queue.back() & 0xFFFFFFFFu);
    queue.pop_back();
    BpeWorkspace::Symbol& symbol = at(index);
    if (symbol.rank != rank) continue;
    BpeWorkspace::Symbol& right = at(symbol.next);
    symbol.id = results_[rank];
    symbol.next = right.next;
    right.rank = no_rank;
    if (symbol.next >= 0) at(symbol.next).previous = index;
    requeue(index);
    if (symbol.previous >= 0) requeue(symbol.previous);
  }
  for (int32_t index = 0; index >= 0 && index < size; index = at(index).next) ids.push_back(at(index).id);
}

}  // namespace kumiko
