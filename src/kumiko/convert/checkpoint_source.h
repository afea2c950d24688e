// The tensors of a checkpoint as others want them, part by part, whatever boxes they were saved in.
#pragma once

#include <algorithm>
#include <filesystem>
#include <memory>
#include <span>

#include "kumiko/checkpoint/reader.h"
#include "kumiko/convert/names.h"
#include "kumiko/train/config.h"

namespace kumiko {

class CheckpointSource {
 public:
  // `load`: a checkpoint, or a directory of them, of which the latest is taken. User error, listing every tensor that
  // does not fit, if it does not hold the model that its record describes.
  CheckpointSource(const std::filesystem::path& load, int64_t block_elements);

  const std::filesystem::path& path() const { return reader_.path(); }
  const Config& config() const { return config_; }
  const ModelOptions& model() const { return config_.model; }
  const std::vector<ForeignTensor>& tensors() const { return tensors_; }

  // Rows [begin, end) of the tensor's parts stacked, as f32; with `transposed`, of the transpose of the stack. The
  // elements stay until the next call.
  std::span<const float> rows(const ForeignTensor& tensor, bool transposed, int64_t begin, int64_t end);
  // Calls visit(elements, first row) for all rows of the tensor, in order, about block_elements at a time, and a
  // multiple of `multiple` rows.
  template <class Visit>
  void for_each_block(const ForeignTensor& tensor, bool transposed, Visit visit, int64_t multiple = 1) {
    const Shape shape = tensor.stacked_shape();
    const int64_t num_rows = shape.rank() == 2 && transposed ? shape[1] : shape[0];
    const int64_t fitting = block_elements_ / (shape.num_elements() / num_rows);
    const int64_t step = std::max<int64_t>(1, fitting / multiple) * multiple;
    for (int64_t row = 0; row < num_rows; row += step) {
      visit(rows(tensor, transposed, row, std::min(num_rows, row + step)), row);
    }
  }

 private:
  CheckpointReader reader_;
  int64_t block_elements_;
  Config config_;
  std::vector<ForeignTensor> tensors_;
  std::shared_ptr<MemoryPool> pool_;
  Tensor block_;
};

}  // namespace kumiko
