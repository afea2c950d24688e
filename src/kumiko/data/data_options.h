// What a person says about the training data: which datasets, in which proportions, and how they are split.
#pragma once

#include <string>
#include <vector>

#include "kumiko/data/sample_order.h"

namespace kumiko {

class OptionTable;

struct DataOptions {
  // "bytes", a tokenizer.json, or a folder that holds one; empty where the model's vocab_size says enough.
  std::string tokenizer;
  // One prefix, several prefixes, or weight prefix weight prefix ...; each prefix names PREFIX.bin and PREFIX.idx.
  std::vector<std::string> data_path;
  // Shares of train, valid and test in data_path.
  std::string split = "990,9,1";
  // Instead of data_path and split: one list a split, of the same form.
  std::vector<std::string> train_data_path;
  std::vector<std::string> valid_data_path;
  std::vector<std::string> test_data_path;

  // Documents within one sample kept apart (data/document_mask.h); a document ends with the token eod_token_id, or,
  // where that is -1, with the tokenizer's end-of-document token.
  bool reset_attention_mask = false;
  bool reset_position_ids = false;
  bool eod_mask_loss = false;
  int64_t eod_token_id = -1;

  bool separates_documents() const { return reset_attention_mask || reset_position_ids || eod_mask_loss; }
  // True where each split names its own datasets.
  bool per_split() const { return !(train_data_path.empty() && valid_data_path.empty() && test_data_path.empty()); }
  const std::vector<std::string>& path_for(Split split_wanted) const;

  // User error unless exactly one of data_path and the lists per split is given, and every weight and share parses.
  void validate() const;

  // Adds the section "data".
  void describe(OptionTable& table);
};

}  // namespace kumiko
