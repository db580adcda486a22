// SPDX-License-Identifier: LGPL-2.1-or-later
// Attributes with more than one value.
#include "sdp_reader.h"
#include "sdp_text.h"
#include <algorithm>

namespace reach::rtc::sdp {
namespace {
constexpr std::size_t max_feedback = 32, max_extensions = 256, max_fingerprints = 16,
                      max_ssrc_attributes = 16, max_rids = 64;

Codec *find_codec (Reader &r, std::string_view payload_type)
{
  const auto pt = number<std::uint8_t> (payload_type);
  const auto found = std::ranges::find_if (
      r.m->codecs, [&] (const Codec &c) { return pt && c.payload_type == *pt; });
  return found == r.m->codecs.end () ? nullptr : &*found;
}

bool is_rid (std::string_view id)
{
  return !id.empty () && id.size () <= 64 &&
         all_of (id, [] (char c) { return is_alnum (c) || c == '-' || c == '_'; });
}

int hex (char c)
{
  if (is_digit (c))
    return c - '0';
  return lower (c) >= 'a' && lower (c) <= 'f' ? lower (c) - 'a' + 10 : -1;
}

std::size_t digest_size (std::string_view hash)
{
  constexpr std::pair<std::string_view, std::size_t> sizes[] = {
      {"sha-1", 20}, {"sha-224", 28}, {"sha-256", 32}, {"sha-384", 48}, {"sha-512", 64}};
  for (const auto &[name, size] : sizes)
    if (name == hash)
      return size;
  return 0;
}

bool read_streams (SimulcastList &to, std::string_view text)
{
  if (!to.empty () || text.empty () || text.ends_with (';'))
    return false;
  while (!text.empty ()) {
    std::string_view stream = cut (text, ';');
    if (stream.empty () || stream.ends_with (',') || to.size () >= max_rids)
      return false;
    auto &alternatives = to.emplace_back ();
    while (!stream.empty ()) {
      std::string_view id = cut (stream, ',');
      const bool paused = id.starts_with ('~');
      if (paused)
        id.remove_prefix (1);
      if (!is_rid (id) || alternatives.size () >= max_rids)
        return false;
      alternatives.push_back ({std::string (id), paused});
    }
  }
  return true;
}

void write_streams (std::string &s, std::string_view direction, const SimulcastList &list)
{
  if (list.empty ())
    return;
  s.append (s.empty () ? "" : " ").append (direction);
  char before = ' ';
  for (const auto &alternatives : list) {
    for (const SimulcastRid &r : alternatives) {
      s += before;
      s.append (r.paused ? "~" : "").append (r.id);
      before = ',';
    }
    before = ';';
  }
}
} // namespace

bool read_rtpmap (Reader &r, std::string_view value)
{
  Codec *c = find_codec (r, word (value));
  const std::string_view name = cut (value, '/');
  const auto rate = number<std::uint32_t> (cut (value, '/'));
  const auto channels = number<std::uint8_t> (value);
  if (!is_token (name) || name.size () > 64 || !rate || *rate == 0 ||
      (!value.empty () && (!channels || *channels == 0)))
    return false;
  if (!c) // a payload type that the m-line does not have
    return true;
  c->name = name;
  c->clock_rate = *rate;
  c->channels = channels.value_or (1);
  return true;
}

bool read_fmtp (Reader &r, std::string_view value)
{
  Codec *c = find_codec (r, word (value));
  if (value.empty ())
    return false;
  if (c) // several lines of one payload type add up
    c->fmtp.append (c->fmtp.empty () ? "" : ";").append (value);
  return true;
}

bool read_feedback (Reader &r, std::string_view value)
{
  const std::string_view pt = word (value);
  if (value.empty () || value.size () > r.limits.name)
    return false;
  Codec *c = find_codec (r, pt);
  if (pt != "*" && !c)
    return true;
  auto &to = c ? c->feedback : r.every_feedback;
  if (to.size () >= max_feedback)
    return false;
  if (std::ranges::find (to, value) == to.end ())
    to.emplace_back (value);
  return true;
}

bool read_extmap (Reader &r, std::string_view value)
{
  ExtMap e;
  std::string_view id = word (value);
  const std::string_view uri = word (value);
  const auto n = number<std::uint16_t> (cut (id, '/'));
  if (!n || *n == 0 || uri.empty () || uri.size () > r.limits.name)
    return false;
  if (!id.empty ()) {
    const auto d = parse_direction (id);
    if (!d)
      return false;
    e.direction = *d;
  }
  e.id = *n;
  e.uri = uri;
  e.attributes = value;
  auto &all = r.m ? r.m->extensions : r.d.extensions;
  if (all.size () >= max_extensions)
    return false;
  all.push_back (std::move (e));
  return true;
}

bool read_ssrc (Reader &r, std::string_view value)
{
  const auto id = number<std::uint32_t> (word (value));
  const std::string_view name = cut (value, ':');
  if (!id || !is_token (name) || value.size () > 2 * r.limits.name + 1)
    return false;
  auto found = std::ranges::find (r.m->ssrcs, *id, &Ssrc::ssrc);
  if (found == r.m->ssrcs.end ())
    found = r.m->ssrcs.insert (found, Ssrc{*id, {}});
  found->attributes.push_back ({std::string (name), std::string (value)});
  return found->attributes.size () <= max_ssrc_attributes;
}

bool read_ssrc_group (Reader &r, std::string_view value)
{
  SsrcGroup g;
  g.semantics = word (value);
  for (const std::string_view w : words (value, 65)) {
    const auto id = number<std::uint32_t> (w);
    if (!id)
      return false;
    g.ssrcs.push_back (*id);
  }
  const bool good = is_token (g.semantics) && !g.ssrcs.empty () && g.ssrcs.size () <= 64;
  r.m->ssrc_groups.push_back (std::move (g));
  return good;
}

bool read_rid (Reader &r, std::string_view value)
{
  Rid rid;
  rid.id = word (value);
  const std::string_view direction = word (value);
  rid.send = direction == "send";
  rid.restrictions = value;
  const bool good = is_rid (rid.id) && (rid.send || direction == "recv") &&
                    r.m->rids.size () < max_rids &&
                    std::ranges::find (r.m->rids, rid.id, &Rid::id) == r.m->rids.end ();
  r.m->rids.push_back (std::move (rid));
  return good;
}

bool read_simulcast (Reader &r, std::string_view value)
{
  Simulcast &s = r.m->simulcast.emplace ();
  value = trim (value);
  if (value.empty ())
    return false;
  while (!value.empty ()) {
    const std::string_view direction = word (value);
    const std::string_view list = word (value);
    if ((direction != "send" && direction != "recv") ||
        !read_streams (direction == "send" ? s.send : s.receive, list))
      return false;
  }
  return true;
}

std::string to_string (const Simulcast &s)
{
  std::string text;
  write_streams (text, "send", s.send);
  write_streams (text, "recv", s.receive);
  return text;
}

bool read_msid (Reader &r, std::string_view value)
{
  Msid m;
  m.stream = word (value);
  m.track = word (value);
  const bool good = value.empty () && is_token (m.stream) && m.stream.size () <= r.limits.name &&
                    (m.track.empty () || is_token (m.track)) && m.track.size () <= r.limits.name;
  r.m->msids.push_back (std::move (m));
  return good;
}

bool read_fingerprint (Reader &r, std::string_view value)
{
  Fingerprint f;
  for (const char c : word (value))
    f.hash += lower (c);
  const std::size_t size = digest_size (f.hash);
  if (size == 0) // RFC 8122, 5: hashes that are not known are ignored
    return is_token (f.hash) && !value.empty ();
  if (value.size () != 3 * size - 1)
    return false;
  for (std::size_t i = 0; i < value.size (); i += 3) {
    const int high = hex (value[i]), low = hex (value[i + 1]);
    if (high < 0 || low < 0 || (i + 2 < value.size () && value[i + 2] != ':'))
      return false;
    f.digest.push_back (static_cast<std::uint8_t> (high << 4 | low));
  }
  auto &all = r.transport ().fingerprints;
  if (std::ranges::find (all, f) == all.end ())
    all.push_back (std::move (f));
  return all.size () <= max_fingerprints;
}
} // namespace reach::rtc::sdp
