#include "kumiko/checkpoint/reader.h"

#include <algorithm>
#include <limits>

#include "kumiko/base/error.h"
#include "kumiko/base/log.h"
#include "kumiko/checkpoint/checksum.h"
#include "kumiko/checkpoint/directory.h"

namespace kumiko {

namespace fs = std::filesystem;

// "; step-0000090 is complete; load it with --load ROOT/step-0000090": the newest checkpoint in `root` before step
// `before` of which every byte is as it was written.
std::string offer_earlier(const fs::path& root, int64_t before) {
  std::vector<int64_t> steps;
  try {
    steps = list_checkpoints(root);
  } catch (const Error&) {
    return "";
  }
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    if (*step >= before) continue;
    const fs::path path = root / checkpoint_name(*step);
    try {
      CheckpointReader reader(path, read_manifest(path));
      reader.offers_earlier_ = false;
      reader.verify();
      return fmt::format("; {} is complete; load it with --load {}", checkpoint_name(*step), path.string());
    } catch (const Error&) {
      continue;  // damaged as well
    }
  }
  return fmt::format("; there is no earlier complete checkpoint in {}", root.string());
}

namespace {

constexpr int64_t any_step = std::numeric_limits<int64_t>::max();

fs::path root_of(const fs::path& checkpoint) {
  const fs::path with_slash = (checkpoint / "").lexically_normal();  // "ROOT/step-0000100/"
  const fs::path root = with_slash.parent_path().parent_path();
  return root.empty() ? "." : root;
}

// The checkpoint that `latest` names.
fs::path resolve_latest(const fs::path& root) {
  std::optional<Latest> latest;
  try {
    latest = read_latest(root);
  } catch (const Error& error) {
    throw Error(error.kind(), error.what() + offer_earlier(root, any_step));
  }
  const std::vector<int64_t> steps = list_checkpoints(root);
  if (!latest) {
    if (steps.empty()) {
      throw_user("{} holds no checkpoint: expected a directory with {}, or one with {} and {} ...", root.string(),
                 manifest_name, latest_name, checkpoint_name(100));
    }
    log::warning("{} has no '{}'; its newest complete checkpoint is {}", root.string(), latest_name,
                 checkpoint_name(steps.back()));
    return root / checkpoint_name(steps.back());
  }
  const fs::path path = root / checkpoint_name(latest->step);
  if (!std::binary_search(steps.begin(), steps.end(), latest->step)) {
    throw_user("{} names {}, which is not there or has no {}{}", (root / latest_name).string(), path.string(),
               manifest_name, offer_earlier(root, any_step));
  }
  if (latest->manifest_checksum && *latest->manifest_checksum != manifest_checksum(path)) {
    throw_user("{} or {} is damaged: the manifest has the checksum {}, '{}' says {}{}", (root / latest_name).string(),
               (path / manifest_name).string(), manifest_checksum(path), latest_name, *latest->manifest_checksum,
               offer_earlier(root, any_step));
  }
  return path;
}

// Of a whole file, of which little is in memory at a time.
uint64_t streamed_checksum(const MappedFile& file) {
  constexpr size_t block = size_t{4} << 20;
  Checksum checksum;
  for (size_t begin = 0; begin < file.bytes().size(); begin += block) {
    const auto part = file.bytes().subspan(begin, std::min(block, file.bytes().size() - begin));
    checksum.update(part.data(), part.size());
    file.release(part);
  }
  return checksum.value();
}

}  // namespace

CheckpointReader::CheckpointReader(fs::path path, Manifest manifest)
    : path_(std::move(path)), manifest_(std::move(manifest)) {}

CheckpointReader CheckpointReader::open(const fs::path& path) {
  if (!fs::is_directory(path)) throw_user("{} is not a directory: expected a checkpoint", path.string());
  // A checkpoint's own name says what it is, also when its manifest is lost.
  const auto step = step_of_name((path / "").lexically_normal().parent_path().filename().string());
  const fs::path checkpoint = step || fs::exists(path / manifest_name) ? path : resolve_latest(path);
  try {
    return CheckpointReader(checkpoint, read_manifest(checkpoint));
  } catch (const Error& error) {
    const auto damaged = step_of_name((checkpoint / "").lexically_normal().parent_path().filename().string());
    throw Error(error.kind(), error.what() + (damaged ? offer_earlier(root_of(checkpoint), *damaged) : ""));
  }
}

void CheckpointReader::throw_damaged(const std::string& file, const std::string& reason) const {
  throw_user("{} is damaged: {}{}", (path_ / file).string(), reason,
             offers_earlier_ ? offer_earlier(root_of(path_), manifest_.step) : "");
}

std::string CheckpointReader::tensors_in(const std::string& file, size_t from) const {
  std::set<std::string_view> names;
  for (const auto& [name, tensor] : manifest_.tensors) {
    for (const ChunkRecord& chunk : tensor.chunks) {
      if (chunk.file == file && chunk.end > from) names.insert(name);
    }
  }
  if (names.empty()) return "no tensor";
  const std::string more = names.size() > 1 ? fmt::format(" and {} more", names.size() - 1) : "";
  return fmt::format("tensor '{}'{}", *names.begin(), more);
}

const FileRecord& CheckpointReader::record(const std::string& name) const {
  for (const FileRecord& file : manifest_.files) {
    if (file.name == name) return file;
  }
  throw_internal("the manifest of {} lists no file '{}'", path_.string(), name);
}

const MappedFile& CheckpointReader::file(const std::string& name) {
  const auto known = files_.find(name);
  if (known != files_.end()) return known->second;
  std::error_code unknown;  // such as a link in a circle: opening it says so
  if (!fs::exists(path_ / name, unknown) && !unknown) {
    throw_damaged(name, fmt::format("the file is missing, and with it {}", tensors_in(name, 0)));
  }
  MappedFile mapped(path_ / name);
  const FileRecord& expected = record(name);
  const size_t size = mapped.bytes().size();
  if (size != expected.size) {
    throw_damaged(name, fmt::format("the file has {} bytes instead of {}{}", size, expected.size,
                                    size < expected.size ? ", which cuts off " + tensors_in(name, size) : ""));
  }
  if (checksum_of(mapped.bytes().first(expected.header_size)) != expected.header_checksum) {
    throw_damaged(name, fmt::format("its header, the first {} bytes, is not what was written; it describes {}",
                                    expected.header_size, tensors_in(name, 0)));
  }
  return files_.emplace(name, std::move(mapped)).first->second;
}

void CheckpointReader::check_chunk(const std::string& tensor, const ChunkRecord& chunk) {
  if (checked_.contains(&chunk)) return;
  const auto bytes = file(chunk.file).bytes().subspan(chunk.begin, chunk.end - chunk.begin);
  const uint64_t found = checksum_of(bytes);
  if (found != chunk.checksum) {
    throw_damaged(chunk.file, fmt::format("tensor '{}' {}: bytes {} to {} have the checksum {} instead of {}", tensor,
                                          chunk.box.to_string(), chunk.begin, chunk.end, checksum_text(found),
                                          checksum_text(chunk.checksum)));
  }
  checked_.insert(&chunk);
}

void CheckpointReader::load(const std::string& name, const Box& box, const Tensor& destination) {
  const auto found = manifest_.tensors.find(name);
  if (found == manifest_.tensors.end()) throw_internal("{} holds no tensor '{}'", path_.string(), name);
  const TensorRecord& tensor = found->second;
  if (destination.shape() != box.size || destination.dtype() != tensor.dtype) {
    throw_internal("{} of '{}' ({}) cannot be loaded into {} {}", box.to_string(), name, name_of(tensor.dtype),
                   name_of(destination.dtype()), destination.shape().to_string());
  }
  int64_t copied = 0;
  for (const ChunkRecord& chunk : tensor.chunks) {
    const auto part = intersect(box, chunk.box);
    if (!part) continue;
    check_chunk(name, chunk);
    const MappedFile& source = file(chunk.file);
    const auto bytes = source.bytes().subspan(chunk.begin, chunk.end - chunk.begin);
    copy_box(*part, chunk.box, bytes.data(), box, destination.raw(), size_of(tensor.dtype));
    source.release(bytes);
    copied += part->num_elements();
  }
  if (copied != box.num_elements()) {
    throw_internal("{} of '{}' lies outside its shape {}", box.to_string(), name, tensor.shape.to_string());
  }
}

void CheckpointReader::verify(int part, int of) {
  for (size_t i = 0; i < manifest_.files.size(); ++i) {
    if (static_cast<int>(i) % of != part) continue;
    const FileRecord& expected = manifest_.files[i];
    if (streamed_checksum(file(expected.name)) == expected.checksum) continue;
    // Which part it is.
    for (const auto& [name, tensor] : manifest_.tensors) {
      for (const ChunkRecord& chunk : tensor.chunks) {
        if (chunk.file == expected.name) check_chunk(name, chunk);
      }
    }
    throw_damaged(expected.name, "its checksum is not what the manifest says");
  }
}

}  // namespace kumiko
