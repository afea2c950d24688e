// Text files to an indexed dataset: read, tokenize on all cores, write, in one pass with bounded memory. The result
// does not depend on the number of threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "kumiko/data/dataset_encoder.h"
#include "kumiko/data/token_type.h"
#include "kumiko/text/text_input.h"

namespace kumiko {

struct DatasetBuildOptions {
  TextInput input;
  std::string output;       // prefix
  bool append_eod = false;  // end each document with end_of_document
  int threads = 0;          // 0: one for each core that this process may use

  // User error if there is no input or a number is out of range.
  void validate() const;
};

struct DatasetBuildReport {
  int64_t num_documents = 0;
  int64_t num_tokens = 0;
  int64_t num_bytes = 0;  // of text read
  TokenType token_type = TokenType::u16;
  double seconds = 0;
};

struct DatasetBuildHooks {
  std::function<void(int64_t done_bytes, int64_t total_bytes)> on_progress;  // may be empty
  std::function<bool()> cancelled;  // may be empty; true: the build stops with a user error and leaves nothing behind
};

DatasetBuildReport build_dataset(const DatasetBuildOptions& options, const DatasetEncoder& encoder,
                                 const DatasetBuildHooks& hooks = {});

}  // namespace kumiko
