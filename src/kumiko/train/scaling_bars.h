// The bars of the scaling plot: the regions of a step in the few groups that a picture can tell apart.
#pragma once

#include <array>
#include <string_view>

#include "kumiko/base/regions.h"

namespace kumiko {

struct RegionGroup {
  std::string_view name;
  std::string_view color;
};

// In the order in which a bar shows them.
inline constexpr std::array<RegionGroup, 11> region_groups = {{{"forward: attention", "#9ecae1"},
                                                               {"forward: mlp", "#4292c6"},
                                                               {"forward: other", "#c6dbef"},
                                                               {"head and loss", "#08519c"},
                                                               {"backward: attention", "#a1d99b"},
                                                               {"backward: mlp", "#41ab5d"},
                                                               {"backward: other", "#c7e9c0"},
                                                               {"recompute", "#fdd0a2"},
                                                               {"waiting for communication", "#d7301f"},
                                                               {"optimizer", "#807dba"},
                                                               {"other", "#bdbdbd"}}};

// The position in region_groups that a row of the breakdown belongs to.
size_t region_group(RegionRow row);

// The share of the step, 0 to 1, of each group.
std::array<double, region_groups.size()> group_shares(const RegionTimes& times);

}  // namespace kumiko
