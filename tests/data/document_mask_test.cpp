// What becomes of samples of several documents, against megatron-core (tests/reference/make_dataset_fixtures.py).
#include "kumiko/data/document_mask.h"

#include "data/order_fixtures.h"

namespace kumiko {
namespace {

using Numbers = std::vector<int32_t>;

constexpr int32_t end_of_document = 7;

TEST(DocumentMask, IsMegatrons) {
  const auto cases = order_fixtures("document_masks");
  ASSERT_GE(cases.size(), 7U);
  for (const auto& item : cases) {
    const auto tokens = item.at("tokens").get<Numbers>();
    SCOPED_TRACE(item.at("tokens").dump().substr(0, 60));
    Numbers first_keys(tokens.size(), -5);
    document_first_keys(tokens, end_of_document, first_keys);
    EXPECT_EQ(first_keys, item.at("first_keys").get<Numbers>());
    Numbers positions(tokens.size(), -5);
    document_positions(tokens, end_of_document, positions);
    EXPECT_EQ(positions, item.at("positions").get<Numbers>());
    Numbers targets(tokens.size(), 11);
    mask_targets_of_ends(tokens, end_of_document, targets);
    Numbers loss_mask;
    for (const int32_t target : targets) loss_mask.push_back(target == 11 ? 1 : 0);
    EXPECT_EQ(loss_mask, item.at("loss_mask").get<Numbers>());
    // What is there without the options: nothing hidden, all counted.
    EXPECT_EQ(item.at("first_keys_off").get<Numbers>(), Numbers(tokens.size(), 0));
    EXPECT_EQ(item.at("loss_mask_off").get<Numbers>(), Numbers(tokens.size(), 1));
    Numbers counted(tokens.size());
    document_positions(tokens, -1, counted);
    EXPECT_EQ(item.at("positions_off").get<Numbers>(), counted);
  }
}

TEST(DocumentMask, IsThereIfAnOptionIs) {
  EXPECT_FALSE(DocumentMask{}.any());
  DocumentMask mask;
  mask.eod_mask_loss = true;
  EXPECT_TRUE(mask.any());
}

}  // namespace
}  // namespace kumiko
