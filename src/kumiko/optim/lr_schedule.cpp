#include "kumiko/optim/lr_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace kumiko {
namespace {

double half_cosine(double ratio) { return 0.5 * (std::cos(std::numbers::pi * ratio) + 1); }

// 1 while stable, then down to 0 over the last lr_wsd_decay_iters steps.
double wsd_coefficient(const OptimizerOptions& options, int64_t step) {
  const int64_t anneal_start = options.lr_decay_iters - options.lr_wsd_decay_iters;
  if (step <= anneal_start) return 1;
  const double ratio = static_cast<double>(step - anneal_start) / static_cast<double>(options.lr_wsd_decay_iters);
  switch (options.lr_wsd_decay_style) {
    case WsdDecayStyle::linear:
      return 1 - ratio;
    case WsdDecayStyle::cosine:
      return half_cosine(ratio);
    case WsdDecayStyle::exponential:
      return 2 * std::pow(0.5, ratio) - 1;
    case WsdDecayStyle::minus_sqrt:
      break;
  }
  return 1 - std::sqrt(ratio);
}

double decay_coefficient(const OptimizerOptions& options, int64_t step) {
  const double ratio = static_cast<double>(step - options.lr_warmup_iters) /
                       static_cast<double>(options.lr_decay_iters - options.lr_warmup_iters);
  switch (options.lr_decay_style) {
    case DecayStyle::linear:
      return 1 - ratio;
    case DecayStyle::cosine:
      return half_cosine(ratio);
    case DecayStyle::wsd:
      return wsd_coefficient(options, step);
    case DecayStyle::constant:
    case DecayStyle::inverse_square_root:
      break;
  }
  return 1;
}

}  // namespace

double learning_rate(const OptimizerOptions& options, int64_t step) {
  const int64_t warmup = options.lr_warmup_iters;
  if (warmup > 0 && step <= warmup) {
    return options.lr_warmup_init +
           (options.lr - options.lr_warmup_init) * static_cast<double>(step) / static_cast<double>(warmup);
  }
  if (options.lr_decay_style == DecayStyle::constant) return options.lr;
  if (step > options.lr_decay_iters) return options.min_lr;
  if (options.lr_decay_style == DecayStyle::inverse_square_root) {
    const auto start = static_cast<double>(std::max<int64_t>(warmup, 1));
    return std::max(options.min_lr, options.lr * std::sqrt(start / static_cast<double>(std::max<int64_t>(step, 1))));
  }
  return options.min_lr + decay_coefficient(options, step) * (options.lr - options.min_lr);
}

}  // namespace kumiko
