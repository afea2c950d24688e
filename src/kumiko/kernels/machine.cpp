#include "kumiko/kernels/machine.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "kumiko/base/environment.h"
#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/base/json_text.h"
#include "kumiko/base/log.h"
#include "kumiko/base/text.h"

namespace kumiko {
namespace {

std::filesystem::path cache_directory() {
  const std::string own = environment::get(environment::cache_directory);
  if (!own.empty()) return own;
  const std::string shared = environment::get("XDG_CACHE_HOME");
  if (!shared.empty()) return std::filesystem::path(shared) / "kumiko";
  return std::filesystem::path(environment::get("HOME", "/tmp")) / ".cache" / "kumiko";
}

// Letters and digits in lower case, everything else as one dash.
std::string file_word(const std::string& text) {
  std::string word;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!word.empty() && word.back() != '-') {
      word += '-';
    }
  }
  return word;
}

}  // namespace

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof(name) - 1) == 0 ? name : "unknown";
}

int num_available_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof(set), &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
}

std::string cpu_name() {
  // x86 gives a name and numbers, Arm numbers alone. Virtual machines often hide the name, hence the numbers.
  const std::vector<std::string> wanted = {"model name", "cpu family", "model", "CPU implementer", "CPU part"};
  std::map<std::string, std::string> fields;
  std::istringstream lines(read_text_file("/proc/cpuinfo"));
  for (std::string line; std::getline(lines, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    fields.emplace(trim(std::string_view(line).substr(0, colon)), trim(std::string_view(line).substr(colon + 1)));
  }
  std::string name;
  for (const std::string& key : wanted) {
    const auto found = fields.find(key);
    if (found == fields.end() || found->second.empty()) continue;
    if (!name.empty()) name += " ";
    name += key == "model name" ? found->second : key + " " + found->second;
  }
  return name.empty() ? "unknown CPU" : name;
}

std::filesystem::path ceilings_path(int threads) {
  return cache_directory() /
         fmt::format("ceilings-{}-{}-{}-threads.json", file_word(host_name()), file_word(cpu_name()), threads);
}

void store_ceilings(const MachineCeilings& ceilings) {
  const std::filesystem::path path = ceilings_path(ceilings.threads);
  std::error_code failed;
  std::filesystem::create_directories(path.parent_path(), failed);
  if (failed) throw_environment("{}: cannot be created: {}", path.parent_path().string(), failed.message());
  const nlohmann::json json = {{"cpu", ceilings.cpu},
                               {"host", ceilings.host},
                               {"threads", ceilings.threads},
                               {"fma_f32", ceilings.fma_f32},
                               {"fma_f32_mean", ceilings.fma_f32_mean},
                               {"fma_bf16", ceilings.fma_bf16},
                               {"copy", ceilings.copy},
                               {"triad", ceilings.triad}};
  AtomicFile file(path);
  file.write(json.dump(2) + "\n");
  file.commit();
}

MachineCeilings cached_ceilings(int threads) {
  const std::filesystem::path path = ceilings_path(threads);
  try {
    if (std::filesystem::exists(path)) {
      const auto json = parse_json(read_text_file(path), "");
      return {json.at("cpu"),          json.at("host"),     json.at("threads"), json.at("fma_f32"),
              json.at("fma_f32_mean"), json.at("fma_bf16"), json.at("copy"),    json.at("triad")};
    }
  } catch (const std::exception& error) {
    log::debug("{}: measured again: {}", path.string(), error.what());
  }
  MachineCeilings measured = measure_ceilings(threads);
  try {
    store_ceilings(measured);
  } catch (const Error& error) {
    log::debug("the machine's ceilings are not kept: {}", error.what());
  }
  return measured;
}

}  // namespace kumiko
