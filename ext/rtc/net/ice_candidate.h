// SPDX-License-Identifier: LGPL-2.1-or-later
// Candidates as descriptions and as libnice have them.
#pragma once
#include "rtc/proto/candidate.h"
#include <nice/agent.h>

namespace reach::rtc {
Candidate candidate_of (const NiceCandidate &c);
// Owned by the caller; null when the address is not a literal.
NiceCandidate *nice_candidate_of (const Candidate &c, unsigned stream);
// Of one component, for an address that is a literal or a name of multicast DNS: names of the
// peer's choice are not looked up. With TCP it says which end opens.
bool is_usable (const Candidate &c);
} // namespace reach::rtc
