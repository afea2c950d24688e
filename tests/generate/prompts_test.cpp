#include "kumiko/generate/prompts.h"

#include <gtest/gtest.h>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

using Lines = std::vector<std::string>;

TEST(PromptLines, AreWithoutLineEndsAndByteOrderMark) {
  for (const char* text : {"one\ntwo \n", "one\r\ntwo \r\n", "one\rtwo \r", "\xEF\xBB\xBFone\r\ntwo ", "one\ntwo "}) {
    const PromptLines lines = prompt_lines(text, "p.txt");
    EXPECT_EQ(lines.prompts, (Lines{"one", "two "}));
    EXPECT_EQ(lines.num_blank, 0);
  }
}

TEST(PromptLines, CountBlankOnes) {
  const PromptLines lines = prompt_lines("\n one\r\n\r\n \t\ntwo\n\n", "p.txt");
  EXPECT_EQ(lines.prompts, (Lines{" one", "two"}));
  EXPECT_EQ(lines.num_blank, 4);
}

TEST(PromptLines, RefuseAFileWithoutAny) {
  const auto message = [](std::string_view text) -> std::string {
    try {
      prompt_lines(text, "p.txt");
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::user);
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message(""), "p.txt: the file is empty; expected one prompt a line");
  EXPECT_EQ(message("\xEF\xBB\xBF"), "p.txt: the file is empty; expected one prompt a line");
  EXPECT_EQ(message("one\ncaf\xE9\n"),
            "p.txt line 2: byte 0xE9 is not UTF-8; convert the file: iconv -f ITS-ENCODING -t UTF-8");
  EXPECT_EQ(message("\r\n \n"), "p.txt: all its lines are blank; expected one prompt a line");
}

}  // namespace
}  // namespace kumiko
