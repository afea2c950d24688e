// Every backend of linear layers that a test is to be run with, as a parameter. Where the program was built without
// one, the test skips with the program's own message.
#pragma once

#include <gtest/gtest.h>

#include "kumiko/base/error.h"
#include "kumiko/kernels/kernels.h"

namespace kumiko::test {

inline auto every_linear_backend() {
  return testing::Values(LinearBackend::native, LinearBackend::onednn, LinearBackend::cblas);
}

// Empty, or why there are no such kernels in this build or on this CPU. Any other error is thrown on.
inline std::string why_without(LinearBackend backend, DType type = DType::f32) {
  try {
    make_cpu_kernels(MemoryPool::create(), 1, type, backend);
    return "";
  } catch (const Error& error) {
    const std::string message = error.what();
    const bool of_the_build = message.find("this program was built without") != std::string::npos;
    const bool of_the_type = type != DType::f32 && message.find("its") != std::string::npos;
    if (error.kind() != ErrorKind::user || !(of_the_build || of_the_type)) throw;
    return message;
  }
}

}  // namespace kumiko::test
