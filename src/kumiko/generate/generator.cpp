#include "kumiko/generate/generator.h"

#include <algorithm>
#include <numeric>

#include "kumiko/base/error.h"
#include "kumiko/base/text.h"
#include "kumiko/tokenizer/tokenizer_stream.h"
#include "kumiko/train/kept_tokenizer.h"
#include "kumiko/train/rank_placement.h"
#include "kumiko/train/state_checkpoint.h"

namespace kumiko {
namespace {

// The threads of this rank, on cores of its own. A rank that is alone leaves it to the system which cores those are:
// it may be a visitor beside a training run.
int place_threads(ParallelOptions options, World& world) {
  std::vector<int64_t> ranks(static_cast<size_t>(world.size()));
  std::iota(ranks.begin(), ranks.end(), 0);
  const auto all = world.communicator(Axis::all, ranks);
  if (world.size() == 1) options.bind = Bind::none;
  return static_cast<int>(place_rank(options, world, *all).num_threads);
}

}  // namespace

Generator::Generator(const std::string& directory, const std::string& tokenizer, const ParallelOptions& parallel,
                     World& world)
    : mesh_(parallel.mesh(world.size())), pool_(MemoryPool::create()) {
  CheckpointReader reader = CheckpointReader::open(directory);
  const std::string origin = reader.path().string();
  const RunRecord record = run_record_from_json(reader.manifest().state, origin);
  const Config config = parse_config(record.config, origin);
  kernels_ = make_cpu_kernels(pool_, place_threads(parallel, world));
  part_ = std::make_unique<ModelPart>(config.model, world, mesh_, *kernels_, *pool_);
  Model& model = part_->model();
  model.parameters().allocate_values(*pool_, DType::f32);
  load_pieces(reader, pieces_of(model.parameters()));
  model.prepare(*kernels_);

  tokenizer_ = std::make_unique<Tokenizer>(
      load_tokenizer(tokenizer.empty() ? kept_tokenizer(reader.path(), config.data.tokenizer) : tokenizer));
  if (tokenizer_->vocab_size() > config.model.vocab_size) {
    throw_user(
        "the tokenizer has {} tokens, but the model of {} knows {}: it is not the one the model was trained with",
        tokenizer_->vocab_size(), origin, config.model.vocab_size);
  }
  description_ = fmt::format("{}, {} parameters, step {} of {}{}", name_of(config.model.architecture),
                             human_count(static_cast<double>(count_parameters(config.model))), record.step, origin,
                             world.size() == 1 ? "" : ", on " + mesh_.to_string());
}

int32_t Generator::next_token(KeyValueCache& cache, std::span<const int32_t> unread, const SamplingOptions& options,
                              double uniform) {
  const Tensor logits = part_->read(cache, unread);
  if (!logits) return part_->agree(0);
  const auto known = logits.elements<float>().first(static_cast<size_t>(tokenizer_->vocab_size()));
  return part_->agree(sample_token(known, options, uniform));
}

int64_t Generator::generate(std::string_view prompt, const SamplingOptions& options, uint64_t stream,
                            const std::function<void(std::string_view)>& emit) {
  const auto context = static_cast<size_t>(part_->model().options().max_position_embeddings);
  const std::optional<int32_t> end = tokenizer_->end_of_document();
  std::vector<int32_t> tokens = tokenizer_->encode(prompt);
  const std::optional<int32_t> begin = tokenizer_->begin_of_text();
  if (begin && (tokens.empty() || tokens.front() != *begin)) tokens.insert(tokens.begin(), *begin);
  // A model starts a text after the end of another; without such a token any will do.
  if (tokens.empty()) tokens.push_back(end.value_or(0));
  if (tokens.size() > context) tokens.erase(tokens.begin(), tokens.end() - static_cast<std::ptrdiff_t>(context));

  const PhiloxKey key = random_key(static_cast<uint64_t>(options.seed), RandomStream::sampling, stream);
  TokenStream text(*tokenizer_, prompt.empty() ? TextStart::whole : TextStart::inside);
  // No longer than it can become: the context of some models would fill any memory.
  const size_t capacity = std::min(context, tokens.size() + static_cast<size_t>(options.max_new_tokens));
  const KeyValueCache empty{static_cast<int64_t>(capacity)};
  KeyValueCache cache = empty;
  std::span<const int32_t> unread = tokens;
  int64_t made = 0;
  for (; made < options.max_new_tokens; ++made) {
    const int32_t next = next_token(cache, unread, options, random_uniform(key, static_cast<uint64_t>(made)));
    if (next == end) break;
    emit(text.push(next));
    tokens.push_back(next);
    unread = std::span(tokens).last(1);
    if (static_cast<size_t>(cache.length) == context) {
      cache = empty;
      unread = std::span(tokens).last(context / 2 + 1);
    }
  }
  emit(text.finish());
  return made;
}

}  // namespace kumiko
