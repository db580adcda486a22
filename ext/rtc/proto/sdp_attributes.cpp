// SPDX-License-Identifier: LGPL-2.1-or-later
// Which attributes are known, where they may stand, and the short ones.
#include "sdp_reader.h"
#include "sdp_text.h"
#include <algorithm>

namespace reach::rtc::sdp {
namespace {
using Value = std::string_view;

// A flag has no value.
template <bool Media::*Flag> bool set_flag (Reader &r, Value v)
{
  r.m->*Flag = true;
  return v.empty ();
}

template <typename T> bool put_number (std::optional<T> &to, Value v)
{
  to = number<T> (v);
  return to.has_value ();
}

bool read_ufrag (Reader &r, Value v)
{
  r.transport ().ufrag = v;
  return v.size () >= 4 && v.size () <= 256 && all_of (v, is_ice_char);
}

bool read_pwd (Reader &r, Value v)
{
  r.transport ().pwd = v;
  return v.size () >= 22 && v.size () <= 256 && all_of (v, is_ice_char);
}

bool read_ice_options (Reader &r, Value v)
{
  auto &options = r.transport ().ice_options;
  for (const Value w : words (v, 17)) {
    if (w.size () > 64 || !is_token (w) || options.size () >= 16)
      return false;
    options.emplace_back (w);
  }
  return !options.empty ();
}

bool read_setup (Reader &r, Value v)
{
  constexpr Value setups[] = {"actpass", "active", "passive", "holdconn"};
  const auto found = std::ranges::find (setups, v);
  r.transport ().setup = static_cast<Setup> (found - std::begin (setups));
  return found != std::end (setups);
}

bool read_tls_id (Reader &r, Value v)
{
  r.transport ().tls_id = v;
  return v.size () >= 20 && v.size () <= 255;
}

bool read_mid (Reader &r, Value v)
{
  r.m->mid = v;
  return is_token (v) && v.size () <= r.limits.name;
}

bool read_group (Reader &r, Value v)
{
  Group g;
  g.semantics = word (v);
  for (const Value w : words (v, r.limits.media + 1)) {
    if (!is_token (w) || w.size () > r.limits.name)
      return false;
    g.mids.emplace_back (w);
  }
  r.d.groups.push_back (std::move (g));
  return is_token (r.d.groups.back ().semantics) &&
         r.d.groups.back ().mids.size () <= r.limits.media && r.d.groups.size () <= 16;
}

bool read_candidate (Reader &r, Value v)
{
  auto c = parse_candidate ("candidate:" + std::string (v));
  // What a newer ICE has is no reason to refuse the rest (RFC 8839, 5.1).
  if (c)
    r.m->candidates.push_back (std::move (*c));
  return true;
}

bool read_sctp_port (Reader &r, Value v)
{
  return put_number (r.m->sctp_port, v) && *r.m->sctp_port != 0;
}

bool read_max_message_size (Reader &r, Value v)
{
  return put_number (r.m->max_message_size, v);
}

bool read_crypto (Reader &r, Value)
{
  r.m->crypto = true; // its keys are not kept
  return true;
}

bool read_ice_lite (Reader &r, Value v)
{
  r.d.ice_lite = true;
  return v.empty ();
}

bool read_allow_mixed (Reader &r, Value v)
{
  (r.m ? r.m->extmap_allow_mixed : r.d.extmap_allow_mixed) = true;
  return v.empty ();
}

struct Known {
  Value name;
  bool (*read) (Reader &, Value);
  bool session, media;
  bool once;
};

constexpr Known known[] = {
    {"bundle-only", set_flag<&Media::bundle_only>, false, true, false},
    {"candidate", read_candidate, false, true, false},
    {"crypto", read_crypto, false, true, false},
    {"end-of-candidates", set_flag<&Media::end_of_candidates>, false, true, false},
    {"extmap", read_extmap, true, true, false},
    {"extmap-allow-mixed", read_allow_mixed, true, true, false},
    {"fingerprint", read_fingerprint, true, true, false},
    {"fmtp", read_fmtp, false, true, false},
    {"group", read_group, true, false, false},
    {"ice-lite", read_ice_lite, true, false, false},
    {"ice-options", read_ice_options, true, true, false},
    {"ice-pwd", read_pwd, true, true, true},
    {"ice-ufrag", read_ufrag, true, true, true},
    {"max-message-size", read_max_message_size, false, true, true},
    {"mid", read_mid, false, true, true},
    {"msid", read_msid, false, true, false},
    {"rid", read_rid, false, true, false},
    {"rtcp-fb", read_feedback, false, true, false},
    {"rtcp-mux", set_flag<&Media::rtcp_mux>, false, true, false},
    {"rtcp-mux-only", set_flag<&Media::rtcp_mux_only>, false, true, false},
    {"rtcp-rsize", set_flag<&Media::rtcp_rsize>, false, true, false},
    {"rtpmap", read_rtpmap, false, true, false},
    {"sctp-port", read_sctp_port, false, true, true},
    {"setup", read_setup, true, true, true},
    {"simulcast", read_simulcast, false, true, true},
    {"ssrc", read_ssrc, false, true, false},
    {"ssrc-group", read_ssrc_group, false, true, false},
    {"tls-id", read_tls_id, true, true, true},
};

Fault read_direction (Reader &r, Direction d)
{
  auto &to = r.m ? r.m->direction_said : r.d.direction_said;
  if (to)
    return Fault::duplicate_attribute;
  to = d;
  return Fault::none;
}

Fault keep (Reader &r, Value name, Value value)
{
  // msid-semantic says nothing that a=msid does not (RFC 8830 dropped it).
  if (name == "msid-semantic" || name == "rtcp" || name == "ice-mismatch")
    return Fault::none;
  (r.m ? r.m->other : r.d.other).push_back ({std::string (name), std::string (value)});
  return Fault::none;
}
} // namespace

Fault read_attribute (Reader &r, std::string_view text)
{
  Value value = text;
  const Value name = cut (value, ':');
  if (!is_token (name) || name.size () > r.limits.name)
    return Fault::bad_attribute;
  if (value.empty ())
    if (const auto d = parse_direction (name))
      return read_direction (r, *d);
  const auto found = std::ranges::lower_bound (known, name, {}, &Known::name);
  // What stands where it has no meaning is kept as what it is: text.
  if (found == std::end (known) || found->name != name || !(r.m ? found->media : found->session))
    return keep (r, name, value);
  if (found->once) {
    if (std::ranges::find (r.once, name) != r.once.end ())
      return Fault::duplicate_attribute;
    r.once.push_back (found->name);
  }
  if (name == "candidate" && ++r.candidates > r.limits.candidates)
    return Fault::too_many;
  return found->read (r, value) ? Fault::none : Fault::bad_attribute;
}
} // namespace reach::rtc::sdp
