// A model cut among ranks makes the text of one rank: tables of meshes and models.
#include <gtest/gtest.h>

#include <algorithm>

#include "checkpoint/directories.h"
#include "generate/saved_model.h"
#include "kumiko/checkpoint/exchange.h"
#include "kumiko/generate/answers.h"
#include "support/world.h"

namespace kumiko {
namespace {

struct ModelCase {
  const char* name;
  ModelOptions options;
  double temperature;  // of its texts
};

ModelOptions tiny_gpt(bool untied) {
  ModelOptions options;
  options.num_layers = 3;
  options.hidden_size = 16;
  options.num_attention_heads = 8;
  options.vocab_size = 259;  // more than the tokenizer has, and no multiple of anything
  options.max_position_embeddings = 12;
  options.init_method_std = 0.3;
  options.untie_embeddings_and_output_weights = untied;
  return options;
}

ModelOptions tiny_llama(int64_t num_query_groups, int64_t window_size) {
  ModelOptions options = tiny_gpt(false);
  options.architecture = Architecture::llama;
  options.num_query_groups = num_query_groups;
  options.kv_channels = 4;
  options.ffn_hidden_size = 27;
  options.window_size = window_size;
  return options;
}

const ModelCase models[] = {{"GptTied", tiny_gpt(false), 1},
                            {"GptUntied", tiny_gpt(true), 0},
                            {"LlamaGrouped", tiny_llama(2, 0), 1},
                            {"LlamaOneKeyWindow", tiny_llama(1, 3), 1}};

struct Cut {
  int64_t data;
  int64_t pipeline;
  int64_t tensor;
  const char* rank_order = "tensor-context-pipeline-data";

  int64_t num_ranks() const { return data * pipeline * tensor; }
  ParallelOptions options() const {
    ParallelOptions options;
    options.pipeline.size = pipeline;
    options.tensor_model_parallel_size = tensor;
    options.rank_order = rank_order;
    options.num_threads = 1;
    options.bind = Bind::none;
    return options;
  }
};

const Cut cuts[] = {{1, 1, 2}, {1, 2, 1}, {2, 1, 1}, {1, 2, 2, "pipeline-tensor-context-data"}, {1, 4, 1},
                    {1, 1, 4}, {2, 2, 1}, {4, 1, 1}, {2, 2, 2, "data-context-tensor-pipeline"}, {1, 4, 2},
                    {1, 1, 8}};

class GeneratesOnAMesh : public testing::TestWithParam<ModelCase> {
 protected:
  GeneratesOnAMesh() : everyone_(test::everyone()) {
    if (everyone_->rank() == 0) {
      directory_ = std::make_unique<TestDirectory>("generate");
      test::save_model(GetParam().options, directory_->path());
    }
    root_ = broadcast_text(*everyone_, directory_ ? directory_->path().string() : "", 0);
  }
  ~GeneratesOnAMesh() override { everyone_->barrier("test").wait(); }

  template <class Check>
  void for_each_cut(Check check) {
    int checked = 0;
    for (const Cut& cut : cuts) {
      if (cut.num_ranks() != test::world().size()) continue;
      SCOPED_TRACE(cut.options().mesh(cut.num_ranks()).to_string() + ", " + cut.rank_order);
      check(cut);
      ++checked;
    }
    EXPECT_GT(checked, 0);
  }

  std::unique_ptr<Communicator> everyone_;
  std::unique_ptr<TestDirectory> directory_;
  std::string root_;
};

// Logits after each piece of a text that is read in pieces; none on ranks that have none. And what the ranks agree on.
struct Reading {
  std::vector<std::vector<float>> logits;
  std::vector<int32_t> agreed;
};

Reading read_text(const ModelOptions& options, const std::string& root, World& world, const Mesh& mesh) {
  const auto pool = MemoryPool::create();
  const auto kernels = make_cpu_kernels(pool, 1);
  ModelPart part(options, world, mesh, *kernels, *pool);
  part.model().parameters().allocate_values(*pool, DType::f32);
  CheckpointReader reader = CheckpointReader::open(root);
  load_pieces(reader, pieces_of(part.model().parameters()));
  part.model().prepare(*kernels);
  const std::vector<int32_t> text = {200, 3, 17, 90, 17, 254, 0, 61};
  KeyValueCache cache{static_cast<int64_t>(text.size())};
  Reading reading;
  for (const size_t count : {5, 1, 2}) {
    const Tensor logits = part.read(cache, std::span(text).subspan(static_cast<size_t>(cache.length), count));
    reading.logits.emplace_back();
    int32_t choice = -1;
    if (logits) {
      const auto values = logits.elements<float>();
      reading.logits.back().assign(values.begin(), values.end());
      choice = static_cast<int32_t>(std::max_element(values.begin(), values.end()) - values.begin());
    }
    reading.agreed.push_back(part.agree(choice));
  }
  return reading;
}

TEST_P(GeneratesOnAMesh, HasTheLogitsOfOneRank) {
  const auto self = connect_self_world();
  const Reading expected = read_text(GetParam().options, root_, *self, Mesh({}));
  ASSERT_EQ(expected.logits[2].size(), 259u);
  for_each_cut([&](const Cut& cut) {
    World& world = test::world();
    const Mesh mesh = cut.options().mesh(world.size());
    const Reading reading = read_text(GetParam().options, root_, world, mesh);
    EXPECT_EQ(reading.agreed, expected.agreed);
    const bool last = mesh.coordinate(world.rank(), Axis::pipeline) == cut.pipeline - 1;
    for (size_t piece = 0; piece < expected.logits.size(); ++piece) {
      ASSERT_EQ(reading.logits[piece].size(), last ? 259u : 0u);
      // Of size 1 to 10; sums of some tens of terms.
      for (size_t i = 0; i < reading.logits[piece].size(); ++i) {
        ASSERT_NEAR(reading.logits[piece][i], expected.logits[piece][i], 1e-4) << "piece " << piece << ", token " << i;
      }
    }
  });
}

std::vector<std::string> answers_of(const std::string& root, const Cut& cut, World& world, double temperature) {
  Generator generator(root, "", cut.options(), world);
  SamplingOptions sampling;
  sampling.temperature = temperature;
  sampling.max_new_tokens = 9;  // with the prompts, more than the context
  std::vector<std::string> shown = {""};
  Answers answers(generator, world, sampling,
                  {[&](std::string_view text) { shown.back() += text; },
                   [&](const Answered& answered) {
                     shown.back() += fmt::format(" ({} tokens)", answered.counts.num_tokens);
                     EXPECT_GE(answered.seconds, 0);
                     shown.emplace_back();
                   }});
  answers.answer({"kumi", "a", "moriya"});
  answers.answer({"kumi"});  // another stream of random numbers
  shown.pop_back();
  return shown;
}

TEST_P(GeneratesOnAMesh, MakesTheTextOfOneRank) {
  const auto self = connect_self_world();
  const double temperature = GetParam().temperature;
  const std::vector<std::string> expected = answers_of(root_, {1, 1, 1}, *self, temperature);
  ASSERT_EQ(expected.size(), 4u);
  EXPECT_EQ(expected[0].substr(0, 4), "kumi");
  EXPECT_EQ(expected[0] == expected[3], temperature == 0);
  for_each_cut([&](const Cut& cut) {
    const std::vector<std::string> shown = answers_of(root_, cut, test::world(), temperature);
    if (test::world().rank() == 0) {
      EXPECT_EQ(shown, expected);
    } else {
      EXPECT_TRUE(shown.empty());
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Models, GeneratesOnAMesh, testing::ValuesIn(models),
                         [](const auto& tested) { return tested.param.name; });

// Every rank says the same, before any waits for another.
TEST(ModelPart, RefusesWhatTheModelCannotBeCutFor) {
  const int64_t ranks = test::world().size();
  const auto pool = MemoryPool::create();
  const auto kernels = make_cpu_kernels(pool, 1);
  ModelOptions options = tiny_gpt(false);
  options.num_attention_heads = 1;
  EXPECT_EQ(
      message_of([&] {
        ModelPart(options, test::world(), Mesh({1, 1, 1, ranks}), *kernels, *pool);
      }),
      fmt::format("parallel.tensor_model_parallel_size = {}: it does not divide model.num_attention_heads = 1; the "
                  "nearest size that the model can be cut for is 1",
                  ranks));
  options = tiny_gpt(false);
  options.num_layers = ranks - 3;
  if (options.num_layers < 1) return;
  EXPECT_EQ(
      message_of([&] {
        ModelPart(options, test::world(), Mesh({1, ranks, 1, 1}), *kernels, *pool);
      }),
      fmt::format("{} pipeline stages for {} units (embedding, blocks, head): a stage holds at least one unit; use {} "
                  "stages at most, or more layers",
                  ranks, ranks - 1, ranks - 1));
}

}  // namespace
}  // namespace kumiko
