#include "kumiko/comm/operation_log.h"

#include <xxhash.h>

#include <algorithm>
#include <limits>
#include <string_view>

namespace kumiko {
namespace {

double seconds_between(int64_t begin, int64_t end) { return static_cast<double>(end - begin) * 1e-9; }

// Of two, the one with the later is the more telling.
int64_t last_moment(const OperationLog::Channel& channel) {
  if (!channel.running.empty()) return std::numeric_limits<int64_t>::max();
  return channel.complete ? channel.complete->time : 0;
}

ChannelStatus status_of(const OperationLog::Channel& channel, int64_t now) {
  ChannelStatus status;
  status.channel = channel.id;
  status.collectives = channel.collectives;
  if (channel.complete) {
    status.num_complete = 1;
    status.complete = {channel.complete->operation, seconds_between(channel.complete->time, now)};
  }
  for (const OperationLog::Entry& entry : channel.running) {
    if (static_cast<size_t>(status.num_running) == status.running.size()) break;
    status.running[static_cast<size_t>(status.num_running++)] = {entry.operation, seconds_between(entry.time, now)};
  }
  return status;
}

}  // namespace

void OperationLog::Channel::begin(const Signature& operation) { running.push_back({operation, trace_clock()}); }

void OperationLog::Channel::end(const Signature& operation) {
  std::erase_if(running, [&](const Entry& entry) { return entry.operation == operation; });
  if (!operation.point_to_point()) collectives = operation.sequence;
  complete = Entry{operation, trace_clock()};
}

std::shared_ptr<OperationLog::Channel> OperationLog::open(Axis axis, std::vector<int> ranks) {
  uint64_t id = XXH3_64bits_withSeed(ranks.data(), ranks.size() * sizeof(int), static_cast<uint64_t>(axis));
  // The next of several over the same ranks.
  while (std::any_of(channels_.begin(), channels_.end(), [id](const auto& other) { return other->id == id; })) ++id;
  auto channel = std::make_shared<Channel>();
  channel->id = id;
  channel->ranks = std::move(ranks);
  channels_.push_back(channel);
  return channel;
}

RankStatus OperationLog::status(const ProgressNote& note, int64_t now) const {
  RankStatus status;
  status.step = note.step();
  status.place_seconds = seconds_between(note.changed_at(), now);
  std::string_view(note.place()).copy(status.place.data(), status.place.size() - 1);
  status.long_activity = note.long_activity() ? 1 : 0;
  std::vector<std::shared_ptr<Channel>> told = channels_;
  std::erase_if(told, [](const auto& channel) { return last_moment(*channel) == 0; });
  std::stable_sort(told.begin(), told.end(),
                   [](const auto& a, const auto& b) { return last_moment(*a) > last_moment(*b); });
  if (told.size() > status.channels.size()) told.resize(status.channels.size());
  for (const auto& channel : told) {
    status.channels[static_cast<size_t>(status.num_channels++)] = status_of(*channel, now);
  }
  return status;
}

LoggedTransfer::LoggedTransfer(std::unique_ptr<Transfer> transfer, std::shared_ptr<OperationLog::Channel> channel,
                               const Operation& operation)
    : transfer_(std::move(transfer)),
      channel_(std::move(channel)),
      operation_(Signature::of(operation, channel_->ranks)) {
  channel_->begin(operation_);
}

Transfer::Progress LoggedTransfer::advance() {
  const Progress progress = transfer_->advance();
  if (progress == Progress::finished) channel_->end(operation_);
  return progress;
}

}  // namespace kumiko
