// The orders that megatron-core and NumPy give, from tests/reference/make_dataset_fixtures.py.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "data/dataset_testing.h"

namespace kumiko {

inline nlohmann::json order_fixtures(const std::string& key) {
  return nlohmann::json::parse(read_text_file(dataset_fixture("order.json"))).at(key);
}

}  // namespace kumiko
