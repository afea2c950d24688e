#include "kumiko/optim/loss_scale.h"

#include <algorithm>
#include <cmath>

#include "kumiko/base/error.h"

namespace kumiko {

void LossScaleOptions::describe(OptionTable& table) {
  table.add("loss_scale", loss_scale, "constant factor of the loss; 0 for a dynamic one in fp16 and for 1 otherwise");
  table.add("initial_loss_scale", initial_loss_scale, "where a dynamic scale starts");
  table.add("min_loss_scale", min_loss_scale, "below which a dynamic scale does not fall");
  table.add("loss_scale_window", loss_scale_window, "steps without overflow after which a dynamic scale doubles");
  table.add("hysteresis", hysteresis, "overflows from which on each halves a dynamic scale");
}

void LossScaleOptions::validate() const {
  const auto finite = [](double value) { return std::isfinite(value); };
  if (!(loss_scale >= 0) || !finite(loss_scale)) throw_user("train.loss_scale = {}: expected 0 or more", loss_scale);
  if (!(min_loss_scale > 0)) throw_user("train.min_loss_scale = {}: expected more than 0", min_loss_scale);
  if (!(initial_loss_scale >= min_loss_scale) || !finite(initial_loss_scale)) {
    throw_user("train.initial_loss_scale = {}: expected train.min_loss_scale = {} or more", initial_loss_scale,
               min_loss_scale);
  }
  if (loss_scale_window < 1) throw_user("train.loss_scale_window = {}: expected 1 or more", loss_scale_window);
  if (hysteresis < 1) throw_user("train.hysteresis = {}: expected 1 or more", hysteresis);
}

LossScale LossScale::constant(double scale) {
  LossScale result;
  result.state_.scale = scale;
  return result;
}

LossScale LossScale::dynamic(const LossScaleOptions& options) {
  LossScale result;
  result.dynamic_ = true;
  result.options_ = options;
  result.state_ = {options.initial_loss_scale, 0, options.hysteresis};
  return result;
}

LossScale LossScale::of(const LossScaleOptions& options, Precision precision) {
  if (options.loss_scale > 0) return constant(options.loss_scale);
  return precision == Precision::fp16 ? dynamic(options) : constant(1);
}

void LossScale::update(bool overflow) {
  if (!dynamic_) return;
  if (overflow) {
    state_.steps_without_overflow = 0;
    if (--state_.overflows_left <= 0) state_.scale = std::max(state_.scale / 2, options_.min_loss_scale);
    return;
  }
  if (++state_.steps_without_overflow < options_.loss_scale_window) return;
  state_.steps_without_overflow = 0;
  state_.overflows_left = options_.hysteresis;
  state_.scale *= 2;
}

void LossScale::restore(const LossScaleState& state) {
  if (dynamic_) state_ = state;
}

}  // namespace kumiko
