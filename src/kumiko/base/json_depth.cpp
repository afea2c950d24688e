#include "kumiko/base/json_depth.h"

#include "kumiko/base/error.h"

namespace kumiko {

void check_json_depth(std::string_view text) {
  constexpr int most = 200;
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > most) throw_user("it is nested more than {} levels deep: no file of this kind is", most);
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
}

}  // namespace kumiko
