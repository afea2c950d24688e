// Loss scaling (Micikevicius et al. 2018, "Mixed precision training", section 3.2): the loss is multiplied by a scale
// so that small gradients do not vanish in fp16, and the update divides by it.
#pragma once

#include <cstdint>

#include "kumiko/base/options.h"
#include "kumiko/tensor/precision.h"

namespace kumiko {

// In Megatron's terms.
struct LossScaleOptions {
  double loss_scale = 0;  // constant; 0: dynamic in fp16, 1 in fp32 and bf16
  double initial_loss_scale = 4294967296.0;
  double min_loss_scale = 1;
  int64_t loss_scale_window = 1000;
  int64_t hysteresis = 2;

  // Adds to the section that `table` is in.
  void describe(OptionTable& table);
  // User error naming the option.
  void validate() const;
};

// What a checkpoint keeps of a dynamic scale.
struct LossScaleState {
  double scale = 1;
  int64_t steps_without_overflow = 0;
  int64_t overflows_left = 0;  // until one halves the scale

  friend bool operator==(const LossScaleState&, const LossScaleState&) = default;
};

// Constant, or dynamic by the rule of Megatron's DynamicGradScaler: after `hysteresis` overflows each further one
// halves the scale, not below min_loss_scale; loss_scale_window steps in a row without any double it and restore the
// hysteresis.
class LossScale {
 public:
  static LossScale constant(double scale);
  static LossScale dynamic(const LossScaleOptions& options);
  static LossScale of(const LossScaleOptions& options, Precision precision);

  double value() const { return state_.scale; }
  bool is_dynamic() const { return dynamic_; }
  // False when a dynamic scale is as small as it may be: an overflow then is no fault of the scale.
  bool can_fall() const { return dynamic_ && state_.scale > options_.min_loss_scale; }

  // After each step. A constant scale stays.
  void update(bool overflow);

  const LossScaleState& state() const { return state_; }
  // Continues where a checkpoint stopped; a constant scale stays.
  void restore(const LossScaleState& state);

 private:
  bool dynamic_ = false;
  LossScaleOptions options_;
  LossScaleState state_;
};

}  // namespace kumiko
