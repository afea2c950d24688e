#include "kumiko/model/model.h"

#include "kumiko/kernels/first_keys.h"
#include "kumiko/model/architecture.h"

namespace kumiko {

Model::Model(const ModelOptions& options, TensorParallel tensor_parallel)
    : options_(options), parameters_(std::make_unique<ParameterRegistry>(tensor_parallel)) {
  const Composition composition =
      options.architecture == Architecture::gpt ? compose_gpt(options) : compose_llama(options);
  ParameterRegistry& registry = *parameters_;
  auto embedding = std::make_unique<Embedding>(registry, composition.embedding);
  Parameter* tied = options.untie_embeddings_and_output_weights ? nullptr : &embedding->token_table();
  units_.push_back(std::move(embedding));
  for (int layer = 0; layer < options.num_layers; ++layer) {
    registry.next_unit();
    units_.push_back(std::make_unique<Block>(composition.block(registry, fmt::format("block.{}", layer), layer)));
  }
  registry.next_unit();
  units_.push_back(std::make_unique<Head>(registry, composition.head, tied));
}

void Model::prepare(Kernels& kernels) {
  for (const auto& unit : units_) unit->prepare(kernels);
}

static void tell_before(const Pass& pass, const UnitVisit& visit) {
  if (pass.observer != nullptr) pass.observer->before(visit);
}

static void tell_after(const Pass& pass, const UnitVisit& visit) {
  if (pass.observer != nullptr) pass.observer->after(visit);
}

// Unit 0 is the embedding, unit 1 + i block i, the last the head.
Tensor Model::forward_units(Pass& pass, int64_t begin, int64_t end, Tensor x) {
  for (int64_t unit = begin; unit < end; ++unit) {
    const UnitVisit visit{static_cast<int>(unit), Direction::forward};
    tell_before(pass, visit);
    x = units_[static_cast<size_t>(unit)]->forward(pass, x);
    tell_after(pass, visit);
  }
  return x;
}

void Model::apply_window(Pass& pass) const {
  const int64_t num_keys = pass.first_position() + pass.sequence;
  if (options_.window_size == 0 || num_keys <= options_.window_size) return;
  const Tensor first_keys = Tensor::empty(pass.pool, pass.tokens.shape(), DType::i32, MemoryPurpose::workspace);
  if (pass.first_keys) {
    copy(pass.first_keys, first_keys);
  } else {
    fill_zero(first_keys);
  }
  for (int64_t b = 0; b < pass.batch; ++b) {
    window_first_keys(num_keys, options_.window_size, first_keys.rows(b, b + 1).elements<int32_t>());
  }
  pass.first_keys = first_keys;
}

Tensor Model::forward_blocks(Pass& pass) {
  apply_window(pass);
  Tensor x = forward_units(pass, 0, 1, {});
  for (const BlockSpan& span : block_spans(pass.recompute, options_.num_layers)) {
    if (span.recomputed && pass.stash != nullptr) {
      pass.keep(x);
      Pass once = pass;
      once.stash = nullptr;
      x = forward_units(once, 1 + span.begin, 1 + span.end, std::move(x));
    } else {
      x = forward_units(pass, 1 + span.begin, 1 + span.end, std::move(x));
    }
  }
  return x;
}

void Model::forward(Pass& pass) { forward_units(pass, head_unit(), head_unit() + 1, forward_blocks(pass)); }

void Model::backward(Pass& pass) {
  Tensor gradient;
  const auto backward_unit = [&](int64_t unit) {
    const UnitVisit visit{static_cast<int>(unit), Direction::backward};
    tell_before(pass, visit);
    gradient = units_[static_cast<size_t>(unit)]->backward(pass, gradient);
    tell_after(pass, visit);
  };
  const std::vector<BlockSpan> spans = block_spans(pass.recompute, options_.num_layers);
  backward_unit(head_unit());
  for (auto span = spans.rbegin(); span != spans.rend(); ++span) {
    if (span->recomputed) {
      const PhaseSpan phase(pass.timer, Phase::recompute);
      forward_units(pass, 1 + span->begin, 1 + span->end, pass.stash->pop());
    }
    for (int64_t block = span->end - 1; block >= span->begin; --block) backward_unit(1 + block);
  }
  backward_unit(0);
}

std::vector<UnitVisit> Model::forward_visits() const {
  std::vector<UnitVisit> visits;
  for (int unit = 0; unit <= head_unit(); ++unit) visits.push_back({unit, Direction::forward});
  return visits;
}

std::vector<UnitVisit> Model::training_visits(const RecomputeOptions& recompute) const {
  std::vector<UnitVisit> visits = forward_visits();
  const auto add = [&](int64_t unit, Direction direction) { visits.push_back({static_cast<int>(unit), direction}); };
  const std::vector<BlockSpan> spans = block_spans(recompute, options_.num_layers);
  add(head_unit(), Direction::backward);
  for (auto span = spans.rbegin(); span != spans.rend(); ++span) {
    for (int64_t block = span->begin; span->recomputed && block < span->end; ++block)
      add(1 + block, Direction::forward);
    for (int64_t block = span->end - 1; block >= span->begin; --block) add(1 + block, Direction::backward);
  }
  add(0, Direction::backward);
  return visits;
}

std::vector<int> Model::weights_read(const UnitVisit& visit) const {
  if (visit == UnitVisit{0, Direction::backward}) return {};
  if (visit == UnitVisit{head_unit(), Direction::forward} && shares_table()) return {0, visit.unit};
  return {visit.unit};
}

// The head takes the gradient of its projection in the forward.
std::vector<int> Model::gradients_added(const UnitVisit& visit) const {
  if (visit.direction == Direction::backward) return {visit.unit};
  if (visit.unit != head_unit()) return {};
  return shares_table() ? std::vector<int>{0, visit.unit} : std::vector<int>{visit.unit};
}

Tensor Model::logits(Pass& pass) { return head().logits(pass, forward_blocks(pass)); }

Tensor Model::generate_step(Pass& pass) {
  const Tensor x = forward_blocks(pass);
  pass.cache->length += pass.sequence;
  const Tensor last = pass.empty({pass.batch, x.shape()[1]}, MemoryPurpose::workspace);
  for (int64_t b = 0; b < pass.batch; ++b) {
    const int64_t row = (b + 1) * pass.sequence - 1;
    copy(x.rows(row, row + 1), last.rows(b, b + 1));
  }
  return head().logits(pass, last);
}

int64_t count_parameters(const ModelOptions& options) { return Model(options).parameters().num_elements(); }

void check_tensor_parallel(const ModelOptions& options, int64_t size) {
  constexpr const char* option = "parallel.tensor_model_parallel_size";
  const int64_t heads = options.num_attention_heads;
  if (heads % size != 0) {
    int64_t below = size;
    while (heads % below != 0) --below;
    int64_t above = size;
    while (above < heads && heads % above != 0) ++above;
    throw_user("{} = {} does not divide the {} heads of model.num_attention_heads; the nearest sizes that do are {}{}",
               option, size, heads, below, above <= heads ? fmt::format(" and {}", above) : "");
  }
  const int64_t kv_heads = options.num_kv_heads();
  if (kv_heads % size != 0 && size % kv_heads != 0) {
    throw_user(
        "{} = {}: neither it nor the {} heads of model.num_query_groups divides the other, so that ranks would "
        "have different numbers of them",
        option, size, kv_heads);
  }
  if (options.feed_forward_size() < size || options.vocab_size < size) {
    throw_user("{} = {} is more than model.ffn_hidden_size = {} or model.vocab_size = {} can be cut into", option, size,
               options.feed_forward_size(), options.vocab_size);
  }
}

KeyValueCache make_key_value_cache(const ModelOptions& options, MemoryPool& pool, DType dtype, int64_t batch,
                                   int64_t capacity) {
  KeyValueCache cache;
  for (int64_t layer = 0; layer < options.num_layers; ++layer) {
    for (std::vector<Tensor>* tensors : {&cache.keys, &cache.values}) {
      tensors->push_back(Tensor::empty(pool, {batch, capacity, options.kv_size()}, dtype, MemoryPurpose::workspace));
    }
  }
  return cache;
}

}  // namespace kumiko
