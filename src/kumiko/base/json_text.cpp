#include "kumiko/base/json_text.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

// Calls visit(position) for every character outside strings.
template <class Visit>
void outside_strings(std::string_view text, const Visit& visit) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '"') {
      i = visit(i);
      continue;
    }
    while (++i < text.size() && text[i] != '"') {
      if (text[i] == '\\') ++i;
    }
  }
}

void check_depth(std::string_view text, std::string_view introduction) {
  constexpr int most = 200;
  int depth = 0;
  outside_strings(text, [&](size_t i) {
    if (text[i] == '[' || text[i] == '{') {
      if (++depth > most)
        throw_user("{}it is nested more than {} levels deep: no file of this kind is", introduction, most);
    } else if (text[i] == ']' || text[i] == '}') {
      --depth;
    }
    return i;
  });
}

// Numbers that JSON does not have and Python writes all the same become strings that nobody else writes.
constexpr std::string_view mark = "\\u0000\\u0000number";
struct Literal {
  std::string_view name;
  double value;
};
constexpr std::array<Literal, 3> literals = {{{"NaN", std::numeric_limits<double>::quiet_NaN()},
                                              {"Infinity", std::numeric_limits<double>::infinity()},
                                              {"-Infinity", -std::numeric_limits<double>::infinity()}}};

struct MarkedText {
  std::string text;
  std::vector<size_t> ends;  // of the marked literals

  // Where a place of `text` was before the marks came in.
  size_t original(size_t place) const {
    const auto before = static_cast<size_t>(std::upper_bound(ends.begin(), ends.end(), place) - ends.begin());
    return place - before * (mark.size() + 2);
  }
};

MarkedText marked(std::string_view text) {
  MarkedText result;
  size_t copied = 0;
  outside_strings(text, [&](size_t i) {
    for (const Literal& literal : literals) {
      if (!text.substr(i).starts_with(literal.name)) continue;
      const size_t next = text.find_first_not_of(" \t\r\n", i + literal.name.size());
      if (next != std::string_view::npos && text[next] == ':') break;  // no name of a member
      result.text.append(text.substr(copied, i - copied)).append("\"").append(mark).append(literal.name).append("\"");
      result.ends.push_back(result.text.size());
      copied = i + literal.name.size();
      return copied - 1;
    }
    return i;
  });
  result.text.append(text.substr(copied));
  return result;
}

template <class Json>
Json parse_marked(const std::string& text) {
  return Json::parse(text, [](int, typename Json::parse_event_t event, Json& parsed) {
    if (event != Json::parse_event_t::value || !parsed.is_string()) return true;
    const std::string& string = parsed.template get_ref<const std::string&>();
    constexpr std::string_view prefix("\0\0number", 8);
    if (!string.starts_with(prefix)) return true;
    for (const Literal& literal : literals) {
      if (string.substr(prefix.size()) == literal.name) {
        parsed = literal.value;
        break;
      }
    }
    return true;
  });
}

// "line 3, column 14", of text with one line "column 14"; `place` counts bytes from 0.
std::string position(std::string_view text, size_t place) {
  place = std::min(place, text.size());
  const std::string_view before = text.substr(0, place);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t begin = before.rfind('\n');
  const size_t column = place - (begin == std::string_view::npos ? 0 : begin + 1) + 1;
  const bool one_line = text.find('\n') >= text.size() - std::min<size_t>(text.size(), 1);
  return one_line ? fmt::format("column {}", column) : fmt::format("line {}, column {}", line, column);
}

// Where the first number stands that no double holds.
size_t find_overflow(std::string_view text) {
  size_t found = text.size();
  const auto numeric = [](char c) {
    return (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' || (c | 32) == 'e';
  };
  outside_strings(text, [&](size_t i) {
    if (text[i] != '-' && (text[i] < '0' || text[i] > '9')) return i;
    size_t end = i;
    while (end < text.size() && numeric(text[end])) ++end;
    const double value = std::strtod(std::string(text.substr(i, end - i)).c_str(), nullptr);
    if (found == text.size() &&
        !(value <= std::numeric_limits<double>::max() && value >= std::numeric_limits<double>::lowest()))
      found = i;
    return end - 1;
  });
  return found;
}

std::string shortened(std::string_view text, size_t longest) {
  if (text.size() <= longest) return std::string(text);
  while (longest > 0 && (static_cast<unsigned char>(text[longest]) & 0xC0) == 0x80) --longest;
  return std::string(text.substr(0, longest)) + "...";
}

template <class Json>
Json parse(std::string_view text, std::string_view origin) {
  const std::string introduction = origin.empty() ? "" : fmt::format("{}: ", origin);
  check_depth(text, introduction);
  std::optional<MarkedText> changed;
  try {
    try {
      return Json::parse(text);
    } catch (const typename Json::parse_error&) {
      changed = marked(text);
      if (changed->ends.empty()) throw;
      return parse_marked<Json>(changed->text);
    }
  } catch (const typename Json::parse_error& error) {
    const size_t place = error.byte == 0 ? 0 : error.byte - 1;
    throw_user("{}not valid JSON at {}: {}; the file is damaged, cut off, or of another kind: fetch or make it again",
               introduction, position(text, changed ? changed->original(place) : place),
               shortened(json_reason(error), 200));
  } catch (const typename Json::out_of_range&) {
    const size_t place = find_overflow(text);
    throw_user("{}the number {} at {} is too large: expected one below 1.8e308", introduction,
               shortened(text.substr(place, text.find_first_of(" \t\r\n,]}", place) - place), 40),
               position(text, place));
  }
}

}  // namespace

nlohmann::json parse_json(std::string_view text, std::string_view origin) {
  return parse<nlohmann::json>(text, origin);
}

nlohmann::ordered_json parse_ordered_json(std::string_view text, std::string_view origin) {
  return parse<nlohmann::ordered_json>(text, origin);
}

std::string json_reason(const std::exception& error) {
  std::string_view reason = error.what();
  if (!reason.starts_with("[json.exception.")) return std::string(reason);
  const size_t name = reason.find("] ");
  if (name != std::string_view::npos) reason.remove_prefix(name + 2);
  // "parse error at line 1, column 2: syntax error ...": the caller says where.
  if (reason.starts_with("parse error")) {
    const size_t place = reason.find(": ");
    if (place != std::string_view::npos) reason.remove_prefix(place + 2);
  }
  return std::string(reason);
}

}  // namespace kumiko
