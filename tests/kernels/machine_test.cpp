#include "kumiko/kernels/machine.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "kumiko/base/environment.h"
#include "kumiko/base/file.h"

namespace kumiko {
namespace {

class Ceilings : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::path(testing::TempDir()) / "kumiko-ceilings";
    std::filesystem::remove_all(directory_);
    ::setenv(environment::cache_directory, directory_.c_str(), 1);
  }
  void TearDown() override {
    ::unsetenv(environment::cache_directory);
    std::filesystem::remove_all(directory_);
  }

  std::filesystem::path directory_;
};

TEST_F(Ceilings, AreMeasuredOnceAndKept) {
  const MachineCeilings first = cached_ceilings(1);
  EXPECT_GT(first.fma_f32, 0);
  EXPECT_GT(first.copy, 0);
  EXPECT_GT(first.triad, 0);
  EXPECT_EQ(first.threads, 1);
  EXPECT_EQ(ceilings_path(1).parent_path(), directory_);
  const MachineCeilings second = cached_ceilings(1);
  EXPECT_EQ(first.fma_f32, second.fma_f32);
  EXPECT_EQ(first.triad, second.triad);
  EXPECT_EQ(first.cpu, cpu_name());
  EXPECT_EQ(first.host, host_name());
}

TEST_F(Ceilings, ABrokenFileIsMeasuredPast) {
  std::filesystem::create_directories(directory_);
  std::ofstream(ceilings_path(1)) << "{\"cpu\": 3";
  EXPECT_GT(cached_ceilings(1).fma_f32, 0);
  EXPECT_NE(read_text_file(ceilings_path(1)).find("\"fma_f32\""), std::string::npos);
}

TEST_F(Ceilings, ADirectoryThatCannotBeMadeIsNoFailure) {
  std::ofstream(directory_.string()) << "a file where the directory should be";
  EXPECT_GT(cached_ceilings(1).fma_f32, 0);
}

}  // namespace
}  // namespace kumiko
