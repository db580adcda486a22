// SPDX-License-Identifier: LGPL-2.1-or-later
// application/trickle-ice-sdpfrag (RFC 8840, 9) as WHIP and WHEP use it (RFC 9725, 4.3): what of a
// description belongs to ICE, by itself. All media are bundled, so it has one m-line.
#pragma once
#include "sdp.h"

namespace reach::rtc {
// Credentials of the description; of its candidates these, or all.
std::string write_ice_fragment (const sdp::Description &local,
    const std::vector<std::string> *candidates = nullptr, bool end_of_candidates = false);

// The description with credentials and candidates of the fragment, which is text of the peer's.
// Nothing: it has no credentials, or is malformed.
std::optional<sdp::Description> with_ice_fragment (sdp::Description d, std::string_view fragment);

// Whether only what ICE has in them is different: one restarts the other's ICE.
bool is_ice_restart (const sdp::Description &before, const sdp::Description &now);
} // namespace reach::rtc
