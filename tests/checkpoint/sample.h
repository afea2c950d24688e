// A small model's tensors with known contents, cut in several ways: what the tests save, and hold what they load
// against.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kumiko/checkpoint/contents.h"
#include "kumiko/checkpoint/reader.h"
#include "kumiko/checkpoint/writer.h"

namespace kumiko::sample {

// How the tensors lie on the ranks. The uneven cuts leave some ranks more than others, and some nothing.
enum class Layout { replicated, rows, columns, mixed };
inline constexpr Layout layouts[] = {Layout::replicated, Layout::rows, Layout::columns, Layout::mixed};

// Large enough for several writes of a file, or small enough to flip every byte.
enum class Size { small, large };

std::vector<ExpectedTensor> tensors(Size size);

// What `rank` of `num_ranks` holds; the elements depend on the tensor, the global index and `seed`.
std::vector<SavedPiece> pieces(Size size, Layout layout, int rank, int num_ranks, int seed);

// {"seed": seed}, and back.
std::string state(int seed);
int seed_of(const std::string& state);

// Saves `seed` as `step` from threads as ranks. Rethrows the error.
void save(const CheckpointOptions& options, int num_ranks, Layout layout, int64_t step, int seed,
          Size size = Size::small);

// The same behind the ranks' backs; what they hold is another seed's when the write begins.
void save_behind(const CheckpointOptions& options, int num_ranks, Layout layout, int64_t step, int seed,
                 Size size = Size::small);

// Gives the pieces the elements of another seed.
void change(const std::vector<SavedPiece>& pieces, int seed);

// Loads everything as each of `num_ranks` ranks would; "" if all bits are those of `seed`, otherwise what differs.
std::string difference(CheckpointReader& reader, Layout layout, int num_ranks, int seed, Size size = Size::small);

}  // namespace kumiko::sample
