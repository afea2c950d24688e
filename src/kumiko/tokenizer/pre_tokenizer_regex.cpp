#include "kumiko/tokenizer/pre_tokenizer_regex.h"

#include <oniguruma.h>

#include <mutex>

#include "kumiko/base/error.h"
#include "kumiko/tokenizer/tokenizer_utf8.h"

namespace kumiko {
namespace {

const OnigUChar* bytes(std::string_view text) { return reinterpret_cast<const OnigUChar*>(text.data()); }

void initialize_once() {
  static std::once_flag once;
  std::call_once(once, [] {
    OnigEncoding encoding = ONIG_ENCODING_UTF8;
    if (onig_initialize(&encoding, 1) != ONIG_NORMAL) throw_internal("Oniguruma does not initialise");
  });
}

std::string reason(int code, OnigErrorInfo* info) {
  OnigUChar text[ONIG_MAX_ERROR_MESSAGE_LEN];
  const int length = info != nullptr ? onig_error_code_to_str(text, code, info) : onig_error_code_to_str(text, code);
  return {reinterpret_cast<const char*>(text), static_cast<size_t>(length)};
}

struct FreeRegion {
  void operator()(OnigRegion* region) const { onig_region_free(region, 1); }
};

}  // namespace

struct Regex::Compiled {
  Compiled() = default;
  Compiled(const Compiled&) = delete;
  Compiled& operator=(const Compiled&) = delete;
  ~Compiled() { onig_free(regex); }

  OnigRegex regex = nullptr;
};

Regex::Regex(const std::string& pattern) : pattern_(pattern) {
  initialize_once();
  auto compiled = std::make_shared<Compiled>();
  OnigErrorInfo info;
  const int code = onig_new(&compiled->regex, bytes(pattern), bytes(pattern) + pattern.size(), ONIG_OPTION_NONE,
                            ONIG_ENCODING_UTF8, ONIG_SYNTAX_DEFAULT, &info);
  if (code != ONIG_NORMAL) throw_user("the pattern {} is not a regular expression: {}", pattern, reason(code, &info));
  compiled_ = std::move(compiled);
}

void Regex::find_all(std::string_view text, const std::function<void(size_t, size_t)>& found) const {
  const std::unique_ptr<OnigRegion, FreeRegion> region(onig_region_new());
  const OnigUChar* const end = bytes(text) + text.size();
  size_t start = 0;
  while (start <= text.size()) {
    const int code =
        onig_search(compiled_->regex, bytes(text), end, bytes(text) + start, end, region.get(), ONIG_OPTION_NONE);
    if (code == ONIG_MISMATCH) return;
    if (code < 0) throw_user("the pattern {} cannot be matched: {}", pattern_, reason(code, nullptr));
    const auto match_begin = static_cast<size_t>(region->beg[0]);
    const auto match_end = static_cast<size_t>(region->end[0]);
    found(match_begin, match_end);
    start = match_end;
    if (match_begin == match_end) start += start < text.size() ? utf8_unit(text, start).length : 1;
  }
}

}  // namespace kumiko
