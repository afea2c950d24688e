#include "kumiko/base/system_failure.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <new>
#include <nlohmann/json.hpp>
#include <system_error>

#include "kumiko/base/append_file.h"
#include "kumiko/base/file.h"
#include "kumiko/base/machine_memory.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;

fs::path fresh_directory(const std::string& name) {
  const fs::path directory = fs::temp_directory_path() / ("kumiko_system_failure_test_" + name);
  fs::remove_all(directory);
  fs::create_directories(directory);
  return directory;
}

template <class Action>
Error error_of(const Action& action) {
  try {
    action();
  } catch (const std::exception& error) {
    return error_from(error);
  }
  return Error(ErrorKind::internal, "nothing was thrown");
}

TEST(ErrorFrom, NamesPathAndWhatToDo) {
  const fs::path folder = fresh_directory("paths");
  write_text_file(folder / "file", "x");
  fs::create_symlink("loop", folder / "loop");
  struct Case {
    fs::path path;
    const char* text;
  };
  for (const Case& one : {Case{folder / "file" / "below", "a file stands where a folder should be"},
                          Case{folder / "loop" / "below", "a symbolic link leads in a circle"},
                          Case{folder / std::string(300, 'x'), "choose a shorter name"}}) {
    const Error error = error_of([&] { fs::create_directories(one.path); });
    EXPECT_EQ(error.kind(), ErrorKind::user) << error.what();
    EXPECT_NE(std::string(error.what()).find(one.text), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find(folder.string()), std::string::npos) << error.what();
  }
}

TEST(ErrorFrom, TellsTheEnvironmentFromAWrongPath) {
  const auto failure = [](int code) {
    return error_from(fs::filesystem_error("cannot copy", "/a", "/b", std::error_code(code, std::generic_category())));
  };
  EXPECT_STREQ(failure(EACCES).what(),
               "cannot copy /a and /b: Permission denied; give this user the right to it, or choose another place");
  EXPECT_EQ(failure(EACCES).kind(), ErrorKind::user);
  for (const int code : {ENOSPC, EDQUOT, EROFS, EMFILE, EIO, ESTALE}) {
    EXPECT_EQ(failure(code).kind(), ErrorKind::environment) << failure(code).what();
  }
}

TEST(ErrorFrom, SaysThatMemoryOrThreadsRanOut) {
  const Error memory = error_from(std::bad_alloc());
  EXPECT_EQ(memory.kind(), ErrorKind::environment);
  EXPECT_TRUE(std::string(memory.what()).starts_with("memory ran out: this machine has ")) << memory.what();
  const Error length = error_of([] { std::vector<int>().reserve(SIZE_MAX / 2); });
  EXPECT_EQ(length.kind(), ErrorKind::user);
  EXPECT_TRUE(std::string(length.what()).starts_with("a size is larger than any memory")) << length.what();
  EXPECT_EQ(error_from(std::bad_array_new_length()).kind(), ErrorKind::user);
  const Error thread = error_from(std::system_error(EAGAIN, std::generic_category()));
  EXPECT_EQ(thread.kind(), ErrorKind::environment);
  EXPECT_NE(std::string(thread.what()).find("ulimit -u"), std::string::npos) << thread.what();
}

TEST(ErrorFrom, KeepsOurErrorsAndNamesTheRest) {
  EXPECT_EQ(error_of([] { throw_environment("as it is"); }).kind(), ErrorKind::environment);
  EXPECT_STREQ(error_of([] { throw_user("as it is"); }).what(), "as it is");
  const Error json = error_of([] { static_cast<void>(nlohmann::json::object().at("gone")); });
  EXPECT_EQ(json.kind(), ErrorKind::user);
  EXPECT_STREQ(json.what(), "a JSON file that was read is not as expected: key 'gone' not found");
  EXPECT_EQ(error_from(std::logic_error("a bug")).kind(), ErrorKind::internal);
}

TEST(SpecialFiles, AreRefusedAtOnceWhereAFileIsRead) {
  const fs::path folder = fresh_directory("read");
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  for (const auto& [name, kind] : {std::pair<fs::path, std::string>{folder / "pipe", "it is a pipe (FIFO), expected"},
                                   {"/dev/zero", "it is a device, expected"},
                                   {folder, "Is a directory"}}) {
    for (const bool mapped : {false, true}) {
      const Error error = error_of([&, path = name] { mapped ? void(MappedFile(path)) : void(read_text_file(path)); });
      EXPECT_EQ(error.kind(), ErrorKind::user);
      EXPECT_EQ(std::string(error.what()).find(fmt::format("cannot read {}: {}", name.string(), kind)), 0u)
          << error.what();
    }
  }
  EXPECT_FALSE(read_text_file("/proc/self/status").empty());  // of size 0, as the system says
}

TEST(SpecialFiles, AreNotFollowedWhereAFileIsWritten) {
  const fs::path folder = fresh_directory("write");
  write_text_file(folder / "victim", "kept");
  fs::create_symlink(folder / "victim", folder / "latest");
  fs::create_symlink(folder / "victim", folder / "latest.tmp");
  write_text_file(folder / "latest", "new");
  OutputFile output(folder / "latest.tmp");
  output.write("new");
  output.finish();
  EXPECT_EQ(read_text_file(folder / "victim"), "kept");
  EXPECT_EQ(read_text_file(folder / "latest"), "new");
  EXPECT_FALSE(fs::is_symlink(folder / "latest.tmp"));

  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  for (const bool append : {false, true}) {
    const Error error =
        error_of([&] { append ? void(AppendFile(folder / "pipe")) : void(OutputFile(folder / "pipe")); });
    EXPECT_EQ(error.kind(), ErrorKind::user);
    EXPECT_NE(std::string(error.what()).find("a pipe (FIFO)"), std::string::npos) << error.what();
  }
  EXPECT_NE(std::string(error_of([&] { OutputFile file(folder); }).what()).find("a directory stands there"),
            std::string::npos);
}

TEST(AtomicFile, TwoThatWriteOneFileDoNotMix) {
  const fs::path path = fresh_directory("two") / "file";
  AtomicFile first(path);
  AtomicFile second(path);
  first.write("first");
  second.write("second");
  first.commit();
  EXPECT_EQ(read_text_file(path), "first");
  second.commit();
  EXPECT_EQ(read_text_file(path), "second");
  EXPECT_EQ(std::distance(fs::directory_iterator(path.parent_path()), fs::directory_iterator()), 1);
}

TEST(MachineMemory, TakesTheSmallestLimitOfTheControlGroups) {
  const fs::path root = fresh_directory("groups");
  const auto write = [](const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  };
  write(root / "a/memory.max", "1000\n");
  write(root / "a/b/memory.max", "max\n");
  write(root / "memory/c/memory.limit_in_bytes", "500\n");
  const auto limit = [&](const std::string& text) {
    write(root / "cgroup", text);
    return control_group_limit(root / "cgroup", root, 4000);
  };
  EXPECT_EQ(limit("0::/a/b\n"), 1000);
  EXPECT_EQ(limit("0::/other\n"), 4000);
  EXPECT_EQ(limit("5:cpu,memory:/c\n3:cpu:/a\n0::/a/b\n"), 500);
  EXPECT_EQ(limit(""), 4000);
  write(root / "memory.max", "300\n");  // a container sees its own group as the root
  EXPECT_EQ(limit("0::/docker/of/the/host\n"), 300);
  EXPECT_GT(machine_memory().physical, 0);
  EXPECT_LE(machine_memory().limit, machine_memory().physical);
}

}  // namespace
}  // namespace kumiko
