// SPDX-License-Identifier: LGPL-2.1-or-later
#include "close_reason.h"

namespace reach::cam {
const char *close_reason_name (CloseReason r)
{
  static constexpr const char *names[n_close_reasons] = {"none", "local", "orderly", "refused",
      "unreachable", "timed-out", "reset", "malformed", "too-big", "unauthorized", "overload"};
  return names[static_cast<std::size_t> (r)];
}
} // namespace reach::cam
