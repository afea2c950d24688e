#include "kumiko/convert/hf_import.h"

#include <algorithm>
#include <vector>

#include "kumiko/base/clock.h"
#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/base/log.h"
#include "kumiko/checkpoint/cover.h"
#include "kumiko/checkpoint/directory.h"
#include "kumiko/checkpoint/writer.h"
#include "kumiko/convert/elements.h"
#include "kumiko/convert/hf_companions.h"
#include "kumiko/convert/hf_config.h"
#include "kumiko/convert/hf_folder.h"
#include "kumiko/convert/new_directory.h"
#include "kumiko/tokenizer/tokenizer.h"
#include "kumiko/train/kept_tokenizer.h"
#include "kumiko/train/state_checkpoint.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;

// A box of one of our tensors, and where it comes from.
struct ImportedChunk {
  PieceInfo info;
  size_t tensor = 0;      // index of the foreign tensor
  int64_t first_row = 0;  // of our tensor, in the stack
};

std::vector<ImportedChunk> plan_chunks(const std::vector<ForeignTensor>& tensors, int64_t block_elements) {
  std::vector<ImportedChunk> chunks;
  for (size_t i = 0; i < tensors.size(); ++i) {
    int64_t first_row = 0;
    for (const LogicalTensor& part : tensors[i].parts) {
      for (const Box& box : split_box(Box::whole(part.shape), block_elements)) {
        chunks.push_back({{part.name, part.shape, DType::f32, TensorRole::parameter, box}, i, first_row});
      }
      first_row += part.shape[0];
    }
  }
  return chunks;
}

// Makes the elements of chunks, one at a time.
class ChunkMaker {
 public:
  std::span<const std::byte> make(const ImportedChunk& chunk, const ForeignTensor& tensor, const HfTensor& source) {
    const auto bytes = source.file->bytes(*source.entry);
    const DType dtype = *source.entry->dtype;
    const Box& box = chunk.info.box;
    elements_.resize(static_cast<size_t>(box.num_elements()));
    if (tensor.hf_transposed) {
      gather(bytes, size_of(dtype), chunk, tensor.stacked_shape()[0]);
      widen(dtype, gathered_.data(), elements_);
    } else {
      // One run of the tensor, as split_box makes them.
      const int64_t columns = box.size.rank() == 2 ? tensor.stacked_shape()[1] : 1;
      const int64_t column = box.size.rank() == 2 ? box.offset[1] : 0;
      const auto begin = static_cast<size_t>((chunk.first_row + box.offset[0]) * columns + column) * size_of(dtype);
      widen(dtype, bytes.data() + begin, elements_);
    }
    source.file->release(bytes);
    return std::as_bytes(std::span<const float>(elements_));
  }

 private:
  // Of a tensor stored [in, out], `num_outputs` wide.
  void gather(std::span<const std::byte> bytes, size_t element, const ImportedChunk& chunk, int64_t num_outputs) {
    const Box& box = chunk.info.box;
    gathered_.resize(elements_.size() * element);
    const auto begin = static_cast<size_t>(box.offset[1] * num_outputs + chunk.first_row + box.offset[0]) * element;
    transpose(bytes.data() + begin, num_outputs, box.size[1], box.size[0], gathered_.data(), box.size[1], element);
  }

  std::vector<float> elements_;
  std::vector<std::byte> gathered_;
};

// A run that has not begun.
RunRecord record_of(const ModelOptions& model) {
  Config config;
  config.model = model;
  config.train.seq_length = std::min(config.train.seq_length, model.max_position_embeddings);
  RunRecord record;
  record.config = config.to_toml();
  return record;
}

void write_model_section(const fs::path& path, const ModelOptions& model) {
  const std::string all = record_of(model).config;
  constexpr std::string_view title = "[model]\n";
  const size_t begin = all.find(title);
  AtomicFile file(path);
  file.write(std::string_view(all).substr(begin, all.find("\n[", begin) - begin));
  file.commit();
}

void write_checkpoint(const fs::path& root, const ModelOptions& model, const std::vector<ForeignTensor>& tensors,
                      const std::vector<HfTensor>& sources, int64_t block_elements) {
  constexpr int64_t step = 0;
  begin_checkpoint(root, step);
  const std::vector<ImportedChunk> chunks = plan_chunks(tensors, block_elements);
  std::vector<PieceInfo> infos;
  for (const ImportedChunk& chunk : chunks) infos.push_back(chunk.info);
  ChunkMaker maker;
  const auto elements_of = [&](size_t index) {
    const ImportedChunk& chunk = chunks[index];
    return maker.make(chunk, tensors[chunk.tensor], sources[chunk.tensor]);
  };
  Manifest manifest = write_data_file(temporary_directory(root, step), infos, elements_of, 0, 1);
  manifest.kumiko_version = kumiko_version();
  manifest.step = step;
  manifest.state = to_json(record_of(model));
  check_complete(manifest);
  commit_checkpoint(root, manifest);
}

}  // namespace

ConversionReport import_hf(const HfImportOptions& options) {
  const double start = seconds_now();
  const fs::path& root = options.save;
  NewDirectory directory(root);
  const HfFolder folder(options.input);
  ConversionReport report;
  report.model = model_of_hf_config(read_text_file(folder.config_path()), folder.config_path().string());
  const std::vector<ForeignTensor> tensors = foreign_tensors(report.model);
  const std::vector<HfTensor> sources = folder.match(report.model.architecture, tensors);
  directory.create();
  if (names_tokenizer(folder.path())) {
    keep_tokenizer(folder.path().string(), root);
  } else {
    keep_companions(folder.path(), root);
    log::warning("{} holds no tokenizer: generating text will need --tokenizer", folder.path().string());
  }
  keep_token_ids(folder.config_path(), root);
  write_model_section(root / "model.toml", report.model);
  write_checkpoint(root, report.model, tensors, sources, options.block_elements);
  directory.keep();
  report.path = root / checkpoint_name(0);
  for (const ForeignTensor& tensor : tensors) {
    report.bytes += static_cast<size_t>(tensor.stacked_shape().num_elements()) * size_of(DType::f32);
  }
  report.num_tensors = static_cast<int64_t>(tensors.size());
  report.seconds = seconds_now() - start;
  return report;
}

}  // namespace kumiko
