// What a run will hold in a step, from its configuration and this rank's place.
#include "kumiko/comm/algorithms.h"
#include "kumiko/parallel/pipeline_memory.h"
#include "kumiko/parallel/zero_formulas.h"
#include "kumiko/train/setup.h"

namespace kumiko {

StepMemoryShape Run::memory_shape() const {
  StepMemoryShape memory;
  memory.micro_batch_size = layout.micro_batch_size;
  memory.seq_length = layout.seq_length;
  memory.num_micro_batches = layout.num_micro_batches();
  memory.first_keys = documents.reset_attention_mask;
  memory.positions = documents.reset_position_ids;
  memory.compute = dtype_of(config.train.precision);
  memory.recompute = config.train.recompute;
  memory.optimizer_states = states_per_weight(config.optimizer);
  if (validated && validated->keeps_copy()) memory.optimizer_states += copied_per_weight(config.optimizer);
  memory.tensor_parallel = tensor_parallel();
  memory.checkpoint = checkpoint_copy;
  memory.communication = gradient_communication_memory(state.storage->parameters(), state.storage->sharding(),
                                                       mesh.size(Axis::data), DType::f32);
  if (tensor != nullptr) {
    const TensorParallel& part = memory.tensor_parallel;
    const int64_t tokens = layout.micro_batch_size * layout.seq_length;
    const int64_t num_chunks = config.parallel.tensor_model_parallel_chunks;
    const auto chunks = TokenChunks::of(tokens, num_chunks, part.sequence_parallel ? part.size : 1);
    const int64_t chunk = tokens / chunks.count * config.model.hidden_size;
    const auto memory_of = part.sequence_parallel ? reduce_scatter_memory : all_reduce_memory;
    memory.communication += memory_of(chunk, memory.compute, mesh.size(Axis::tensor), {});
  }
  return memory;
}

StepMemory Run::predicted_memory() const {
  StepMemoryShape shape = memory_shape();
  const Sharding& sharding = state.storage->sharding();
  if (!pipeline) return sharded_step_memory(config.model, shape, sharding);
  // Messages asked for ahead, and those that have not left, of both neighbours.
  const int64_t shards = shape.tensor_parallel.sequence_parallel ? shape.tensor_parallel.size : 1;
  const int64_t tokens = layout.micro_batch_size * layout.seq_length / shards;
  shape.communication += 4 * pipeline->schedule.message_buffers * tokens * config.model.hidden_size *
                         static_cast<int64_t>(size_of(shape.compute));
  if (pipeline->schedule.is_synchronous()) {
    return pipelined_step_memory(config.model, shape, sharding, pipeline->part, pipeline->program);
  }
  // A stream's micro-batches are there at once, and old weights with them.
  const int64_t num_steps = config.parallel.pipeline.stream_steps;
  const PipelinePlan stream =
      plan_stream(config.model, layout.seq_length, config.parallel.pipeline, layout.num_micro_batches(), num_steps);
  shape.num_micro_batches *= num_steps;
  const int rank = pipeline->ranks->rank();
  StepMemory memory =
      pipelined_step_memory(config.model, shape, sharding, pipeline->part, lower(stream.schedule, rank));
  int64_t& weights = memory.peaks[static_cast<size_t>(MemoryPurpose::parameters)];
  const int64_t old = (stream.facts.weight_versions[static_cast<size_t>(rank)] - 1) * weights;
  weights += old;
  memory.peak += old;
  return memory;
}

}  // namespace kumiko
