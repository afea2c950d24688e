// Several indexed datasets joined into one, sequence after sequence in the order given.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace kumiko {

struct DatasetMergeReport {
  int64_t num_documents = 0;
  int64_t num_tokens = 0;
};

// Writes OUTPUT.bin and OUTPUT.idx; inputs stay as they are. User error if there are no inputs, their token types
// differ, or the output is one of them. `cancelled` (may be empty) as for build_dataset.
DatasetMergeReport merge_datasets(const std::vector<std::string>& inputs, const std::string& output,
                                  const std::function<bool()>& cancelled = {});

}  // namespace kumiko
