// What differs between the CBLAS libraries behind linear_cblas.cpp: each has its own file, and CMake chooses one.
#pragma once

#include <string>

namespace kumiko::cpu {

// "OpenBLAS 0.3.21"
std::string cblas_library();

// Of the calls that follow on this thread.
void set_cblas_threads(int num_threads);

}  // namespace kumiko::cpu
