#include "kumiko/comm/agreement.h"

#include <gtest/gtest.h>

#include "kumiko/base/error.h"
#include "support/world.h"

namespace kumiko {
namespace {

using test::everyone;

TEST(GatherText, GivesEveryRankEveryText) {
  const auto all = everyone();
  const auto text_of = [](int rank) {
    return std::string(static_cast<size_t>(rank) * 1000, 'x') + std::to_string(rank);
  };
  const std::vector<std::string> texts = gather_text(*all, text_of(all->rank()));
  ASSERT_EQ(texts.size(), static_cast<size_t>(all->size()));
  for (int r = 0; r < all->size(); ++r) EXPECT_EQ(texts[static_cast<size_t>(r)], text_of(r));
  EXPECT_EQ(gather_text(*all, "").back(), "");
}

TEST(CheckAgreement, IsSilentWhenAllAgree) {
  check_agreement(*everyone(), "the configuration", "lr = 0.1\nseed = 1\n");
  check_agreement(*everyone(), "the configuration", "");
}

TEST(CheckAgreement, NamesTheRanksAndTheFirstDifference) {
  const auto all = everyone();
  if (all->size() == 1) GTEST_SKIP() << "no one to disagree with";
  const bool last = all->rank() == all->size() - 1;
  try {
    check_agreement(*all, "the configuration", last ? "seed = 1\nlr = 0.2\n" : "seed = 1\nlr = 0.1\n");
    FAIL() << "no error on rank " << all->rank();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::user);
    const std::string r = std::to_string(all->size() - 1);
    EXPECT_EQ(std::string(error.what()), "the ranks disagree about the configuration: rank " + r + " of " +
                                             std::to_string(all->size()) +
                                             " differs from rank 0\n  rank 0: lr = 0.1\n  rank " + r +
                                             ": lr = 0.2\nGive every rank the same configuration file, command line "
                                             "and data.");
  }
}

}  // namespace
}  // namespace kumiko
