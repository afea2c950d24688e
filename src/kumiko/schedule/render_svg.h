// Timelines as an SVG picture.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "kumiko/schedule/timeline.h"

namespace kumiko {

// One timeline under the other, all with one scale of time and one of activations: ranks down, time across, bubbles the
// bare ground, below each timeline what its ranks hold. `time_unit` stands at the axis ("ms"); "" for none. Colours
// that people who see few can tell apart (Okabe and Ito).
std::string timeline_svg(std::span<const Timeline> timelines, std::string_view time_unit = "");

}  // namespace kumiko
