#include "kumiko/generate/generator.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/base/text.h"
#include "kumiko/tokenizer/tokenizer_stream.h"
#include "kumiko/train/kept_tokenizer.h"
#include "kumiko/train/memory_limit.h"
#include "kumiko/train/rank_agreement.h"
#include "kumiko/train/rank_facts.h"
#include "kumiko/train/rank_placement.h"
#include "kumiko/train/state_checkpoint.h"

namespace kumiko {
namespace {

// The threads of this rank, on cores of its own. A rank that is alone leaves it to the system which cores those are:
// it may be a visitor beside a training run.
int place_threads(ParallelOptions options, World& world, Communicator& all) {
  if (world.size() == 1) options.bind = Bind::none;
  return static_cast<int>(place_rank(options, world, all).num_threads);
}

// What a rank reads before it makes its part of the model.
struct Source {
  CheckpointReader reader;
  RunRecord record;
  Config config;
  std::string tokenizer_place;
  Tokenizer tokenizer;
};

Source read_source(const std::string& directory, const std::string& tokenizer) {
  CheckpointReader reader = CheckpointReader::open(directory);
  const std::string origin = reader.path().string();
  RunRecord record = run_record_from_json(reader.manifest().state, origin);
  Config config = config_of(record, reader.manifest(), origin);
  std::string place = tokenizer.empty() ? kept_tokenizer(reader.path(), config.data.tokenizer) : tokenizer;
  Tokenizer read = load_tokenizer(place);
  check_vocabulary(read, config.model.vocab_size, origin);
  return {std::move(reader), std::move(record), std::move(config), std::move(place), std::move(read)};
}

}  // namespace

Generator::Generator(const std::string& directory, const std::string& tokenizer, const ParallelOptions& parallel,
                     World& world)
    : mesh_(parallel.mesh(world.size())), pool_(MemoryPool::create()) {
  std::vector<int64_t> everyone(static_cast<size_t>(world.size()));
  std::iota(everyone.begin(), everyone.end(), 0);
  const auto all = world.communicator(Axis::all, everyone);
  const std::vector<RankInfo>& ranks = world.ranks();
  if (world.size() > 1) {
    await_agreement(
        *all, [&] { return std::vector{checkpoints_fact("--load", directory)}; }, ranks);
  }
  std::optional<Source> source;
  std::vector<Fact> facts;
  const auto read = [&] {
    source.emplace(read_source(directory, tokenizer));
    const auto parts = static_cast<double>(mesh_.size(Axis::tensor) * mesh_.size(Axis::pipeline));
    check_memory(4 * source->config.model.approximate_parameters() / parts, world, machine_memory(),
                 "divide the model among ranks of more machines (--tensor-model-parallel-size, "
                 "--pipeline-model-parallel-size)");
    if (world.size() > 1) facts.push_back(tokenizer_fact(source->tokenizer_place));
  };
  together(*all, read, ranks);
  check_agreement(*all, facts, ranks);
  const Config& config = source->config;
  const RunRecord& record = source->record;
  origin_ = source->reader.path().string();
  kernels_ = make_cpu_kernels(pool_, place_threads(parallel, world, *all));
  part_ = std::make_unique<ModelPart>(config.model, world, mesh_, *kernels_, *pool_);
  Model& model = part_->model();
  const auto load = [&] {
    model.parameters().allocate_values(*pool_, DType::f32);
    load_pieces(source->reader, pieces_of(model.parameters()));
    model.prepare(*kernels_);
  };
  together(*all, load, ranks);
  tokenizer_ = std::make_unique<Tokenizer>(std::move(source->tokenizer));
  drawable_.resize(static_cast<size_t>(std::min(tokenizer_->vocab_size(), config.model.vocab_size)));
  for (size_t id = 0; id < drawable_.size(); ++id) drawable_[id] = tokenizer_->has_token(static_cast<int32_t>(id));
  end_tokens_ = tokenizer_->end_tokens();
  description_ = fmt::format("{}, {} parameters, step {} of {}{}", name_of(config.model.architecture),
                             human_count(static_cast<double>(count_parameters(config.model))), record.step, origin_,
                             world.size() == 1 ? "" : ", on " + mesh_.to_string());
}

void Generator::set_end_of_document(std::string_view content) {
  tokenizer_->set_end_of_document(content);
  end_tokens_ = tokenizer_->end_tokens();
}

std::vector<int32_t> Generator::last_tokens(std::span<const int32_t> tokens, size_t count) const {
  const std::optional<int32_t> begin = tokenizer_->begin_of_text();
  std::vector<int32_t> kept;
  if (begin && tokens.front() == *begin && count > 1) kept = {*begin};
  const auto last = tokens.last(count - kept.size());
  kept.insert(kept.end(), last.begin(), last.end());
  return kept;
}

std::vector<int32_t> Generator::tokens_of(std::string_view prompt, Generated& counts) const {
  std::vector<int32_t> tokens = tokenizer_->encode(prompt);
  refuse_without_row(*tokenizer_, tokens, part_->model().options().vocab_size);
  const std::optional<int32_t> begin = tokenizer_->begin_of_text();
  if (begin && (tokens.empty() || tokens.front() != *begin)) tokens.insert(tokens.begin(), *begin);
  // A model starts a text after the end of another; without such a token any will do.
  if (tokens.empty()) tokens.push_back(tokenizer_->end_of_document().value_or(0));
  counts.prompt_tokens = static_cast<int64_t>(tokens.size());
  counts.left_out = std::max<int64_t>(0, counts.prompt_tokens - context());
  return counts.left_out == 0 ? tokens : last_tokens(tokens, static_cast<size_t>(context()));
}

int32_t Generator::next_token(KeyValueCache& cache, std::span<const int32_t> unread, const SamplingOptions& options,
                              const PhiloxKey& key, int64_t position) {
  const Tensor logits = part_->read(cache, unread);
  int32_t chosen = 0;
  if (logits) {
    const auto known = logits.elements<float>().first(drawable_.size());
    const std::optional<int32_t> bad = first_bad_logit(known, drawable_);
    // Every rank of the replica hears of it: a bad logit of token t is told as -1 - t.
    chosen =
        bad ? -1 - *bad : sample_token(known, drawable_, options, random_uniform(key, static_cast<uint64_t>(position)));
  }
  chosen = part_->agree(chosen);
  if (chosen >= 0) return chosen;
  throw_user(
      "{}: for token {} of the text to make, the model gives a logit of token id {} that is not a finite number (NaN "
      "or "
      "infinite), so nothing can be sampled: its weights are damaged, or were converted or trained with values that "
      "overflowed; generate with an earlier checkpoint, or convert it again",
      origin_, position + 1, -1 - chosen);
}

Generated Generator::generate(std::string_view prompt, const SamplingOptions& options, uint64_t stream,
                              const std::function<void(std::string_view)>& emit) {
  const auto context = static_cast<size_t>(this->context());
  Generated counts;
  std::vector<int32_t> tokens = tokens_of(prompt, counts);

  const PhiloxKey key = random_key(static_cast<uint64_t>(options.seed), RandomStream::sampling, stream);
  TokenStream text(*tokenizer_, prompt.empty() ? TextStart::whole : TextStart::inside);
  // No longer than it can become: the context of some models would fill any memory.
  const size_t capacity = std::min(context, tokens.size() + static_cast<size_t>(options.max_new_tokens));
  const KeyValueCache empty{static_cast<int64_t>(capacity)};
  KeyValueCache cache = empty;
  std::vector<int32_t> unread = tokens;
  for (; counts.num_tokens < options.max_new_tokens; ++counts.num_tokens) {
    const int32_t next = next_token(cache, unread, options, key, counts.num_tokens);
    if (std::find(end_tokens_.begin(), end_tokens_.end(), next) != end_tokens_.end()) break;
    emit(text.push(next));
    tokens.push_back(next);
    unread = {next};
    if (static_cast<size_t>(cache.length) == context) {
      cache = empty;
      unread = last_tokens(tokens, context / 2 + 1);
    }
  }
  emit(text.finish());
  return counts;
}

}  // namespace kumiko
