// Text from a trained model: the prompt is read into the key-value cache at once, then one token at a time.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kumiko/generate/sampler.h"
#include "kumiko/kernels/kernels.h"
#include "kumiko/model/model.h"
#include "kumiko/tokenizer/tokenizer.h"

namespace kumiko {

class Generator {
 public:
  // The model and tokenizer of the checkpoint in `directory` (the latest, if it holds several). `tokenizer` names
  // another place for the tokenizer, or is empty. `num_threads` 0: all cores. User error if either is missing or does
  // not fit.
  Generator(const std::string& directory, const std::string& tokenizer, int num_threads);

  // Stops at this token instead of the tokenizer's own. User error if it has no such token.
  void set_end_of_document(std::string_view content) { tokenizer_->set_end_of_document(content); }

  // Puts nothing in front of prompts, where the tokenizer asks for a token that begins every text.
  void leave_out_begin_of_text() { tokenizer_->set_begin_of_text(std::nullopt); }

  // Calls `emit` with whole characters as they come, and returns the number of tokens made. Stops at the end of a
  // document and at max_new_tokens; when the context is full, its older half is forgotten. `stream` tells the random
  // numbers of several prompts apart.
  int64_t generate(std::string_view prompt, const SamplingOptions& options, uint64_t stream,
                   const std::function<void(std::string_view)>& emit);

  // "GPT-2, 124.4 M parameters, step 1000 of runs/x"
  const std::string& description() const { return description_; }

 private:
  // Reads `tokens` behind those in the cache, and returns the logits of the last.
  Tensor read(KeyValueCache& cache, std::span<const int32_t> tokens);
  KeyValueCache empty_cache(size_t capacity) const;

  std::shared_ptr<MemoryPool> pool_;
  std::unique_ptr<Kernels> kernels_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::string description_;
};

}  // namespace kumiko
