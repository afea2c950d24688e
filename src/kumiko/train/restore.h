// Where a run begins: at step 0, or at a checkpoint.
#pragma once

#include "kumiko/train/setup.h"

namespace kumiko {

// Collective. Reads what `run.start` decided on: a checkpoint, its weights alone, or nothing. User error if it is
// damaged, of another model, or of a run whose steps would not go on as this one's.
void restore(Run& run);

}  // namespace kumiko
