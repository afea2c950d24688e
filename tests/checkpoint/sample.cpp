#include "checkpoint/sample.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "checkpoint/thread_ranks.h"
#include "kumiko/checkpoint/background_writer.h"

namespace kumiko::sample {
namespace {

Box cut(const Shape& shape, int dim, int rank, int num_ranks) {
  Box box = Box::whole(shape);
  const int64_t extent = shape[dim];
  // Uneven: the parts grow with the rank.
  const auto edge = [&](int64_t r) { return extent * r * (r + 1) / (num_ranks * (num_ranks + 1)); };
  box.offset[dim] = edge(rank);
  box.size[dim] = edge(rank + 1) - edge(rank);
  return box;
}

Box box_of(const Shape& shape, Layout layout, size_t index, int rank, int num_ranks) {
  if (shape.rank() == 0 || layout == Layout::replicated) return Box::whole(shape);
  if (layout == Layout::mixed && index % 3 == 0) return Box::whole(shape);
  const bool rows = layout == Layout::rows || (layout == Layout::mixed && index % 3 == 1);
  return cut(shape, rows ? 0 : shape.rank() - 1, rank, num_ranks);
}

std::vector<std::byte> elements(size_t index, size_t num_bytes, int seed) {
  std::vector<std::byte> bytes(num_bytes);
  uint64_t x = 0x9E3779B97F4A7C15u * (index + 1) + static_cast<uint64_t>(seed) * 0xD1342543DE82EF95u;
  for (std::byte& byte : bytes) {
    x = x * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<std::byte>(x >> 56);
  }
  return bytes;
}

Tensor new_tensor(const Shape& shape, DType dtype) {
  const size_t bytes = static_cast<size_t>(shape.num_elements()) * size_of(dtype);
  return Tensor(std::shared_ptr<std::byte[]>(new std::byte[bytes + 1]()), shape, dtype);
}

}  // namespace

std::vector<ExpectedTensor> tensors(Size size) {
  const int64_t vocabulary = size == Size::large ? 4000 : 40;
  return {{"wte.weight", {vocabulary, 100}, DType::f32},
          {"h.0.attn.weight", {9, 5, 7}, DType::bf16},
          {"h.0.attn.bias", {11}, DType::f32},
          {"optimizer.wte.weight", {vocabulary, 10}, DType::f64},
          {"optimizer.step", {}, DType::i64},
          {"none", {0, 4}, DType::f32},
          {"mask", {3, 13}, DType::u8}};
}

std::vector<SavedPiece> pieces(Size size, Layout layout, int rank, int num_ranks, int seed) {
  std::vector<SavedPiece> result;
  size_t index = 0;
  for (const ExpectedTensor& tensor : tensors(size)) {
    const Box box = box_of(tensor.shape, layout, index, rank, num_ranks);
    const size_t num_bytes = static_cast<size_t>(tensor.shape.num_elements()) * size_of(tensor.dtype);
    const std::vector<std::byte> whole = elements(index++, num_bytes, seed);
    const Tensor part = new_tensor(box.size, tensor.dtype);
    copy_box(box, Box::whole(tensor.shape), whole.data(), box, part.raw(), size_of(tensor.dtype));
    const bool optimizer = tensor.name.starts_with("optimizer");
    result.push_back({tensor.name, tensor.shape, box, part, optimizer ? TensorRole::optimizer : TensorRole::parameter});
  }
  return result;
}

std::string state(int seed) { return "{\"seed\":" + std::to_string(seed) + "}"; }

int seed_of(const std::string& state) { return std::atoi(state.c_str() + std::strlen("{\"seed\":")); }

void save(const CheckpointOptions& options, int num_ranks, Layout layout, int64_t step, int seed, Size size) {
  run_on_ranks(num_ranks, [&](Communicator& ranks) {
    CheckpointWriter writer(ranks, options);
    writer.save(step, state(seed), pieces(size, layout, ranks.rank(), num_ranks, seed));
  });
}

void change(const std::vector<SavedPiece>& pieces, int seed) {
  for (const SavedPiece& piece : pieces) {
    const std::vector<std::byte> bytes = elements(0, piece.tensor.num_bytes(), seed);
    std::copy(bytes.begin(), bytes.end(), static_cast<std::byte*>(piece.tensor.raw()));
  }
}

void save_behind(const CheckpointOptions& options, int num_ranks, Layout layout, int64_t step, int seed, Size size) {
  run_on_ranks(num_ranks, [&](Communicator& ranks) {
    const auto pool = MemoryPool::create();
    BackgroundWriter writer(ranks, options);
    const std::vector<SavedPiece> held = pieces(size, layout, ranks.rank(), num_ranks, seed);
    writer.reserve(held, *pool);
    writer.start(step, state(seed), held);
    change(held, seed + 1000);
    if (const auto result = writer.wait(); result->error) throw Error(*result->error);
  });
}

std::string difference(CheckpointReader& reader, Layout layout, int num_ranks, int seed, Size size) {
  check_contents(reader.manifest(), tensors(size), reader.path().string());
  for (int rank = 0; rank < num_ranks; ++rank) {
    for (const SavedPiece& expected : pieces(size, layout, rank, num_ranks, seed)) {
      const Tensor loaded = new_tensor(expected.box.size, expected.tensor.dtype());
      reader.load(expected.name, expected.box, loaded);
      if (std::memcmp(loaded.raw(), expected.tensor.raw(), loaded.num_bytes()) != 0) {
        return expected.name + " " + expected.box.to_string() + " differs";
      }
    }
  }
  return "";
}

}  // namespace kumiko::sample
