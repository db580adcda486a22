// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ice_fragment.h"
#include <algorithm>

namespace reach::rtc {
namespace {
// The m-line whose transport all others share.
const sdp::Media *tagged (const sdp::Description &d)
{
  const sdp::Group *bundle = d.bundle ();
  const sdp::Media *m = bundle && !bundle->mids.empty () ? d.find (bundle->mids.front ()) : nullptr;
  return m || d.media.empty () ? m : &d.media.front ();
}

std::string formats_of (const sdp::Media &m)
{
  std::string all;
  for (const Codec &c : m.codecs)
    all += " " + std::to_string (c.payload_type);
  for (const std::string &f : m.formats)
    all += " " + f;
  return all;
}

sdp::Description without_ice (sdp::Description d)
{
  d.origin = {};
  d.transport.ufrag.clear ();
  d.transport.pwd.clear ();
  for (sdp::Media &m : d.media) {
    m.transport.ufrag.clear ();
    m.transport.pwd.clear ();
    m.candidates.clear ();
    m.end_of_candidates = false;
    m.connection.clear ();
    if (m.port != 0)
      m.port = 9;
    std::erase_if (m.other, [] (const sdp::Attribute &a) { return a.name == "rtcp"; });
  }
  return d;
}
} // namespace

std::string write_ice_fragment (const sdp::Description &local,
    const std::vector<std::string> *candidates, bool end_of_candidates)
{
  const sdp::Media *m = tagged (local);
  if (!m)
    return {};
  std::string all;
  if (const sdp::Group *bundle = local.bundle ()) {
    all = "a=group:BUNDLE";
    for (const std::string &mid : bundle->mids)
      all += " " + mid;
    all += "\r\n";
  }
  all += "m=" + m->kind + " 9 " + m->protocol + formats_of (*m) + "\r\n";
  all += "a=mid:" + m->mid + "\r\n";
  all += "a=ice-ufrag:" + m->transport.ufrag + "\r\na=ice-pwd:" + m->transport.pwd + "\r\n";
  if (candidates)
    for (const std::string &c : *candidates)
      all += "a=" + c + "\r\n";
  else
    for (const Candidate &c : m->candidates)
      all += "a=" + to_string (c) + "\r\n";
  if (end_of_candidates || (!candidates && m->end_of_candidates))
    all += "a=end-of-candidates\r\n";
  return all;
}

std::optional<sdp::Description> with_ice_fragment (sdp::Description d, std::string_view fragment)
{
  std::string text = "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";
  text += fragment;
  const sdp::Parsed p = sdp::parse (text);
  if (!p)
    return {};
  sdp::TransportParameters ice = p.description.transport;
  std::vector<Candidate> candidates;
  for (const sdp::Media &m : p.description.media) {
    if (ice.ufrag.empty ())
      ice = m.transport;
    candidates.insert (candidates.end (), m.candidates.begin (), m.candidates.end ());
  }
  if (ice.ufrag.empty () || ice.pwd.empty ())
    return {};
  const sdp::Media *first = tagged (d);
  for (sdp::Media &m : d.media) {
    m.transport.ufrag = ice.ufrag;
    m.transport.pwd = ice.pwd;
    m.candidates.clear ();
    m.end_of_candidates = false;
    if (&m == first)
      m.candidates = candidates;
  }
  d.transport.ufrag.clear ();
  d.transport.pwd.clear ();
  d.origin.version++;
  return d;
}

bool is_ice_restart (const sdp::Description &before, const sdp::Description &now)
{
  const sdp::Media *a = tagged (before), *b = tagged (now);
  return a && b && a->transport.ufrag != b->transport.ufrag &&
         without_ice (before) == without_ice (now);
}
} // namespace reach::rtc
