// The threads of a training step are bound once, at the start: so they must live as long as it does.
#include <gtest/gtest.h>
#include <omp.h>
#include <unistd.h>

#include <vector>

#include "kumiko/comm/self.h"
#include "kumiko/train/step.h"

namespace kumiko {
namespace {

constexpr int num_threads = 4;

std::vector<pid_t> threads_of_the_team() {
  std::vector<pid_t> ids(num_threads);
#pragma omp parallel num_threads(num_threads)
  ids[static_cast<size_t>(omp_get_thread_num())] = gettid();
  return ids;
}

TEST(TrainingStep, KeepsTheThreadsOfItsTeam) {
  const auto pool = MemoryPool::create();
  const auto kernels = make_cpu_kernels(pool, num_threads);
  const auto world = connect_self_world();
  const int64_t everyone[] = {0};
  const auto data = world->communicator(Axis::data, everyone);
  ModelOptions model;
  model.num_layers = 2;
  model.hidden_size = 96;  // some loops are worth two or three threads
  model.num_attention_heads = 3;
  model.vocab_size = 211;
  model.max_position_embeddings = 128;
  OptimizerOptions optimizer;
  optimizer.lr_decay_style = DecayStyle::constant;
  TrainingState state = make_training_state(model, optimizer, 1, *kernels, *pool);
  const std::vector<pid_t> before = threads_of_the_team();
  for (const int64_t sequence : {int64_t{5}, int64_t{64}, int64_t{128}}) {
    const Tensor tokens = Tensor::empty(*pool, {3, sequence}, DType::i32, MemoryPurpose::workspace);
    for (int32_t& token : tokens.elements<int32_t>()) token = 7;
    training_step(state, {*kernels, *pool}, {{tokens, tokens, 0}}, *data, {optimizer, BadValues::stop, 3 * sequence},
                  false);
    EXPECT_EQ(threads_of_the_team(), before) << sequence;
  }
}

}  // namespace
}  // namespace kumiko
