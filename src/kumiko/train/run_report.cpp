#include "kumiko/train/run_report.h"

#include <algorithm>
#include <filesystem>

#include "kumiko/base/file.h"
#include "kumiko/base/text.h"
#include "kumiko/mesh/mesh_table.h"
#include "kumiko/model/memory.h"
#include "kumiko/model/presets.h"
#include "kumiko/train/breakdown.h"
#include "kumiko/train/prometheus.h"
#include "kumiko/train/rank_flops.h"
#include "kumiko/train/rank_placement.h"
#include "kumiko/train/summary.h"
#include "kumiko/train/tensorboard.h"
#include "kumiko/train/traffic_table.h"
#include "kumiko/train/wandb.h"

namespace kumiko {
namespace {

std::string bytes_text(int64_t bytes) { return human_bytes(static_cast<double>(bytes)); }

SummarySection model_section(const Run& run) {
  const ModelOptions& model = run.config.model;
  const int64_t parameters = count_parameters(model);
  SummarySection section = {
      "model",
      {{"architecture",
        fmt::format("{}{}", name_of(model.architecture), model.preset.empty() ? "" : " (" + model.preset + ")")},
       {"parameters", fmt::format("{} ({})", human_count(static_cast<double>(parameters)), with_thousands(parameters))},
       {"size", fmt::format("{} layers, hidden {}, {} heads{} of {}, feed-forward {}", model.num_layers,
                            model.hidden_size, model.num_attention_heads,
                            model.num_kv_heads() == model.num_attention_heads
                                ? ""
                                : fmt::format(" ({} of keys and values)", model.num_kv_heads()),
                            model.head_size(), model.feed_forward_size())},
       {"vocabulary",
        fmt::format("{} tokens, {} positions, head {}", with_thousands(model.vocab_size), model.max_position_embeddings,
                    model.untie_embeddings_and_output_weights ? "of its own" : "tied")}}};
  for (const std::string& change : changes_to_preset(model)) {
    section.rows.push_back({section.rows.size() == 4 ? "not the preset" : "", change});
  }
  return section;
}

// What data-parallel ranks divide among themselves.
std::string divided_text(const Run& run) {
  const Sharding& sharding = run.state.storage->sharding();
  if (!sharding.divides_optimizer()) return "nothing";
  const char* what = sharding.divides_weights()     ? "optimizer state, gradients and weights"
                     : sharding.divides_gradients() ? "optimizer state and gradients"
                                                    : "optimizer state";
  return fmt::format("{} among {} ranks (ZeRO stage {})", what, sharding.size, sharding.stage);
}

// A line a rank while they are few; those of many are joined where they have the same place.
std::vector<std::string> placement_rows(const Run& run) {
  constexpr int64_t most_lines = 8;
  const std::vector<RankInfo>& ranks = run.world.ranks();
  if (run.mesh.size() <= most_lines) return rank_lines(run.mesh, places_on_hosts(ranks, run.placed.places));
  std::vector<std::string> lines = placement_lines(ranks, run.placed.places, most_lines);
  lines.emplace_back("each rank: `kumiko inspect mesh` under the same launcher");
  return lines;
}

SummarySection machine_section(const Run& run, std::optional<double> peak) {
  SummarySection section{"machine",
                         {{"mesh", run.mesh.to_string()},
                          {"divided", divided_text(run)},
                          {"ranks", fmt::format("{} on {}", run.world.size(), run.world.ranks().front().host)},
                          {"kernels", run.kernels->description()},
                          {"communication", run.world.description()}}};
  const auto add = [&section](const char* key, const std::vector<std::string>& lines) {
    for (size_t i = 0; i < lines.size(); ++i) section.rows.push_back({i == 0 ? key : "", lines[i]});
  };
  add("placement", placement_rows(run));
  add("axes", axis_lines(run.mesh, shared_levels(run.world.ranks(), run.placed.domains), "network"));
  if (peak) section.rows.push_back({"peak", fmt::format("{:.2f} TFLOP/s a rank, measured", *peak / 1e12)});
  return section;
}

std::string documents_text(const DocumentMask& documents) {
  std::string text;
  const auto add = [&](bool set, const char* what) {
    if (set) text += (text.empty() ? "" : ", ") + std::string(what);
  };
  add(documents.reset_attention_mask, "attention within each");
  add(documents.reset_position_ids, "positions from 0 in each");
  add(documents.eod_mask_loss, "no loss behind the last token");
  return fmt::format("{}; they end with token {}", text, documents.end_of_document);
}

std::string pipeline_text(const Run& run) {
  const Schedule& schedule = run.pipeline->schedule;
  return fmt::format("{}, {} stages on {} ranks, {} micro-batches", schedule.name, schedule.num_stages(),
                     schedule.num_ranks(), schedule.num_micro_batches());
}

SummarySection batch_section(const Run& run) {
  const BatchLayout& layout = run.layout;
  const int64_t steps = run.config.train.train_iters;
  const double tokens = static_cast<double>(steps * layout.tokens_per_step());
  SummarySection section{
      "batch",
      {{"global batch", fmt::format("{} = micro-batch {} x accumulation {} x data {}", layout.global_batch_size,
                                    layout.micro_batch_size, layout.num_micro_batches(), layout.num_ranks)},
       {"tokens", fmt::format("{} a step ({} x {}), {} in {} steps", with_thousands(layout.tokens_per_step()),
                              layout.global_batch_size, layout.seq_length, human_count(tokens), with_thousands(steps))},
       {"compute", fmt::format("{:.3g} FLOPs in all", flops_per_token(run.shape()) * tokens)}}};
  if (run.pipeline) section.rows.push_back({"pipeline", pipeline_text(run)});
  if (run.validated) section.rows.push_back({"", "updates are validated a step later"});
  if (run.documents.any()) section.rows.push_back({"documents", documents_text(run.documents)});
  return section;
}

std::string recompute_text(const RecomputeOptions& recompute) {
  switch (recompute.granularity) {
    case RecomputeGranularity::none:
      break;
    case RecomputeGranularity::selective:
      return ", attention recomputed";
    case RecomputeGranularity::full:
      if (recompute.method == RecomputeMethod::block) {
        return fmt::format(", the first {} blocks recomputed", recompute.num_layers);
      }
      return fmt::format(", recomputed in spans of {}", recompute.num_layers);
  }
  return "";
}

SummarySection memory_section(const Run& run) {
  const StepMemory predicted = run.predicted_memory();
  SummarySection section{"memory a rank, predicted", {}};
  for (int i = 0; i < num_memory_purposes; ++i) {
    const auto purpose = static_cast<MemoryPurpose>(i);
    std::string text = bytes_text(predicted[purpose]);
    if (purpose == MemoryPurpose::stash) text += recompute_text(run.config.train.recompute);
    if (purpose == MemoryPurpose::workspace) text += ", and the kernels' own";
    if (purpose == MemoryPurpose::checkpoint) text += ", the copy that a save writes from";
    if (predicted[purpose] > 0) section.rows.push_back({std::string(name_of(purpose)), text});
  }
  section.rows.push_back({"at the highest", bytes_text(predicted.peak)});
  return section;
}

SummarySection output_section(const Run& run) {
  SummarySection section{"output", {}};
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) section.rows.push_back({key, value});
  };
  add("resumed from", run.resumed_from);
  add("checkpoints", run.config.checkpoint.save);
  add("metrics", run.run_directory());
  return section;
}

}  // namespace

RunReport::RunReport(const Run& run, std::optional<double> peak)
    : run_(run),
      peak_(peak),
      flops_per_token_(kumiko::flops_per_token(run.shape())),
      traffic_shown_(run.world.traffic()),
      first_step_(run.state.step + 1) {
  if (run.world.rank() != 0) return;
  console_.emplace(Terminal::detect());
  const LoggingOptions& logging = run.config.logging;
  if (!logging.prometheus_file.empty()) {
    add_file("logging.prometheus_file", "",
             [path = logging.prometheus_file] { return std::make_unique<PrometheusFile>(path); });
  }
  if (logging.prometheus_port > 0) {
    add_file("logging.prometheus_port", "", [address = logging.prometheus_address, port = logging.prometheus_port] {
      return std::make_unique<PrometheusEndpoint>(address, port);
    });
  }
  const std::filesystem::path directory = run.run_directory();
  if (!directory.empty()) {
    open_files(directory);
  } else if (!logging.wandb_project.empty()) {
    throw_user(
        "logging.wandb_project = {}, but there is nowhere to write the run: give logging.run_dir or checkpoint.save",
        logging.wandb_project);
  }
}

void RunReport::open_files(const std::filesystem::path& directory) {
  const LoggingOptions& logging = run_.config.logging;
  add_file("metrics.jsonl", "step", [path = directory / "metrics.jsonl", first = first_step_] {
    return std::make_unique<JsonLinesSink>(path, first);
  });
  if (run_.writer) {
    checkpoints_path_ = directory / "checkpoints.jsonl";
    checkpoints_guard_([this] { checkpoints_.emplace(checkpoints_path_, first_step_); }, 0);
  }
  if (logging.tensorboard) {
    add_file("logging.tensorboard", "step", [path = directory / "tensorboard", first = first_step_] {
      return std::make_unique<TensorBoardSink>(path, first);
    });
  }
  if (!logging.wandb_project.empty()) {
    WandbRun wandb = new_wandb_run(logging.wandb_project, logging.wandb_exp_name);
    wandb.group = plain_path(directory).filename().string();
    Config resolved = run_.config;
    wandb.config = wandb_config(resolved.table());
    add_file("logging.wandb_project", "step",
             [path = directory / "wandb", wandb] { return std::make_unique<WandbSink>(path, wandb); });
  }
  ObserverGuard("config.toml", "")([&] {
    AtomicFile config(directory / "config.toml");
    config.write(Config(run_.config).to_toml());
    config.commit();
  });
}

void RunReport::add_file(std::string name, std::string record, GuardedSink::Open open) {
  files_.push_back(std::make_unique<GuardedSink>(std::move(name), std::move(record), std::move(open)));
}

template <class Show>
void RunReport::on_console(const Show& show) {
  if (!console_) return;
  screen_guard_([&] {
    show(*console_);
    console_->check();
  });
}

void RunReport::show_summary() {
  if (!console_) return;
  const BoxStyle style{std::min<size_t>(100, console_->terminal().width()), console_->terminal().utf8()};
  const std::string box = render_box("Kumiko",
                                     {model_section(run_), machine_section(run_, peak_), batch_section(run_),
                                      memory_section(run_), output_section(run_)},
                                     style);
  on_console([&](Console& console) {
    console.print(box);
    console.start(run_.state.step, run_.config.train.train_iters);
  });
}

void RunReport::step(const StepResult& result, double step_seconds, double elapsed_seconds,
                     std::optional<double> validation_loss) {
  if (!console_) return;
  rates_.add(step_seconds, elapsed_seconds);
  StepMetrics metrics;
  metrics.step = result.step;
  metrics.total_steps = run_.config.train.train_iters;
  metrics.loss = result.loss;
  metrics.learning_rate = result.lr;
  metrics.gradient_norm = result.gradient_norm;
  metrics.step_seconds = step_seconds;
  metrics.tokens_per_second = static_cast<double>(run_.layout.tokens_per_step()) / step_seconds;
  metrics.flops_per_second = metrics.tokens_per_second * flops_per_token_ / static_cast<double>(run_.world.size());
  if (peak_) metrics.utilization = metrics.flops_per_second / *peak_;
  metrics.memory_bytes = run_.pool->total().peak;
  metrics.consumed_samples = result.step * run_.layout.global_batch_size;
  metrics.consumed_tokens = result.step * run_.layout.tokens_per_step();
  metrics.skipped = result.skipped;
  metrics.overflow = result.overflow;
  metrics.skipped_steps = run_.state.step - run_.state.updates;
  if (run_.state.loss_scale.is_dynamic() || result.loss_scale != 1) metrics.loss_scale = result.loss_scale;
  metrics.remaining_seconds = rates_.remaining_seconds(metrics.total_steps - metrics.step);
  metrics.validation_loss = validation_loss;
  for (int i = 0; i < num_memory_purposes; ++i) {
    process_.memory[static_cast<size_t>(i)] = run_.pool->use(static_cast<MemoryPurpose>(i));
  }
  process_.traffic = run_.world.traffic();
  for (const auto& file : files_) {
    file->write_process(process_);
    file->write(metrics);
  }
  const bool due = metrics.step % run_.config.logging.log_interval == 0 || metrics.step == metrics.total_steps;
  if (due || metrics.skipped || validation_loss) on_console([&](Console& console) { console.write(metrics); });
}

void RunReport::show_breakdown(const RegionTimes& times) {
  if (!console_) return;
  std::string text = breakdown_table(times, rank_flops(run_));
  std::vector<TrafficRow> traffic = run_.world.traffic();
  const std::string table = traffic_table(traffic_since(traffic_shown_, traffic), times.steps);
  if (!table.empty()) text += "\n" + table;
  on_console([&](Console& console) { console.print(text); });
  traffic_shown_ = std::move(traffic);
}

void RunReport::saved(const SaveResult& result, const SaveTimes& times) {
  if (!result.error) longest_save_seconds_ = std::max(longest_save_seconds_, result.report.seconds);
  if (!console_) return;
  if (!checkpoints_path_.empty()) {
    checkpoints_guard_([&] {
      if (!checkpoints_) checkpoints_.emplace(checkpoints_path_, first_step_);
      checkpoints_->write(result, times);
    });
  }
  process_.checkpoint_pause_seconds += times.paused_seconds;
  if (result.error) {
    ++process_.checkpoint_failures;
    return;
  }
  const SaveReport& report = result.report;
  ++process_.checkpoints;
  process_.checkpoint_seconds += report.seconds;
  process_.checkpoint_bytes += static_cast<int64_t>(report.bytes[static_cast<size_t>(run_.world.rank())]);
  std::string line = fmt::format("saved {} in {}, up to {} a rank", report.path.string(), human_seconds(report.seconds),
                                 bytes_text(static_cast<int64_t>(std::ranges::max(report.bytes))));
  if (result.behind) line += fmt::format("; training stood still for {}", human_seconds(times.paused_seconds));
  if (times.waited_seconds > 0.1 * times.paused_seconds && times.waited_seconds > 1e-3) {
    line += fmt::format(", {} of it until the save before was written", human_seconds(times.waited_seconds));
  }
  say(line);
}

void RunReport::say(const std::string& line) {
  on_console([&](Console& console) { console.print(line + "\n"); });
}

StopSignals::Answer RunReport::signal_answer() const {
  if (!console_) return StopSignals::Answer::none;
  return console_->terminal().interactive() ? StopSignals::Answer::line_over_bar : StopSignals::Answer::line;
}

void RunReport::activity(const std::string& what) {
  on_console([&](Console& console) { console.set_activity(what); });
}

}  // namespace kumiko
