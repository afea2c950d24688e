#include "kumiko/schedule/search.h"

namespace kumiko {

Schedule make_searched(const ScheduleRequest& request) { return search_schedule(request).schedule; }

}  // namespace kumiko
