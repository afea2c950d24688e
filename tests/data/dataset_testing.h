// What the tests of the data room share: fixtures, folders to write in, messages of expected errors.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/data/indexed_dataset_writer.h"

namespace kumiko {

inline std::string dataset_fixture(const std::string& name) {
  return std::string(KUMIKO_FIXTURES) + "/dataset/" + name;
}

// A new folder, removed at the end of the test.
class TestFolder {
 public:
  TestFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "kumiko_data_test_XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  std::string path(const std::string& name) const { return (path_ / name).string(); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path(name);
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  std::filesystem::path path_;
};

// A dataset whose sequences, each a document, are given.
inline void write_dataset(const std::string& prefix, TokenType type,
                          const std::vector<std::vector<int32_t>>& sequences) {
  IndexedDatasetWriter writer(prefix, type);
  for (const auto& sequence : sequences) {
    writer.append(sequence);
    writer.end_sequence();
    writer.end_document();
  }
  writer.commit();
}

// The message of the error that `action` throws; a test failure and "" if it throws none of the kind.
inline std::string error_message(const std::function<void()>& action, ErrorKind kind = ErrorKind::user) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace kumiko
