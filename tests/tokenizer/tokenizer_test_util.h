// What the tokenizer tests share.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "kumiko/base/error.h"
#include "kumiko/tokenizer/pre_tokenizer.h"

namespace kumiko {

inline std::filesystem::path tokenizer_fixture(const std::string& name) {
  return std::filesystem::path(KUMIKO_FIXTURES) / "tokenizer" / name;
}

inline std::filesystem::path fresh_folder(const std::string& name) {
  const auto folder = std::filesystem::temp_directory_path() / ("kumiko_tokenizer_test_" + name);
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

// The message of the user error that `action` ends with; "" and a failure if it does not.
inline std::string user_error(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::user) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

// Whether `use` needs no optional library that this build is without.
inline bool is_built_for(const std::function<void()>& use) {
  try {
    use();
  } catch (const Error& error) {
    return std::string_view(error.what()).find("built without") == std::string_view::npos;
  }
  return true;
}

inline std::vector<std::string> pieces_of(const PreTokenizer& pre_tokenizer, std::string_view text) {
  std::vector<std::string> pieces;
  pre_tokenizer.cut(text, TextStart::whole, [&](std::string_view piece) { pieces.emplace_back(piece); });
  return pieces;
}

}  // namespace kumiko
