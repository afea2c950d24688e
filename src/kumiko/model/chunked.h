// Products whose communication on the tensor axis hides behind arithmetic: the rows are cut into chunks, and while one
// chunk is multiplied the next is gathered, and the last is summed over the ranks. Which rows a rank has is said in
// token_chunks.h. On one rank all of this is the product alone.
#pragma once

#include <string_view>
#include <vector>

#include "kumiko/model/pass.h"

namespace kumiko {

// What crosses the tensor axis, as the traffic is counted.
inline constexpr std::string_view activations_traffic = "activations";
inline constexpr std::string_view gradients_traffic = "activation gradients";
inline constexpr std::string_view weight_inputs_traffic = "weight gradient inputs";  // gathered again

// Waits; the time is that of tensor communication, whatever waits.
void wait_exposed(const Event& event, RegionTimer* timer);

// x of all tokens, [T, K], from the ranks' shards [T/t, K]: on its way from the construction on. Where every rank has
// all rows, x itself.
class GatheredRows {
 public:
  GatheredRows(const Pass& pass, Tensor x, std::string_view purpose);

  // Rows of chunk c of the pass's chunks may be read after wait(c).
  const Tensor& rows() const { return whole_; }
  void wait(int64_t chunk) const;
  // When all are there.
  const Tensor& all() const;
  bool gathers() const { return !events_.empty(); }

 private:
  RegionTimer* timer_;
  Tensor shard_;
  Tensor whole_;
  std::vector<Event> events_;  // one a chunk; none: nothing to gather
};

// The sum over ranks of y, [T, N]: of all rows in place, or of this rank's shard.
class SummedRows {
 public:
  // `memory` is for the sum.
  SummedRows(const Pass& pass, int64_t num_columns, std::string_view purpose,
             MemoryPurpose memory = MemoryPurpose::workspace);

  // [T, N]: where this rank's contribution goes.
  const Tensor& rows() const { return partial_; }
  // The rows of the chunk are complete on this rank.
  void start(int64_t chunk);
  // The sum, once every chunk has been started.
  const Tensor& sum() const;
  bool sums() const { return ranks_ != nullptr; }

 private:
  RegionTimer* timer_;
  Communicator* ranks_;
  TokenChunks chunks_;
  std::string_view purpose_;
  Tensor partial_;
  Tensor sum_;  // shares partial_ where every rank has all rows
  std::vector<Event> events_;
};

// For each chunk, or the part of it that lies in `rows`: waits for the chunk's rows of x, calls multiply(IndexRange),
// and starts the sum of the chunk's rows of y when the last of them is there. Calls it once, for all rows, where there
// is nothing to hide. x or y may be none.
template <class Multiply>
void multiply_chunks(const Pass& pass, IndexRange rows, const GatheredRows* x, SummedRows* y, Multiply multiply) {
  const bool gathers = x != nullptr && x->gathers();
  const bool sums = y != nullptr && y->sums();
  if (!gathers && !sums) return multiply(rows);
  const TokenChunks chunks = pass.chunks();
  for (int64_t chunk = 0; chunk < chunks.count; ++chunk) {
    const IndexRange whole = chunks.whole(chunk);
    const IndexRange part = {std::max(rows.begin, whole.begin), std::min(rows.end, whole.end)};
    if (part.size() <= 0) continue;
    if (gathers) x->wait(chunk);
    multiply(part);
    if (sums && part.end == whole.end) y->start(chunk);
  }
}
template <class Multiply>
void multiply_chunks(const Pass& pass, const GatheredRows* x, SummedRows* y, Multiply multiply) {
  multiply_chunks(pass, {0, pass.num_tokens()}, x, y, multiply);
}

inline Tensor rows_of(const Tensor& tensor, IndexRange range) { return tensor.rows(range.begin, range.end); }

// y = or += dropout(x) of rows of the residual stream, with the mask that one rank draws; y may be x.
void drop_rows(const Pass& pass, const DropoutMask& mask, const Tensor& x, const Tensor& y, Write write);

}  // namespace kumiko
