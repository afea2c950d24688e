#include "kumiko/convert/checkpoint_source.h"

#include <algorithm>
#include <limits>

#include "kumiko/checkpoint/contents.h"
#include "kumiko/convert/elements.h"
#include "kumiko/train/state_checkpoint.h"

namespace kumiko {

CheckpointSource::CheckpointSource(const std::filesystem::path& load, int64_t block_elements)
    : reader_(CheckpointReader::open(load)), block_elements_(block_elements), pool_(MemoryPool::create()) {
  const std::string origin = path().string();
  config_ = config_of(run_record_from_json(reader_.manifest().state, origin), reader_.manifest(), origin);
  tensors_ = foreign_tensors(config_.model);
  std::vector<ExpectedTensor> expected;
  for (const ForeignTensor& tensor : tensors_) {
    for (const LogicalTensor& part : tensor.parts) expected.push_back({part.name, part.shape, DType::f32});
  }
  check_contents(reader_.manifest(), expected, origin, std::numeric_limits<size_t>::max());
}

std::span<const float> CheckpointSource::rows(const ForeignTensor& tensor, bool transposed, int64_t begin,
                                              int64_t end) {
  const Shape stacked = tensor.stacked_shape();
  const bool columns = transposed && stacked.rank() == 2;
  Shape shape = stacked;
  shape[0] = end - begin;
  if (columns) shape[1] = stacked[0];
  block_ = Tensor();  // its memory is what the next one takes
  block_ = Tensor::empty(*pool_, shape, DType::f32, MemoryPurpose::workspace);
  int64_t first_row = 0;  // of the part, in the stack
  for (const LogicalTensor& part : tensor.parts) {
    const int64_t part_rows = part.shape[0];
    if (columns) {
      const Box box{Shape{0, begin}, Shape{part_rows, end - begin}};
      const Tensor piece = Tensor::empty(*pool_, box.size, DType::f32, MemoryPurpose::workspace);
      reader_.load(part.name, box, piece);
      transpose(static_cast<const std::byte*>(piece.raw()), end - begin, part_rows, end - begin,
                static_cast<std::byte*>(block_.raw()) + static_cast<size_t>(first_row) * sizeof(float), stacked[0],
                sizeof(float));
    } else if (const int64_t from = std::max(begin, first_row), to = std::min(end, first_row + part_rows); from < to) {
      Box box = Box::whole(part.shape);
      box.offset[0] = from - first_row;
      box.size[0] = to - from;
      reader_.load(part.name, box, block_.rows(from - begin, to - begin));
    }
    first_row += part_rows;
  }
  return block_.elements<float>();
}

}  // namespace kumiko
