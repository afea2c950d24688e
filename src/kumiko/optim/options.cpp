#include "kumiko/optim/options.h"

#include <algorithm>
#include <cmath>

#include "kumiko/base/error.h"

namespace kumiko {

void OptimizerOptions::describe(OptionTable& table) {
  table.section("optimizer");
  table.add_choice("optimizer", optimizer, {"adam", "sgd"}, "adam is AdamW: its weight decay is decoupled");
  table.add("lr", lr, "largest learning rate");
  table.add("min_lr", min_lr, "learning rate at the end of the decay");
  table.add_choice("lr_decay_style", lr_decay_style, {"constant", "linear", "cosine", "inverse-square-root", "WSD"},
                   "shape of the decay");
  table.add("lr_decay_iters", lr_decay_iters, "steps until min_lr; 0 for train.train_iters");
  table.add("lr_warmup_iters", lr_warmup_iters, "steps of linear warm-up");
  table.add("lr_warmup_init", lr_warmup_init, "learning rate at the start of the warm-up");
  table.add_choice("lr_wsd_decay_style", lr_wsd_decay_style, {"linear", "cosine", "exponential", "minus_sqrt"},
                   "shape of the last part of WSD");
  table.add("lr_wsd_decay_iters", lr_wsd_decay_iters, "steps of the last part of WSD");
  table.add("weight_decay", weight_decay, "of matrices; biases and norms are not decayed");
  table.add("adam_beta1", adam_beta1, "decay of the first moment");
  table.add("adam_beta2", adam_beta2, "decay of the second moment");
  table.add("adam_eps", adam_eps, "added to the root of the second moment");
  table.add("sgd_momentum", sgd_momentum, "momentum of sgd; 0 for none");
  table.add("clip_grad", clip_grad, "largest global norm of the gradient; 0 for no clipping");
}

void OptimizerOptions::validate() const {
  const auto at_least_zero = [](const char* name, double value) {
    if (!(value >= 0) || !std::isfinite(value)) {
      throw_user("optimizer.{} = {}: expected a finite number, 0 or more", name, value);
    }
  };
  const auto fraction = [](const char* name, double value) {
    if (!(value >= 0 && value < 1)) throw_user("optimizer.{} = {}: expected 0 or more and less than 1", name, value);
  };
  at_least_zero("lr", lr);
  at_least_zero("min_lr", min_lr);
  at_least_zero("lr_warmup_init", lr_warmup_init);
  at_least_zero("lr_warmup_iters", static_cast<double>(lr_warmup_iters));
  at_least_zero("lr_decay_iters", static_cast<double>(lr_decay_iters));
  at_least_zero("lr_wsd_decay_iters", static_cast<double>(lr_wsd_decay_iters));
  at_least_zero("weight_decay", weight_decay);
  at_least_zero("clip_grad", clip_grad);
  fraction("adam_beta1", adam_beta1);
  fraction("adam_beta2", adam_beta2);
  fraction("sgd_momentum", sgd_momentum);
  if (!(adam_eps > 0) || !std::isfinite(adam_eps)) {
    throw_user("optimizer.adam_eps = {}: expected a finite number, more than 0", adam_eps);
  }
  if (min_lr > lr) throw_user("optimizer.min_lr = {} is larger than optimizer.lr = {}", min_lr, lr);
  if (lr_warmup_init > lr) {
    throw_user("optimizer.lr_warmup_init = {} is larger than optimizer.lr = {}, where the warm-up ends", lr_warmup_init,
               lr);
  }
}

void OptimizerOptions::resolve_schedule(int64_t train_iters) {
  const bool given = lr_decay_iters > 0;
  if (!given) lr_decay_iters = std::max<int64_t>(1, train_iters);
  if (lr_decay_style == DecayStyle::constant) return;  // a warm-up may be longer than a run
  if (!given && train_iters == 0) return;              // nothing is trained
  const std::string end = given ? fmt::format("optimizer.lr_decay_iters = {}", lr_decay_iters)
                                : fmt::format("train.train_iters = {}, where the decay ends", train_iters);
  if (lr_warmup_iters >= lr_decay_iters) {
    throw_user("optimizer.lr_warmup_iters = {} must be less than {}{}", lr_warmup_iters, end,
               given ? "" : " unless optimizer.lr_decay_iters is given");
  }
  if (lr_decay_style != DecayStyle::wsd) return;
  const int64_t most = lr_decay_iters - lr_warmup_iters;
  if (lr_wsd_decay_iters >= 1 && lr_wsd_decay_iters <= most) return;
  const std::string without_warmup =
      lr_warmup_iters > 0 ? fmt::format("{} less optimizer.lr_warmup_iters = {}", given ? "" : ",", lr_warmup_iters)
                          : "";
  throw_user(
      "optimizer.lr_wsd_decay_iters = {}: with optimizer.lr_decay_style = WSD the last part takes from 1 to {} steps "
      "({}{})",
      lr_wsd_decay_iters, most, end, without_warmup);
}

}  // namespace kumiko
