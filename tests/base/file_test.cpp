#include "kumiko/base/file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <utility>

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

// The exit code and standard error of a child process that runs `body`.
template <class Body>
std::pair<int, std::string> end_of_child(const Body& body) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe(ends.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], STDERR_FILENO);
    body();
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string text;
  std::array<char, 512> piece{};
  for (ssize_t count; (count = ::read(ends[0], piece.data(), piece.size())) > 0;) {
    text.append(piece.data(), static_cast<size_t>(count));
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), text};
}

TEST(MappedFile, ThatIsCutShortIsNamed) {
  const auto path = fresh_directory("cut") / "data.bin";
  write_text_file(path, std::string(100'000, 'x'));
  const auto [code, text] = end_of_child([&] {
    const MappedFile whole(path);
    const MappedFile file(path);
    std::filesystem::resize_file(path, 5000);
    volatile std::byte last = file.bytes()[99'999];
    static_cast<void>(last);
  });
  EXPECT_EQ(code, 3);
  EXPECT_EQ(text, "error: environment: " + path.string() +
                      " was cut short while it was read: it had 100000 bytes and has 5000 now. Put the whole file "
                      "back, and start the same command again: a run goes on from its last checkpoint\n");
}

TEST(MappedFile, LeavesOtherBusErrorsAlone) {
  const auto path = fresh_directory("closed") / "data.bin";
  write_text_file(path, "x");
  const auto [code, text] = end_of_child([&] {
    const MappedFile file(path);
    ::raise(SIGBUS);
    ::raise(SIGBUS);
  });
  EXPECT_EQ(code, 128 + SIGBUS);
  EXPECT_EQ(text, "");
}

TEST(PlainPath, IsOneSpellingOfAPlace) {
  const std::filesystem::path here = std::filesystem::current_path();
  EXPECT_EQ(plain_path("runs/x/"), plain_path(here / "runs" / "y" / ".." / "x"));
  EXPECT_EQ(plain_path("runs/x/").filename(), "x");
}

}  // namespace
}  // namespace kumiko
