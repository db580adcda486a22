// SPDX-License-Identifier: LGPL-2.1-or-later
// What is looked at before a description is taken.
#pragma once
#include "jsep_types.h"

namespace reach::rtc {
// The m-line whose transport the BUNDLE group uses: the group's first, else the first that is
// accepted.
const sdp::Media *transport_section (const sdp::Description &d);
bool is_bundled (const sdp::Description &d, const sdp::Media &m);
RemoteTransport remote_transport (const sdp::Description &d);
bool is_data (const sdp::Media &m);
// Its header extensions tell streams of one m-line apart.
bool can_rid (const sdp::Media &m); // data channels in a form that we know

// Each m-line by itself.
JsepError check_description (const sdp::Description &d, DescriptionType type);
// m-lines stay in their places; where one is over (rejected in `local` or `remote`) another may be.
JsepError check_follows (
    const sdp::Description &d, const sdp::Description *local, const sdp::Description *remote);
JsepError check_answer (const sdp::Description &answer, const sdp::Description &offer);
bool is_recyclable (
    std::size_t mline, const sdp::Description *local, const sdp::Description *remote);

// The role that a remote description leaves to us; nothing: both are possible.
std::optional<DtlsRole> role_left (const std::optional<sdp::Setup> &setup, DescriptionType type);
} // namespace reach::rtc
