#include "kumiko/train/stage_sums.h"

#include <algorithm>
#include <bit>

#include "kumiko/comm/reduction.h"

namespace kumiko {
namespace {

constexpr int64_t num_plain_words = 3;
constexpr int64_t num_exact_words = 2 * ExactSum::num_words;

ExactSum exact_sum_at(const int64_t* words) {
  return ExactSum::from_words(std::span<const int64_t, ExactSum::num_words>(words, ExactSum::num_words));
}

// In the order of all_reduce.
double tree_sum(const std::vector<double>& values) {
  std::vector<const void*> contributions;
  for (const double& value : values) contributions.push_back(&value);
  double sum = 0;
  reduce_tree(DType::f64, ReduceOp::sum, contributions, &sum, 1);
  return sum;
}

}  // namespace

StageTable::StageTable(MemoryPool& pool, int num_ranks, bool exact)
    : num_ranks_(num_ranks),
      exact_(exact),
      rows_(Tensor::zeros(pool, {num_ranks, num_plain_words + (exact ? num_exact_words : 0)}, DType::i64,
                          MemoryPurpose::communication)) {}

int64_t* StageTable::row(int rank) const { return rows_.data<int64_t>() + rank * rows_.shape()[1]; }

void StageTable::put(int rank, const StageSums& sums, const ExactStageSums& exact_sums) {
  const double values[num_plain_words] = {sums.loss, sums.squares, sums.stop_wishes};
  std::transform(std::begin(values), std::end(values), row(rank), std::bit_cast<int64_t, double>);
  if (!exact_) return;
  const auto loss = exact_sums.loss.words();
  const auto squares = exact_sums.squares.words();
  int64_t* const end = std::copy(loss.begin(), loss.end(), row(rank) + num_plain_words);
  std::copy(squares.begin(), squares.end(), end);
}

StageSums StageTable::sums(int rank) const {
  const int64_t* const words = row(rank);
  return {std::bit_cast<double>(words[0]), std::bit_cast<double>(words[1]), std::bit_cast<double>(words[2])};
}

StageSums StageTable::before(int end) const {
  StageSums sum;
  for (int rank = 0; rank < end; ++rank) {
    const StageSums of_rank = sums(rank);
    sum.loss += of_rank.loss;
    sum.squares += of_rank.squares;
    sum.stop_wishes += of_rank.stop_wishes;
  }
  return sum;
}

StageSums StageTable::total() const {
  StageSums total = before(num_ranks_);
  if (exact_) {
    ExactStageSums exact;
    for (int rank = 0; rank < num_ranks_; ++rank) {
      const int64_t* const words = row(rank) + num_plain_words;
      exact.loss.add(exact_sum_at(words));
      exact.squares.add(exact_sum_at(words + ExactSum::num_words));
    }
    total.loss = exact.loss.value();
    total.squares = exact.squares.value();
    return total;
  }
  std::vector<double> losses;
  std::vector<double> squares;
  for (int rank = 0; rank < num_ranks_; ++rank) {
    losses.push_back(sums(rank).loss);
    squares.push_back(sums(rank).squares);
  }
  total.loss = tree_sum(losses);
  total.squares = tree_sum(squares);
  return total;
}

}  // namespace kumiko
