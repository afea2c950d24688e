// How checkpoints lie on the disk, and the order of operations that keeps a whole one there at every moment.
//
//   ROOT/latest                           "step-0000100 <checksum of its manifest>"
//   ROOT/step-0000100/manifest.json       what it holds
//   ROOT/step-0000100/manifest.json.xxh3  the manifest's checksum
//   ROOT/step-0000100/rank-00000-of-00002.safetensors ...
//   ROOT/step-0000110.tmp/                one being written, or left by a crash
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "kumiko/checkpoint/manifest.h"

namespace kumiko {

inline constexpr const char* manifest_name = "manifest.json";
inline constexpr const char* latest_name = "latest";

std::string checkpoint_name(int64_t step);                   // "step-0000100"
std::optional<int64_t> step_of_name(std::string_view name);  // the inverse
std::string data_file_name(int rank, int num_ranks);         // "rank-00000-of-00002.safetensors"

// Where a checkpoint is built before it counts: ROOT/step-0000100.tmp.
std::filesystem::path temporary_directory(const std::filesystem::path& root, int64_t step);

// The steps that ROOT holds complete (renamed into place, with a manifest), ascending.
std::vector<int64_t> list_checkpoints(const std::filesystem::path& root);

// What `latest` says. Nothing if there is no such file; user error if it is damaged or names no checkpoint.
struct Latest {
  int64_t step = 0;
  std::optional<std::string> manifest_checksum;  // none if a person wrote the file
};
std::optional<Latest> read_latest(const std::filesystem::path& root);

// Makes `latest` name the checkpoint of `step`, which is there.
void write_latest(const std::filesystem::path& root, int64_t step);

// Checked against its checksum. User error, naming the file, if it is damaged.
Manifest read_manifest(const std::filesystem::path& checkpoint);
std::string manifest_checksum(const std::filesystem::path& checkpoint);

// Creates ROOT and an empty temporary directory in it; removes the temporary ones that crashes left.
void begin_checkpoint(const std::filesystem::path& root, int64_t step);

// The data files are in the temporary directory and on the disk: adds the manifest, renames the directory into place,
// then moves `latest`. A checkpoint of the same step is replaced; if `latest` names it, by an exchange in one
// operation.
void commit_checkpoint(const std::filesystem::path& root, const Manifest& manifest);

// Removes all but the newest `keep_last` of the checkpoints up to `step`; those of later steps (left from a run that
// was rolled back) and the one that `latest` names stay. Each is renamed away before its files go, so that no half of
// one ever bears a checkpoint's name. keep_last 0 keeps all.
void prune_checkpoints(const std::filesystem::path& root, int64_t step, int64_t keep_last);

}  // namespace kumiko
