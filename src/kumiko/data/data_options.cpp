#include "kumiko/data/data_options.h"

#include "kumiko/base/error.h"
#include "kumiko/base/options.h"
#include "kumiko/data/blend.h"

namespace kumiko {

const std::vector<std::string>& DataOptions::path_for(Split split_wanted) const {
  if (!per_split()) return data_path;
  switch (split_wanted) {
    case Split::train:
      return train_data_path;
    case Split::valid:
      return valid_data_path;
    case Split::test:
      break;
  }
  return test_data_path;
}

void DataOptions::validate() const {
  if (eod_token_id < -1) {
    throw_user("data.eod_token_id = {}: expected the id of a token, or -1 for the tokenizer's", eod_token_id);
  }
  if (per_split()) {
    if (!data_path.empty()) {
      throw_user(
          "data_path and train_data_path, valid_data_path or test_data_path are both given; expected either "
          "data_path with split, or one list for each split");
    }
    for (const Split part : {Split::train, Split::valid, Split::test}) {
      if (!path_for(part).empty()) parse_blend(path_for(part));
    }
    return;
  }
  parse_blend(data_path);
  split_ranges(split, 0);
}

void DataOptions::describe(OptionTable& table) {
  table.section("data");
  table.add("tokenizer", tokenizer,
            "Gives the vocabulary's size, and is kept with checkpoints: a tokenizer.json or bytes");
  table.add("data_path", data_path, "Datasets to train on: a prefix, several, or weight,prefix,weight,prefix,...");
  table.add("split", split, "Shares of train, valid and test in data_path");
  table.add("train_data_path", train_data_path, "Instead of data_path and split: datasets of the train split");
  table.add("valid_data_path", valid_data_path, "Instead of data_path and split: datasets of the valid split");
  table.add("test_data_path", test_data_path, "Instead of data_path and split: datasets of the test split");
  table.add("reset_attention_mask", reset_attention_mask, "Tokens attend to those of their own document only");
  table.add("reset_position_ids", reset_position_ids, "Positions count from 0 in each document");
  table.add("eod_mask_loss", eod_mask_loss, "No loss where the input is the end-of-document token");
  table.add("eod_token_id", eod_token_id, "For these three: the token that ends a document; -1: the tokenizer's");
}

}  // namespace kumiko
