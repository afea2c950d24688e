#include "kumiko/checkpoint/writer.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kumiko/base/clock.h"
#include "kumiko/base/error.h"
#include "kumiko/base/json_text.h"
#include "kumiko/base/log.h"
#include "kumiko/checkpoint/checksum.h"
#include "kumiko/checkpoint/directory.h"
#include "kumiko/checkpoint/exchange.h"
#include "kumiko/checkpoint/safetensors.h"
#include "kumiko/comm/agreement.h"

namespace kumiko {
namespace {

using nlohmann::json;

constexpr int root_rank = 0;

void check_piece(const SavedPiece& piece) {
  if (!piece.tensor || piece.tensor.shape() != piece.box.size) {
    throw_internal("the piece {} of '{}' comes with a tensor of shape {}", piece.box.to_string(), piece.name,
                   piece.tensor.shape().to_string());
  }
}

// The list of what a rank holds as text, to be sent and compared.
std::string describe(std::span<const SavedPiece> pieces) {
  std::string text;
  for (const SavedPiece& piece : pieces) {
    check_piece(piece);
    text += json({piece.name, piece.global_shape.sizes(), static_cast<int>(piece.tensor.dtype()),
                  static_cast<int>(piece.role), piece.box.offset.sizes(), piece.box.size.sizes()})
                .dump() +
            "\n";
  }
  return text;
}

std::vector<PieceInfo> read_description(const std::string& text) {
  std::vector<PieceInfo> infos;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    const json line = parse_json(std::string_view(text).substr(begin, end - begin), "what another rank holds");
    const auto shape = [&line](size_t i) { return Shape(line.at(i).get<std::vector<int64_t>>()); };
    infos.push_back({line.at(0).get<std::string>(), shape(1), static_cast<DType>(line.at(2).get<int>()),
                     static_cast<TensorRole>(line.at(3).get<int>()), Box{shape(4), shape(5)}});
    begin = end + 1;
  }
  return infos;
}

// The run of `piece` that is `part` (one contiguous run of it, as split_box makes them), sharing the elements.
Tensor part_of(const SavedPiece& piece, const Box& part) {
  int64_t begin = 0;
  for (int dim = 0; dim < part.size.rank(); ++dim) {
    begin = begin * piece.box.size[dim] + part.offset[dim] - piece.box.offset[dim];
  }
  return piece.tensor.slice(begin, part.num_elements()).reshaped(part.size);
}

}  // namespace

size_t CheckpointSnapshot::num_bytes() const {
  size_t total = 0;
  for (const SavedPiece& chunk : chunks) total += chunk.tensor.num_bytes();
  return total;
}

CheckpointSnapshot copy_of(const CheckpointSnapshot& snapshot, const Tensor& block) {
  if (block.num_bytes() != snapshot.num_bytes()) {
    throw_internal("{} bytes are copied for a checkpoint to a block of {}", snapshot.num_bytes(), block.num_bytes());
  }
  // Larger elements come first, so that each tensor is aligned.
  CheckpointSnapshot copied = snapshot;
  int64_t next = 0;
  for (SavedPiece& chunk : copied.chunks) {
    const Tensor& tensor = chunk.tensor;
    const Tensor place = block.slice(next, static_cast<int64_t>(tensor.num_bytes()));
    // A handle to the same memory under another type, which keeps the block alive.
    const Tensor own(std::shared_ptr<void>(std::make_shared<Tensor>(place), place.raw()), tensor.shape(),
                     tensor.dtype());
    copy_in_parallel(tensor, own);
    chunk.tensor = own;
    next += place.num_elements();
  }
  return copied;
}

void CheckpointOptions::validate() const {
  if (directory.empty()) throw_user("no directory for checkpoints is given; set save");
  if (keep_last < 0) throw_user("keep_last = {}: expected 0 (keep all checkpoints) or how many to keep", keep_last);
}

CheckpointWriter::CheckpointWriter(Communicator& ranks, CheckpointOptions options)
    : ranks_(ranks), options_(std::move(options)) {
  options_.validate();
}

void CheckpointWriter::make_plan(std::span<const SavedPiece> pieces) {
  std::string own;
  together(ranks_, [&] { own = describe(pieces); });
  const std::vector<int64_t> checksums = all_gather_number(ranks_, static_cast<int64_t>(checksum_of(own)));
  if (checksums == planned_for_) return;
  // Equal lists travel once.
  Holdings holdings;
  std::map<int64_t, size_t> list_of_checksum;
  for (size_t rank = 0; rank < checksums.size(); ++rank) {
    const auto [list, added] = list_of_checksum.try_emplace(checksums[rank], holdings.lists.size());
    holdings.list_of_rank.push_back(list->second);
    if (added) holdings.lists.push_back(read_description(broadcast_text(ranks_, own, static_cast<int>(rank))));
  }
  WritePlan plan = plan_writes(holdings, options_.plan);
  writes_ = std::move(plan.writes[static_cast<size_t>(ranks_.rank())]);
  bytes_ = std::move(plan.bytes);
  planned_for_ = checksums;
}

CheckpointSnapshot CheckpointWriter::snapshot(std::span<const SavedPiece> pieces) {
  make_plan(pieces);
  CheckpointSnapshot snapshot;
  snapshot.bytes = bytes_;
  for (const PlannedWrite& write : writes_) {
    const SavedPiece& piece = pieces[write.piece];
    snapshot.chunks.push_back({piece.name, piece.global_shape, write.box, part_of(piece, write.box), piece.role});
  }
  // Larger elements first: every tensor is aligned in the file.
  std::stable_sort(snapshot.chunks.begin(), snapshot.chunks.end(), [](const SavedPiece& a, const SavedPiece& b) {
    return size_of(a.tensor.dtype()) > size_of(b.tensor.dtype());
  });
  return snapshot;
}

Manifest write_data_file(const std::filesystem::path& directory, std::span<const PieceInfo> chunks,
                         const ChunkSource& elements_of, int rank, int num_ranks) {
  Manifest part;
  if (chunks.empty()) return part;
  std::vector<SafetensorsSpec> specs;
  for (const PieceInfo& chunk : chunks) {
    const bool whole = chunk.box == Box::whole(chunk.global_shape);
    specs.push_back({whole ? chunk.name : chunk.name + chunk.box.to_string(), chunk.dtype, chunk.box.size});
  }
  const std::string file_name = data_file_name(rank, num_ranks);
  SafetensorsWriter file(directory / file_name, specs);
  for (size_t i = 0; i < chunks.size(); ++i) {
    const PieceInfo& chunk = chunks[i];
    const size_t begin = file.size();
    const std::span<const std::byte> elements = elements_of(i);
    file.write(specs[i].name, elements.data(), elements.size());
    TensorRecord& record = part.tensors[chunk.name];
    record.shape = chunk.global_shape;
    record.dtype = chunk.dtype;
    record.role = chunk.role;
    record.chunks.push_back({chunk.box, file_name, begin, begin + elements.size(), checksum_of(elements)});
  }
  file.finish();
  part.files.push_back({file_name, file.size(), file.checksum(), file.header_size(), file.header_checksum()});
  return part;
}

static Manifest write_snapshot(const std::filesystem::path& directory, const CheckpointSnapshot& snapshot, int rank,
                               int num_ranks) {
  std::vector<PieceInfo> chunks;
  for (const SavedPiece& piece : snapshot.chunks) {
    chunks.push_back({piece.name, piece.global_shape, piece.tensor.dtype(), piece.role, piece.box});
  }
  const auto elements_of = [&snapshot](size_t index) {
    const Tensor& tensor = snapshot.chunks[index].tensor;
    return std::span(static_cast<const std::byte*>(tensor.raw()), tensor.num_bytes());
  };
  return write_data_file(directory, chunks, elements_of, rank, num_ranks);
}

void CheckpointWriter::write_and_commit(int64_t step, const std::string& state, const CheckpointSnapshot& snapshot) {
  const std::filesystem::path& root = options_.directory;
  Manifest part;
  together(ranks_,
           [&] { part = write_snapshot(temporary_directory(root, step), snapshot, ranks_.rank(), ranks_.size()); });
  const std::vector<std::string> parts = gather_texts(ranks_, to_json(part), root_rank);
  together(ranks_, [&] {
    if (ranks_.rank() != root_rank) return;
    Manifest manifest;
    manifest.kumiko_version = kumiko_version();
    manifest.step = step;
    manifest.state = state;
    for (const std::string& text : parts) merge(manifest, parse_manifest(text, "a rank's part of the manifest"));
    check_complete(manifest);
    if (options_.check_owner) options_.check_owner();
    commit_checkpoint(root, manifest);
  });
}

SaveReport CheckpointWriter::save(int64_t step, const std::string& state, std::span<const SavedPiece> pieces) {
  return write(step, state, snapshot(pieces));
}

SaveReport CheckpointWriter::write(int64_t step, const std::string& state, const CheckpointSnapshot& snapshot) {
  const double start = seconds_now();
  const bool is_root = ranks_.rank() == root_rank;
  const std::filesystem::path& root = options_.directory;
  try {
    together(ranks_, [&] {
      if (!is_root) return;
      if (options_.check_owner) options_.check_owner();
      begin_checkpoint(root, step);
    });
    write_and_commit(step, state, snapshot);
  } catch (const Error& error) {
    std::error_code ignored;
    if (is_root) std::filesystem::remove_all(temporary_directory(root, step), ignored);
    throw SharedError(error.kind(), fmt::format("checkpoint {} is not saved: {}",
                                                (root / checkpoint_name(step)).string(), error.what()));
  }
  try {
    if (is_root && snapshot.prune) prune_checkpoints(root, step, options_.keep_last);
  } catch (const Error& error) {
    log::warning("checkpoint {} is saved, but an older one stays: {}", checkpoint_name(step), error.what());
  }
  return {root / checkpoint_name(step), seconds_now() - start, snapshot.bytes};
}

}  // namespace kumiko
