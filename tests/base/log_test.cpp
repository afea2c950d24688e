#include "kumiko/base/log.h"

#include <gtest/gtest.h>

#include <string>

namespace kumiko {
namespace {

TEST(Log, LinesGoToTheWriterWhileThereIsOne) {
  testing::internal::CaptureStderr();
  std::string seen;
  log::set_writer([&seen](std::string_view line) { seen += line; });
  log::info("a {}", 1);
  log::warning("b");
  log::debug("not at this level");
  log::set_writer({});
  EXPECT_EQ(seen, "a 1\nwarning: b\n");

  log::error("c");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "error: c\n");
  EXPECT_EQ(seen, "a 1\nwarning: b\n");
}

}  // namespace
}  // namespace kumiko
