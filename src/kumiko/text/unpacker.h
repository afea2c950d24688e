// What a compressed file holds. One of archive_unpacker.cpp and no_unpacker.cpp is built.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace kumiko {

class Unpacker {
 public:
  virtual ~Unpacker() = default;
  // Fills `to` unless the content ends before; returns the bytes written. User error if the file is damaged.
  virtual size_t read(char* to, size_t size) = 0;
};

// `compression`: as compression_of() names it. `next` gives the file's bytes, part by part; empty at the end. User
// error if this build cannot unpack it.
std::unique_ptr<Unpacker> make_unpacker(const std::string& file, std::string_view compression,
                                        std::function<std::string_view()> next);

}  // namespace kumiko
