// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sdp_reader.h"
#include "sdp_text.h"
#include <algorithm>

namespace reach::rtc::sdp {
namespace {
class Writer {
public:
  // One line of its parts.
  template <typename... Parts> void line (const Parts &...parts)
  {
    (text_.append (parts), ...);
    text_ += "\r\n";
  }
  template <typename... Parts> void attribute (const Parts &...parts) { line ("a=", parts...); }
  void flag (bool set, std::string_view name)
  {
    if (set)
      attribute (name);
  }
  std::string take () { return std::move (text_); }

private:
  std::string text_;
};

std::string upper_hex (const std::vector<std::uint8_t> &digest)
{
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string s;
  for (const std::uint8_t b : digest) {
    if (!s.empty ())
      s += ':';
    s += digits[b >> 4];
    s += digits[b & 15];
  }
  return s;
}

void write_other (Writer &w, const std::vector<Attribute> &all)
{
  for (const Attribute &a : all) {
    if (a.value.empty ())
      w.attribute (a.name);
    else
      w.attribute (a.name, ":", a.value);
  }
}

void write_transport (Writer &w, const TransportParameters &t)
{
  constexpr std::string_view setups[] = {"actpass", "active", "passive", "holdconn"};
  if (!t.ufrag.empty ())
    w.attribute ("ice-ufrag:", t.ufrag);
  if (!t.pwd.empty ())
    w.attribute ("ice-pwd:", t.pwd);
  std::string options;
  for (const std::string &o : t.ice_options)
    options.append (options.empty () ? "" : " ").append (o);
  if (!options.empty ())
    w.attribute ("ice-options:", options);
  for (const Fingerprint &f : t.fingerprints)
    w.attribute ("fingerprint:", f.hash, " ", upper_hex (f.digest));
  if (t.setup)
    w.attribute ("setup:", setups[static_cast<unsigned> (*t.setup)]);
  if (!t.tls_id.empty ())
    w.attribute ("tls-id:", t.tls_id);
}

void write_extensions (Writer &w, const std::vector<ExtMap> &all)
{
  for (const ExtMap &e : all) {
    std::string s = std::to_string (e.id);
    if (e.direction != Direction::sendrecv)
      s.append ("/").append (rtc::to_string (e.direction));
    s.append (" ").append (e.uri);
    if (!e.attributes.empty ())
      s.append (" ").append (e.attributes);
    w.attribute ("extmap:", s);
  }
}

void write_codecs (Writer &w, const Media &m)
{
  for (const Codec &c : m.codecs) {
    const std::string pt = std::to_string (c.payload_type);
    if (!c.name.empty ())
      w.attribute ("rtpmap:", pt, " ", c.name, "/", std::to_string (c.clock_rate),
          c.channels > 1 ? "/" + std::to_string (c.channels) : "");
    for (const std::string &f : c.feedback)
      w.attribute ("rtcp-fb:", pt, " ", f);
    if (!c.fmtp.empty ())
      w.attribute ("fmtp:", pt, " ", c.fmtp);
  }
}

void write_ssrcs (Writer &w, const Media &m)
{
  for (const SsrcGroup &g : m.ssrc_groups) {
    std::string s = g.semantics;
    for (const std::uint32_t id : g.ssrcs)
      s.append (" ").append (std::to_string (id));
    w.attribute ("ssrc-group:", s);
  }
  for (const Ssrc &s : m.ssrcs)
    for (const Attribute &a : s.attributes)
      w.attribute (
          "ssrc:", std::to_string (s.ssrc), " ", a.name, a.value.empty () ? "" : ":", a.value);
}

void write_sctp (Writer &w, const Media &m)
{
  if (m.sctp_port)
    w.attribute ("sctp-port:", std::to_string (*m.sctp_port));
  if (m.max_message_size)
    w.attribute ("max-message-size:", std::to_string (*m.max_message_size));
}

void write_rids (Writer &w, const Media &m)
{
  for (const Rid &r : m.rids)
    w.attribute ("rid:", r.id, r.send ? " send" : " recv", r.restrictions.empty () ? "" : " ",
        r.restrictions);
  if (m.simulcast)
    w.attribute ("simulcast:", to_string (*m.simulcast));
}

void write_media_line (Writer &w, const Media &m)
{
  std::string formats;
  for (const Codec &c : m.codecs)
    formats.append (" ").append (std::to_string (c.payload_type));
  for (const std::string &f : m.formats)
    formats.append (" ").append (f);
  w.line ("m=", m.kind, " ", std::to_string (m.port), " ", m.protocol, formats);
  if (!m.connection.empty ())
    w.line ("c=", m.connection);
  for (const std::string &b : m.bandwidth)
    w.line ("b=", b);
}

void write_media (Writer &w, const Media &m)
{
  write_media_line (w, m);
  for (const Candidate &c : m.candidates)
    w.attribute (to_string (c));
  w.flag (m.end_of_candidates, "end-of-candidates");
  write_transport (w, m.transport);
  if (!m.mid.empty ())
    w.attribute ("mid:", m.mid);
  w.flag (m.bundle_only, "bundle-only");
  w.flag (m.extmap_allow_mixed, "extmap-allow-mixed");
  write_extensions (w, m.extensions);
  if (m.direction_said)
    w.attribute (rtc::to_string (*m.direction_said));
  for (const Msid &i : m.msids)
    w.attribute ("msid:", i.stream, i.track.empty () ? "" : " ", i.track);
  w.flag (m.rtcp_mux, "rtcp-mux");
  w.flag (m.rtcp_mux_only, "rtcp-mux-only");
  w.flag (m.rtcp_rsize, "rtcp-rsize");
  write_codecs (w, m);
  write_rids (w, m);
  write_ssrcs (w, m);
  write_sctp (w, m);
  write_other (w, m.other);
}
} // namespace

std::string to_string (const Description &d)
{
  Writer w;
  w.line ("v=0");
  w.line ("o=", d.origin.username, " ", d.origin.session_id, " ", std::to_string (d.origin.version),
      " ", d.origin.address);
  w.line ("s=", d.name);
  if (!d.connection.empty ())
    w.line ("c=", d.connection);
  for (const std::string &b : d.bandwidth)
    w.line ("b=", b);
  w.line ("t=0 0");
  for (const Group &g : d.groups) {
    std::string s = g.semantics;
    for (const std::string &mid : g.mids)
      s.append (" ").append (mid);
    w.attribute ("group:", s);
  }
  w.flag (d.ice_lite, "ice-lite");
  w.flag (d.extmap_allow_mixed, "extmap-allow-mixed");
  write_transport (w, d.transport);
  if (d.direction_said)
    w.attribute (rtc::to_string (*d.direction_said));
  write_extensions (w, d.extensions);
  write_other (w, d.other);
  for (const Media &m : d.media)
    write_media (w, m);
  return w.take ();
}

MediaKind Media::media_kind () const
{
  if (kind == "audio")
    return MediaKind::audio;
  if (kind == "video")
    return MediaKind::video;
  return kind == "application" ? MediaKind::application : MediaKind::other;
}

const Group *Description::bundle () const
{
  const auto found = std::ranges::find (groups, "BUNDLE", &Group::semantics);
  return found == groups.end () ? nullptr : &*found;
}

const Media *Description::find (std::string_view mid) const
{
  const auto found = std::ranges::find (media, mid, &Media::mid);
  return found == media.end () || mid.empty () ? nullptr : &*found;
}

Media *Description::find (std::string_view mid)
{
  return const_cast<Media *> (std::as_const (*this).find (mid));
}
} // namespace reach::rtc::sdp
