// Where a run begins: at step 0, or at a checkpoint.
#pragma once

#include "kumiko/train/setup.h"

namespace kumiko {

// Collective. What checkpoint.load and checkpoint.finetune say: the newest checkpoint, if there is one, or its weights
// alone. User error if it is damaged, of another model, or of a run whose steps would not go on as this one's.
void restore(Run& run);

}  // namespace kumiko
