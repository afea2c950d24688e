#include "kumiko/comm/agreement.h"

#include <fmt/ranges.h>
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "kumiko/base/error.h"
#include "kumiko/base/text.h"

namespace kumiko {
namespace {

constexpr std::string_view purpose = "agreement";

Tensor small_tensor(int64_t count, DType dtype) {
  auto bytes =
      std::make_shared<std::vector<std::byte>>(std::max<size_t>(1, static_cast<size_t>(count)) * size_of(dtype));
  return {std::shared_ptr<void>(bytes, bytes->data()), Shape{count}, dtype};
}

std::vector<int64_t> gather_number(Communicator& communicator, int64_t number) {
  const Tensor own = small_tensor(1, DType::i64);
  const Tensor all = small_tensor(communicator.size(), DType::i64);
  own.data<int64_t>()[0] = number;
  communicator.all_gather(own, all, purpose).wait();
  return {all.elements<int64_t>().begin(), all.elements<int64_t>().end()};
}

// The first line in which the two differ, "(nothing)" for the one that has ended.
std::pair<std::string, std::string> first_difference(const std::string& a, const std::string& b) {
  const std::vector<std::string> left = split(a, '\n');
  const std::vector<std::string> right = split(b, '\n');
  size_t i = 0;
  while (i < left.size() && i < right.size() && left[i] == right[i]) ++i;
  const auto line = [i](const std::vector<std::string>& lines) {
    return i < lines.size() && !lines[i].empty() ? lines[i] : std::string("(nothing)");
  };
  return {line(left), line(right)};
}

}  // namespace

std::vector<std::string> gather_text(Communicator& communicator, const std::string& text) {
  const std::vector<int64_t> lengths = gather_number(communicator, static_cast<int64_t>(text.size()));
  const int64_t longest = *std::max_element(lengths.begin(), lengths.end());
  const Tensor own = small_tensor(longest, DType::u8);
  const Tensor all = small_tensor(longest * communicator.size(), DType::u8);
  std::memcpy(own.raw(), text.data(), text.size());
  communicator.all_gather(own, all, purpose).wait();
  std::vector<std::string> texts;
  for (int64_t r = 0; r < communicator.size(); ++r) {
    texts.emplace_back(static_cast<const char*>(all.raw()) + r * longest, lengths[static_cast<size_t>(r)]);
  }
  return texts;
}

void check_agreement(Communicator& communicator, std::string_view what, const std::string& text) {
  const auto digest = static_cast<int64_t>(XXH3_64bits(text.data(), text.size()));
  const std::vector<int64_t> digests = gather_number(communicator, digest);
  std::vector<size_t> different;
  for (size_t r = 1; r < digests.size(); ++r) {
    if (digests[r] != digests[0]) different.push_back(r);
  }
  if (different.empty()) return;
  const std::vector<std::string> texts = gather_text(communicator, text);
  const auto [first, other] = first_difference(texts[0], texts[different[0]]);
  throw_user(
      "the ranks disagree about {}: {} {} of {} {} from rank 0\n  rank 0: {}\n  rank {}: {}\n"
      "Give every rank the same configuration file, command line and data.",
      what, different.size() == 1 ? "rank" : "ranks", fmt::join(different, ", "), digests.size(),
      different.size() == 1 ? "differs" : "differ", first, different[0], other);
}

}  // namespace kumiko
