#include "kumiko/data/dataset_merge.h"

#include <filesystem>

#include "kumiko/base/error.h"
#include "kumiko/data/indexed_dataset.h"
#include "kumiko/data/indexed_dataset_writer.h"

namespace kumiko {

static bool same_file(const std::filesystem::path& a, const std::filesystem::path& b) {
  std::error_code ignored;
  return a == b || std::filesystem::equivalent(a, b, ignored);
}

DatasetMergeReport merge_datasets(const std::vector<std::string>& inputs, const std::string& output,
                                  const std::function<bool()>& cancelled) {
  if (inputs.empty()) throw_user("nothing to merge: give the prefixes of the datasets with --input");
  const TokenType type = IndexedDataset(inputs[0]).token_type();
  // Everything that can be wrong is found before anything is written.
  for (const std::string& input : inputs) {
    if (same_file(index_path(input), index_path(output))) {
      throw_user("--output {} is also an input; write the merged dataset under another name", output);
    }
    const IndexedDataset dataset(input);
    if (dataset.token_type() != type) {
      throw_user("cannot merge {} ({}) with {} ({}): expected one token type; build both with the same tokenizer",
                 input, token_type_name(dataset.token_type()), inputs[0], token_type_name(type));
    }
  }
  IndexedDatasetWriter writer(output, type);
  for (const std::string& input : inputs) {
    if (cancelled && cancelled()) throw_user("interrupted; nothing was written to {}", output);
    writer.append(IndexedDataset(input));
  }
  writer.commit();
  return {writer.num_documents(), writer.num_tokens()};
}

}  // namespace kumiko
