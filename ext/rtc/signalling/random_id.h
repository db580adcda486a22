// SPDX-License-Identifier: LGPL-2.1-or-later
// Ids that nobody can guess.
#pragma once
#include <string>

namespace reach::rtc {
// A UUID of version 4 from the system's random numbers.
std::string random_id ();
} // namespace reach::rtc
