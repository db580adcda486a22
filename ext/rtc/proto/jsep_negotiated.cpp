// SPDX-License-Identifier: LGPL-2.1-or-later
#include "jsep_negotiated.h"
#include "jsep_check.h"
#include <algorithm>

namespace reach::rtc {
namespace {
// What `by` receives and the other knows too. unnamed: red and FEC also when the other has not
// named them.
std::vector<NegotiatedCodec> received (
    const sdp::Media &by, const sdp::Media &other, bool unnamed = false)
{
  std::vector<NegotiatedCodec> all;
  const auto known = [&] (const Codec &c) {
    return std::ranges::any_of (
        other.codecs, [&] (const Codec &o) { return matches (c, by.codecs, o, other.codecs); });
  };
  for (const Codec &c : by.codecs) {
    if (is_name (c, "rtx") || !(known (c) || (unnamed && is_auxiliary (c))))
      continue;
    NegotiatedCodec n{c, {}};
    for (const Codec &r : by.codecs)
      if (apt_of (r) == c.payload_type && known (r))
        n.rtx = r.payload_type;
    all.push_back (std::move (n));
  }
  return all;
}

// The answer's numbers, which are the offer's.
std::vector<sdp::ExtMap> common (
    const NegotiatedInput &in, const sdp::Media &l, const sdp::Media &r)
{
  const sdp::Media &answer = in.we_answered ? l : r, &offer = in.we_answered ? r : l;
  std::vector<sdp::ExtMap> all;
  for (sdp::ExtMap e : answer.extensions) {
    const auto offered = std::ranges::find (offer.extensions, e.uri, &sdp::ExtMap::uri);
    if (offered == offer.extensions.end () || offered->id != e.id)
      continue;
    if (!in.we_answered)
      e.direction = reverse (e.direction);
    all.push_back (std::move (e));
  }
  return all;
}

// In the order of `s`, those that both sides name.
std::vector<Rid> common_rids (
    const sdp::SimulcastList &list, const sdp::Media &receiver, const sdp::Media &sender)
{
  std::vector<Rid> all;
  for (const auto &stream : list)
    for (const sdp::SimulcastRid &r : stream) {
      const auto mine = std::ranges::find (receiver.rids, r.id, &Rid::id);
      const auto theirs = std::ranges::find (sender.rids, r.id, &Rid::id);
      if (mine == receiver.rids.end () || theirs == sender.rids.end () || mine->send ||
          !theirs->send)
        continue;
      all.push_back ({r.id, true, mine->restrictions, r.paused});
      break;
    }
  return all;
}

NegotiatedMedia negotiate_media (const NegotiatedInput &in, const Transceiver &t)
{
  const sdp::Media &l = in.local.media[*t.mline], &r = in.remote.media[*t.mline];
  NegotiatedMedia n;
  n.mline = *t.mline;
  n.mid = t.mid;
  n.transceiver = t.id;
  n.kind = t.kind;
  n.direction = in.we_answered ? l.direction () : reverse (r.direction ());
  n.send = received (r, l);
  // Chromium goes on with the red of our offer when the page has answered without it.
  n.receive = received (l, r, !in.we_answered);
  n.extensions = common (in, l, r);
  n.rtcp_rsize = l.rtcp_rsize && r.rtcp_rsize;
  n.ssrc = t.ssrc;
  n.rtx_ssrc = t.rtx_ssrc;
  if (receives (n.direction)) {
    n.remote_ssrcs = r.ssrcs;
    n.remote_groups = r.ssrc_groups;
  }
  if (l.simulcast && r.simulcast) {
    n.send_rids = common_rids (r.simulcast->receive, r, l);
    n.receive_rids = common_rids (l.simulcast->receive, l, r);
    for (Rid &rid : n.receive_rids)
      rid.send = false;
  }
  return n;
}

std::optional<NegotiatedData> negotiate_data (const NegotiatedInput &in)
{
  for (std::size_t i = 0; i < in.local.media.size () && i < in.remote.media.size (); i++) {
    const sdp::Media &l = in.local.media[i], &r = in.remote.media[i];
    if (!is_data (l) || !is_data (r) || l.rejected () || r.rejected ())
      continue;
    return NegotiatedData{i, l.mid, l.sctp_port.value_or (5000), r.sctp_port.value_or (5000),
        r.max_message_size.value_or (65536)};
  }
  return {};
}

unsigned compare_media (const NegotiatedMedia &a, const NegotiatedMedia &b)
{
  unsigned changed = 0;
  if (a.send != b.send || a.receive != b.receive)
    changed |= changed_codecs;
  if (a.extensions != b.extensions)
    changed |= changed_extensions;
  if (a.direction != b.direction)
    changed |= changed_direction;
  if (a.remote_ssrcs != b.remote_ssrcs || a.remote_groups != b.remote_groups ||
      a.send_rids != b.send_rids || a.receive_rids != b.receive_rids)
    changed |= changed_streams;
  return changed;
}
} // namespace

bool takes_layer (const NegotiatedMedia &m, const std::string &rid, bool first)
{
  if (m.send_rids.empty () || rid.empty ())
    return first;
  const auto r = std::ranges::find (m.send_rids, rid, &Rid::id);
  return r != m.send_rids.end () && !r->paused;
}

const NegotiatedMedia *Negotiated::find (std::string_view mid) const
{
  const auto found = std::ranges::find (media, mid, &NegotiatedMedia::mid);
  return found == media.end () ? nullptr : &*found;
}

Negotiated negotiate (const NegotiatedInput &in)
{
  Negotiated n;
  if (const sdp::Media *m = transport_section (in.local))
    n.local = {m->transport.ufrag, m->transport.pwd};
  // Of the offer's m-lines the answer may have refused the first.
  if (const sdp::Media *m = transport_section (in.we_answered ? in.local : in.remote))
    n.transport_mid = m->mid;
  n.remote = remote_transport (in.remote);
  n.role = in.role;
  for (const Transceiver &t : in.transceivers) {
    const bool there = t.mline && *t.mline < in.local.media.size () &&
                       *t.mline < in.remote.media.size () && !t.stopped;
    if (there && !in.local.media[*t.mline].rejected () && !in.remote.media[*t.mline].rejected ())
      n.media.push_back (negotiate_media (in, t));
  }
  std::ranges::sort (n.media, {}, &NegotiatedMedia::mline);
  n.data = negotiate_data (in);
  return n;
}

void compare (Negotiated &now, const Negotiated *before)
{
  static const Negotiated nothing;
  const Negotiated &b = before ? *before : nothing;
  now.changed = 0;
  for (NegotiatedMedia &m : now.media) {
    const NegotiatedMedia *old = b.find (m.mid);
    const bool same = old && old->transceiver == m.transceiver;
    m.changed = same ? compare_media (m, *old)
                     : changed_mlines | changed_codecs | changed_extensions | changed_direction |
                           changed_streams;
    now.changed |= m.changed;
  }
  for (const NegotiatedMedia &m : b.media)
    if (const NegotiatedMedia *still = now.find (m.mid);
        !still || still->transceiver != m.transceiver)
      now.changed |= changed_mlines;
  if (now.local != b.local)
    now.changed |= changed_local_ice;
  if (now.remote.ice != b.remote.ice)
    now.changed |= changed_remote_ice;
  if (now.remote.fingerprints != b.remote.fingerprints)
    now.changed |= changed_fingerprints;
  if (!before || now.role != b.role)
    now.changed |= changed_role;
  if (now.data != b.data)
    now.changed |= changed_data;
}
} // namespace reach::rtc
