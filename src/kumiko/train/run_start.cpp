#include "kumiko/train/run_start.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/base/log.h"
#include "kumiko/base/text.h"
#include "kumiko/checkpoint/directory.h"
#include "kumiko/checkpoint/exchange.h"
#include "kumiko/checkpoint/reader.h"
#include "kumiko/comm/agreement.h"
#include "kumiko/train/folder_probe.h"
#include "kumiko/train/kept_tokenizer.h"
#include "kumiko/train/record_changes.h"
#include "kumiko/train/run_folder.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;

// Where metrics go, if that is not checkpoint.save.
std::string logging_folder(const Config& config) {
  const std::string& folder = config.logging.run_dir;
  if (folder.empty()) return "";
  if (!config.checkpoint.save.empty() && plain_path(folder) == plain_path(config.checkpoint.save)) return "";
  return folder;
}

void lock_folder(const char* option, const std::string& folder, RunStart& start) {
  if (folder.empty()) return;
  probe_folder(option, folder);
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) throw_environment("{} = {}: the folder cannot be made: {}", option, folder, failure.message());
  start.locks.push_back(
      std::make_unique<FileLock>(fs::path(folder) / folder_lock_name, fmt::format("{} = {}", option, folder)));
}

ContinuationFacts facts_of(const Config& config) {
  const auto look = [](const std::string& folder) {
    return folder.empty() ? std::nullopt : std::optional<FolderFacts>(look_at_folder(folder));
  };
  ContinuationFacts facts;
  facts.load = look(config.checkpoint.load);
  facts.save = look(config.checkpoint.save);
  facts.logging = look(logging_folder(config));
  facts.finetune = config.checkpoint.finetune;
  facts.start_anew = config.checkpoint.start_anew;
  return facts;
}

// `latest` is checked against the manifest where it names the checkpoint.
CheckpointReader open_chosen(const Continuation& continuation) {
  const fs::path root = continuation.checkpoint.parent_path();
  if (step_of_name(continuation.checkpoint.filename().string()) && fs::exists(root / latest_name)) {
    const auto latest = read_latest(root);
    if (latest && checkpoint_name(latest->step) == continuation.checkpoint.filename())
      return CheckpointReader::open(root);
  }
  return CheckpointReader::open(continuation.checkpoint);
}

void compare_with_record(Config& config, RunStart& start, int64_t num_samples) {
  CheckpointReader reader = open_chosen(start.continuation);
  const std::string origin = reader.path().string();
  start.checkpoint = origin;
  const RunRecord record = run_record_from_json(reader.manifest().state, origin);
  if (start.continuation.from_elsewhere) {
    start.origin = RunOrigin{plain_path(config.checkpoint.load).string(), manifest_checksum(reader.path())};
  } else {
    start.origin = record.origin;
  }
  check_same_tokenizer(record, config, start.tokenizer, reader.path());
  if (start.tokenizer.empty()) start.tokenizer = record.tokenizer;
  if (start.kind != Continuation::Kind::resume) return;
  const Config then = parse_config(record.config, origin);
  start.planned_samples = record.planned_samples;
  if (start.planned_samples.empty()) {
    start.planned_samples = {std::max<int64_t>(1, then.train.train_iters) * then.train.global_batch_size};
  }
  if (num_samples > start.planned_samples.back()) start.planned_samples.push_back(num_samples);
  // Said when nothing speaks against the resume.
  if (std::string changes = changes_text(record, config, start.data, origin); !changes.empty()) {
    start.continuation.warnings.push_back(std::move(changes));
  }
}

void decide_on_first(Config& config, int64_t num_samples, RunStart& start) {
  const CheckpointingOptions& options = config.checkpoint;
  // What there is nothing to load from must not make folders.
  if (!options.load.empty()) {
    const FolderFacts load = look_at_folder(options.load);
    const bool same = !options.save.empty() && load.path == plain_path(options.save);
    if (!same && !chosen_step(load)) decide_continuation({load, std::nullopt, std::nullopt, false, false});
  }
  lock_folder("checkpoint.save", options.save, start);
  lock_folder("logging.run_dir", logging_folder(config), start);
  start.continuation = decide_continuation(facts_of(config));
  start.kind = start.continuation.kind;
  start.tokenizer = tokenizer_checksum(config.data.tokenizer);
  start.planned_samples = {num_samples};
  if (start.kind != Continuation::Kind::begin) compare_with_record(config, start, num_samples);
}

// Paths may hold any byte but this one.
constexpr char separator = '\0';

std::string to_text(const RunStart& start) {
  std::string text;
  for (const std::string& field :
       {fmt::format("{}", static_cast<int>(start.kind)), start.checkpoint, std::string(start.origin ? "1" : ""),
        start.origin ? start.origin->load : "", start.origin ? start.origin->manifest_checksum : "", start.tokenizer,
        start.data, fmt::format("{}", fmt::join(start.planned_samples, ","))}) {
    text += field + separator;
  }
  return text;
}

void read_text(const std::string& text, RunStart& start) {
  const std::vector<std::string> fields = split(text, separator);
  start.kind = static_cast<Continuation::Kind>(std::stoi(fields.at(0)));
  start.checkpoint = fields.at(1);
  if (!fields.at(2).empty()) start.origin = RunOrigin{fields.at(3), fields.at(4)};
  start.tokenizer = fields.at(5);
  start.data = fields.at(6);
  for (const std::string& number : split(fields.at(7), ',')) start.planned_samples.push_back(std::stoll(number));
}

// `latest` names the step that the run goes on from, before later ones go: it never names one that is gone, and other
// programs read the same checkpoint.
void settle_steps(const fs::path& save, const RunStart& start) {
  const Continuation& continuation = start.continuation;
  if (start.kind != Continuation::Kind::resume || continuation.checkpoint.parent_path() != save) return;
  const auto latest = read_latest(save);
  if (!latest || latest->step != continuation.step || !continuation.later_steps.empty()) {
    write_latest(save, continuation.step);
  }
  if (continuation.later_steps.empty()) return;
  std::vector<std::string> names;
  for (const int64_t step : continuation.later_steps) names.push_back(checkpoint_name(step));
  log::info("the later checkpoints are in {} now", set_aside(save, names).string());
}

void set_old_run_aside(const std::string& folder) {
  log::info("the old run is in {} now", set_run_aside(plain_path(folder)).string());
}

}  // namespace

RunStart begin_start(Config& config, int64_t num_samples, Communicator& ranks) {
  RunStart start;
  const CheckpointingOptions& options = config.checkpoint;
  start.planned_samples = {num_samples};
  if (options.load.empty() && options.save.empty() && config.logging.run_dir.empty()) return start;
  start.data = "";
  together(ranks, [&] {
    if (ranks.rank() != 0) return;
    start.data = data_checksum(config.data);
    decide_on_first(config, num_samples, start);
  });
  const std::string text = broadcast_text(ranks, ranks.rank() == 0 ? to_text(start) : "", 0);
  if (ranks.rank() == 0) return start;
  start.planned_samples.clear();
  read_text(text, start);
  return start;
}

void prepare_folders(const Config& config, const RunStart& start, Communicator& ranks) {
  const std::string& save = config.checkpoint.save;
  together(ranks, [&] {
    if (ranks.rank() != 0) return;
    const Continuation& continuation = start.continuation;
    for (const std::string& info : continuation.infos) log::info("{}", info);
    for (const std::string& warning : continuation.warnings) log::warning("{}", warning);
    if (continuation.clears_save) set_old_run_aside(save);
    if (continuation.clears_logging) set_old_run_aside(logging_folder(config));
    if (save.empty()) return;
    settle_steps(plain_path(save), start);
    if (start.kind == Continuation::Kind::take_weights && config.data.tokenizer.empty()) {
      keep_companions(fs::path(start.checkpoint).parent_path(), save, KeptBefore::stays);
    }
    keep_tokenizer(config.data.tokenizer, save, continuation.clears_save ? KeptBefore::goes : KeptBefore::stays);
  });
}

}  // namespace kumiko
