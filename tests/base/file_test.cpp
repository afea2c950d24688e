#include "kumiko/base/file.h"

#include <gtest/gtest.h>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

std::filesystem::path fresh_directory(const std::string& name) {
  const auto directory = std::filesystem::temp_directory_path() / ("kumiko_file_test_" + name);
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  return directory;
}

TEST(AtomicFile, AppearsWholeOrNotAtAll) {
  const auto path = fresh_directory("atomic") / "file";
  {
    AtomicFile file(path);
    file.write("lost");
  }
  EXPECT_TRUE(std::filesystem::is_empty(path.parent_path()));
  {
    AtomicFile file(path);
    file.write("kept");
    file.commit();
  }
  EXPECT_EQ(read_text_file(path), "kept");
}

TEST(OutputFile, WritesSmallAndLargePiecesInOrder) {
  const auto path = fresh_directory("pieces") / "file";
  const std::string large(3 << 20, 'x');
  OutputFile file(path);
  file.write("a");
  file.write(large);
  file.write("b");
  file.finish();
  EXPECT_EQ(read_text_file(path), "a" + large + "b");
  EXPECT_EQ(MappedFile(path).bytes().size(), large.size() + 2);
}

TEST(MappedFile, NamesAMissingFile) {
  try {
    MappedFile file("/nonexistent/file");
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "cannot read /nonexistent/file: No such file or directory");
  }
}

TEST(PlainPath, IsOneSpellingOfAPlace) {
  const std::filesystem::path here = std::filesystem::current_path();
  EXPECT_EQ(plain_path("runs/x/"), plain_path(here / "runs" / "y" / ".." / "x"));
  EXPECT_EQ(plain_path("runs/x/").filename(), "x");
}

}  // namespace
}  // namespace kumiko
