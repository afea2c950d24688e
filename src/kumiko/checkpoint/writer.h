// Saving a checkpoint: all ranks together, each writing its share, so that at every moment the newest whole checkpoint
// is on the disk under its name.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "kumiko/checkpoint/plan.h"
#include "kumiko/comm/communicator.h"
#include "kumiko/tensor/tensor.h"

namespace kumiko {

// A box of a logical tensor, with its elements: tensor.shape() == box.size.
struct SavedPiece {
  std::string name;
  Shape global_shape;
  Box box;
  Tensor tensor;
  TensorRole role = TensorRole::parameter;
};

struct CheckpointOptions {
  std::filesystem::path directory;  // the root, where checkpoints stand side by side
  int64_t keep_last = 3;            // older ones are removed; 0 keeps all
  PlanOptions plan;
  // Called on the first rank before the directory is touched, and before the checkpoint gets its name; it throws if the
  // directory is no longer this process's to write.
  std::function<void()> check_owner{};

  void validate() const;
};

struct SaveReport {
  std::filesystem::path path;  // of the checkpoint
  double seconds = 0;          // until it counts
  std::vector<size_t> bytes;   // of tensors, by the rank that wrote them
};

// What one rank will write; each tensor holds exactly its box.
struct CheckpointSnapshot {
  std::vector<SavedPiece> chunks;
  std::vector<size_t> bytes;  // of tensors, by the rank that will write them
  bool prune = true;          // older checkpoints than keep_last are removed

  size_t num_bytes() const;  // of `chunks`
};

// The same with its elements in `block` (u8, of num_bytes() elements): training may go on to change the tensors.
CheckpointSnapshot copy_of(const CheckpointSnapshot& snapshot, const Tensor& block);

// The elements of chunk `index`, made when it is written; they need to stay only until the next call.
using ChunkSource = std::function<std::span<const std::byte>(size_t index)>;

// Writes a rank's data file into `directory`, of `chunks` in their order; it is on the disk when this returns. Only
// what the file holds is filled in. A rank with nothing to write makes no file.
Manifest write_data_file(const std::filesystem::path& directory, std::span<const PieceInfo> chunks,
                         const ChunkSource& elements_of, int rank, int num_ranks);

class CheckpointWriter {
 public:
  // `ranks`: all that hold pieces. It must outlive the writer.
  CheckpointWriter(Communicator& ranks, CheckpointOptions options);

  // Collective. Every rank hands in what it holds; what several hold is written once. `state` is JSON and must be the
  // same on every rank. If any rank fails, all get the same error (environment error for a full disk), the temporary
  // directory is removed, and the earlier checkpoints stay as they are.
  SaveReport save(int64_t step, const std::string& state, std::span<const SavedPiece> pieces);

  // The two halves of save(), both collective. What this rank will write of its pieces, sharing their elements;
  CheckpointSnapshot snapshot(std::span<const SavedPiece> pieces);
  // and the write, which needs the pieces no more. It may run on another thread, one write at a time and no other call
  // meanwhile.
  SaveReport write(int64_t step, const std::string& state, const CheckpointSnapshot& snapshot);

 private:
  void make_plan(std::span<const SavedPiece> pieces);
  void write_and_commit(int64_t step, const std::string& state, const CheckpointSnapshot& snapshot);

  Communicator& ranks_;
  CheckpointOptions options_;
  // The plan of the last save serves as long as no rank's pieces change.
  std::vector<int64_t> planned_for_;  // checksum of each rank's list
  std::vector<PlannedWrite> writes_;
  std::vector<size_t> bytes_;
};

}  // namespace kumiko
