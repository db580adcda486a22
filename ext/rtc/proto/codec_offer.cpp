// SPDX-License-Identifier: LGPL-2.1-or-later
#include "codec_offer.h"
#include "sdp_text.h"
#include <algorithm>

namespace reach::rtc {
namespace {
bool is_audio_red (const Codec &c)
{
  return is_name (c, "red") && c.clock_rate != 90000;
}

// One number may mean one codec with one set of parameters; for H264 the level may differ.
bool same_meaning (const Codec &a, const Codec &b)
{
  if (is_name (a, "rtx") || is_audio_red (a))
    return matches (a, b) && apt_of (a) == apt_of (b) && a.fmtp == b.fmtp;
  return matches (a, b);
}

Codec rtx_of (const Codec &rtx, std::uint8_t apt)
{
  Codec c = rtx;
  c.fmtp = "apt=" + std::to_string (apt) + (rtx.fmtp.empty () ? "" : ";" + rtx.fmtp);
  return c;
}
} // namespace

void PayloadTypes::keep (const sdp::Media &m)
{
  if (m.rejected ())
    return;
  for (const Codec &c : m.codecs)
    if (c.payload_type < 128 && !c.name.empty () && !used_[c.payload_type])
      used_[c.payload_type] = c;
}

std::optional<std::uint8_t> PayloadTypes::find (const Codec &c, const sdp::Media *before) const
{
  if (before && !before->rejected ())
    for (const Codec &b : before->codecs)
      if (same_meaning (b, c))
        return b.payload_type;
  for (std::size_t pt = 0; pt < used_.size (); pt++)
    if (used_[pt] && same_meaning (*used_[pt], c) && used_[pt]->fmtp == c.fmtp)
      return static_cast<std::uint8_t> (pt);
  const auto is_free = [this] (unsigned pt) { return pt < 128 && !used_[pt]; };
  if (is_free (c.payload_type))
    return c.payload_type;
  // RFC 5761, 4: 64 to 95 look like RTCP.
  for (unsigned pt = 127; pt >= 96; pt--)
    if (is_free (pt))
      return static_cast<std::uint8_t> (pt);
  for (unsigned pt = 63; pt >= 35; pt--)
    if (is_free (pt))
      return static_cast<std::uint8_t> (pt);
  return {};
}

bool PayloadTypes::assign (Codec &c, const sdp::Media *before)
{
  const auto pt = find (c, before);
  if (!pt)
    return false;
  c.payload_type = *pt;
  if (!used_[*pt])
    used_[*pt] = c;
  return true;
}

std::vector<Codec> PayloadTypes::offer (std::span<const Codec> wanted, const sdp::Media *before)
{
  const auto rtx =
      std::ranges::find_if (wanted, [] (const Codec &c) { return is_name (c, "rtx"); });
  std::vector<Codec> all;
  const auto add = [&] (Codec c) {
    const bool twice =
        std::ranges::any_of (all, [&] (const Codec &x) { return same_meaning (x, c); });
    if (twice || !assign (c, before) ||
        std::ranges::find (all, c.payload_type, &Codec::payload_type) != all.end ())
      return false;
    all.push_back (std::move (c));
    return true;
  };
  for (Codec c : wanted) {
    if (is_name (c, "rtx"))
      continue;
    if (is_audio_red (c)) {
      const auto of = std::ranges::find_if (
          all, [&] (const Codec &x) { return !is_auxiliary (x) && x.clock_rate == c.clock_rate; });
      if (of == all.end ())
        continue;
      const std::string pt = std::to_string (of->payload_type);
      c.fmtp = pt + "/" + pt;
    }
    if (add (c) && rtx != wanted.end () && !is_name (c, "ulpfec"))
      add (rtx_of (*rtx, all.back ().payload_type));
  }
  return all;
}

void ExtensionIds::keep (const sdp::Media &m)
{
  if (m.rejected ())
    return;
  for (const sdp::ExtMap &e : m.extensions)
    if (e.id < used_.size () && used_[e.id].empty ())
      used_[e.id] = e.uri;
}

std::vector<sdp::ExtMap> ExtensionIds::offer (std::span<const sdp::ExtMap> wanted)
{
  std::vector<sdp::ExtMap> all;
  for (sdp::ExtMap e : wanted) {
    auto at = std::ranges::find (used_, e.uri);
    // 15 is reserved in the one-byte form; beyond 14 all would need the longer one.
    if (at == used_.end ())
      at = e.id >= 1 && e.id <= 14 && used_[e.id].empty ()
               ? used_.begin () + e.id
               : std::find (used_.begin () + 1, used_.begin () + 15, std::string{});
    if (at == used_.begin () + 15)
      continue;
    *at = e.uri;
    e.id = static_cast<std::uint16_t> (at - used_.begin ());
    all.push_back (std::move (e));
  }
  return all;
}

namespace {
// Ours, with the numbers of the offer, so that rtx and red can be compared.
std::vector<Codec> primaries (std::span<const Codec> offered, std::span<const Codec> ours)
{
  std::vector<Codec> all;
  for (const Codec &o : offered) {
    if (is_name (o, "rtx") || is_audio_red (o))
      continue;
    const auto mine = std::ranges::find_if (ours, [&] (const Codec &c) { return matches (c, o); });
    if (mine == ours.end ())
      continue;
    Codec c = *mine;
    c.payload_type = o.payload_type;
    c.fmtp = answered_fmtp (*mine, o);
    all.push_back (std::move (c));
  }
  return all;
}

bool has_name (std::span<const Codec> all, const Codec &like)
{
  return std::ranges::any_of (all, [&] (const Codec &c) {
    return is_name (c, like.name) && c.clock_rate == like.clock_rate && c.channels == like.channels;
  });
}

std::size_t rank_in (std::span<const Codec> ours, const Codec &c)
{
  const auto at = std::ranges::find_if (ours, [&] (const Codec &x) { return matches (x, c); });
  return static_cast<std::size_t> (at - ours.begin ());
}

// Of each codec the feedback that both know.
void intersect_feedback (Codec &c, const Codec &offered)
{
  std::erase_if (c.feedback, [&] (const std::string &f) {
    return std::ranges::find (offered.feedback, f) == offered.feedback.end ();
  });
}
} // namespace

std::vector<Codec> answer_codecs (
    std::span<const Codec> offered, std::span<const Codec> ours, bool preferred)
{
  std::vector<Codec> taken = primaries (offered, ours);
  if (preferred)
    std::ranges::stable_sort (taken, {}, [&] (const Codec &c) { return rank_in (ours, c); });
  std::vector<Codec> all;
  const auto has = [&all] (std::uint8_t pt) {
    return std::ranges::find (all, pt, &Codec::payload_type) != all.end ();
  };
  for (Codec &c : taken) {
    intersect_feedback (c, *std::ranges::find (offered, c.payload_type, &Codec::payload_type));
    all.push_back (c);
    for (const Codec &o : offered)
      if (apt_of (o) == c.payload_type && has_name (ours, o)) {
        all.push_back (o);
        all.back ().feedback.clear ();
        break;
      }
  }
  for (const Codec &o : offered) {
    std::string_view list = o.fmtp;
    const auto pt = sdp::number<std::uint8_t> (sdp::cut (list, '/'));
    if (is_audio_red (o) && has_name (ours, o) && pt && has (*pt))
      all.push_back (o);
  }
  // red and ulpfec alone carry nothing.
  if (std::ranges::all_of (all, is_auxiliary))
    all.clear ();
  return all;
}

std::vector<sdp::ExtMap> answer_extensions (
    std::span<const sdp::ExtMap> offered, std::span<const sdp::ExtMap> ours)
{
  std::vector<sdp::ExtMap> all;
  for (const sdp::ExtMap &o : offered) {
    const auto mine = std::ranges::find (ours, o.uri, &sdp::ExtMap::uri);
    const bool twice = std::ranges::any_of (
        all, [&] (const sdp::ExtMap &e) { return e.uri == o.uri || e.id == o.id; });
    if (mine == ours.end () || twice || o.id > 255)
      continue;
    const Direction d = intersect (mine->direction, reverse (o.direction));
    if (d != Direction::inactive)
      all.push_back ({o.id, o.uri, d, {}});
  }
  return all;
}
} // namespace reach::rtc
