// SPDX-License-Identifier: LGPL-2.1-or-later
// Two negotiators, and a peer's text. Until a zero byte the input says what is done, one byte each;
// what follows is a description that is handed to the first as it is.
#include "rtc/proto/jsep.h"
#include <algorithm>
#include <cstdlib>

using namespace reach::rtc;

namespace {
void require (bool holds)
{
  if (!holds)
    std::abort ();
}

Random random_of (std::uint8_t seed)
{
  return [seed] (std::span<std::uint8_t> to) mutable {
    for (std::uint8_t &b : to)
      b = seed = static_cast<std::uint8_t> (seed * 5 + 3);
  };
}

// Random numbers of such a kind repeat, so that ids need a better one.
Random counting (std::uint8_t seed)
{
  return [seed, n = std::uint32_t{0}, low = random_of (seed)] (std::span<std::uint8_t> to) mutable {
    low (to);
    n++;
    for (std::size_t i = 0; i < to.size () && i < 4; i++)
      to[i] = static_cast<std::uint8_t> (n >> (6 * i)) ^ seed;
  };
}

JsepConfig config (std::uint8_t fingerprint)
{
  JsepConfig c;
  c.fingerprints = {{"sha-256", std::vector<std::uint8_t> (32, fingerprint)}};
  c.max_transceivers = 8;
  return c;
}

void check (Negotiator &n)
{
  while (n.poll_event ())
    ;
  // By the application and by an offer.
  require (n.transceivers ().size () <= 24);
  std::vector<std::size_t> mlines;
  for (const Transceiver &t : n.transceivers ()) {
    require (t.mid.empty () == !t.mline.has_value ());
    if (t.mline)
      mlines.push_back (*t.mline);
  }
  std::ranges::sort (mlines);
  require (std::ranges::adjacent_find (mlines) == mlines.end ());
  if (n.state () == SignalingState::stable)
    require ((n.current_local () == nullptr) == (n.current_remote () == nullptr));
}

void remote (Negotiator &n, DescriptionType type, const sdp::Description &d)
{
  const SignalingState before = n.state ();
  const auto count = n.transceivers ().size ();
  if (n.set_remote (type, d)) // an error changes nothing
    require (n.state () == before && n.transceivers ().size () == count);
}

// What one has set arrives at the other as text.
void deliver (Negotiator &from, Negotiator &to)
{
  if (!from.local ())
    return;
  const sdp::Parsed p = sdp::parse (sdp::to_string (*from.local ()));
  require (static_cast<bool> (p));
  const bool offer = from.state () == SignalingState::have_local_offer;
  remote (to, offer ? DescriptionType::offer : DescriptionType::answer, p.description);
}

void act (Negotiator &a, Negotiator &b, std::uint8_t op, unsigned step)
{
  const auto &all = a.transceivers ();
  const TransceiverId id = all.empty () ? 0 : all[(op >> 4) % all.size ()].id;
  const auto kind = (op & 0x40) != 0 ? MediaKind::audio : MediaKind::video;
  switch (op & 15) {
  case 0:
  case 1:
    (void)a.add_track (kind, "t" + std::to_string (step), {"s"});
    break;
  case 2:
    (void)a.remove_track (id);
    break;
  case 3:
    (void)a.set_direction (id, static_cast<Direction> (op >> 6));
    break;
  case 4:
    (void)a.stop (id);
    break;
  case 5:
    a.restart_ice ();
    break;
  case 6:
    (void)a.add_data_channel ();
    break;
  case 7:
    (void)a.add_transceiver (MediaKind::video, {.encodings = {{"h", true, ""}, {"l", true, ""}}});
    break;
  case 8:
    (void)a.set_local (DescriptionType::rollback);
    break;
  case 9:
    (void)a.set_remote (DescriptionType::rollback);
    break;
  case 10:
    (void)a.add_candidate ({"candidate:1 1 udp 1 192.0.2.1 9 typ host", "0", {}, {}});
    break;
  case 11:
    deliver (b, a);
    break;
  default:
    (void)a.set_local ();
  }
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  Negotiator a (config (1), counting (1)), b (config (2), counting (2));
  const std::uint8_t *end = std::find (data, data + size, std::uint8_t{0});
  sdp::Parsed said;
  if (end != data + size)
    said = sdp::parse ({reinterpret_cast<const char *> (end + 1),
                           static_cast<std::size_t> (data + size - end - 1)},
        {.media = 32});
  unsigned step = 0;
  for (const std::uint8_t *p = data; p != end && step < 24; ++p, step++) {
    if ((*p & 0xef) == 0x8f) {
      if (said)
        remote (a, (*p & 0x10) != 0 ? DescriptionType::answer : DescriptionType::offer,
            said.description);
    } else if ((*p & 0x80) != 0)
      act (b, a, static_cast<std::uint8_t> (*p & 0x7f), step);
    else
      act (a, b, *p, step);
    check (a);
    check (b);
  }
  return 0;
}
