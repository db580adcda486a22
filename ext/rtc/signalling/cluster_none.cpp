// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cluster_bus.h"

namespace reach::rtc {
std::unique_ptr<ClusterBus> ClusterBus::make (const std::string &, std::string &error)
{
  error = "this build has no libnats";
  return nullptr;
}
} // namespace reach::rtc
