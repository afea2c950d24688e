// Kernel calls as data: one line of text names a kernel and its sizes, and becomes tensors with reproducible numbers
// and a call. The tests and `kumiko bench kernels` run the same cases: against the reference, twice, or against the
// clock.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kumiko/kernels/kernels.h"

namespace kumiko {

// "linear_forward:T=64,N=48,K=32,bias=1". Letters as in kernels.h; a size that is left out is 0 or its default.
struct CaseSpec {
  std::string kernel;
  std::map<std::string, int64_t> sizes;

  int64_t get(const std::string& name, int64_t fallback = 0) const;
  std::string to_string() const;
  // User error, showing the form, if the text is not of that form.
  static CaseSpec parse(std::string_view text);
};

struct CaseOutput {
  std::string name;
  Tensor tensor;
};

struct KernelCase {
  CaseSpec spec;
  std::vector<CaseOutput> outputs;
  std::function<void(Kernels&)> prepare;  // what the call needs from earlier calls; not timed
  std::function<void(Kernels&)> run;
  double sum_length = 1;  // terms of the longest sum behind one output element
  double flops = 0;       // multiplications and additions
  double bytes = 0;       // least traffic with memory
};

// The type that activations are stored in, and the one that their numbers were first rounded to.
struct CaseTypes {
  DType activations = DType::f32;
  DType rounded_to = DType::f32;

  // NOLINTNEXTLINE(google-explicit-constructor): a type by itself says both.
  CaseTypes(DType type) : activations(type), rounded_to(type == DType::f64 ? DType::f32 : type) {}
  CaseTypes(DType stored, DType rounded) : activations(stored), rounded_to(rounded) {}
};

// All tensors filled from the spec's text, the same for all types that the numbers are rounded to. User error, listing
// the kernels, for an unknown one.
KernelCase make_case(const CaseSpec& spec, const CaseTypes& types, MemoryPool& pool);

// One element of a tensor of any floating type.
double element_at(const Tensor& tensor, int64_t index);
void set_element(const Tensor& tensor, int64_t index, double value);

// The names that make_case knows.
std::vector<std::string> case_kernels();

// Runs prepare and run with both; the first output whose error ||a - b|| exceeds the rounding that sums of this length
// may have, tolerance(...) ||b||, as text; "" if all agree.
// `kernels` compute with activations of `type`, the reference with the same numbers in f32.
std::string compare_kernels(const CaseSpec& spec, Kernels& kernels, Kernels& reference, MemoryPool& pool,
                            DType type = DType::f32);

// Runs the case twice on fresh tensors; names the first output with other bits, or "".
std::string compare_bits(const CaseSpec& spec, Kernels& first, Kernels& second, MemoryPool& pool,
                         DType type = DType::f32);

// Relative error in norm that rounding may leave: a random walk of `sum_length` roundings in f32, and one or two of
// what is stored in `type`, with a margin of 4.
double tolerance(double sum_length, DType type = DType::f32);

}  // namespace kumiko
