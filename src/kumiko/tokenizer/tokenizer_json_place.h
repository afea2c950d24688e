// JsonPlace now stands in base.
#pragma once

#include "kumiko/base/json_place.h"
#include "kumiko/base/json_text.h"
