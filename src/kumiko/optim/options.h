// Options of optimizers and of the learning rate, in Megatron's terms.
#pragma once

#include "kumiko/base/options.h"

namespace kumiko {

enum class OptimizerKind : uint8_t { adam, sgd };
enum class DecayStyle : uint8_t { constant, linear, cosine, inverse_square_root, wsd };
enum class WsdDecayStyle : uint8_t { linear, cosine, exponential, minus_sqrt };

struct OptimizerOptions {
  OptimizerKind optimizer = OptimizerKind::adam;
  double lr = 6e-4;
  double min_lr = 0;
  DecayStyle lr_decay_style = DecayStyle::cosine;
  int64_t lr_decay_iters = 0;  // 0: train_iters
  int64_t lr_warmup_iters = 0;
  double lr_warmup_init = 0;
  WsdDecayStyle lr_wsd_decay_style = WsdDecayStyle::exponential;
  int64_t lr_wsd_decay_iters = 0;
  double weight_decay = 0.1;
  double adam_beta1 = 0.9;
  double adam_beta2 = 0.95;
  double adam_eps = 1e-8;
  double sgd_momentum = 0.9;
  double clip_grad = 1;

  void describe(OptionTable& table);
  // Each option by itself, and lr beside the other rates. User error naming the option.
  void validate() const;
  // Replaces lr_decay_iters = 0 by the steps of the run, then checks that warm-up and decay fit into them. User error
  // naming options that were given.
  void resolve_schedule(int64_t train_iters);
};

}  // namespace kumiko
