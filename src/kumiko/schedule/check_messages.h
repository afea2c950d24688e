// Whether what every action needs from other ranks comes; a part of verify().
#pragma once

#include "kumiko/schedule/schedule.h"

namespace kumiko {

// Runs all ranks, each as far as it can get, with the schedule's message_buffers between two ranks in each direction. A
// message takes up a buffer from the end of the action that makes it until its receiver comes to the action that takes
// it, or one that takes a later message of the same sender: the receiver then holds what came too early. Internal
// error, as verify() says, if ranks are left that wait for one another. The schedule's lists must have passed
// check_actions.
void check_messages(const Schedule& schedule);

// Sets message_buffers to what the schedule needs to run to its end: usual_message_buffers, twice as many, and so on.
// For schedules that are fitted to times: the longer a message takes, the more are on their way.
void fit_message_buffers(Schedule& schedule);

}  // namespace kumiko
