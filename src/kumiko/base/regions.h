// Regions: named spans of a training step, measured where they happen and read as a table that adds up to the step.
//
// A timer is always in exactly one row, and a change of row costs one clock read; so the rows are exclusive times and
// their sum is the time that passed, with nothing counted twice and nothing missing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kumiko/base/progress_note.h"
#include "kumiko/base/trace.h"

namespace kumiko {

// What the work is part of. The forward and the backward of a layer are the same regions in another phase.
enum class Phase : uint8_t { none, forward, backward, recompute, evaluation };
inline constexpr size_t num_phases = 5;
std::string_view name_of(Phase phase);

enum class Region : uint8_t {
  // A model's own: one row in each of the phases forward and backward.
  embedding,
  layer_norm,
  attention_qkv,     // the product that makes queries, keys and values
  attention_scores,  // scores, softmax and context, fused
  attention_output,
  mlp,
  head_and_loss,
  tensor_communication,  // waiting for it only, whichever of the layers above waits
  // The step's own: one row each, whatever the phase.
  batch_generator,
  gradient_all_reduce,  // waiting for it only; what hides behind the backward costs nothing
  weight_gather,        // waiting for weights that are divided among ranks
  pipeline_wait,        // for what other stages make: the bubble, and messages that nothing hides
  optimizer,
  checkpoint,
  other,  // in the forward or backward: that phase's work outside the regions above
};
inline constexpr size_t num_model_regions = 8;
inline constexpr size_t num_regions = 15;

// A row of the table, in the order in which a step passes through them.
enum class RegionRow : uint8_t {
  batch_generator,
  forward_embedding,
  forward_layer_norm,
  forward_attention_qkv,
  forward_attention_scores,
  forward_attention_output,
  forward_mlp,
  forward_head_and_loss,
  forward_tensor_communication,
  forward_other,
  backward_embedding,
  backward_layer_norm,
  backward_attention_qkv,
  backward_attention_scores,
  backward_attention_output,
  backward_mlp,
  backward_head_and_loss,
  backward_tensor_communication,
  backward_other,
  recompute,  // all that happens in that phase: forwards run again within the backward
  gradient_all_reduce,
  weight_gather,
  pipeline_wait,
  optimizer,
  checkpoint,
  evaluation,  // all that happens in that phase
  other,
};
inline constexpr size_t num_region_rows = 27;

// "forward: attention qkv", "gradient all-reduce (exposed)", ...
std::string_view name_of(RegionRow row);
// As a trace calls a span: its row's name, but in recomputation and evaluation, whose rows hold all regions, with the
// region: "recompute: mlp".
std::string_view span_name(Phase phase, Region region);

// A model's region outside any phase counts as forward: generating text, for one, has no other.
constexpr RegionRow region_row(Phase phase, Region region) {
  if (phase == Phase::evaluation) return RegionRow::evaluation;
  if (phase == Phase::recompute) return RegionRow::recompute;
  const auto index = static_cast<size_t>(region);
  if (index < num_model_regions) {
    const RegionRow first = phase == Phase::backward ? RegionRow::backward_embedding : RegionRow::forward_embedding;
    return static_cast<RegionRow>(static_cast<size_t>(first) + index);
  }
  switch (region) {
    case Region::batch_generator:
      return RegionRow::batch_generator;
    case Region::gradient_all_reduce:
      return RegionRow::gradient_all_reduce;
    case Region::weight_gather:
      return RegionRow::weight_gather;
    case Region::pipeline_wait:
      return RegionRow::pipeline_wait;
    case Region::optimizer:
      return RegionRow::optimizer;
    case Region::checkpoint:
      return RegionRow::checkpoint;
    default:
      break;
  }
  switch (phase) {
    case Phase::forward:
      return RegionRow::forward_other;
    case Phase::backward:
      return RegionRow::backward_other;
    default:
      return RegionRow::other;
  }
}

struct RegionTime {
  int64_t nanoseconds = 0;
  int64_t calls = 0;
};

// What a timer saw over some steps.
struct RegionTimes {
  std::array<RegionTime, num_region_rows> rows{};
  int64_t steps = 0;

  const RegionTime& at(RegionRow row) const { return rows[static_cast<size_t>(row)]; }
  // The time from the first moment to the last: the sum of the rows.
  int64_t nanoseconds() const;
};

// Belongs to one thread. Code that may run unmeasured takes a pointer, and spans of a null timer do nothing.
class RegionTimer {
 public:
  RegionTimer() : since_(trace_clock()) {}
  RegionTimer(const RegionTimer&) = delete;
  RegionTimer& operator=(const RegionTimer&) = delete;

  // One more step is complete.
  void end_step() { ++times_.steps; }

  // What was seen since the construction or the last take(); counting starts again. May be called within spans.
  RegionTimes take();

  // From here on each span that begins is also an event for `recorder`, which must live until the spans have ended;
  // null: no more. Only the spans of this thread; the rows do not change by it.
  void record_to(TraceRecorder* recorder) { recorder_ = recorder; }
  TraceRecorder* recorder() const { return recorder_; }

  // From here on `note` is told of each change of row; null: no more.
  void note_to(ProgressNote* note) { note_ = note; }

 private:
  friend class Span;
  friend class PhaseSpan;

  // Books the time since the last change on the present row and continues in `row`.
  void change(RegionRow row) {
    const int64_t time = trace_clock();
    times_.rows[static_cast<size_t>(row_)].nanoseconds += time - since_;
    since_ = time;
    row_ = row;
    if (note_ != nullptr) note_->set_place(name_of(row).data(), time);
  }
  void enter(RegionRow row) {
    change(row);
    ++times_.rows[static_cast<size_t>(row)].calls;
  }
  // A span that began at `begin` ended at the last change.
  void record(std::string_view name, int64_t begin) const;

  RegionTimes times_;
  RegionRow row_ = RegionRow::other;
  Phase phase_ = Phase::none;
  int64_t since_;
  TraceRecorder* recorder_ = nullptr;
  ProgressNote* note_ = nullptr;
};

// From construction to destruction, time goes to `region` in the present phase, except within inner spans.
class Span {
 public:
  Span(RegionTimer* timer, Region region) : timer_(timer), region_(region) {
    if (timer_ == nullptr) return;
    outer_ = timer_->row_;
    timer_->enter(region_row(timer_->phase_, region));
    if (timer_->recorder_ != nullptr) begin_ = timer_->since_;
  }
  Span(RegionTimer& timer, Region region) : Span(&timer, region) {}
  ~Span() {
    if (timer_ == nullptr) return;
    timer_->change(outer_);
    if (begin_ != 0) timer_->record(span_name(timer_->phase_, region_), begin_);
  }
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;

 private:
  RegionTimer* timer_;
  RegionRow outer_ = RegionRow::other;
  Region region_;
  int64_t begin_ = 0;  // 0: not recorded
};

// A phase of the step: spans within count as its regions; time in none of them is the phase's "other".
class PhaseSpan {
 public:
  // `micro_batch` (of this rank's in the step, from 0), where the phase is of one, is told to the recorder.
  PhaseSpan(RegionTimer* timer, Phase phase, int64_t micro_batch = -1) : timer_(timer), micro_batch_(micro_batch) {
    if (timer_ == nullptr) return;
    outer_row_ = timer_->row_;
    outer_phase_ = timer_->phase_;
    timer_->phase_ = phase;
    timer_->enter(region_row(phase, Region::other));
    if (timer_->recorder_ == nullptr) return;
    begin_ = timer_->since_;
    if (micro_batch_ >= 0) timer_->recorder_->set_micro_batch(micro_batch_);
  }
  PhaseSpan(RegionTimer& timer, Phase phase, int64_t micro_batch = -1) : PhaseSpan(&timer, phase, micro_batch) {}
  ~PhaseSpan() {
    if (timer_ == nullptr) return;
    timer_->change(outer_row_);
    if (begin_ != 0) timer_->record(name_of(timer_->phase_), begin_);
    if (timer_->recorder_ != nullptr && micro_batch_ >= 0) timer_->recorder_->set_micro_batch(-1);
    timer_->phase_ = outer_phase_;
  }
  PhaseSpan(const PhaseSpan&) = delete;
  PhaseSpan& operator=(const PhaseSpan&) = delete;

 private:
  RegionTimer* timer_;
  int64_t micro_batch_;
  RegionRow outer_row_ = RegionRow::other;
  Phase outer_phase_ = Phase::none;
  int64_t begin_ = 0;
};

}  // namespace kumiko
