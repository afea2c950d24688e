// What a checkpoint or a safetensors file holds, for a person or, as JSON, for a program.
#pragma once

#include <filesystem>
#include <string>

namespace kumiko {

struct DescribeOptions {
  bool json = false;
  bool verify = false;  // read every byte first, and fail at the first damage
};

// Whether `path` is meant as a checkpoint, or as a directory of them: also where it is damaged.
bool is_checkpoint(const std::filesystem::path& path);

// Step, state, sizes, and each tensor with shape, dtype and the boxes it is stored in. `path` as for
// CheckpointReader::open, with its errors.
std::string describe_checkpoint(const std::filesystem::path& path, const DescribeOptions& options);

std::string describe_safetensors(const std::filesystem::path& path, const DescribeOptions& options);

}  // namespace kumiko
