// What a checkpoint or a safetensors file holds, for a person or, as JSON, for a program.
#pragma once

#include <filesystem>
#include <string>

namespace kumiko {

struct DescribeOptions {
  bool json = false;
  bool verify = false;   // read every byte first, and fail at the first damage
  bool tensors = false;  // a line a tensor: shape, dtype and the boxes it is stored in
  // Text for what a checkpoint has beside its tensors, of its JSON and its path; without it, or if that fails, the
  // JSON.
  std::string (*describe_state)(const std::string& state, const std::string& origin) = nullptr;
};

// Whether `path` is meant as a checkpoint, or as a directory of them: also where it is damaged.
bool is_checkpoint(const std::filesystem::path& path);

// Step, sizes, state and, if wished, tensors; all of it as JSON. `path` as for
// CheckpointReader::open, with its errors.
std::string describe_checkpoint(const std::filesystem::path& path, const DescribeOptions& options);

std::string describe_safetensors(const std::filesystem::path& path, const DescribeOptions& options);

}  // namespace kumiko
