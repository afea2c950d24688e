#include "kumiko/mesh/mesh.h"

#include <algorithm>
#include <numeric>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

constexpr std::array<std::string_view, num_axes + 1> axis_names = {"data", "pipeline", "context", "tensor", "all"};
constexpr std::array<std::string_view, num_axes + 1> axis_helps = {
    "replicas that share the batch; 0 for what the ranks give", "stages that the layers are cut into",
    "ranks that share each sequence", "ranks that share each layer", "every rank"};

[[noreturn]] void throw_order(std::string_view text, const std::string& reason) {
  throw_user(
      "parallel.rank_order = \"{}\": {}; expected the axes tensor, context, pipeline and data, each once, joined by "
      "hyphens, the one whose ranks are neighbours first: {} is the default",
      text, reason, to_string(default_rank_order));
}

struct SizeOption {
  Axis axis;
  const char* name;
  int64_t size;
};

// In the order of messages. Training has no context axis: only `inspect mesh` plans one, by its flag.
std::array<SizeOption, num_axes> size_options(const MeshSizes& sizes) {
  return {{{Axis::tensor, "parallel.tensor_model_parallel_size", sizes.tensor},
           {Axis::context, "--context-parallel-size", sizes.context},
           {Axis::pipeline, "parallel.pipeline_model_parallel_size", sizes.pipeline},
           {Axis::data, "parallel.data_parallel_size", sizes.data}}};
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

// "parallel.tensor_model_parallel_size = 4 x parallel.pipeline_model_parallel_size = 2 = 8", of the axes above 1.
std::string product_text(const MeshSizes& sizes) {
  std::string text;
  int64_t product = 1;
  int count = 0;
  for (const SizeOption& option : size_options(sizes)) {
    if (option.size == 1) continue;
    text += fmt::format("{}{} = {}", count++ == 0 ? "" : " x ", option.name, option.size);
    product *= option.size;
  }
  if (count == 0) return "parallel.data_parallel_size = 1";
  return count == 1 ? text : fmt::format("{} = {}", text, product);
}

// The numbers of ranks that the sizes would fit: one, or with data left open its multiples.
std::string fitting_ranks(int64_t num_ranks, int64_t product, bool data_given) {
  if (data_given || num_ranks < product) return fmt::format("{}", product);
  const int64_t below = num_ranks / product * product;
  return below + product > most_ranks ? fmt::format("{}", below) : fmt::format("{} or {}", below, below + product);
}

// `sizes` with data 1 where it was left open.
[[noreturn]] void throw_misfit(int64_t num_ranks, const MeshSizes& sizes, bool data_given) {
  const int64_t product = sizes.data * sizes.pipeline * sizes.context * sizes.tensor;
  const std::string ranks = fitting_ranks(num_ranks, product, data_given);
  std::string advice = fmt::format("take {} rank{}", ranks, ranks == "1" ? "" : "s");
  for (const SizeOption& option : size_options(sizes)) {
    const int64_t others = product / option.size;
    const bool open = option.axis == Axis::data ? data_given : option.size > 1;
    if (!open || num_ranks % others != 0) continue;
    const int64_t left = num_ranks / others;
    advice += fmt::format(", or {} for {}", data_given ? fmt::format("{}", left) : nearest_divisors(left, option.size),
                          option.name);
  }
  throw_user("{} {} {} rank{}: {}", product_text(sizes), data_given ? "does not make up" : "does not divide", num_ranks,
             num_ranks == 1 ? "" : "s", advice);
}

// User error unless every size, and their product, can be counted.
void check_sizes(const MeshSizes& sizes) {
  int64_t product = 1;
  for (const SizeOption& option : size_options(sizes)) {
    if (option.size < 1 || option.size > most_ranks) {
      throw_user("{} = {}: expected {} to {}", option.name, option.size,
                 option.axis == Axis::data ? "0, for what the ranks give," : "1", most_ranks);
    }
    product *= option.size;
    if (product > most_ranks) {
      throw_user("{} = {} makes the mesh larger than the {} ranks that it can have", option.name, option.size,
                 most_ranks);
    }
  }
}

}  // namespace

std::string_view name_of(Axis axis) { return axis_names[static_cast<size_t>(axis)]; }

std::string_view help_of(Axis axis) { return axis_helps[static_cast<size_t>(axis)]; }

RankOrder parse_rank_order(std::string_view text) {
  RankOrder order{};
  size_t count = 0;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('-', begin), text.size());
    const std::string_view name = text.substr(begin, end - begin);
    const auto last = axis_names.begin() + num_axes;
    const auto found = std::find(axis_names.begin(), last, name);
    if (found == last) throw_order(text, fmt::format("\"{}\" is no axis", name));
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
    if (size(axis) > most_ranks / stride) {
      throw_user("the {} axis of size {} makes the mesh larger than the {} ranks that it can have", name_of(axis),
                 size(axis), most_ranks);
    }
    strides_[static_cast<size_t>(axis)] = stride;
    stride *= size(axis);
  }
}

Mesh Mesh::for_ranks(int64_t num_ranks, MeshSizes sizes, const RankOrder& order) {
  if (num_ranks < 1 || num_ranks > most_ranks) throw_user("{} ranks: expected 1 to {}", num_ranks, most_ranks);
  const bool data_given = sizes.data != 0;
  if (!data_given) sizes.data = 1;
  check_sizes(sizes);
  const int64_t product = sizes.data * sizes.pipeline * sizes.context * sizes.tensor;
  if (data_given ? num_ranks != product : num_ranks % product != 0) throw_misfit(num_ranks, sizes, data_given);
  if (!data_given) sizes.data = num_ranks / product;
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
