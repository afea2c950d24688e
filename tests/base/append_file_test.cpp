#include "kumiko/base/append_file.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"

namespace kumiko {
namespace {

TEST(AppendFile, GoesOnWhereItStoppedAndIsReadableAtOnce) {
  const std::string path = testing::TempDir() + "append_file_test";
  std::filesystem::remove(path);
  {
    AppendFile file(path);
    file.write("one\n");
    EXPECT_EQ(read_text_file(path), "one\n");
  }
  AppendFile file(path);
  file.write("two\n");
  EXPECT_EQ(read_text_file(path), "one\ntwo\n");
}

std::string failure_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::environment);
    return error.what();
  }
  return "no error";
}

TEST(AppendFile, NamesThePathThatItCannotWrite) {
  EXPECT_EQ(failure_of([] { AppendFile("/nowhere/metrics.jsonl"); }),
            "cannot open /nowhere/metrics.jsonl for appending: No such file or directory");
  EXPECT_EQ(failure_of([] { AppendFile("/dev/full").write("x"); }),
            "cannot append to /dev/full: No space left on device");
}

}  // namespace
}  // namespace kumiko
