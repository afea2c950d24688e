#include "kumiko/checkpoint/exchange.h"

#include <algorithm>
#include <cstring>

namespace kumiko {
namespace {

constexpr const char* purpose = "checkpoint";

Tensor new_tensor(int64_t count, DType dtype) {
  const size_t bytes = static_cast<size_t>(count) * size_of(dtype);
  return Tensor(std::shared_ptr<std::byte[]>(new std::byte[std::max<size_t>(bytes, 1)]), {count}, dtype);
}

Tensor tensor_of(const std::string& text) {
  const Tensor tensor = new_tensor(static_cast<int64_t>(text.size()), DType::u8);
  std::memcpy(tensor.raw(), text.data(), text.size());
  return tensor;
}

std::string text_of(const Tensor& tensor) { return {static_cast<const char*>(tensor.raw()), tensor.num_bytes()}; }

}  // namespace

std::vector<int64_t> all_gather_number(Communicator& ranks, int64_t number) {
  const Tensor own = new_tensor(1, DType::i64);
  const Tensor all = new_tensor(ranks.size(), DType::i64);
  *own.data<int64_t>() = number;
  ranks.all_gather(own, all, purpose).wait();
  const std::span<const int64_t> numbers = all.elements<int64_t>();
  return {numbers.begin(), numbers.end()};
}

std::string broadcast_text(Communicator& ranks, std::string text, int root) {
  const auto sizes = all_gather_number(ranks, static_cast<int64_t>(text.size()));
  const int64_t size = sizes[static_cast<size_t>(root)];
  if (size == 0) return "";
  const Tensor tensor = ranks.rank() == root ? tensor_of(text) : new_tensor(size, DType::u8);
  ranks.broadcast(tensor, root, purpose).wait();
  return text_of(tensor);
}

std::vector<std::string> gather_texts(Communicator& ranks, const std::string& text, int root) {
  const auto sizes = all_gather_number(ranks, static_cast<int64_t>(text.size()));
  if (ranks.rank() != root) {
    if (!text.empty()) ranks.send(tensor_of(text), root, purpose).wait();
    return {};
  }
  std::vector<std::string> texts;
  for (int rank = 0; rank < ranks.size(); ++rank) {
    const int64_t size = sizes[static_cast<size_t>(rank)];
    if (rank == root || size == 0) {
      texts.push_back(rank == root ? text : "");
      continue;
    }
    const Tensor tensor = new_tensor(size, DType::u8);
    ranks.receive(tensor, rank, purpose).wait();
    texts.push_back(text_of(tensor));
  }
  return texts;
}

}  // namespace kumiko
