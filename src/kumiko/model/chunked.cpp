#include "kumiko/model/chunked.h"

namespace kumiko {

void wait_exposed(const Event& event, RegionTimer* timer) {
  const Span span(timer, Region::tensor_communication);
  event.wait();
}

GatheredRows::GatheredRows(const Pass& pass, Tensor x, std::string_view purpose)
    : timer_(pass.timer), shard_(std::move(x)), whole_(shard_) {
  if (!pass.shards_tokens()) return;
  const TokenChunks chunks = pass.chunks();
  whole_ = pass.empty({chunks.num_tokens, shard_.shape().last()}, MemoryPurpose::workspace);
  for (int64_t chunk = 0; chunk < chunks.count; ++chunk) {
    events_.push_back(
        pass.tensor->all_gather(rows_of(shard_, chunks.shard(chunk)), rows_of(whole_, chunks.whole(chunk)), purpose));
  }
}

void GatheredRows::wait(int64_t chunk) const { wait_exposed(events_[static_cast<size_t>(chunk)], timer_); }

const Tensor& GatheredRows::all() const {
  if (gathers()) wait_exposed(events_.back(), timer_);
  return whole_;
}

SummedRows::SummedRows(const Pass& pass, int64_t num_columns, std::string_view purpose, MemoryPurpose memory)
    : timer_(pass.timer), ranks_(pass.tensor), chunks_(pass.chunks()), purpose_(purpose) {
  sum_ = pass.empty({chunks_.shard_tokens(), num_columns}, memory);
  partial_ = pass.shards_tokens() ? pass.empty({chunks_.num_tokens, num_columns}, MemoryPurpose::workspace) : sum_;
}

void SummedRows::start(int64_t chunk) {
  const Tensor rows = rows_of(partial_, chunks_.whole(chunk));
  events_.push_back(chunks_.ranks == 1
                        ? ranks_->all_reduce(rows, ReduceOp::sum, purpose_)
                        : ranks_->reduce_scatter(rows, rows_of(sum_, chunks_.shard(chunk)), ReduceOp::sum, purpose_));
}

const Tensor& SummedRows::sum() const {
  if (!events_.empty()) wait_exposed(events_.back(), timer_);
  return sum_;
}

void drop_rows(const Pass& pass, const DropoutMask& mask, const Tensor& x, const Tensor& y, Write write) {
  if (!pass.shards_tokens()) return pass.kernels.dropout(mask, x, y, write);
  const TokenChunks chunks = pass.chunks();
  for (int64_t chunk = 0; chunk < chunks.count; ++chunk) {
    DropoutMask run = mask;
    run.first_row += chunks.first_token(chunk);
    pass.kernels.dropout(run, rows_of(x, chunks.shard(chunk)), rows_of(y, chunks.shard(chunk)), write);
  }
}

}  // namespace kumiko
