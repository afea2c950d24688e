// Whether what every action needs from other ranks comes; a part of verify().
#pragma once

#include "kumiko/schedule/schedule.h"

namespace kumiko {

// Runs all ranks, each as far as it can get, with message_buffers between two ranks in each direction. A message takes
// up a buffer from the end of the action that makes it until its receiver comes to the action that takes it, or one
// that takes a later message of the same sender: the receiver then holds what came too early. Internal error, as
// verify() says, if ranks are left that wait for one another. The schedule's lists must have passed check_actions.
void check_messages(const Schedule& schedule);

}  // namespace kumiko
