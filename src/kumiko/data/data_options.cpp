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
}

}  // namespace kumiko
