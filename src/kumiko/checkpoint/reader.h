// Loading a checkpoint: any box of any tensor, whatever boxes it was saved in and by how many ranks.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "kumiko/base/file.h"
#include "kumiko/checkpoint/manifest.h"
#include "kumiko/tensor/tensor.h"

namespace kumiko {

class CheckpointReader {
 public:
  // `path`: one checkpoint, or a root, of which `latest` names one. User error if there is none or the manifest is
  // damaged. Every message about damage names the newest earlier checkpoint that is whole, to be loaded instead.
  static CheckpointReader open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  const Manifest& manifest() const { return manifest_; }
  int64_t step() const { return manifest_.step; }

  // Copies `box` of the tensor `name` into `destination` (shape box.size, the tensor's dtype). Only the chunks that
  // meet the box are read, and each is checked against its checksum before the first use. User error naming file and
  // tensor if one is damaged; internal error on a tensor that is not there (check_contents tells the user first). What
  // was read of the files is not kept in memory.
  void load(const std::string& name, const Box& box, const Tensor& destination);

  // Checks every byte of the data files, or of every `of`-th file from the `part`-th on: ranks share the work. User
  // error at the first damage, naming file and tensor.
  void verify(int part = 0, int of = 1);

 private:
  CheckpointReader(std::filesystem::path path, Manifest manifest);

  // The mapped data file, its size and header checked.
  const MappedFile& file(const std::string& name);
  const FileRecord& record(const std::string& name) const;
  void check_chunk(const std::string& tensor, const ChunkRecord& chunk);
  // "tensor 'a' and 3 more": those with data in the file beyond the first `from` bytes.
  std::string tensors_in(const std::string& file, size_t from) const;
  [[noreturn]] void throw_damaged(const std::string& file, const std::string& reason) const;

  friend std::string offer_earlier(const std::filesystem::path& checkpoint, int64_t before);

  std::filesystem::path path_;
  Manifest manifest_;
  std::map<std::string, MappedFile> files_;
  std::set<const ChunkRecord*> checked_;
  bool offers_earlier_ = true;
};

}  // namespace kumiko
