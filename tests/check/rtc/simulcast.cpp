// SPDX-License-Identifier: LGPL-2.1-or-later
// Layers in descriptions over several negotiations, and how they share a bitrate.
#include "jsep_peer.h"
#include "rtc/proto/layer_shares.h"

using namespace reach::test;
using T = DescriptionType;
using K = MediaKind;
using D = Direction;

namespace {
std::vector<Rid> rids (const std::string &letters)
{
  std::vector<Rid> all;
  for (const char c : letters)
    all.push_back ({std::string (1, c), true, {}});
  return all;
}

std::string text (const std::vector<Rid> &all)
{
  std::string s;
  for (const Rid &r : all)
    s += (r.paused ? "~" : "") + r.id;
  return s;
}

TransceiverId layered (Peer &p, const std::string &letters)
{
  const auto t =
      p.n.add_transceiver (K::video, {.direction = D::sendonly, .track = "cam", .streams = {"s"}});
  fail_unless (static_cast<bool> (t));
  for (std::size_t n = 1; n <= letters.size (); n++) // one by one, as pads come
    fine (p.n.set_encodings (*t, rids (letters.substr (0, n))));
  return *t;
}

const NegotiatedMedia &media (const Peer &p, std::size_t i = 0)
{
  return p.n.negotiated ()->media.at (i);
}

std::string shares (const std::vector<Layer> &layers, unsigned bitrate)
{
  std::string s;
  for (const LayerShare &l : share_bitrate (layers, bitrate))
    s += (s.empty () ? "" : " ") + (l.sent ? std::to_string (l.bitrate / 1000) : std::string ("-"));
  return s;
}
} // namespace

GST_START_TEST (test_layers_change)
{
  Peer a (1), b (2);
  const auto t = layered (a, "hml");
  negotiate (a, b);
  const std::string sdp = sdp::to_string (*a.n.local ());
  for (const char *line :
      {"a=rid:h send\r\n", "a=rid:m send\r\n", "a=rid:l send\r\n", "a=simulcast:send h;m;l\r\n"})
    fail_unless (sdp.find (line) != std::string::npos, "%s", sdp.c_str ());
  for (const auto u : {uri::mid, uri::rid, uri::repaired_rid})
    fail_unless (sdp.find (u) != std::string::npos, "%s", sdp.c_str ());
  fail_unless (sdp.find ("a=ssrc") == std::string::npos, "%s", sdp.c_str ());
  fail_unless_equals_string (text (media (a).send_rids).c_str (), "hml");
  fail_if (a.n.needed ());
  // One less, and none more than one; the peer's offers do not lose them.
  for (const char *left : {"hl", "l"}) {
    a.take ();
    fine (a.n.set_encodings (t, rids (left)));
    fail_unless (a.n.needed ());
    negotiate (a, b);
    fail_unless_equals_string (text (media (a).send_rids).c_str (), left);
    fail_unless_equals_string (text (media (b).receive_rids).c_str (), left);
    b.track (K::audio, "mic" + std::string (left));
    negotiate (b, a);
    fail_unless_equals_string (text (media (a).send_rids).c_str (), left);
    fail_if (a.n.needed ());
  }
  fine (a.n.set_encodings (t, rids ("hml")));
  negotiate (a, b);
  fail_unless_equals_string (text (media (b).receive_rids).c_str (), "hml");
}
GST_END_TEST

GST_START_TEST (test_refused)
{
  Peer a (1), b (2);
  const auto t = layered (a, "hml");
  fine (a.n.set_local ());
  sdp::Description offered = wire (*a.n.local ());
  offered.media[0].rids.clear ();
  offered.media[0].simulcast.reset ();
  fine (b.n.set_remote (T::offer, offered));
  answer (b, a);
  fail_unless (media (a).send_rids.empty () && media (a).direction == D::sendonly);
  fail_if (a.n.needed ()); // it is not offered again by itself
  fail_if (a.n.create_offer ()->media[0].simulcast.has_value ());
  fine (a.n.set_encodings (t, rids ("hm")));
  fail_unless (a.n.needed ());
  negotiate (a, b);
  fail_unless_equals_string (text (media (a).send_rids).c_str (), "hm");
}
GST_END_TEST

// Layers that come while the answer to an offer without them is on its way.
GST_START_TEST (test_late_layers)
{
  Peer a (1), b (2);
  const auto t = layered (a, "h");
  offer (a, b);
  fine (a.n.set_encodings (t, rids ("hm")));
  answer (b, a);
  fail_unless (media (a).send_rids.empty () && a.n.needed ());
  offer (a, b);
  fine (a.n.set_encodings (t, rids ("hml")));
  answer (b, a);
  fail_unless_equals_string (text (media (a).send_rids).c_str (), "hm");
  fail_unless (a.n.needed ());
  negotiate (a, b);
  fail_unless_equals_string (text (media (b).receive_rids).c_str (), "hml");
  fail_if (a.n.needed ());
}
GST_END_TEST

// RFC 8853, 5.1: a layer that the receiver has paused.
GST_START_TEST (test_paused)
{
  Peer a (1), b (2);
  layered (a, "hml");
  offer (a, b);
  fine (b.n.set_local ());
  sdp::Description answered = wire (*b.n.local ());
  answered.media[0].simulcast->receive[1][0].paused = true;
  fine (a.n.set_remote (T::answer, answered));
  fail_unless_equals_string (text (media (a).send_rids).c_str (), "h~ml");
  fail_if (a.n.needed ());
  // The sender may begin so, too: it is negotiated like any.
  Peer c (3), d (4);
  layered (c, "hl");
  fine (c.n.set_local ());
  sdp::Description offered = wire (*c.n.local ());
  offered.media[0].simulcast->send[1][0].paused = true;
  fine (d.n.set_remote (T::offer, offered));
  fine (d.n.set_local ());
  fail_unless_equals_string (text (media (d).receive_rids).c_str (), "h~l");
}
GST_END_TEST

GST_START_TEST (test_rollback)
{
  Peer a (1), b (2);
  const auto t = layered (a, "hml");
  negotiate (a, b);
  fine (a.n.set_local ());
  fine (a.n.set_encodings (t, rids ("hm"))); // while an offer is on its way
  fine (a.n.set_local (T::rollback));
  fail_unless_equals_string (text (a.at (0).encodings).c_str (), "hm");
  fail_unless (a.n.needed ());
  negotiate (a, b);
  fail_unless_equals_string (text (media (b).receive_rids).c_str (), "hm");
}
GST_END_TEST

// A server that offers to receive layers gets those of its names; others' m-lines are not taken.
GST_START_TEST (test_asked)
{
  for (const bool same : {true, false}) {
    Peer a (1), b (2);
    layered (b, "hl");
    a.transceiver (K::video, D::recvonly);
    fine (a.n.set_local ());
    sdp::Description offered = wire (*a.n.local ());
    sdp::Media &m = offered.media[0];
    const std::string low = same ? "l" : "x", high = same ? "h" : "y";
    m.rids = {{low, false, {}}, {high, false, {}}};
    m.simulcast = sdp::Simulcast{{}, {{{low, false}}, {{high, false}}}};
    fine (b.n.set_remote (T::offer, offered));
    fine (b.n.set_local ());
    fail_unless_equals_string (text (media (b).send_rids).c_str (), same ? "lh" : "");
    fail_unless (sends (media (b).direction) == same);
    fail_unless (b.n.needed () == !same);
  }
}
GST_END_TEST

GST_START_TEST (test_bad_layers)
{
  Peer a (1);
  const auto t = a.transceiver (K::video, D::sendonly);
  const auto audio = a.transceiver (K::audio, D::sendonly);
  faulty (a.n.set_encodings (t, rids ("hh")), JsepFault::bad_argument);
  faulty (a.n.set_encodings (t, rids ("abcde")), JsepFault::bad_argument);
  faulty (a.n.set_encodings (t, {{"a b", true, {}}}), JsepFault::bad_argument);
  faulty (a.n.set_encodings (t, {{std::string (17, 'x'), true, {}}}), JsepFault::bad_argument);
  faulty (a.n.set_encodings (audio, rids ("hl")), JsepFault::bad_argument);
  faulty (a.n.set_encodings (99, rids ("hl")), JsepFault::unknown);
  fine (a.n.set_encodings (t, rids ("h"))); // one needs no rid
  fail_unless (a.at (0).encodings.empty ());
}
GST_END_TEST

GST_START_TEST (test_shares)
{
  constexpr std::uint32_t hd = 1280 * 720, vga = 640 * 360, small = 320 * 180;
  const std::vector<Layer> three = {{hd}, {vga}, {small}};
  fail_unless_equals_string (shares (three, 2100000).c_str (), "1600 400 100");
  fail_unless_equals_string (shares (three, 700000).c_str (), "- 560 140"); // 533 of 552
  fail_unless_equals_string (shares (three, 200000).c_str (), "- 160 40");
  fail_unless_equals_string (shares (three, 170000).c_str (), "- - 170");
  fail_unless_equals_string (shares (three, 10000).c_str (), "- - 10"); // the smallest stays
  fail_unless_equals_string (shares (three, 0).c_str (), "- - 0");
  // What was left out comes back for a fifth more.
  const std::vector<Layer> without = {{hd, false}, {vga}, {small}};
  fail_unless_equals_string (shares (without, 800000).c_str (), "- 640 160");
  fail_unless_equals_string (shares (without, 880000).c_str (), "670 167 41");
  fail_unless_equals_string (shares ({{hd}, {0}}, 100000).c_str (), "50 50");
  fail_unless_equals_string (shares ({{small}, {small}}, 40000).c_str (), "- 40");
  fail_unless_equals_string (shares ({{hd}}, 1000).c_str (), "1");
  fail_unless (share_bitrate ({}, 1000).empty ());
}
GST_END_TEST

static Suite *simulcast_suite ()
{
  Suite *s = suite_create ("rtc-simulcast");
  TCase *tc = tcase_create ("layers");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_layers_change);
  tcase_add_test (tc, test_refused);
  tcase_add_test (tc, test_late_layers);
  tcase_add_test (tc, test_paused);
  tcase_add_test (tc, test_rollback);
  tcase_add_test (tc, test_asked);
  tcase_add_test (tc, test_bad_layers);
  tcase_add_test (tc, test_shares);
  return s;
}

GST_CHECK_MAIN (simulcast)
