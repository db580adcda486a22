// SPDX-License-Identifier: LGPL-2.1-or-later
#include "jsep_check.h"
#include <algorithm>

namespace reach::rtc {
namespace {
const sdp::Media *accepted (const sdp::Description &d, std::string_view mid)
{
  const sdp::Media *m = d.find (mid);
  return m && !m->rejected () ? m : nullptr;
}

bool over (const sdp::Description *d, std::size_t mline)
{
  return d && mline < d->media.size () && d->media[mline].rejected ();
}

bool is_ours (const sdp::Media &m)
{
  return m.media_kind () == MediaKind::audio || m.media_kind () == MediaKind::video || is_data (m);
}

JsepFault check_transport (const sdp::Media &m, const sdp::Media &transport, DescriptionType type)
{
  const sdp::TransportParameters &t = transport.transport;
  if (t.fingerprints.empty ()) {
    const bool keyed = m.protocol.find ("TLS") != std::string::npos;
    return m.crypto || !keyed ? JsepFault::insecure : JsepFault::no_fingerprint;
  }
  if (t.ufrag.empty () || t.pwd.empty ())
    return JsepFault::no_ice;
  if (t.setup == sdp::Setup::holdconn ||
      (type != DescriptionType::offer && t.setup == sdp::Setup::actpass))
    return JsepFault::bad_setup;
  return JsepFault::none;
}
} // namespace

const sdp::Media *transport_section (const sdp::Description &d)
{
  if (const sdp::Group *g = d.bundle ())
    for (const std::string &mid : g->mids)
      if (const sdp::Media *m = accepted (d, mid))
        return m;
  const auto found = std::ranges::find_if (d.media,
      [] (const sdp::Media &m) { return !m.rejected () && !m.bundle_only && is_ours (m); });
  return found == d.media.end () ? nullptr : &*found;
}

bool is_bundled (const sdp::Description &d, const sdp::Media &m)
{
  const sdp::Group *g = d.bundle ();
  return g && std::ranges::find (g->mids, m.mid) != g->mids.end () && !m.mid.empty ();
}

RemoteTransport remote_transport (const sdp::Description &d)
{
  const sdp::Media *m = transport_section (d);
  if (!m)
    return {};
  const sdp::TransportParameters &t = m->transport;
  return {{t.ufrag, t.pwd}, d.ice_lite, t.ice_options, t.fingerprints, t.setup, t.tls_id};
}

bool is_data (const sdp::Media &m)
{
  return m.media_kind () == MediaKind::application &&
         (m.protocol == "UDP/DTLS/SCTP" || m.protocol == "TCP/DTLS/SCTP") && !m.formats.empty () &&
         m.formats[0] == "webrtc-datachannel";
}

bool can_rid (const sdp::Media &m)
{
  const auto has = [&] (std::string_view u) {
    return std::ranges::find (m.extensions, u, &sdp::ExtMap::uri) != m.extensions.end ();
  };
  return has (uri::mid) && has (uri::rid);
}

JsepError check_description (const sdp::Description &d, DescriptionType type)
{
  const sdp::Media *transport = transport_section (d);
  for (std::size_t i = 0; i < d.media.size (); i++) {
    const sdp::Media &m = d.media[i];
    if (m.rejected () || !is_ours (m))
      continue;
    const bool bundled = transport && is_bundled (d, m);
    if (const JsepFault f = check_transport (m, bundled ? *transport : m, type);
        f != JsepFault::none)
      return {f, i};
    if (type == DescriptionType::offer)
      continue;
    if (&m != transport && !bundled)
      return {JsepFault::not_bundled, i};
    if (m.is_rtp () && !m.rtcp_mux)
      return {JsepFault::no_rtcp_mux, i};
  }
  return {};
}

bool is_recyclable (
    std::size_t mline, const sdp::Description *local, const sdp::Description *remote)
{
  return over (local, mline) || over (remote, mline);
}

JsepError check_follows (
    const sdp::Description &d, const sdp::Description *local, const sdp::Description *remote)
{
  if (!local || !remote)
    return {};
  if (d.media.size () < remote->media.size ())
    return {JsepFault::mline_mismatch, d.media.size ()};
  for (std::size_t i = 0; i < remote->media.size (); i++) {
    const sdp::Media &before = remote->media[i], &now = d.media[i];
    if (is_recyclable (i, local, remote))
      continue;
    // A peer that does not know of mids says none.
    if (now.kind != before.kind || (!now.mid.empty () && now.mid != before.mid))
      return {JsepFault::mline_mismatch, i};
  }
  return {};
}

JsepError check_answer (const sdp::Description &answer, const sdp::Description &offer)
{
  if (answer.media.size () != offer.media.size ())
    return {JsepFault::mline_mismatch, answer.media.size ()};
  for (std::size_t i = 0; i < answer.media.size (); i++) {
    const sdp::Media &a = answer.media[i], &o = offer.media[i];
    if (a.kind != o.kind || (!a.mid.empty () && a.mid != o.mid) ||
        (o.rejected () && !a.rejected ()))
      return {JsepFault::mline_mismatch, i};
    const bool common = std::ranges::any_of (a.codecs, [&] (const Codec &c) {
      return !is_auxiliary (c) &&
             std::ranges::any_of (o.codecs, [&] (const Codec &x) { return matches (x, c); });
    });
    if (!a.rejected () && a.is_rtp () && !common)
      return {JsepFault::no_codec, i};
  }
  return {};
}

std::optional<DtlsRole> role_left (const std::optional<sdp::Setup> &setup, DescriptionType type)
{
  if (setup == sdp::Setup::passive)
    return DtlsRole::client;
  if (setup == sdp::Setup::active || (!setup && type != DescriptionType::offer))
    return DtlsRole::server;
  return {};
}
} // namespace reach::rtc
