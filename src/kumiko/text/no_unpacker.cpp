#include "kumiko/base/error.h"
#include "kumiko/text/unpacker.h"

namespace kumiko {

std::unique_ptr<Unpacker> make_unpacker(const std::string& file, std::string_view compression,
                                        std::function<std::string_view()>) {
  throw_user(
      "cannot read {}: it is compressed ({}), and this build has no libarchive (libarchive-dev); unpack it first, or "
      "build again with libarchive",
      file, compression);
}

}  // namespace kumiko
