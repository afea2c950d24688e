// Every input that is kept: what fuzzers and users have found, and small sound files.
#include <gtest/gtest.h>

#include <set>

#include "fuzz/targets.h"
#include "kumiko/base/file.h"
#include "kumiko/base/log.h"

namespace kumiko::fuzz {
namespace {

const std::filesystem::path corpus = KUMIKO_CORPUS;

class Corpus : public testing::TestWithParam<Target> {
 protected:
  void SetUp() override { log::set_level(log::Level::error); }
};

TEST_P(Corpus, HoldsNoFinding) {
  const Target& target = GetParam();
  const std::filesystem::path folder = corpus / target.name;
  ASSERT_TRUE(std::filesystem::is_directory(folder)) << folder << " is missing: a target needs seeds";
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    EXPECT_EQ(finding(target, read_text_file(file.path())), "")
        << "scripts/fuzz.sh repeat " << target.name << " " << file.path().string();
  }
}

INSTANTIATE_TEST_SUITE_P(Every, Corpus, testing::ValuesIn(targets().begin(), targets().end()),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(CorpusFolders, AreAllRead) {
  for (const auto& folder : std::filesystem::directory_iterator(corpus)) {
    EXPECT_NE(find_target(folder.path().filename().string()), nullptr) << folder.path();
  }
}

// Damage of the plainest kind: every beginning of every small input, and each of its bytes changed.
TEST_P(Corpus, SurvivesDamage) {
  const Target& target = GetParam();
  for (const auto& file : std::filesystem::directory_iterator(corpus / target.name)) {
    const std::string sound = read_text_file(file.path());
    if (sound.size() > 1300) continue;
    for (size_t i = 0; i < sound.size(); ++i) {
      ASSERT_EQ(finding(target, sound.substr(0, i)), "") << file.path() << " cut to " << i << " bytes";
      for (const char value : {'\0', '\xff', '-', '9'}) {
        std::string damaged = sound;
        damaged[i] = value;
        ASSERT_EQ(finding(target, damaged), "")
            << file.path() << " with byte " << i << " = " << static_cast<int>(value);
      }
    }
  }
}

}  // namespace
}  // namespace kumiko::fuzz
