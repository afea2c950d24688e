// The reproducible mode: every model in every layout.
#include "train/reproducible_layouts.h"

namespace kumiko::reproducible {
namespace {

class ReproducibleEverywhere : public testing::TestWithParam<size_t> {};

TEST_P(ReproducibleEverywhere, EveryLayoutGivesTheBitsOfOneRank) { expect_bits_of_one_rank(cases[GetParam()], 1, 0); }

INSTANTIATE_TEST_SUITE_P(Models, ReproducibleEverywhere, testing::Range(size_t{0}, std::size(cases)),
                         [](const auto& tested) { return std::string(cases[tested.param].name); });

}  // namespace
}  // namespace kumiko::reproducible
