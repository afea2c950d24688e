// libFuzzer's entry. KUMIKO_FUZZ_TARGET names the target; scripts/fuzz.sh starts it.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "fuzz/targets.h"
#include "kumiko/base/log.h"

namespace {

const kumiko::fuzz::Target* target = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* name = std::getenv("KUMIKO_FUZZ_TARGET");
  target = kumiko::fuzz::find_target(name == nullptr ? "" : name);
  if (target == nullptr) {
    std::fprintf(stderr, "KUMIKO_FUZZ_TARGET=%s: expected one of", name == nullptr ? "" : name);
    for (const auto& known : kumiko::fuzz::targets()) std::fprintf(stderr, " %s", known.name);
    std::fprintf(stderr, "\n");
    std::exit(2);
  }
  kumiko::log::set_level(kumiko::log::Level::error);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string found = kumiko::fuzz::finding(*target, {reinterpret_cast<const char*>(data), size});
  if (!found.empty()) {
    std::fprintf(stderr, "FINDING: %s\n", found.c_str());
    std::abort();
  }
  return 0;
}
