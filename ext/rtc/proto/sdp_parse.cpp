// SPDX-License-Identifier: LGPL-2.1-or-later
// Lines, their order, and what is no attribute.
#include "sdp_reader.h"
#include "sdp_text.h"
#include <algorithm>

namespace reach::rtc::sdp {
namespace {
constexpr std::string_view faults[] = {"none", "too long", "too many", "bad line", "bad order",
    "bad version", "bad origin", "bad time", "bad connection", "bad m-line", "bad attribute",
    "attribute stands twice", "mid stands twice", "payload type stands twice"};

constexpr std::size_t max_formats = 128;

bool is_network_address (std::string_view text)
{
  const auto w = words (text, 4);
  return w.size () == 3 && w[0] == "IN" && (w[1] == "IP4" || w[1] == "IP6") &&
         w[2].size () <= 253 && !w[2].empty ();
}

Fault read_origin (Description &d, std::string_view text)
{
  const auto w = words (text, 7);
  if (w.size () != 6)
    return Fault::bad_origin;
  // Ids are decimal numbers, which browsers make of 63 bits; some write more.
  const auto version = number<std::uint64_t> (w[2]);
  if (!version || w[1].size () > 40 || !all_of (w[1], is_digit) || w[0].size () > 256)
    return Fault::bad_origin;
  const std::string_view address =
      text.substr (static_cast<std::size_t> (w[3].data () - text.data ()));
  if (!is_network_address (address))
    return Fault::bad_origin;
  d.origin.username = w[0];
  d.origin.session_id = w[1];
  d.origin.version = *version;
  d.origin.address = std::string (w[3]) + " " + std::string (w[4]) + " " + std::string (w[5]);
  return Fault::none;
}

Fault read_connection (std::string &to, std::string_view text)
{
  const auto w = words (text, 4);
  if (!to.empty () || !is_network_address (text))
    return Fault::bad_connection;
  to = std::string (w[0]) + " " + std::string (w[1]) + " " + std::string (w[2]);
  return Fault::none;
}

bool is_static (std::uint8_t pt, Codec &c)
{
  if (pt != 0 && pt != 8)
    return false;
  c.name = pt == 0 ? "PCMU" : "PCMA";
  c.clock_rate = 8000;
  return true;
}

Fault read_media (Reader &r, std::string_view text)
{
  if (r.d.media.size () >= r.limits.media)
    return Fault::too_many;
  const auto w = words (text, max_formats + 4);
  if (w.size () < 4 || w.size () >= max_formats + 4)
    return Fault::bad_media;
  Media m;
  const auto port = number<std::uint16_t> (w[1]);
  const bool protocol = all_of (w[2], [] (char c) { return is_alnum (c) || c == '/' || c == '-'; });
  if (!port || !is_token (w[0]) || w[0].size () > 32 || !protocol || w[2].size () > 64)
    return Fault::bad_media;
  m.kind = w[0];
  m.port = *port;
  m.protocol = w[2];
  for (std::size_t i = 3; i < w.size (); i++) {
    if (!m.is_rtp ()) {
      if (!is_token (w[i]) || w[i].size () > r.limits.name)
        return Fault::bad_media;
      m.formats.emplace_back (w[i]);
      continue;
    }
    Codec c;
    const auto pt = number<std::uint8_t> (w[i]);
    if (!pt || *pt > 127)
      return Fault::bad_media;
    if (std::ranges::any_of (m.codecs, [&] (const Codec &x) { return x.payload_type == *pt; }))
      return Fault::duplicate_payload_type;
    c.payload_type = *pt;
    is_static (*pt, c);
    m.codecs.push_back (std::move (c));
  }
  r.d.media.push_back (std::move (m));
  r.m = &r.d.media.back ();
  r.attributes = r.candidates = 0;
  r.once.clear ();
  return Fault::none;
}

void expand_feedback (Reader &r)
{
  for (const std::string &f : r.every_feedback)
    for (Codec &c : r.m->codecs)
      if (std::ranges::find (c.feedback, f) == c.feedback.end ())
        c.feedback.push_back (f);
  r.every_feedback.clear ();
}

// The order of lines (RFC 8866, 5). In an m-line it is not looked at: many write b= last.
struct Order {
  std::size_t last = 0;
  bool media = false, begun = false;
  bool origin = false, name = false, time = false;

  bool complete () const { return begun && origin && name && time; }
  bool take (char letter)
  {
    if (letter == 'm') {
      media = true;
      return complete ();
    }
    if (media)
      return std::string_view ("icbka").find (letter) != std::string_view::npos;
    constexpr std::string_view order = "vosiuepcbtrzka";
    std::size_t now = order.find (letter);
    if (now == std::string_view::npos || (letter == 'v') == begun)
      return false;
    if (letter == 'r' || letter == 'z') // they belong to the last t
      now = order.find ('t');
    const bool again = std::string_view ("abtrzep").find (letter) != std::string_view::npos;
    if (now < last || (now == last && begun && !again))
      return false;
    begun = true;
    origin |= letter == 'o';
    name |= letter == 's';
    time |= letter == 't';
    last = now;
    return true;
  }
};

Fault read_line (Reader &r, Order &order, std::string_view line)
{
  if (line.size () < 2 || line[1] != '=' || line[0] < 'a' || line[0] > 'z')
    return Fault::bad_line;
  if (std::ranges::any_of (line, [] (char c) { return static_cast<unsigned char> (c) < 32; }))
    return Fault::bad_line;
  const char letter = line[0];
  const std::string_view value = line.substr (2);
  if (letter == 'm' && r.m)
    expand_feedback (r);
  if (!order.take (letter))
    return Fault::bad_order;
  switch (letter) {
  case 'v':
    return value == "0" ? Fault::none : Fault::bad_version;
  case 'o':
    return read_origin (r.d, value);
  case 's':
    if (value.empty () || value.size () > r.limits.name)
      return Fault::bad_line;
    r.d.name = value;
    return Fault::none;
  case 't': {
    const auto w = words (value, 3);
    const bool good =
        w.size () == 2 && number<std::uint64_t> (w[0]) && number<std::uint64_t> (w[1]);
    return good ? Fault::none : Fault::bad_time;
  }
  case 'c':
    return read_connection (r.m ? r.m->connection : r.d.connection, value);
  case 'b':
    if (value.size () > r.limits.name)
      return Fault::too_long;
    if (++r.attributes > r.limits.attributes)
      return Fault::too_many;
    (r.m ? r.m->bandwidth : r.d.bandwidth).emplace_back (value);
    return Fault::none;
  case 'm':
    return read_media (r, value);
  case 'a':
    return ++r.attributes > r.limits.attributes ? Fault::too_many : read_attribute (r, value);
  default: // i, u, e, p, r, z, k: of no use here
    return Fault::none;
  }
}

// What the session says is each m-line's, where it says nothing itself.
void inherit (Description &d)
{
  const TransportParameters s = std::move (d.transport);
  d.transport = {};
  for (Media &m : d.media) {
    TransportParameters &t = m.transport;
    if (t.ufrag.empty () && t.pwd.empty ()) {
      t.ufrag = s.ufrag;
      t.pwd = s.pwd;
    }
    if (t.ice_options.empty ())
      t.ice_options = s.ice_options;
    if (t.fingerprints.empty ())
      t.fingerprints = s.fingerprints;
    if (!t.setup)
      t.setup = s.setup;
    if (t.tls_id.empty ())
      t.tls_id = s.tls_id;
    if (!m.direction_said)
      m.direction_said = d.direction_said;
    if (m.is_rtp () && m.extensions.empty ())
      m.extensions = d.extensions;
  }
  d.direction_said.reset ();
  d.extensions.clear ();
}

// Where the second of two equal mids stands is of little help: the whole is at fault.
bool has_double_mid (const Description &d)
{
  std::vector<std::string_view> mids;
  for (const Media &m : d.media)
    if (!m.mid.empty ())
      mids.push_back (m.mid);
  std::ranges::sort (mids);
  return std::ranges::adjacent_find (mids) != mids.end ();
}
} // namespace

std::string_view to_string (Fault f)
{
  return faults[static_cast<unsigned> (f)];
}

Parsed parse (std::string_view text, const Limits &limits)
{
  Parsed p;
  const auto fail = [&p] (Fault f) {
    p.fault = f;
    p.description = {};
    return std::move (p);
  };
  if (text.size () > limits.bytes)
    return fail (Fault::too_long);
  Reader r{limits, p.description};
  Order order;
  while (!text.empty ()) {
    p.line++;
    if (p.line > limits.lines)
      return fail (Fault::too_many);
    std::string_view line = cut (text, '\n');
    if (line.ends_with ('\r'))
      line.remove_suffix (1);
    if (line.size () > limits.line)
      return fail (Fault::too_long);
    if (line.empty () && text.empty ())
      break;
    if (const Fault f = read_line (r, order, line); f != Fault::none)
      return fail (f);
  }
  if (!order.complete ())
    return fail (Fault::bad_order);
  if (r.m)
    expand_feedback (r);
  if (has_double_mid (p.description))
    return fail (Fault::duplicate_mid);
  inherit (p.description);
  p.line = 0;
  return p;
}
} // namespace reach::rtc::sdp
