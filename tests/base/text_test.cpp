#include "kumiko/base/text.h"

#include <gtest/gtest.h>

namespace kumiko {
namespace {

TEST(NearestWord, FindsTheLikelyTypingErrorOnly) {
  const std::vector<std::string> known = {"optimizer.lr", "optimizer.min_lr", "train.micro_batch_size"};
  EXPECT_EQ(nearest_word("train.microbatch_size", known), "train.micro_batch_size");
  EXPECT_EQ(nearest_word("optimizer.Lr", known), "optimizer.lr");
  EXPECT_EQ(nearest_word("zzz", known), "");
}

TEST(HumanNumbers, ReadWell) {
  EXPECT_EQ(human_bytes(512), "512 B");
  EXPECT_EQ(human_bytes(1.5 * 1024 * 1024 * 1024), "1.50 GiB");
  EXPECT_EQ(human_count(124'439'808), "124.4 M");
  EXPECT_EQ(human_seconds(75), "1 m 15 s");
  EXPECT_EQ(human_seconds(3720), "1 h 02 m");
  EXPECT_EQ(with_thousands(-1234567), "-1,234,567");
  EXPECT_EQ(with_thousands(123), "123");
}

TEST(Split, KeepsEmptyParts) {
  EXPECT_EQ(split("a,,b", ','), (std::vector<std::string>{"a", "", "b"}));
  EXPECT_EQ(trim("  x \n"), "x");
  EXPECT_EQ(trim(" \t"), "");
}

TEST(Printable, ShowsWhatWouldMoveTheTerminal) {
  EXPECT_EQ(printable("a\x1b[2Jb\r\x07\x7f\t"), "a\\x1b[2Jb\\x0d\\x07\\x7f\\x09");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\xc2\\x9b31m");  // U+009B begins a sequence as well
  EXPECT_EQ(printable("\x9b\xff\xe3\x81"), "\\x9b\\xff\\xe3\\x81");
  EXPECT_EQ(printable("組子 é \xc2\xa0"), "組子 é \xc2\xa0");
  EXPECT_EQ(printable("two\nlines"), "two\nlines");
  EXPECT_EQ(printable("two\nlines", LineBreaks::shown), "two\\x0alines");
}

}  // namespace
}  // namespace kumiko
