// The loss of the validation split.
#pragma once

#include <functional>
#include <optional>

#include "kumiko/base/regions.h"
#include "kumiko/train/setup.h"

namespace kumiko {

// Mean loss over train.eval_iters global batches of the validation split, the same ones each time. Collective.
// `stopped`, collective too, is asked before each batch: once it says so there is no loss.
std::optional<double> evaluate(Run& run, RegionTimer& timer, const std::function<bool()>& stopped);

}  // namespace kumiko
