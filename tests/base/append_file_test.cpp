#include "kumiko/base/append_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

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

// A file that may grow to so many bytes only stands for a disk that fills in the middle of a record.
class FileLimit {
 public:
  explicit FileLimit(rlim_t bytes) : old_handler_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limit = {bytes, old_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    ::signal(SIGXFSZ, old_handler_);
  }

 private:
  rlimit old_{};
  void (*old_handler_)(int);
};

TEST(AppendFile, TakesBackARecordThatDoesNotFit) {
  const std::string path = testing::TempDir() + "append_file_full";
  std::filesystem::remove(path);
  AppendFile file(path);
  file.write("one\n");
  {
    const FileLimit limit(10);
    EXPECT_EQ(failure_of([&] { file.write("a longer record\n"); }), "cannot append to " + path + ": File too large");
    EXPECT_EQ(read_text_file(path), "one\n");
    file.write("two\n");
  }
  file.write("three\n");
  EXPECT_EQ(read_text_file(path), "one\ntwo\nthree\n");
}

TEST(AppendFile, WaitsForNoPipe) {
  const std::string path = testing::TempDir() + "append_file_pipe";
  std::filesystem::remove(path);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_THROW(AppendFile file(path), Error);
}

}  // namespace
}  // namespace kumiko
