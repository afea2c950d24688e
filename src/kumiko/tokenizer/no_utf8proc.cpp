#include "kumiko/base/error.h"
#include "kumiko/tokenizer/normalizer.h"

namespace kumiko {

std::unique_ptr<Normalizer> make_unicode_normalizer(UnicodeForm) {
  throw_user(
      "the normalizers NFC, NFD, NFKC and NFKD need utf8proc, and this kumiko was built without it; install "
      "libutf8proc-dev and build again");
}

std::unique_ptr<Normalizer> make_precompiled(std::string charsmap) {
  if (charsmap.empty()) return make_normalizer_chain({});
  throw_user(
      "the normalizer Precompiled needs utf8proc, and this kumiko was built without it; install libutf8proc-dev and "
      "build again");
}

}  // namespace kumiko
