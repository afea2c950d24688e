#include "kumiko/checkpoint/cover.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

namespace kumiko {
namespace {

// The dim along which the boxes start at the most places: sweeping along it leaves the fewest boxes to compare.
int sweep_dim(int rank, std::span<const Box* const> boxes) {
  int best = 0;
  size_t most = 0;
  for (int dim = 0; dim < rank; ++dim) {
    std::set<int64_t> starts;
    for (const Box* box : boxes) starts.insert(box->offset[dim]);
    if (starts.size() > most) {
      most = starts.size();
      best = dim;
    }
  }
  return best;
}

std::optional<std::string> overlap(const Shape& global, std::vector<const Box*> boxes) {
  if (global.rank() == 0) {
    return boxes.size() > 1 ? std::optional<std::string>("several boxes hold the one element") : std::nullopt;
  }
  const int dim = sweep_dim(global.rank(), boxes);
  std::sort(boxes.begin(), boxes.end(), [dim](const Box* a, const Box* b) { return a->offset[dim] < b->offset[dim]; });
  std::vector<const Box*> open;  // those that reach up to the start of the present box
  for (const Box* box : boxes) {
    std::erase_if(open, [&](const Box* other) { return other->offset[dim] + other->size[dim] <= box->offset[dim]; });
    for (const Box* other : open) {
      if (intersect(*box, *other)) return fmt::format("{} and {} overlap", other->to_string(), box->to_string());
    }
    open.push_back(box);
  }
  return std::nullopt;
}

}  // namespace

bool contains(const Box& outer, const Box& inner) {
  if (inner.size.rank() != outer.size.rank() || inner.offset.rank() != outer.offset.rank()) return false;
  for (int dim = 0; dim < outer.size.rank(); ++dim) {
    if (inner.offset[dim] < outer.offset[dim] || inner.size[dim] < 0) return false;
    if (inner.size[dim] > outer.offset[dim] + outer.size[dim] - inner.offset[dim]) return false;
  }
  return true;
}

std::optional<std::string> cover_defect(const Shape& global, std::span<const Box> boxes) {
  const Box whole = Box::whole(global);
  std::vector<const Box*> filled;
  for (const Box& box : boxes) {
    if (!contains(whole, box)) return fmt::format("{} lies outside the shape {}", box.to_string(), global.to_string());
    if (box.num_elements() > 0) filled.push_back(&box);
  }
  if (auto defect = overlap(global, filled)) return defect;
  int64_t covered = 0;  // no sum of boxes that lie apart is too large
  for (const Box* box : filled) covered += box->num_elements();
  if (covered != global.num_elements()) {
    return fmt::format("{} of {} elements are missing", global.num_elements() - covered, global.num_elements());
  }
  return std::nullopt;
}

static void split_from(int dim, const Box& box, int64_t max_elements, std::vector<Box>& parts) {
  if (box.num_elements() <= max_elements || dim == box.size.rank()) {
    parts.push_back(box);
    return;
  }
  const int64_t extent = box.size[dim];
  const int64_t slice = box.num_elements() / extent;
  const int64_t rows = std::max<int64_t>(1, max_elements / slice);
  const int64_t num_parts = (extent + rows - 1) / rows;
  for (int64_t part = 0; part < num_parts; ++part) {
    Box piece = box;
    const int64_t begin = extent * part / num_parts;
    piece.offset[dim] += begin;
    piece.size[dim] = extent * (part + 1) / num_parts - begin;
    // A single row that is still too large is cut along the next dim.
    split_from(piece.size[dim] == 1 ? dim + 1 : box.size.rank(), piece, max_elements, parts);
  }
}

std::vector<Box> split_box(const Box& box, int64_t max_elements) {
  std::vector<Box> parts;
  split_from(0, box, std::max<int64_t>(1, max_elements), parts);
  return parts;
}

}  // namespace kumiko
