// SPDX-License-Identifier: LGPL-2.1-or-later
// What the parser's files share.
#pragma once
#include "sdp.h"

namespace reach::rtc::sdp {
struct Reader {
  const Limits &limits;
  Description &d;
  Media *m = nullptr; // the m-line that is read
  std::size_t attributes = 0, candidates = 0;
  std::vector<std::string> every_feedback; // rtcp-fb:*
  std::vector<std::string_view> once;      // attributes that may stand only once, and did

  TransportParameters &transport () { return m ? m->transport : d.transport; }
};

// `text` is what follows `a=`.
Fault read_attribute (Reader &r, std::string_view text);

// Values of attributes; true when good.
bool read_rtpmap (Reader &r, std::string_view value);
bool read_fmtp (Reader &r, std::string_view value);
bool read_feedback (Reader &r, std::string_view value);
bool read_extmap (Reader &r, std::string_view value);
bool read_ssrc (Reader &r, std::string_view value);
bool read_ssrc_group (Reader &r, std::string_view value);
bool read_rid (Reader &r, std::string_view value);
bool read_simulcast (Reader &r, std::string_view value);
bool read_msid (Reader &r, std::string_view value);
bool read_fingerprint (Reader &r, std::string_view value);

std::string to_string (const Simulcast &s); // the attribute's value
} // namespace reach::rtc::sdp
