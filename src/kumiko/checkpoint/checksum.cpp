#include "kumiko/checkpoint/checksum.h"

#include <fmt/core.h>
#include <xxhash.h>

#include <new>
#include <string_view>

namespace kumiko {

struct Checksum::State {
  State() : hash(XXH3_createState()) {
    if (hash == nullptr) throw std::bad_alloc();
    XXH3_64bits_reset(hash);
  }
  ~State() { XXH3_freeState(hash); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  XXH3_state_t* hash;
};

Checksum::Checksum() : state_(std::make_unique<State>()) {}
Checksum::~Checksum() = default;

void Checksum::update(const void* data, size_t size) { XXH3_64bits_update(state_->hash, data, size); }

uint64_t Checksum::value() const { return XXH3_64bits_digest(state_->hash); }

uint64_t checksum_of(std::span<const std::byte> bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

uint64_t checksum_of(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

std::string checksum_text(uint64_t checksum) { return fmt::format("{:016x}", checksum); }

}  // namespace kumiko
