// SPDX-License-Identifier: LGPL-2.1-or-later
#include "jsep_types.h"

namespace reach::rtc {
std::string_view to_string (SignalingState s)
{
  constexpr std::string_view names[] = {"stable", "have-local-offer", "have-remote-offer",
      "have-local-pranswer", "have-remote-pranswer", "closed"};
  return names[static_cast<unsigned> (s)];
}

std::string_view to_string (DescriptionType t)
{
  constexpr std::string_view names[] = {"offer", "pranswer", "answer", "rollback"};
  return names[static_cast<unsigned> (t)];
}

std::string_view to_string (JsepFault f)
{
  constexpr std::string_view names[] = {"none", "not in this state", "bad argument", "unknown",
      "stopped", "too many", "description was modified", "m-lines do not fit", "no ICE credentials",
      "no fingerprint", "no DTLS", "no rtcp-mux", "DTLS role cannot be", "not in the BUNDLE group",
      "no common codec", "bad candidate", "candidate of another generation"};
  return names[static_cast<unsigned> (f)];
}

SharedList<sdp::ExtMap> default_extensions (MediaKind kind)
{
  using List = SharedList<sdp::ExtMap>;
  const auto ext = [] (std::uint16_t id, std::string_view uri) {
    return sdp::ExtMap{id, std::string (uri), Direction::sendrecv, {}};
  };
  static const List audio = {ext (1, uri::audio_level), ext (2, uri::abs_send_time),
      ext (3, uri::transport_cc), ext (4, uri::mid)};
  static const List video = {ext (2, uri::abs_send_time), ext (3, uri::transport_cc),
      ext (4, uri::mid), ext (10, uri::rid), ext (11, uri::repaired_rid)};
  return kind == MediaKind::audio ? audio : video;
}
} // namespace reach::rtc
