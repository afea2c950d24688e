#include "kumiko/train/trace_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <nlohmann/json.hpp>

#include "kumiko/base/error.h"
#include "kumiko/base/json_text.h"

namespace kumiko {
namespace {

// Numbers of threads: compute 1, communication 2, I/O 3; further lanes of a track follow in steps of 3. Not from 0:
// Perfetto takes a process's thread 0 for its first.
int64_t thread_of(TraceTrack track, int64_t lane) { return 1 + static_cast<int64_t>(track) + num_trace_tracks * lane; }

// A part's spans begin with their times, so that merging need not read the rest of the line.
constexpr std::string_view span_start = "{\"ts\":";
constexpr std::string_view duration_key = ",\"dur\":";

// Nanoseconds as exact microseconds: "-12.034".
void append_microseconds(fmt::memory_buffer& out, int64_t nanoseconds) {
  const int64_t magnitude = nanoseconds < 0 ? -nanoseconds : nanoseconds;
  fmt::format_to(std::back_inserter(out), "{}{}.{:03}", nanoseconds < 0 ? "-" : "", magnitude / 1000, magnitude % 1000);
}

void append_times(fmt::memory_buffer& out, int64_t begin, int64_t end) {
  out.append(span_start);
  append_microseconds(out, begin);
  out.append(duration_key);
  append_microseconds(out, end - begin);
}

// Reads what append_microseconds wrote from the front of `text`; none if it is something else.
std::optional<int64_t> take_nanoseconds(std::string_view& text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  int64_t whole = 0;
  const auto [dot, failure] = std::from_chars(text.data(), text.data() + text.size(), whole);
  const auto digits = static_cast<size_t>(dot - text.data());
  constexpr size_t fraction = 4;  // ".034"
  if (failure != std::errc{} || text.size() < digits + fraction || *dot != '.') return std::nullopt;
  int64_t thousandths = 0;
  const auto [end, failure_too] = std::from_chars(dot + 1, dot + fraction, thousandths);
  if (failure_too != std::errc{} || end != dot + fraction) return std::nullopt;
  text.remove_prefix(digits + fraction);
  const int64_t nanoseconds = whole * 1000 + thousandths;
  return negative ? -nanoseconds : nanoseconds;
}

nlohmann::ordered_json metadata(std::string_view name, int64_t rank, int64_t thread, nlohmann::ordered_json arguments) {
  return {{"name", name}, {"ph", "M"}, {"pid", rank}, {"tid", thread}, {"args", std::move(arguments)}};
}

void append_arguments(fmt::memory_buffer& out, const TraceEvent& event) {
  const char* separator = "";
  const auto number = [&](std::string_view key, int64_t value) {
    if (value < 0) return;
    fmt::format_to(std::back_inserter(out), "{}\"{}\":{}", separator, key, value);
    separator = ",";
  };
  const auto text = [&](std::string_view key, std::string_view value) {
    if (value.empty()) return;
    fmt::format_to(std::back_inserter(out), "{}\"{}\":\"{}\"", separator, key, value);
    separator = ",";
  };
  number("step", event.step);
  number("micro_batch", event.micro_batch);
  number("bytes", event.bytes);
  text("axis", event.axis);
  number("sequence", event.sequence);
  number("peer", event.peer);
  if (event.track != TraceTrack::communication) return;
  text("purpose", event.category);
  if (event.enqueued < 0) return;
  fmt::format_to(std::back_inserter(out), "{}\"waited_us\":", separator);  // from enqueued to started
  append_microseconds(out, event.begin - event.enqueued);
}

void append_span(fmt::memory_buffer& out, const TraceEvent& event, int64_t shift, int64_t rank, int64_t thread) {
  append_times(out, event.begin + shift, event.end + shift);
  const bool communication = event.track == TraceTrack::communication;
  fmt::format_to(std::back_inserter(out), ",\"name\":\"{}", event.name);
  if (communication) fmt::format_to(std::back_inserter(out), " ({})", event.category);
  const std::string_view category = communication || event.category.empty() ? name_of(event.track) : event.category;
  fmt::format_to(std::back_inserter(out), R"(","cat":"{}","ph":"X","pid":{},"tid":{},"args":{{)", category, rank,
                 thread);
  append_arguments(out, event);
  out.append(std::string_view("}},\n"));
}

}  // namespace

std::string TracePart::clock_line(std::string_view name, const ClockReading& clock) const {
  return metadata(name, rank_.rank, 0,
                  {{"origin_ns", origin_},
                   {"at_ns", clock.at},
                   {"offset_ns", clock.offset},
                   {"uncertainty_ns", clock.uncertainty}})
      .dump();
}

std::string TracePart::opening() const {
  const auto line = [this](std::string_view name, nlohmann::ordered_json arguments) {
    return metadata(name, rank_.rank, 0, std::move(arguments)).dump() + ",\n";
  };
  return "[\n" + clock_line("clock_begin", clock_) + ",\n" +
         line("process_name",
              {{"name", fmt::format("rank {} ({}, pid {})", rank_.rank, rank_.host, rank_.process_id)}}) +
         line("process_sort_index", {{"sort_index", rank_.rank}});
}

int64_t TracePart::lane(TraceTrack track, const TraceEvent& event, std::string& text) {
  Lanes& lanes = lanes_[static_cast<size_t>(track)];
  const bool nests = track == TraceTrack::compute;  // the spans of one thread
  size_t lane = 0;
  while (!nests && lane < lanes.size() && lanes[lane] > event.begin) ++lane;
  if (lane >= lanes.size()) {
    lanes.push_back(event.end);
    const auto number = static_cast<int64_t>(lane);
    const int64_t thread = thread_of(track, number);
    const std::string name = lane == 0 ? std::string(name_of(track)) : fmt::format("{} {}", name_of(track), lane + 1);
    constexpr int64_t most_lanes = 1000;  // that are sorted below their track's first
    text += metadata("thread_name", rank_.rank, thread, {{"name", name}}).dump() + ",\n" +
            metadata("thread_sort_index", rank_.rank, thread,
                     {{"sort_index", static_cast<int64_t>(track) * most_lanes + number}})
                .dump() +
            ",\n";
  }
  lanes[lane] = std::max(lanes[lane], event.end);
  return thread_of(track, static_cast<int64_t>(lane));
}

std::string TracePart::events(TraceRecorder::Taken& taken) {
  std::sort(taken.events.begin(), taken.events.end(), [](const TraceEvent& a, const TraceEvent& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end > b.end;
  });
  const int64_t shift = clock_.offset - origin_;
  std::string names;
  fmt::memory_buffer lines;
  for (const TraceEvent& event : taken.events) {
    const int64_t thread = lane(event.track, event, names);
    append_span(lines, event, shift, rank_.rank, thread);
  }
  if (taken.dropped > 0) {
    const int64_t at = taken.events.empty() ? clock_.at : taken.events.back().end;
    const nlohmann::ordered_json note = {{"name", "events dropped"},
                                         {"ph", "i"},
                                         {"s", "p"},
                                         {"ts", static_cast<double>(at + shift) / 1e3},
                                         {"pid", rank_.rank},
                                         {"tid", 0},
                                         {"args", {{"dropped", taken.dropped}}}};
    fmt::format_to(std::back_inserter(lines), "{},\n", note.dump());
  }
  return names + fmt::to_string(lines);
}

std::string TracePart::closing(const ClockReading& clock) const { return clock_line("clock_end", clock) + "\n]\n"; }

namespace {

struct PartReader {
  std::string_view text;
  int64_t number = 0;  // of the part, for messages
  int64_t rank = -1;
  int64_t origin = 0;
  ClockFit clock;
  int64_t dropped = 0;

  // Each whole line but the brackets, without its comma.
  template <class Body>
  void each_line(const Body& body) const {
    std::string_view rest = text;
    for (int64_t line_number = 1;; ++line_number) {
      const size_t end = rest.find('\n');
      if (end == std::string_view::npos) return;  // the end, or a line cut short
      std::string_view line = rest.substr(0, end);
      rest.remove_prefix(end + 1);
      if (line.ends_with(',')) line.remove_suffix(1);
      if (line != "[" && line != "]") body(line, line_number);
    }
  }

  [[noreturn]] void refuse(std::string_view line, int64_t line_number) const {
    throw_user("part {} of a trace, line {}: expected an event of a kumiko trace, found \"{}\"", number, line_number,
               line.substr(0, 60));
  }

  void read_metadata(std::string_view line, int64_t line_number) {
    try {
      take_metadata(parse_json(line, ""));
    } catch (const nlohmann::json::exception&) {
      refuse(line, line_number);
    } catch (const Error&) {
      refuse(line, line_number);
    }
  }

  void take_metadata(const nlohmann::json& json) {
    rank = json.at("pid");
    const std::string name = json.at("name");
    const auto& arguments = json.at("args");
    if (name == "events dropped") dropped += arguments.at("dropped").get<int64_t>();
    if (name != "clock_begin" && name != "clock_end") return;
    const ClockReading reading{arguments.at("at_ns"), arguments.at("offset_ns"), arguments.at("uncertainty_ns")};
    if (name == "clock_end") {
      clock.end = reading;
    } else {
      clock.begin = reading;
      origin = arguments.at("origin_ns");
    }
  }

  int64_t corrected(int64_t shown) const { return clock.to_rank_0(shown + origin - clock.begin.offset) - origin; }

  void append_corrected(fmt::memory_buffer& out, std::string_view line, int64_t line_number) const {
    std::string_view rest = line.substr(span_start.size());
    const auto begin = take_nanoseconds(rest);
    if (!begin || !rest.starts_with(duration_key)) refuse(line, line_number);
    rest.remove_prefix(duration_key.size());
    const auto duration = take_nanoseconds(rest);
    if (!duration) refuse(line, line_number);
    append_times(out, corrected(*begin), corrected(*begin + *duration));
    out.append(rest);
  }
};

}  // namespace

MergedTrace merge_trace_parts(const std::vector<std::string_view>& parts,
                              const std::function<void(std::string_view)>& write) {
  MergedTrace merged;
  nlohmann::ordered_json ranks = nlohmann::ordered_json::array();
  write("{\"traceEvents\":[\n");
  const char* separator = "";
  for (const std::string_view text : parts) {
    PartReader part;
    part.text = text;
    part.number = merged.ranks;
    part.each_line([&](std::string_view line, int64_t number) {
      if (!line.starts_with(span_start)) return part.read_metadata(line, number);
      if (part.rank < 0) part.refuse(line, number);
    });
    if (part.rank < 0) continue;  // died before its first line
    fmt::memory_buffer out;
    constexpr size_t piece = 1 << 20;
    part.each_line([&](std::string_view line, int64_t number) {
      out.append(std::string_view(separator));
      separator = ",\n";
      if (line.starts_with(span_start)) {
        part.append_corrected(out, line, number);
        ++merged.events;
      } else {
        out.append(line);
      }
      if (out.size() < piece) return;
      write({out.data(), out.size()});
      out.clear();
    });
    write({out.data(), out.size()});
    const ClockFit& clock = part.clock;
    const int64_t uncertainty = std::max(clock.begin.uncertainty, clock.end ? clock.end->uncertainty : 0);
    const std::string label = fmt::format("clock {:+.3f} us +- {:.3f}", static_cast<double>(clock.begin.offset) / 1e3,
                                          static_cast<double>(uncertainty) / 1e3);
    write(separator + metadata("process_labels", part.rank, 0, {{"labels", label}}).dump());
    ranks.push_back({{"rank", part.rank},
                     {"clock_offset_ns", clock.begin.offset},
                     {"clock_uncertainty_ns", uncertainty},
                     {"clock_drift_ns_per_s", clock.drift()},
                     {"complete", clock.end.has_value()},
                     {"events_dropped", part.dropped}});
    ++merged.ranks;
    merged.dropped += part.dropped;
    merged.uncertainty_ns = std::max(merged.uncertainty_ns, uncertainty);
  }
  const nlohmann::ordered_json about = {{"program", "kumiko"}, {"ranks", std::move(ranks)}};
  write("\n],\"displayTimeUnit\":\"ms\",\"metadata\":" + about.dump() + "}\n");
  return merged;
}

}  // namespace kumiko
