#include "kumiko/train/record_changes.h"

#include <algorithm>
#include <array>

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/checkpoint/checksum.h"
#include "kumiko/data/blend.h"
#include "kumiko/data/indexed_dataset.h"
#include "kumiko/optim/lr_schedule.h"
#include "kumiko/tokenizer/tokenizer.h"
#include "kumiko/train/kept_tokenizer.h"

namespace kumiko {
namespace {

// Of this start alone, or resolved from the machine.
bool is_of_this_start(const Option& option) {
  constexpr std::array names = {
      "checkpoint.load",      "checkpoint.start_anew",       "checkpoint.finetune",
      "parallel.num_threads", "parallel.data_parallel_size", "parallel.tensor_model_parallel_chunks"};
  return std::find(names.begin(), names.end(), option.name()) != names.end();
}

Config config_of(const RunRecord& record, const std::string& origin) {
  Config config = parse_config(record.config, origin);
  config.model.fill_in_sizes();
  return config;
}

std::string shown(const std::string& value) { return value.empty() ? "\"\"" : value; }

}  // namespace

std::string tokenizer_checksum(const std::string& source) {
  if (source.empty() || source == "bytes") return source;
  Checksum checksum;
  for (const TokenizerFile& file : tokenizer_files(source)) {
    const std::string text = read_text_file(file.path);
    checksum.update(text.data(), text.size());
  }
  return checksum_text(checksum.value());
}

std::string data_checksum(const DataOptions& options) {
  const std::vector<std::string>& path = options.path_for(Split::train);
  if (path.empty()) return "";
  Checksum checksum;
  for (const std::string& prefix : parse_blend(path).prefixes) {
    const MappedFile file(index_path(prefix));
    checksum.update(file.bytes().data(), file.bytes().size());
  }
  return checksum_text(checksum.value());
}

std::string changes_text(const RunRecord& record, Config& now, const std::string& data_now, const std::string& origin) {
  Config then = config_of(record, origin);
  const OptionTable old_options = then.table();
  const OptionTable options = now.table();
  std::string lines;
  bool data_named = false;
  for (size_t i = 0; i < options.options().size(); ++i) {
    const Option& option = options.options()[i];
    const std::string before = old_options.options()[i].get();
    if (is_of_this_start(option) || option.get() == before) continue;
    lines += fmt::format("\n  {}: {} -> {}", option.name(), shown(before), shown(option.get()));
    data_named = data_named || option.name() == "data.split" || option.key.ends_with("data_path");
  }
  const bool other_data = !record.data.empty() && !data_now.empty() && record.data != data_now;
  if (other_data) lines += fmt::format("\n  the training data itself: checksum {} -> {}", record.data, data_now);
  if (other_data || (data_named && record.data.empty()) || now.data.split != then.data.split) {
    lines += fmt::format(
        "\n  the order of the data is drawn from the data as they are now: the next step takes the samples from {} on, "
        "and some of them may have been seen",
        record.consumed_samples);
  }
  const double rate_before = learning_rate(then.optimizer, record.updates);
  const double rate_now = learning_rate(now.optimizer, record.updates);
  if (rate_before != rate_now) {
    lines += fmt::format("\n  the learning rate of the next step: {:.4g} with the options as they were, {:.4g} now",
                         rate_before, rate_now);
  }
  if (lines.empty()) return "";
  return fmt::format("{} was saved with other options (old -> new):{}", origin, lines);
}

void check_same_tokenizer(const RunRecord& record, const Config& now, const std::string& tokenizer_now,
                          const std::filesystem::path& checkpoint) {
  if (tokenizer_now.empty()) return;  // none is asked for; the kept one stays
  const std::filesystem::path kept = kept_directory(checkpoint);
  // Records of older versions have none: then what is kept speaks.
  std::string before = record.tokenizer;
  if (before.empty() && !kept.empty()) before = tokenizer_checksum(kept.string());
  if (before.empty() || before == tokenizer_now) return;
  const std::string then = before == "bytes" ? "\"bytes\""
                           : kept.empty()    ? fmt::format("another one (checksum {})", before)
                                             : fmt::format("the one kept in {}", kept.string());
  throw_user(
      "data.tokenizer = {} is not the tokenizer that {} was trained with, which is {}: the same ids would stand for "
      "other texts. Set data.tokenizer = {}, or begin a new run in another checkpoint.save",
      now.data.tokenizer, checkpoint.string(), then, before == "bytes" || kept.empty() ? "as it was" : kept.string());
}

}  // namespace kumiko
