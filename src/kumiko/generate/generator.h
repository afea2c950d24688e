// Text from a trained model: the prompt is read into the key-value cache at once, then one token at a time. The model
// may be cut among ranks; the ranks that hold one replica of it make the same text together.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kumiko/generate/model_part.h"
#include "kumiko/generate/sampler.h"
#include "kumiko/tokenizer/tokenizer.h"
#include "kumiko/train/options.h"

namespace kumiko {

class Generator {
 public:
  // Collective. The model and tokenizer of the checkpoint in `directory` (the latest, if it holds several), whatever
  // layout it was saved in. `tokenizer` names another place for the tokenizer, or is empty. Of `parallel`, the sizes of
  // the tensor and pipeline axes count, the order of ranks, and what says where they compute. User error if anything is
  // missing or does not fit.
  Generator(const std::string& directory, const std::string& tokenizer, const ParallelOptions& parallel, World& world);

  // Stops at this token instead of the tokenizer's own. User error if it has no such token.
  void set_end_of_document(std::string_view content) { tokenizer_->set_end_of_document(content); }

  // Puts nothing in front of prompts, where the tokenizer asks for a token that begins every text.
  void leave_out_begin_of_text() { tokenizer_->set_begin_of_text(std::nullopt); }

  // Collective over the ranks that hold one replica of the model, each of which has the whole text. Calls `emit` with
  // whole characters as they come, and returns the number of tokens made. Stops at the end of a document and at
  // max_new_tokens; when the context is full, its older half is forgotten. `stream` tells the random numbers of several
  // prompts apart.
  int64_t generate(std::string_view prompt, const SamplingOptions& options, uint64_t stream,
                   const std::function<void(std::string_view)>& emit);

  // The data axis counts the replicas of the model.
  const Mesh& mesh() const { return mesh_; }
  // "GPT-2, 124.4 M parameters, step 1000 of runs/x"; with several ranks, the mesh behind it.
  const std::string& description() const { return description_; }

 private:
  // Reads `unread` behind what is in the cache and samples what follows.
  int32_t next_token(KeyValueCache& cache, std::span<const int32_t> unread, const SamplingOptions& options,
                     double uniform);

  Mesh mesh_;
  std::shared_ptr<MemoryPool> pool_;
  std::unique_ptr<Kernels> kernels_;
  std::unique_ptr<ModelPart> part_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::string description_;
};

}  // namespace kumiko
