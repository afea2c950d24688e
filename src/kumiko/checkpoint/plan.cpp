#include "kumiko/checkpoint/plan.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "kumiko/base/error.h"
#include "kumiko/checkpoint/cover.h"

namespace kumiko {
namespace {

struct Holder {
  size_t list;
  size_t piece;  // index into that list
};

// A box that exists somewhere, with all lists that hold it.
struct HeldBox {
  const PieceInfo* info;
  std::vector<Holder> holders;
  size_t num_ranks = 0;
};

struct Chunk {
  const HeldBox* held;
  Box box;
  size_t bytes;
};

bool same_tensor(const PieceInfo& a, const PieceInfo& b) {
  return a.global_shape == b.global_shape && a.dtype == b.dtype && a.role == b.role;
}

std::vector<int64_t> key_of(const Box& box) {
  std::vector<int64_t> key(box.offset.sizes().begin(), box.offset.sizes().end());
  key.insert(key.end(), box.size.sizes().begin(), box.size.sizes().end());
  return key;
}

using BoxesOfTensor = std::map<std::vector<int64_t>, HeldBox>;

std::map<std::string_view, BoxesOfTensor> collect(const Holdings& holdings, std::span<const size_t> ranks_of_list) {
  std::map<std::string_view, BoxesOfTensor> tensors;
  for (size_t list = 0; list < holdings.lists.size(); ++list) {
    for (size_t piece = 0; piece < holdings.lists[list].size(); ++piece) {
      const PieceInfo& info = holdings.lists[list][piece];
      BoxesOfTensor& boxes = tensors[info.name];
      if (!boxes.empty() && !same_tensor(*boxes.begin()->second.info, info)) {
        throw_internal("ranks disagree about tensor '{}': {} {} {} and {} {} {}", info.name, name_of(info.role),
                       name_of(info.dtype), info.global_shape.to_string(), name_of(boxes.begin()->second.info->role),
                       name_of(boxes.begin()->second.info->dtype),
                       boxes.begin()->second.info->global_shape.to_string());
      }
      HeldBox& held = boxes.try_emplace(key_of(info.box), HeldBox{&info, {}}).first->second;
      if (!held.holders.empty() && held.holders.back().list == list) {
        throw_internal("one rank handed in {} of tensor '{}' twice", info.box.to_string(), info.name);
      }
      held.holders.push_back({list, piece});
      held.num_ranks += ranks_of_list[list];
    }
  }
  return tensors;
}

void check_covers(const std::map<std::string_view, BoxesOfTensor>& tensors) {
  for (const auto& [name, boxes] : tensors) {
    std::vector<Box> all;
    for (const auto& entry : boxes) all.push_back(entry.second.info->box);
    if (const auto defect = cover_defect(boxes.begin()->second.info->global_shape, all)) {
      throw_internal("the ranks' boxes of tensor '{}' do not make it up: {}", name, *defect);
    }
  }
}

std::vector<Chunk> cut(const std::map<std::string_view, BoxesOfTensor>& tensors, size_t num_ranks,
                       const PlanOptions& options) {
  size_t total = 0;
  for (const auto& [name, boxes] : tensors) {
    const PieceInfo& info = *boxes.begin()->second.info;
    total += static_cast<size_t>(info.global_shape.num_elements()) * size_of(info.dtype);
  }
  const size_t shared_limit = std::clamp(
      total / num_ranks / 4, std::min(options.min_chunk_bytes, options.max_chunk_bytes), options.max_chunk_bytes);
  std::vector<Chunk> chunks;
  for (const auto& [name, boxes] : tensors) {
    for (const auto& [key, held] : boxes) {
      const size_t limit = held.num_ranks > 1 ? shared_limit : options.max_chunk_bytes;
      const size_t element = size_of(held.info->dtype);
      for (const Box& part : split_box(held.info->box, static_cast<int64_t>(limit / element))) {
        chunks.push_back({&held, part, static_cast<size_t>(part.num_elements()) * element});
      }
    }
  }
  // Where there is no choice first, then the largest first; the order of names and boxes decides among equals.
  std::stable_sort(chunks.begin(), chunks.end(), [](const Chunk& a, const Chunk& b) {
    const bool a_free = a.held->num_ranks > 1;
    const bool b_free = b.held->num_ranks > 1;
    return a_free != b_free ? b_free : a_free && a.bytes > b.bytes;
  });
  return chunks;
}

}  // namespace

WritePlan plan_writes(const Holdings& holdings, const PlanOptions& options) {
  const size_t num_ranks = holdings.list_of_rank.size();
  std::vector<std::vector<size_t>> ranks_of_list(holdings.lists.size());
  for (size_t rank = 0; rank < num_ranks; ++rank) ranks_of_list[holdings.list_of_rank[rank]].push_back(rank);
  std::vector<size_t> num_ranks_of_list;
  for (const auto& ranks : ranks_of_list) num_ranks_of_list.push_back(ranks.size());

  const auto tensors = collect(holdings, num_ranks_of_list);
  check_covers(tensors);
  WritePlan plan{std::vector<std::vector<PlannedWrite>>(num_ranks), std::vector<size_t>(num_ranks, 0)};
  for (const Chunk& chunk : cut(tensors, num_ranks, options)) {
    size_t writer = num_ranks;
    size_t piece = 0;
    for (const Holder& holder : chunk.held->holders) {
      for (const size_t rank : ranks_of_list[holder.list]) {
        if (writer == num_ranks || std::tie(plan.bytes[rank], rank) < std::tie(plan.bytes[writer], writer)) {
          writer = rank;
          piece = holder.piece;
        }
      }
    }
    plan.writes[writer].push_back({piece, chunk.box});
    plan.bytes[writer] += chunk.bytes;
  }
  return plan;
}

}  // namespace kumiko
