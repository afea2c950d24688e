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

TEST(Log, ShowsControlCharactersOfNames) {
  std::string line;
  log::set_writer([&line](std::string_view text) { line = text; });
  log::warning("the file {} is damaged", "a\x1b]0;title\x07");
  log::set_writer(nullptr);
  EXPECT_EQ(line, "warning: the file a\\x1b]0;title\\x07 is damaged\n");
}

}  // namespace
}  // namespace kumiko
