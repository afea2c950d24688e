#include "kumiko/train/profiler.h"

#include <algorithm>
#include <charconv>
#include <exception>
#include <numeric>
#include <span>
#include <string_view>

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/base/log.h"
#include "kumiko/base/system_failure.h"
#include "kumiko/base/text.h"

namespace kumiko {
namespace {

// Events held between two writes, one write a step: about 40 MB.
constexpr size_t most_events = size_t{1} << 18;

std::vector<int64_t> traced_ranks(const std::vector<std::string>& names, int64_t size) {
  std::vector<int64_t> ranks;
  for (const std::string& name : names) {
    int64_t rank = -1;
    const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), rank);
    if (failure != std::errc{} || end != name.data() + name.size() || rank < 0 || rank >= size) {
      throw_user("logging.profile_ranks: '{}' is no rank of this run; expected numbers from 0 to {}", name, size - 1);
    }
    ranks.push_back(rank);
  }
  if (ranks.empty()) {
    ranks.resize(static_cast<size_t>(size));
    std::iota(ranks.begin(), ranks.end(), 0);
  }
  std::sort(ranks.begin(), ranks.end());
  ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
  return ranks;
}

// The trace of all ranks in place of their parts. A failure is no reason to end a run: the parts stay.
void merge_parts(const std::vector<std::filesystem::path>& parts, int64_t first_step, int64_t last_step) {
  const std::filesystem::path folder = parts.front().parent_path();
  try {
    std::vector<MappedFile> files;
    std::vector<std::string_view> texts;
    for (const std::filesystem::path& part : parts) {
      if (!std::filesystem::exists(part)) {
        log::warning("the trace has nothing of {}: its rank wrote it where rank 0 cannot read it", part.string());
        continue;
      }
      const std::span<const std::byte> bytes = files.emplace_back(part).bytes();
      texts.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    const std::filesystem::path path = folder / fmt::format("steps-{}-{}.json", first_step, last_step);
    AtomicFile file(path);
    const MergedTrace merged = merge_trace_parts(texts, [&file](std::string_view text) { file.write(text); });
    const auto bytes = static_cast<double>(file.size());
    file.commit();
    for (const std::filesystem::path& part : parts) std::filesystem::remove(part);
    log::info("trace of steps {} to {} in {}: {} events of {} rank{}, {}, clocks compared to {:.1f} us", first_step,
              last_step, path.string(), with_thousands(merged.events), merged.ranks, merged.ranks == 1 ? "" : "s",
              human_bytes(bytes), static_cast<double>(merged.uncertainty_ns) / 1e3);
    if (merged.dropped > 0) log::warning("{} events are missing in the trace", with_thousands(merged.dropped));
  } catch (const std::exception& error) {
    log::warning("the parts of the trace in {} stay apart, and open one by one: {}", folder.string(),
                 error_from(error).what());
  }
}

}  // namespace

Profiler::Profiler(const LoggingOptions& options, Profiled profiled) : profiled_(std::move(profiled)) {
  if (!options.profile) return;
  if (profiled_.directory.empty()) {
    throw_user(
        "logging.profile = true, but there is nowhere to write a trace: give logging.run_dir or checkpoint.save");
  }
  World& world = profiled_.world;
  ranks_ = traced_ranks(options.profile_ranks, world.size());
  first_step_ = options.profile_step_start;
  last_step_ = options.profile_step_end;
  std::vector<int64_t> everyone(static_cast<size_t>(world.size()));
  std::iota(everyone.begin(), everyone.end(), 0);
  all_ = world.communicator(Axis::all, everyone);
}

Profiler::~Profiler() {
  profiled_.timer.record_to(nullptr);
  profiled_.world.record_to(nullptr);
  if (merging_.joinable()) merging_.join();
}

void Profiler::begin_step(int64_t step) {
  if (first_step_ == 0) return;
  if (started_) {
    write_events();
    if (step > last_step_) return stop();
  } else if (step >= first_step_ && step <= last_step_) {
    start(step);
  }
  step_ = step;
  if (!recording_) return;
  recorder_->set_step(step);
  step_begin_ = trace_clock();
}

void Profiler::end_step() {
  if (!recording_) return;
  TraceEvent event;
  event.name = "step";
  event.category = "step";
  event.begin = step_begin_;
  event.end = trace_clock();
  event.step = step_;
  recorder_->record(event);
}

void Profiler::finish() {
  if (started_) {
    write_events();
    stop();
  } else if (first_step_ > 0 && profiled_.world.rank() == 0) {
    log::warning("logging.profile: none of the steps {} to {} was among those of this run, so nothing was traced",
                 first_step_, last_step_);
  }
  first_step_ = 0;
}

std::filesystem::path Profiler::part_path(int64_t rank) const {
  return profiled_.directory / "trace" / fmt::format("steps-from-{}.rank-{}.json", first_step_, rank);
}

void Profiler::start(int64_t step) {
  started_ = true;
  first_step_ = step;
  World& world = profiled_.world;
  const Tensor origin = Tensor::empty(*profiled_.pool, {1}, DType::i64, MemoryPurpose::communication);
  *origin.data<int64_t>() = trace_clock();
  all_->broadcast(origin, 0, "clock").wait();
  const ClockReading clock = measure_clock(*all_, ranks_, *profiled_.pool);
  const int rank = world.rank();
  if (!std::binary_search(ranks_.begin(), ranks_.end(), rank)) return;
  const RankInfo& info = world.ranks()[static_cast<size_t>(rank)];
  part_.emplace(TraceRank{rank, info.host, info.process_id}, clock, *origin.data<int64_t>());
  const std::filesystem::path path = part_path(rank);
  const bool opened = guard_(
      [&] {
        std::filesystem::create_directories(path.parent_path());
        std::filesystem::remove(path);
        file_.emplace(path);
      },
      0);
  if (!opened) return;
  write_part(part_->opening());
  recorder_ = std::make_shared<TraceRecorder>(most_events);
  recording_ = true;
  world.record_to(recorder_);
  profiled_.timer.record_to(recorder_.get());
}

// What cannot be written is left out: each text is whole, so those behind it can be read.
void Profiler::write_part(const std::string& text) {
  if (file_) guard_([&] { file_->write(text); });
}

void Profiler::write_events() {
  if (!recording_) return;
  const TraceSpan span(recorder(), TraceTrack::io, "write trace");
  recorder_->take(taken_);
  if (taken_.dropped > 0 && !warned_) {
    warned_ = true;
    log::warning("step {} has more than {} events: the {} after them are missing from the trace", step_, most_events,
                 taken_.dropped);
  }
  write_part(part_->events(taken_));
}

void Profiler::stop() {
  started_ = false;
  profiled_.timer.record_to(nullptr);
  profiled_.world.record_to(nullptr);
  const ClockReading clock = measure_clock(*all_, ranks_, *profiled_.pool);
  if (recording_) {
    recorder_->take(taken_);
    write_part(part_->events(taken_));
    write_part(part_->closing(clock));
    file_.reset();
  }
  recording_ = false;
  all_->barrier("trace").wait();  // all parts are whole
  if (profiled_.world.rank() == 0) {
    std::vector<std::filesystem::path> parts;
    for (const int64_t rank : ranks_) parts.push_back(part_path(rank));
    // On a thread of its own, so that no rank waits for it.
    merging_ = std::thread([parts, first = first_step_, last = step_] { merge_parts(parts, first, last); });
  }
  first_step_ = 0;
}

}  // namespace kumiko
