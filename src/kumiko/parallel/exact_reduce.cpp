#include "kumiko/parallel/exact_reduce.h"

#include <algorithm>

namespace kumiko {

ExactSum add_exactly(const ExactSum& sum, std::initializer_list<Communicator*> axes, std::string_view purpose,
                     MemoryPool& pool) {
  ExactSum total = sum;
  for (Communicator* axis : axes) {
    if (axis == nullptr || axis->size() == 1) continue;
    const Tensor words = Tensor::empty(pool, {ExactSum::num_words}, DType::i64, MemoryPurpose::communication);
    const auto mine = total.words();
    std::copy(mine.begin(), mine.end(), words.data<int64_t>());
    axis->all_reduce(words, ReduceOp::sum, purpose).wait();
    total = ExactSum::from_words(words.elements<int64_t>().first<ExactSum::num_words>());
  }
  return total;
}

double sum_exactly(const ExactSum& sum, std::initializer_list<Communicator*> axes, std::string_view purpose,
                   MemoryPool& pool) {
  return add_exactly(sum, axes, purpose, pool).value();
}

double sum_exactly(std::span<const double> values, std::initializer_list<Communicator*> axes, std::string_view purpose,
                   MemoryPool& pool) {
  ExactSum sum;
  for (const double value : values) sum.add(value);
  return sum_exactly(sum, axes, purpose, pool);
}

}  // namespace kumiko
