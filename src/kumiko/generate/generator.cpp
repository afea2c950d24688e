#include "kumiko/generate/generator.h"

#include <algorithm>
#include <thread>

#include "kumiko/base/error.h"
#include "kumiko/base/text.h"
#include "kumiko/tokenizer/tokenizer_stream.h"
#include "kumiko/train/kept_tokenizer.h"
#include "kumiko/train/state_checkpoint.h"

namespace kumiko {

Generator::Generator(const std::string& directory, const std::string& tokenizer, int num_threads)
    : pool_(MemoryPool::create()) {
  CheckpointReader reader = CheckpointReader::open(directory);
  const std::string origin = reader.path().string();
  const RunRecord record = run_record_from_json(reader.manifest().state, origin);
  const Config config = parse_config(record.config, origin);
  if (num_threads == 0) num_threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  kernels_ = make_cpu_kernels(pool_, num_threads);
  model_ = std::make_unique<Model>(config.model);
  model_->parameters().allocate_values(*pool_, DType::f32);
  load_pieces(reader, pieces_of(model_->parameters()));
  model_->prepare(*kernels_);

  tokenizer_ = std::make_unique<Tokenizer>(
      load_tokenizer(tokenizer.empty() ? kept_tokenizer(reader.path(), config.data.tokenizer) : tokenizer));
  if (tokenizer_->vocab_size() > config.model.vocab_size) {
    throw_user(
        "the tokenizer has {} tokens, but the model of {} knows {}: it is not the one the model was trained with",
        tokenizer_->vocab_size(), origin, config.model.vocab_size);
  }
  description_ = fmt::format("{}, {} parameters, step {} of {}", name_of(config.model.architecture),
                             human_count(static_cast<double>(count_parameters(config.model))), record.step, origin);
}

KeyValueCache Generator::empty_cache(size_t capacity) const {
  return make_key_value_cache(model_->options(), *pool_, DType::f32, 1, static_cast<int64_t>(capacity));
}

Tensor Generator::read(KeyValueCache& cache, std::span<const int32_t> tokens) {
  Pass pass{*kernels_, *pool_};
  pass.batch = 1;
  pass.sequence = static_cast<int64_t>(tokens.size());
  pass.tokens = Tensor::empty(*pool_, {1, pass.sequence}, DType::i32, MemoryPurpose::workspace);
  std::copy(tokens.begin(), tokens.end(), pass.tokens.data<int32_t>());
  pass.cache = &cache;
  return model_->generate_step(pass);
}

int64_t Generator::generate(std::string_view prompt, const SamplingOptions& options, uint64_t stream,
                            const std::function<void(std::string_view)>& emit) {
  const auto context = static_cast<size_t>(model_->options().max_position_embeddings);
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
  KeyValueCache cache = empty_cache(capacity);
  std::span<const int32_t> unread = tokens;
  int64_t made = 0;
  for (; made < options.max_new_tokens; ++made) {
    const Tensor logits = read(cache, unread);
    const auto known = logits.elements<float>().first(static_cast<size_t>(tokenizer_->vocab_size()));
    const int32_t next = sample_token(known, options, random_uniform(key, static_cast<uint64_t>(made)));
    if (next == end) break;
    emit(text.push(next));
    tokens.push_back(next);
    unread = std::span(tokens).last(1);
    if (static_cast<size_t>(cache.length) == context) {
      cache = empty_cache(capacity);
      unread = std::span(tokens).last(context / 2 + 1);
    }
  }
  emit(text.finish());
  return made;
}

}  // namespace kumiko
