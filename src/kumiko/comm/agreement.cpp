#include "kumiko/comm/agreement.h"

#include <fmt/ranges.h>
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>

#include "kumiko/base/system_failure.h"
#include "kumiko/base/text.h"
#include "kumiko/comm/rank_list.h"

namespace kumiko {
namespace {

constexpr std::string_view purpose = "agreement";
constexpr size_t most_facts = 6;       // that a message shows
constexpr size_t most_values = 4;      // of a fact, likewise
constexpr size_t longest_value = 300;  // in bytes, likewise

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

int64_t greatest(Communicator& communicator, int64_t number) {
  const Tensor tensor = small_tensor(1, DType::i64);
  tensor.data<int64_t>()[0] = number;
  communicator.all_reduce(tensor, ReduceOp::max, purpose).wait();
  return tensor.data<int64_t>()[0];
}

std::string broadcast_from(Communicator& communicator, int64_t root, const std::string& text) {
  const bool tells = communicator.rank() == root;
  const Tensor length = small_tensor(1, DType::i64);
  length.data<int64_t>()[0] = static_cast<int64_t>(text.size());
  communicator.broadcast(length, static_cast<int>(root), purpose).wait();
  const Tensor bytes = small_tensor(length.data<int64_t>()[0], DType::u8);
  if (bytes.num_bytes() == 0) return "";
  if (tells) std::memcpy(bytes.raw(), text.data(), text.size());
  communicator.broadcast(bytes, static_cast<int>(root), purpose).wait();
  return {static_cast<const char*>(bytes.raw()), bytes.num_bytes()};
}

int64_t digest_of(std::string_view text) { return static_cast<int64_t>(XXH3_64bits(text.data(), text.size())); }

int64_t digest_of(std::span<const Fact> facts) {
  std::string text;
  for (const Fact& fact : facts)
    text += fmt::format("{} {}\n{} {}\n", fact.name.size(), fact.name, fact.value.size(), fact.value);
  return digest_of(text);
}

// Which of the numbers are not the same on every rank.
std::vector<size_t> differing(Communicator& communicator, const std::vector<int64_t>& numbers) {
  const size_t count = numbers.size();
  // The greatest of x and of ~x, which is the complement of the least x.
  const Tensor extremes = small_tensor(static_cast<int64_t>(2 * count), DType::i64);
  int64_t* const values = extremes.data<int64_t>();
  for (size_t i = 0; i < count; ++i) {
    values[2 * i] = numbers[i];
    values[2 * i + 1] = ~numbers[i];
  }
  communicator.all_reduce(extremes, ReduceOp::max, purpose).wait();
  std::vector<size_t> different;
  for (size_t i = 0; i < count; ++i) {
    if (values[2 * i] != ~values[2 * i + 1]) different.push_back(i);
  }
  return different;
}

// The ranks that have one text.
struct Holders {
  std::string text;  // on every rank
  std::vector<int64_t> ranks;
};

// Collective. Which ranks have the same `digest`, by the first rank that has it, with that rank's text; digests beyond
// `most_values` have their ranks in one last group whose text is `rest`.
std::vector<Holders> group_by(Communicator& communicator, int64_t digest, const std::string& text,
                              const std::string& rest) {
  const std::vector<int64_t> digests = gather_number(communicator, digest);
  std::vector<int64_t> known;
  std::vector<Holders> groups;
  for (size_t r = 0; r < digests.size(); ++r) {
    auto place = static_cast<size_t>(std::find(known.begin(), known.end(), digests[r]) - known.begin());
    if (place == known.size() && known.size() < most_values) known.push_back(digests[r]);
    if (place == groups.size()) groups.push_back({rest, {}});
    groups[place].ranks.push_back(static_cast<int64_t>(r));
  }
  for (size_t i = 0; i < known.size(); ++i) groups[i].text = broadcast_from(communicator, groups[i].ranks[0], text);
  return groups;
}

// As a message shows it: on one line, and cut.
std::string shown(const std::string& value) {
  if (value.empty()) return "(empty)";
  std::string text;
  for (const char c : value.substr(0, longest_value)) text += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  return value.size() > longest_value ? text + " ..." : text;
}

// The facts that rank 0 has, with this rank's values; then one that holds the names of all others.
std::vector<Fact> aligned(Communicator& communicator, std::span<const Fact> facts) {
  std::string names;
  for (const Fact& fact : facts) names += fact.name + "\n";
  if (differing(communicator, {digest_of(names)}).empty()) return {facts.begin(), facts.end()};
  std::vector<std::string> wanted = split(broadcast_from(communicator, 0, names), '\n');
  wanted.pop_back();  // behind the last line break
  std::vector<Fact> result;
  std::vector<Fact> left(facts.begin(), facts.end());
  for (const std::string& name : wanted) {
    const auto own = std::find_if(left.begin(), left.end(), [&](const Fact& fact) { return fact.name == name; });
    result.push_back(own == left.end() ? Fact{name, "(unknown)", ""} : *own);
    if (own != left.end()) left.erase(own);
  }
  Fact rest{"what rank 0 does not know", "", "Give every rank the same program, configuration file and command line."};
  for (const Fact& fact : left) rest.value += (rest.value.empty() ? "" : ", ") + fact.name;
  result.push_back(rest);
  return result;
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

void together(Communicator& ranks, const std::function<void()>& action, std::span<const RankInfo> infos) {
  std::optional<Error> failure;
  try {
    action();
  } catch (const std::exception& error) {
    failure = error_from(error);
  }
  if (greatest(ranks, failure ? 1 : 0) == 0) return;
  if (ranks.size() == 1) throw SharedError(*failure);
  // The kind of the error, one digit, and its message; empty where all is well.
  const std::string own = failure ? std::to_string(static_cast<int>(failure->kind())) + failure->what() : "";
  const std::vector<Holders> groups = group_by(ranks, digest_of(own), own, "?");
  const auto kind_of = [](const Holders& group) { return static_cast<ErrorKind>(group.text[0] - '0'); };
  if (groups.size() == 1) throw SharedError(kind_of(groups[0]), groups[0].text.substr(1));
  std::optional<ErrorKind> kind;
  std::string message;
  for (const Holders& group : groups) {
    if (group.text.empty()) continue;
    if (!message.empty()) message += "\n";
    if (group.text == "?") {
      message += ranks_on_hosts(group.ranks, infos) + ": other errors, or none";
      continue;
    }
    if (!kind) kind = kind_of(group);
    message += fmt::format("{}: {}", ranks_on_hosts(group.ranks, infos), group.text.substr(1));
  }
  throw SharedError(*kind, message);
}

bool agreed(Communicator& ranks, std::span<const Fact> facts) { return differing(ranks, {digest_of(facts)}).empty(); }

void check_agreement(Communicator& ranks, std::span<const Fact> facts, std::span<const RankInfo> infos) {
  if (agreed(ranks, facts)) return;
  const std::vector<Fact> own = aligned(ranks, facts);
  std::vector<int64_t> digests;
  for (const Fact& fact : own) digests.push_back(digest_of(fact.value));
  const std::vector<size_t> different = differing(ranks, digests);
  std::vector<std::string> names;
  std::vector<std::string> advice;
  std::string values;
  for (const size_t i : std::span(different).first(std::min(different.size(), most_facts))) {
    const Fact& fact = own[i];
    names.push_back(fact.name);
    if (std::find(advice.begin(), advice.end(), fact.advice) == advice.end()) advice.push_back(fact.advice);
    if (different.size() > 1) values += "\n  " + fact.name;
    for (const Holders& group : group_by(ranks, digests[i], shown(fact.value), "(other values)")) {
      values +=
          fmt::format("\n  {}{}: {}", different.size() > 1 ? "  " : "", ranks_on_hosts(group.ranks, infos), group.text);
    }
  }
  if (different.size() > most_facts) names.push_back(fmt::format("{} more", different.size() - most_facts));
  // Advice of rank 0, which may know facts that others do not.
  const std::string last = broadcast_from(ranks, 0, fmt::format("{}", fmt::join(advice, "\n")));
  throw SharedError(ErrorKind::user,
                    fmt::format("the ranks disagree about {}:{}\n{}", fmt::join(names, ", "), values, last));
}

}  // namespace kumiko
