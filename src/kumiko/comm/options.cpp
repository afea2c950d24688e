#include "kumiko/comm/options.h"

#include <cmath>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

void require_not_negative(const char* name, double value, const char* unit) {
  if (!std::isfinite(value) || value < 0) throw_user("parallel.{} = {}: expected {}, 0 or more", name, value, unit);
}

}  // namespace

void CommunicationOptions::describe(OptionTable& table) {
  table.add("distributed_timeout_minutes", timeout_minutes,
            "minutes until an operation that other ranks do not join ends the run with a report; 0 for never");
  table.add("check_communication", check,
            "compare verb, size, type and purpose of each operation among its ranks before it begins");
  table.add("emulated_latency", link.latency, "seconds each step of an operation is held back, as 1e-3; 0 for none");
  table.add("emulated_bandwidth", link.bandwidth,
            "bytes a second of each rank's emulated link, each way, as 1.25e9 for 10 Gb/s; 0 for no limit");
}

void CommunicationOptions::validate() const {
  require_not_negative("distributed_timeout_minutes", timeout_minutes, "minutes");
  require_not_negative("emulated_latency", link.latency, "seconds");
  require_not_negative("emulated_bandwidth", link.bandwidth, "bytes a second");
}

}  // namespace kumiko
