#include "kumiko/mesh/mesh.h"

#include <algorithm>
#include <numeric>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

constexpr std::array<std::string_view, num_axes> axis_names = {"data", "pipeline", "context", "tensor"};

[[noreturn]] void throw_order(std::string_view text, const std::string& reason) {
  throw_user(
      "parallel.rank_order = \"{}\": {}; expected the axes tensor, context, pipeline and data, each once, joined by "
      "hyphens, the one whose ranks are neighbours first: {} is the default",
      text, reason, to_string(default_rank_order));
}

// The divisors of `number` next below and above `size`, as text; `size` is no divisor.
std::string nearest_divisors(int64_t number, int64_t size) {
  int64_t below = 0;
  int64_t above = 0;
  for (int64_t divisor = 1; divisor <= number && above == 0; ++divisor) {
    if (number % divisor != 0) continue;
    (divisor < size ? below : above) = divisor;
  }
  return above == 0 ? fmt::format("{}", below) : fmt::format("{} or {}", below, above);
}

[[noreturn]] void throw_misfit(int64_t num_ranks, const MeshSizes& sizes) {
  const int64_t inner = sizes.tensor * sizes.context * sizes.pipeline;
  std::string advice =
      fmt::format("start {}{} ranks", num_ranks > inner ? fmt::format("{} or ", num_ranks / inner * inner) : "",
                  (num_ranks / inner + 1) * inner);
  const struct {
    const char* option;
    int64_t size;
  } axes[] = {{"tensor_model_parallel_size", sizes.tensor},
              {"pipeline_model_parallel_size", sizes.pipeline},
              {"context_parallel_size", sizes.context}};
  for (const auto& axis : axes) {
    const int64_t others = inner / axis.size;
    if (axis.size == 1 || num_ranks % others != 0) continue;
    advice += fmt::format(", or take {} for parallel.{}", nearest_divisors(num_ranks / others, axis.size), axis.option);
  }
  throw_user(
      "{} rank{} started, which parallel.tensor_model_parallel_size = {} x context_parallel_size = {} x "
      "pipeline_model_parallel_size = {} = {} does not divide: {}",
      num_ranks, num_ranks == 1 ? "" : "s", sizes.tensor, sizes.context, sizes.pipeline, inner, advice);
}

}  // namespace

std::string_view name_of(Axis axis) { return axis_names[static_cast<size_t>(axis)]; }

RankOrder parse_rank_order(std::string_view text) {
  RankOrder order{};
  size_t count = 0;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('-', begin), text.size());
    const std::string_view name = text.substr(begin, end - begin);
    const auto found = std::find(axis_names.begin(), axis_names.end(), name);
    if (found == axis_names.end()) throw_order(text, fmt::format("\"{}\" is no axis", name));
    const auto axis = static_cast<Axis>(found - axis_names.begin());
    if (std::find(order.begin(), order.begin() + count, axis) != order.begin() + count) {
      throw_order(text, fmt::format("{} is there twice", name));
    }
    order[count++] = axis;
    begin = end + 1;
  }
  if (count < num_axes) throw_order(text, fmt::format("{} of {} axes are missing", num_axes - count, num_axes));
  return order;
}

std::string to_string(const RankOrder& order) {
  std::string text;
  for (const Axis axis : order) text += (text.empty() ? "" : "-") + std::string(name_of(axis));
  return text;
}

Mesh::Mesh(const MeshSizes& sizes, const RankOrder& order)
    : sizes_{sizes.data, sizes.pipeline, sizes.context, sizes.tensor}, strides_{}, order_(order) {
  int64_t stride = 1;
  for (const Axis axis : order) {
    if (size(axis) < 1) {
      throw_user("the {} axis of the mesh has size {}: expected 1 or more", name_of(axis), size(axis));
    }
    strides_[static_cast<size_t>(axis)] = stride;
    stride *= size(axis);
  }
}

Mesh Mesh::for_ranks(int64_t num_ranks, MeshSizes sizes, const RankOrder& order) {
  const bool data_given = sizes.data != 0;
  if (!data_given) sizes.data = 1;
  const Mesh inner({1, sizes.pipeline, sizes.context, sizes.tensor});
  if (num_ranks % inner.size() != 0) throw_misfit(num_ranks, sizes);
  const int64_t left = num_ranks / inner.size();
  if (data_given && sizes.data != left) {
    throw_user(
        "parallel.data_parallel_size = {}, but {} rank{} started and each replica of the model takes {}, which leaves "
        "{}; "
        "leave it at 0, or start {} ranks",
        sizes.data, num_ranks, num_ranks == 1 ? "" : "s", inner.size(), left, sizes.data * inner.size());
  }
  sizes.data = left;
  return Mesh(sizes, order);
}

int64_t Mesh::size() const { return std::accumulate(sizes_.begin(), sizes_.end(), int64_t{1}, std::multiplies<>()); }

std::vector<int64_t> Mesh::group(int64_t rank, Axis axis) const {
  std::vector<int64_t> ranks;
  const int64_t first = rank - coordinate(rank, axis) * stride(axis);
  for (int64_t i = 0; i < size(axis); ++i) ranks.push_back(first + i * stride(axis));
  return ranks;
}

std::string Mesh::to_string() const {
  std::string text;
  for (size_t axis = 0; axis < sizes_.size(); ++axis) {
    text += fmt::format("{}{} {}", axis == 0 ? "" : " x ", sizes_[axis], name_of(static_cast<Axis>(axis)));
  }
  return text;
}

}  // namespace kumiko
