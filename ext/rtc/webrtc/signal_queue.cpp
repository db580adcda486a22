// SPDX-License-Identifier: LGPL-2.1-or-later
#include "signal_queue.h"

namespace reach::rtc {
bool SignalQueue::post (SerialQueue::Task task)
{
  const auto queue = queue_.lock ();
  return *queue && (*queue)->post (std::move (task));
}

void SignalQueue::close ()
{
  *queue_.lock () = nullptr;
}
} // namespace reach::rtc
