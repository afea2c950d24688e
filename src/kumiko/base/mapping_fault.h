// What reading a mapped file ends in when the file has been cut short since, or its disk fails: the system sends
// SIGBUS, and no error can be thrown from there. Here the process says which file it was and ends as for an environment
// error.
#pragma once

#include <cstddef>
#include <filesystem>

namespace kumiko {

// From now on a SIGBUS within these bytes names the file. The first call sets the handler, which leaves any other
// SIGBUS to what was there before.
void watch_mapping(const void* begin, size_t size, const std::filesystem::path& path);
void forget_mapping(const void* begin);

}  // namespace kumiko
