// A small model with batches of random tokens, for tests.
#pragma once

#include <vector>

#include "kumiko/base/random.h"
#include "kumiko/model/model.h"

namespace kumiko {

inline ModelOptions tiny_options() {
  ModelOptions options;
  options.num_layers = 2;
  options.hidden_size = 12;
  options.num_attention_heads = 3;
  options.vocab_size = 17;
  options.max_position_embeddings = 8;
  options.init_method_std = 0.3;
  return options;
}

// With two query heads to a head of keys and values, which are of a size of their own.
inline ModelOptions tiny_llama_options() {
  ModelOptions options = tiny_options();
  options.architecture = Architecture::llama;
  options.num_attention_heads = 4;
  options.num_query_groups = 2;
  options.kv_channels = 6;
  options.ffn_hidden_size = 10;
  return options;
}

// And a window shorter than the sequence.
inline ModelOptions tiny_window_options() {
  ModelOptions options = tiny_llama_options();
  options.window_size = 3;
  return options;
}

struct TinyModel {
  std::shared_ptr<MemoryPool> pool = MemoryPool::create();
  std::unique_ptr<Kernels> kernels;
  DType dtype;
  Model model;
  Stash stash;
  int64_t batch = 2;
  int64_t sequence = 7;
  RecomputeOptions recompute{};
  bool documents = false;  // passes bring first keys and positions, those of one document

  TinyModel(const ModelOptions& options, std::unique_ptr<Kernels> backend, DType type)
      : kernels(std::move(backend)), dtype(type), model(options) {
    model.parameters().allocate_values(*pool, dtype);
    model.parameters().allocate_gradients(*pool, dtype);
    model.parameters().initialize(1234);
    model.prepare(*kernels);
  }

  Tensor random_tokens(int64_t rows, int64_t columns, uint64_t stream) const {
    const Tensor tokens = Tensor::empty(*pool, {rows, columns}, DType::i32, MemoryPurpose::workspace);
    const PhiloxKey key = random_key(7, RandomStream::test, stream);
    uint64_t i = 0;
    for (int32_t& token : tokens.elements<int32_t>()) {
      token = static_cast<int32_t>(random_bits(key, i++) % static_cast<uint64_t>(model.options().vocab_size));
    }
    return tokens;
  }

  Pass pass(WeightWork* work, bool training) {
    Pass pass{*kernels, *pool, nullptr, dtype};
    pass.batch = batch;
    pass.sequence = sequence;
    pass.tokens = random_tokens(batch, sequence, 1);
    pass.targets = random_tokens(batch, sequence, 2);
    if (documents) {
      pass.first_keys = Tensor::zeros(*pool, {batch, sequence}, DType::i32, MemoryPurpose::workspace);
      pass.positions = Tensor::zeros(*pool, {batch, sequence}, DType::i32, MemoryPurpose::workspace);
      for (int64_t t = 0; t < batch * sequence; ++t) {
        pass.positions.data<int32_t>()[t] = static_cast<int32_t>(t % sequence);
      }
    }
    pass.seed = 5;
    pass.step = 3;
    pass.first_sample = 4;
    pass.training = training;
    pass.stash = work == nullptr ? nullptr : &stash;
    pass.weight_work = work;
    pass.recompute = recompute;
    pass.loss_scale = 1.0 / static_cast<double>(batch * sequence);
    return pass;
  }

  double mean_loss(bool training) {
    Pass evaluation = pass(nullptr, training);
    model.forward(evaluation);
    return evaluation.loss_sum * evaluation.loss_scale;
  }

  // Fills the gradients and returns the mean loss.
  double backward(WeightWork::When when) {
    WeightWork work(when);
    fill_zero(model.parameters().gradients());
    Pass training = pass(&work, true);
    model.forward(training);
    model.backward(training);
    work.run();
    return training.loss_sum * training.loss_scale;
  }
};

}  // namespace kumiko
