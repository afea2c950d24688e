#include "kumiko/tensor/shape.h"

#include <algorithm>

#include "kumiko/base/error.h"

namespace kumiko {

Shape::Shape(std::span<const int64_t> sizes) : rank_(static_cast<int>(sizes.size())) {
  if (sizes.size() > max_rank) throw_internal("a shape of {} dims: at most {} are supported", sizes.size(), max_rank);
  std::copy(sizes.begin(), sizes.end(), sizes_.begin());
}

int64_t Shape::num_elements() const {
  int64_t product = 1;
  for (const int64_t size : sizes()) product *= size;
  return product;
}

std::string Shape::to_string() const {
  std::string text = "[";
  for (int dim = 0; dim < rank_; ++dim) text += (dim == 0 ? "" : ", ") + std::to_string((*this)[dim]);
  return text + "]";
}

}  // namespace kumiko
