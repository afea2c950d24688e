#include "kumiko/base/file_lock.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <thread>

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class FileLocks : public testing::Test {
 protected:
  FileLocks() { fs::create_directories(folder); }
  ~FileLocks() override { fs::remove_all(folder); }

  std::string refusal(LockTiming timing = {}) {
    try {
      const FileLock lock(path, "the folder", timing);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::user);
      return error.what();
    }
    return "";
  }
  // As left by a process of another machine.
  void write_foreign() {
    LockOwner other = LockOwner::this_process();
    other.host = "node99";
    other.boot = "another";
    other.pid = 4242;
    std::ofstream(path) << to_text(other);
  }
  void set_age(int seconds) {
    struct timespec now {};
    ::clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec -= seconds;
    const struct timespec times[2] = {now, now};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }
  size_t files() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator{}));
  }

  fs::path folder = fs::temp_directory_path() / fmt::format("kumiko_lock_{}", ::getpid());
  fs::path path = folder / folder_lock_name;
};

TEST_F(FileLocks, AreHeldByOneAndGivenBack) {
  {
    const FileLock lock(path, "the folder");
    EXPECT_EQ(files(), 1u);
    const std::string text = refusal();
    EXPECT_NE(text.find(fmt::format("the folder is in use by process {} on ", ::getpid())), std::string::npos) << text;
    EXPECT_NE(text.find(path.string()), std::string::npos) << text;
  }
  EXPECT_EQ(files(), 0u);
  EXPECT_EQ(refusal(), "");
}

TEST_F(FileLocks, OfAKilledProcessAreTakenOverAtOnce) {
  const pid_t child = ::fork();
  if (child == 0) {
    new FileLock(path, "the folder");
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(fs::exists(path));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(refusal(), "");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  EXPECT_EQ(files(), 0u);
}

// The number of a process that has ended may be given to another.
TEST_F(FileLocks, OfAnEarlierProcessWithTheSameNumberAreTakenOver) {
  LockOwner before = LockOwner::this_process();
  before.start = "1";
  std::ofstream(path) << to_text(before);
  EXPECT_EQ(refusal(), "");
}

TEST_F(FileLocks, OfAnotherMachineAreHeldWhileTheyAreTouched) {
  write_foreign();
  std::atomic<bool> stop{false};
  std::thread owner([&] {
    while (!stop) {
      ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0);
      std::this_thread::sleep_for(50ms);
    }
  });
  const std::string text = refusal({50ms, 5s});
  stop = true;
  owner.join();
  EXPECT_NE(text.find("process 4242 on node99"), std::string::npos) << text;
}

TEST_F(FileLocks, OfAnotherMachineThatIsSilentAreTakenOver) {
  write_foreign();
  EXPECT_EQ(refusal({50ms, 300ms}), "");
  write_foreign();
  set_age(3600);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(refusal(), "");  // old enough: nothing is waited for
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

TEST_F(FileLocks, TouchTheirFile) {
  const FileLock lock(path, "the folder", {50ms, 1s});
  set_age(100);
  std::this_thread::sleep_for(300ms);
  EXPECT_LT(fs::file_time_type::clock::now() - fs::last_write_time(path), 5s);
}

TEST_F(FileLocks, SayWhenTheyWereTakenOver) {
  const FileLock lock(path, "the folder");
  lock.check();
  fs::remove(path);
  lock.check();  // made again
  EXPECT_TRUE(fs::exists(path));
  fs::remove(path);
  write_foreign();
  try {
    lock.check();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::environment);
    EXPECT_NE(std::string(error.what()).find("was taken over by process 4242 on node99"), std::string::npos);
  }
}

// Eight processes at once, over a lock that a dead one has left: never two inside.
TEST_F(FileLocks, AreTakenByOneOfMany) {
  LockOwner dead = LockOwner::this_process();
  dead.start = "1";
  std::ofstream(path) << to_text(dead);
  std::vector<pid_t> children;
  for (int i = 0; i < 8; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      int code = 0;
      for (int n = 0; n < 20; ++n) {
        try {
          const FileLock lock(path, "the folder");
          const fs::path inside = folder / "inside";
          if (!fs::create_directory(inside)) code = 1;
          std::this_thread::sleep_for(1ms);
          fs::remove(inside);
          lock.check();
        } catch (const Error& error) {
          if (error.kind() != ErrorKind::user) code = 2;
        }
      }
      ::_exit(code);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_TRUE(WIFEXITED(status));
  }
  EXPECT_EQ(files(), 0u);
}

TEST_F(FileLocks, GoWithoutDestructorsToo) {
  const pid_t child = ::fork();
  if (child == 0) {
    new FileLock(path, "the folder");
    remove_held_locks();
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(files(), 0u);
}

TEST_F(FileLocks, WithoutReadableTextAreJudgedByTheirTouch) {
  std::ofstream(path) << "\x1b[31mnonsense\n";
  set_age(3600);
  EXPECT_EQ(refusal(), "");
}

TEST(AtomicFiles, OfTwoWritersAreNotMixed) {
  const fs::path path = fs::temp_directory_path() / fmt::format("kumiko_atomic_{}", ::getpid());
  AtomicFile first(path);
  AtomicFile second(path);
  first.write("first, which is longer\n");
  second.write("second\n");
  first.commit();
  EXPECT_EQ(read_text_file(path), "first, which is longer\n");
  second.commit();
  EXPECT_EQ(read_text_file(path), "second\n");
  fs::remove(path);
}

}  // namespace
}  // namespace kumiko
