#include "kumiko/model/memory.h"

#include <gtest/gtest.h>

#include "model/tiny_model.h"

namespace kumiko {
namespace {

TEST(StashBytes, IsWhatAForwardLeaves) {
  for (const int64_t layers : {1, 3}) {
    ModelOptions options = tiny_options();
    options.num_layers = layers;
    options.ffn_hidden_size = 20;
    TinyModel tiny(options, make_reference_kernels(), DType::f64);
    WeightWork work(WeightWork::When::at_once);
    Pass pass = tiny.pass(&work, true);
    tiny.model.forward(pass);
    EXPECT_EQ(tiny.pool->use(MemoryPurpose::stash).current, stash_bytes(options, tiny.batch, tiny.sequence, 8));
  }
}

}  // namespace
}  // namespace kumiko
