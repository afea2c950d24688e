// The "normalizer" of tokenizer.json.
#pragma once

#include <memory>

#include "kumiko/base/json_place.h"
#include "kumiko/tokenizer/normalizer.h"

namespace kumiko {

// Nothing for null. User error, naming the place, for what is not supported.
std::unique_ptr<Normalizer> normalizer_from_json(const JsonPlace& place);

}  // namespace kumiko
