#include "kumiko/model/model.h"

#include <algorithm>

#include "kumiko/kernels/first_keys.h"
#include "kumiko/model/architecture.h"

namespace kumiko {

Model::Model(const ModelOptions& options, TensorParallel tensor_parallel, const PipelinePart& pipeline)
    : options_(options), parameters_(std::make_unique<ParameterRegistry>(tensor_parallel)) {
  const Composition composition =
      options.architecture == Architecture::gpt ? compose_gpt(options) : compose_llama(options);
  std::vector<HeldStage> held = pipeline.stages;
  if (held.empty()) held.push_back({0, {0, num_model_units(options)}});
  for (const HeldStage& stage : held) {
    const auto begin = static_cast<int>(units_.size());
    const size_t first = parameters_->all().size();
    for (int64_t unit = stage.units.begin; unit < stage.units.end; ++unit) add_unit(unit, composition, pipeline);
    for (size_t i = first; i < parameters_->all().size(); ++i) {
      Parameter& parameter = *parameters_->all()[i];
      parameter.primary = parameter.primary && stage.primary;
    }
    stages_.push_back({stage.stage, begin, static_cast<int>(units_.size())});
  }
}

void Model::add_unit(int64_t unit, const Composition& composition, const PipelinePart& pipeline) {
  ParameterRegistry& registry = *parameters_;
  if (!units_.empty()) registry.next_unit();
  const int first = registry.num_units() - 1;
  if (unit == 0) {
    // A table that is elsewhere too is a unit of its own, alike in memory on all ranks that have it.
    const bool head_is_elsewhere =
        !pipeline.stages.empty() && pipeline.stages.back().units.end != num_model_units(options_);
    const bool alone = copies_table() || (shares_table() && head_is_elsewhere);
    auto embedding = std::make_unique<Embedding>(registry, composition.embedding, alone);
    embedding_ = embedding.get();
    units_.push_back(std::move(embedding));
  } else if (unit < num_model_units(options_) - 1) {
    const auto layer = static_cast<int>(unit - 1);
    units_.push_back(std::make_unique<Block>(composition.block(registry, fmt::format("block.{}", layer), layer)));
  } else {
    add_head(composition);
  }
  std::vector<int> own;
  for (int index = first; index < registry.num_units(); ++index) {
    if (unit == 0 || index != head_table_unit_) own.push_back(index);
  }
  parameter_units_.push_back(std::move(own));
}

void Model::add_head(const Composition& composition) {
  ParameterRegistry& registry = *parameters_;
  Parameter* tied = nullptr;
  if (shares_table() && has_embedding() && !copies_table()) {
    tied = &embedding_->token_table();
    head_table_unit_ = embedding_table_unit();
  } else if (shares_table()) {
    head_table_unit_ = registry.num_units() - 1;
    tied = &Embedding::add_token_table(registry, composition.embedding);
    tied->primary = false;
    registry.next_unit();
  }
  auto head = std::make_unique<Head>(registry, composition.head, tied);
  head_ = head.get();
  units_.push_back(std::move(head));
}

const ModelStage& Model::stage(int stage) const {
  const auto found =
      std::find_if(stages_.begin(), stages_.end(), [&](const auto& held) { return held.stage == stage; });
  if (found == stages_.end()) throw_internal("stage {} of the pipeline is not on this rank", stage);
  return *found;
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

Tensor Model::forward_blocks(Pass& pass, const ModelStage& stage, Tensor x) {
  apply_window(pass);
  if (is_embedding(stage.begin)) x = forward_units(pass, stage.begin, stage.begin + 1, {});
  for (const BlockSpan& span : spans_of(stage, pass.recompute)) {
    if (span.recomputed && pass.stash != nullptr) {
      pass.keep(x);
      Pass once = pass;
      once.stash = nullptr;
      x = forward_units(once, span.begin, span.end, std::move(x));
    } else {
      x = forward_units(pass, span.begin, span.end, std::move(x));
    }
  }
  return x;
}

Tensor Model::forward_stage(Pass& pass, const ModelStage& stage, Tensor x) {
  x = forward_blocks(pass, stage, std::move(x));
  return is_head(stage.end - 1) ? forward_units(pass, stage.end - 1, stage.end, std::move(x)) : x;
}

Tensor Model::backward_stage(Pass& pass, const ModelStage& stage, Tensor gradient) {
  const Direction direction = pass.weight_work->at_once() ? Direction::backward : Direction::input_gradient;
  const auto backward_unit = [&](int64_t index) {
    const UnitVisit visit{static_cast<int>(index), direction};
    tell_before(pass, visit);
    pass.weight_work->begin_unit(visit.unit);
    gradient = units_[static_cast<size_t>(index)]->backward(pass, gradient);
    tell_after(pass, visit);
  };
  const std::vector<BlockSpan> spans = spans_of(stage, pass.recompute);
  if (is_head(stage.end - 1)) backward_unit(stage.end - 1);
  for (auto span = spans.rbegin(); span != spans.rend(); ++span) {
    if (span->recomputed) {
      const PhaseSpan phase(pass.timer, Phase::recompute);
      forward_units(pass, span->begin, span->end, pass.stash->pop());
    }
    for (int64_t block = span->end - 1; block >= span->begin; --block) backward_unit(block);
  }
  if (is_embedding(stage.begin)) backward_unit(stage.begin);
  return gradient;
}

void Model::weight_gradients(Pass& pass) {
  const auto visit = [](int unit) { return UnitVisit{unit, Direction::weight_gradient}; };
  pass.weight_work->run(
      [&](int unit) {
        if (!is_head(unit)) tell_before(pass, visit(unit));
      },
      [&](int unit) {
        if (!is_head(unit)) tell_after(pass, visit(unit));
      });
}

Tensor Model::logits(Pass& pass) { return head_->logits(pass, forward_blocks(pass, stages_.at(0), {})); }

Tensor Model::generate_step(Pass& pass, Tensor x) {
  x = forward_blocks(pass, stages_.at(0), std::move(x));
  pass.cache->length += pass.sequence;
  if (!has_head()) return x;
  const Tensor last = pass.empty({pass.batch, x.shape()[1]}, MemoryPurpose::workspace);
  for (int64_t b = 0; b < pass.batch; ++b) {
    const int64_t row = (b + 1) * pass.sequence - 1;
    copy(x.rows(row, row + 1), last.rows(b, b + 1));
  }
  return head_->logits(pass, last);
}

int64_t count_parameters(const ModelOptions& options) { return Model(options).parameters().num_elements(); }

}  // namespace kumiko
