// A compiled regular expression in Oniguruma's syntax over UTF-8: the engine of the `tokenizers` package, with the
// look-ahead that its patterns need.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace kumiko {

class Regex {
 public:
  // User error, with Oniguruma's reason, if `pattern` does not compile.
  explicit Regex(const std::string& pattern);

  // Calls `found` with each match [begin, end), leftmost first, not overlapping; a match may be empty. `text` is
  // well-formed UTF-8. Safe from several threads at once. User error if the engine gives up on `text`.
  void find_all(std::string_view text, const std::function<void(size_t begin, size_t end)>& found) const;

 private:
  struct Compiled;
  std::string pattern_;
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace kumiko
