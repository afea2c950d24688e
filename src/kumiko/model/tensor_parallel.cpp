#include "kumiko/model/tensor_parallel.h"

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

// What does not go into `size` parts; empty if all does.
std::string misfit(const ModelOptions& options, int64_t size) {
  const int64_t heads = options.num_attention_heads;
  if (heads < 1) return fmt::format("model.num_attention_heads = {}, expected 1 or more", heads);
  if (heads % size != 0) return fmt::format("it does not divide model.num_attention_heads = {}", heads);
  const int64_t kv_heads = options.num_kv_heads();
  if (kv_heads < 1) return fmt::format("model.num_query_groups = {}, expected 1 or more", kv_heads);
  if (kv_heads % size != 0 && size % kv_heads != 0) {
    return fmt::format(
        "neither it nor model.num_query_groups = {} divides the other, so that ranks would have different numbers of "
        "them",
        kv_heads);
  }
  if (options.feed_forward_size() < size) {
    return fmt::format("it is more than model.ffn_hidden_size = {}", options.feed_forward_size());
  }
  if (options.vocab_size < size) return fmt::format("it is more than model.vocab_size = {}", options.vocab_size);
  return "";
}

}  // namespace

bool can_cut(const ModelOptions& options, int64_t size) { return size >= 1 && misfit(options, size).empty(); }

void check_tensor_parallel(const ModelOptions& options, int64_t size) {
  if (size < 1) throw_user("parallel.tensor_model_parallel_size = {}: expected 1 or more", size);
  const std::string reason = misfit(options, size);
  if (reason.empty()) return;
  // Sizes that no model has: nothing is near that it could be cut for.
  if (!can_cut(options, 1)) throw_user("parallel.tensor_model_parallel_size = {}: {}", size, reason);
  const int64_t most = options.num_attention_heads;
  int64_t below = std::min(size - 1, most);
  while (!can_cut(options, below)) --below;  // 1 is no cut
  int64_t above = size + 1;
  while (above <= most && !can_cut(options, above)) ++above;
  throw_user("parallel.tensor_model_parallel_size = {}: {}; the nearest {} {}{}", size, reason,
             above <= most ? "sizes that the model can be cut for are" : "size that the model can be cut for is", below,
             above <= most ? fmt::format(" and {}", above) : "");
}

}  // namespace kumiko
