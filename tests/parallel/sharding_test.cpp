#include "kumiko/parallel/sharding.h"

#include <gtest/gtest.h>

#include "kumiko/base/error.h"
#include "kumiko/parallel/parameter_storage.h"

namespace kumiko {
namespace {

// Two units of uneven sizes.
void add_parameters(ParameterRegistry& registry) {
  registry.add("a", {7, 5}, Initializer::normal(1), true);
  registry.add("b", {3}, Initializer::zeros(), false);
  registry.next_unit();
  registry.add_stacked({{"c", {4, 9}, Box::whole({4, 9})}, {"d", {6, 9}, Box::whole({6, 9})}}, Initializer::normal(1), true);
}

TEST(Sharding, FragmentsOfAllRanksMakeUpEveryParameter) {
  ParameterRegistry registry;
  add_parameters(registry);
  for (const int64_t size : {1, 2, 3, 5, 8, 64}) {
    std::vector<int64_t> covered(registry.all().size());
    for (int64_t rank = 0; rank < size; ++rank) {
      const Sharding sharding{1, size, rank};
      for (int unit = 0; unit < registry.num_units(); ++unit) {
        const int64_t shard = shard_elements(registry, sharding, unit);
        EXPECT_EQ(whole_elements(registry, sharding, unit), shard * size);
        EXPECT_GE(shard * size, registry.unit_elements(unit));
        for (const Fragment& fragment : fragments_of(registry, sharding, unit)) {
          // In the order of ranks, each goes on where the last ended.
          EXPECT_EQ(fragment.begin, covered[fragment.parameter]) << size << " ranks, rank " << rank;
          EXPECT_LE(fragment.place + fragment.count, shard);
          covered[fragment.parameter] += fragment.count;
        }
      }
    }
    for (size_t i = 0; i < covered.size(); ++i) EXPECT_EQ(covered[i], registry.all()[i]->shape.num_elements()) << size;
  }
}

TEST(Sharding, WeightsAreThoseOfOneRank) {
  const auto pool = MemoryPool::create();
  ParameterRegistry whole;
  add_parameters(whole);
  ParameterStorage one(whole, {}, *pool, DType::f32);
  one.initialize(7);
  for (const int64_t stage : {1, 3}) {
    for (int64_t rank = 0; rank < 3; ++rank) {
      ParameterRegistry parts;
      add_parameters(parts);
      ParameterStorage divided(parts, {stage, 3, rank}, *pool, DType::f32);
      divided.initialize(7);
      for (const OwnedFragment& owned : divided.owned()) {
        const Parameter& parameter = *whole.all()[owned.fragment.parameter];
        const float* expected = parameter.value.data<float>() + owned.fragment.begin;
        for (int64_t i = 0; i < owned.fragment.count; ++i) ASSERT_EQ(owned.weight.data<float>()[i], expected[i]);
      }
      EXPECT_EQ(static_cast<bool>(parts.all()[0]->value), stage < 3);
    }
  }
}

TEST(Sharding, BoxesOfAFragmentStayInTheirParts) {
  const auto pool = MemoryPool::create();
  ParameterRegistry registry;
  add_parameters(registry);
  ParameterStorage storage(registry, {1, 2, 0}, *pool, DType::f32);
  int64_t elements = 0;
  for (const OwnedFragment& owned : storage.owned()) {
    for (const OwnedBox& held : boxes_of(registry, owned.fragment, owned.weight)) {
      EXPECT_TRUE(intersect(held.box, held.part->box) == held.box) << held.box.to_string();
      EXPECT_EQ(held.elements.shape(), held.box.size);
      elements += held.box.num_elements();
    }
  }
  EXPECT_EQ(elements, 32 + 48);  // half of the units' 64 and 96 elements in memory, none of them between parameters
}

std::string message_of(int64_t stage, int64_t group_size, int64_t ranks) {
  try {
    check_sharding(stage, group_size, ranks);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::user);
    return error.what();
  }
  return "";
}

TEST(Sharding, RefusesGroupsThatDoNotFit) {
  EXPECT_EQ(message_of(3, 0, 5), "");
  EXPECT_EQ(message_of(1, 4, 8), "");
  EXPECT_EQ(message_of(2, 5, 12),
            "parallel.zero_group_size = 5 does not divide the data-parallel size 12; the nearest sizes that do are 4 and 6");
  EXPECT_EQ(message_of(2, 9, 4),
            "parallel.zero_group_size = 9 does not divide the data-parallel size 4; the nearest size that does is 4");
  EXPECT_EQ(message_of(0, 2, 4),
            "parallel.zero_group_size = 2 has no meaning with parallel.zero_stage = 0, which divides nothing; set the "
            "stage to 1, 2 or 3, or leave the group size at 0");
  EXPECT_EQ(message_of(1, 1, 4), "parallel.zero_group_size = 1 divides nothing; 0 divides among all 4 data-parallel ranks");
}

}  // namespace
}  // namespace kumiko
