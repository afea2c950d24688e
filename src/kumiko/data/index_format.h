// Constants of the .idx header, shared by the reader and the writer of indexed datasets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace kumiko {

inline constexpr std::array<char, 9> index_magic = {'M', 'M', 'I', 'D', 'I', 'D', 'X', '\0', '\0'};
inline constexpr uint64_t index_version = 1;
inline constexpr size_t index_header_size = 34;

}  // namespace kumiko
