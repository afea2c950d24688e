#include "kumiko/tokenizer/charsmap.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/tokenizer/tokenizer_utf8.h"

namespace kumiko {
namespace {

constexpr uint32_t top_bit = uint32_t{1} << 31;
constexpr size_t block = 256;  // children stand at the distances 0 to 255

size_t offset(uint32_t unit) { return size_t{unit >> 10} << ((unit & (1u << 9)) >> 6); }
bool has_value(uint32_t unit) { return (unit >> 8 & 1) != 0; }

}  // namespace

Charsmap Charsmap::read(std::string_view bytes) {
  uint32_t trie_bytes = 0;
  if (bytes.size() >= sizeof(trie_bytes)) std::memcpy(&trie_bytes, bytes.data(), sizeof(trie_bytes));
  if (trie_bytes < sizeof(uint32_t) || trie_bytes % sizeof(uint32_t) != 0 ||
      bytes.size() - sizeof(trie_bytes) < trie_bytes) {
    throw_user("precompiled_charsmap is damaged: its {} bytes do not hold the {} of its trie", bytes.size(),
               trie_bytes);
  }
  const std::string_view rest = bytes.substr(sizeof(trie_bytes));
  const std::string_view replacements = rest.substr(trie_bytes);
  if (well_formed_utf8_prefix(replacements) != replacements.size()) {
    throw_user("precompiled_charsmap is damaged: what it puts in place of characters is not UTF-8");
  }
  std::vector<uint32_t> units(trie_bytes / sizeof(uint32_t));
  std::memcpy(units.data(), rest.data(), trie_bytes);
  Charsmap result(std::move(units), std::string(replacements));
  result.check();
  return result;
}

// Follows every way that a text can take, each part of it once: the library does so without looking where it leads.
class Charsmap::Check {
 public:
  explicit Check(const Charsmap& map) : map_(map), values_(map.units_.size(), unknown) {}

  // The most values on a way from the node whose children stand around `base`.
  int values_below(size_t base, int depth) {
    constexpr int longest_key = 256, most_values = 31;  // the library has room for 32 on one way
    if ((base | (block - 1)) >= map_.units_.size()) {
      throw_user("precompiled_charsmap is damaged: its trie leads to the place {} of {}", base | (block - 1),
                 map_.units_.size());
    }
    if (values_[base] == under_way || depth > longest_key) {
      throw_user("precompiled_charsmap is damaged: its trie leads in circles at the place {}", base);
    }
    if (values_[base] != unknown) return values_[base];
    values_[base] = under_way;
    int most = 0;
    for (size_t label = 1; label < block; ++label) {
      const size_t at = base ^ label;
      const uint32_t unit = map_.units_[at];
      if ((unit & (top_bit | 0xFF)) != label) continue;
      const size_t children = at ^ offset(unit);
      most = std::max(most, values_below(children, depth + 1) + (has_value(unit) ? 1 : 0));
      if (has_value(unit)) map_.check_value(map_.units_[children] & ~top_bit);
    }
    if (most > most_values) throw_user("precompiled_charsmap is damaged: {} keys begin alike", most);
    return values_[base] = static_cast<int16_t>(most);
  }

 private:
  static constexpr int16_t unknown = -1, under_way = -2;
  const Charsmap& map_;
  std::vector<int16_t> values_;  // by base
};

void Charsmap::check() const { Check(*this).values_below(offset(units_[0]), 0); }

void Charsmap::check_value(uint32_t value) const {
  constexpr size_t longest = 1024;  // one character becomes 18 at most in Unicode's own rules
  const bool inside = value > 0 && value < replacements_.size() && replacements_[value - 1] != '\0';
  const size_t end = replacements_.find('\0', value);
  if (value >= replacements_.size() || inside || end == std::string::npos || end - value > longest) {
    throw_user("precompiled_charsmap is damaged: no replacement begins at {} of its {} bytes", value,
               replacements_.size());
  }
}

std::optional<std::string_view> Charsmap::find(std::string_view text) const {
  size_t node = offset(units_[0]);
  for (const char byte : text) {
    const auto label = static_cast<unsigned char>(byte);
    if (label == 0) break;
    node ^= label;
    const uint32_t unit = units_[node];
    if ((unit & (top_bit | 0xFF)) != label) break;
    node ^= offset(unit);
    if (has_value(unit)) {
      const size_t at = units_[node] & ~top_bit;
      return std::string_view(replacements_).substr(at, replacements_.find('\0', at) - at);
    }
  }
  return std::nullopt;
}

}  // namespace kumiko
