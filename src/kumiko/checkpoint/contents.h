// Whether a checkpoint is one of this model, before anything is loaded.
#pragma once

#include <span>
#include <string>

#include "kumiko/checkpoint/manifest.h"

namespace kumiko {

struct ExpectedTensor {
  std::string name;
  Shape shape;  // global
  DType dtype = DType::f32;
};

// One user error that lists what is missing and what has another shape or element type (the first `max_listed` of each,
// and how many there are), with what was expected and found. Tensors that are stored but not expected are no error, but
// are named beside missing ones: they show under which names the checkpoint keeps them. `origin` is the checkpoint's
// path.
void check_contents(const Manifest& manifest, std::span<const ExpectedTensor> expected, const std::string& origin,
                    size_t max_listed = 10);

}  // namespace kumiko
