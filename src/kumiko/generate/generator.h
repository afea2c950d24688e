// Text from a trained model: the prompt is read into the key-value cache at once, then one token at a time. The model
// may be cut among ranks; the ranks that hold one replica of it make the same text together.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kumiko/base/random.h"
#include "kumiko/generate/model_part.h"
#include "kumiko/generate/sampler.h"
#include "kumiko/tokenizer/tokenizer.h"
#include "kumiko/train/options.h"

namespace kumiko {

struct Generated {
  int64_t num_tokens = 0;     // that were made
  int64_t prompt_tokens = 0;  // with the one that begins texts
  int64_t left_out = 0;       // of these, from the beginning, as the context has no room for them
};

class Generator {
 public:
  // Collective. The model and tokenizer of the checkpoint in `directory` (the latest, if it holds several), whatever
  // layout it was saved in. `tokenizer` names another place for the tokenizer, or is empty. Of `parallel`, the sizes of
  // the tensor and pipeline axes count, the order of ranks, and what says where they compute. User error if anything is
  // missing or does not fit.
  Generator(const std::string& directory, const std::string& tokenizer, const ParallelOptions& parallel, World& world);

  // Stops at this token alone, instead of the tokenizer's own. User error if it has no such token.
  void set_end_of_document(std::string_view content);

  // Puts nothing in front of prompts, where the tokenizer asks for a token that begins every text.
  void leave_out_begin_of_text() { tokenizer_->set_begin_of_text(std::nullopt); }

  // Collective over the ranks that hold one replica of the model, each of which has the whole text. Calls `emit` with
  // whole characters as they come. Stops at any of the tokens that end a text and at max_new_tokens. Only tokens that
  // the tokenizer has are made. A prompt longer than the context loses its beginning, and when the context is full, its
  // older half is forgotten; the token that begins texts stays. `stream` tells the random numbers of several prompts
  // apart. User error, naming the checkpoint, if its weights give something that is no number.
  Generated generate(std::string_view prompt, const SamplingOptions& options, uint64_t stream,
                     const std::function<void(std::string_view)>& emit);

  // The data axis counts the replicas of the model.
  const Mesh& mesh() const { return mesh_; }
  // "GPT-2, 124.4 M parameters, step 1000 of runs/x"; with several ranks, the mesh behind it.
  const std::string& description() const { return description_; }
  int64_t context() const { return part_->model().options().max_position_embeddings; }

 private:
  // What the model reads of a prompt.
  std::vector<int32_t> tokens_of(std::string_view prompt, Generated& counts) const;
  // The last `count` tokens, and the one that begins texts in front of them if `tokens` begins with it.
  std::vector<int32_t> last_tokens(std::span<const int32_t> tokens, size_t count) const;
  // Reads `unread` behind what is in the cache and samples what follows, the token number `position` that is made.
  int32_t next_token(KeyValueCache& cache, std::span<const int32_t> unread, const SamplingOptions& options,
                     const PhiloxKey& key, int64_t position);

  Mesh mesh_;
  std::shared_ptr<MemoryPool> pool_;
  std::unique_ptr<Kernels> kernels_;
  std::unique_ptr<ModelPart> part_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::vector<uint8_t> drawable_;    // one entry a logit that may have a token: whether it has
  std::vector<int32_t> end_tokens_;  // any of them ends a text
  std::string origin_;
  std::string description_;
};

}  // namespace kumiko
