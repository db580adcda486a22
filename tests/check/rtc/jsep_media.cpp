// SPDX-License-Identifier: LGPL-2.1-or-later
// Codecs, header extensions, simulcast, and what browsers offer.
#include "browser_sdp.h"
#include "jsep_peer.h"

using namespace reach::test;
using T = DescriptionType;
using K = MediaKind;
using D = Direction;

namespace {
std::string names (const std::vector<NegotiatedCodec> &all)
{
  std::string s;
  for (const NegotiatedCodec &c : all) {
    s += (s.empty () ? "" : " ") + std::to_string (c.codec.payload_type) + ":" + c.codec.name;
    if (c.rtx)
      s += "+" + std::to_string (*c.rtx);
  }
  return s;
}

const NegotiatedMedia &media (const Peer &p, std::size_t i)
{
  return p.n.negotiated ()->media.at (i);
}

JsepConfig with_video (std::uint8_t seed, std::vector<Codec> video)
{
  JsepConfig c = peer_config (seed);
  c.video = std::move (video);
  return c;
}

Codec h264 (std::uint8_t pt, const std::string &fmtp)
{
  return {pt, "H264", 90000, 1, fmtp, {"nack"}};
}
} // namespace

GST_START_TEST (test_chromium)
{
  Peer b (2);
  const sdp::Description offered = parsed (chromium_offer);
  fine (b.n.set_remote (T::offer, offered));
  b.take ();
  fail_unless (
      b.told ("track+:a6b4a2a0-0f5d-4f2c-9a55-3f1c4a7d2e01") && b.count ("candidate") == 3);
  fine (b.n.set_local ());
  const sdp::Description a = wire (*b.n.local ());
  fail_unless (a.media.size () == 3 && a.bundle ()->mids.size () == 3);
  fail_unless (a.media[0].transport.setup == sdp::Setup::passive && a.extmap_allow_mixed);
  fail_unless_equals_string (names (media (b, 0).send).c_str (), "111:opus 63:red 0:PCMU 8:PCMA");
  fail_unless_equals_string (names (media (b, 1).send).c_str (),
      "96:VP8+97 102:H264+103 127:H264+125 45:AV1+46 98:VP9+99 112:H264+113 "
      "114:red+115 116:ulpfec");
  // Of extensions those that we have, with the offer's numbers.
  fail_unless (media (b, 0).extensions.size () == 4 && media (b, 1).extensions.size () == 5);
  fail_unless (media (b, 1).extensions[3].uri == uri::rid && media (b, 1).extensions[3].id == 10);
  fail_unless (media (b, 1).remote_groups[0].ssrcs.size () == 2 && media (b, 1).rtcp_rsize);
  fail_unless (b.n.negotiated ()->role == DtlsRole::server && b.n.negotiated ()->data);
  fail_unless (b.n.negotiated ()->remote.ice.ufrag == "7sFv");
  fail_unless (b.n.negotiated ()->remote.fingerprints == offered.media[0].transport.fingerprints);
  fail_unless (media (b, 1).direction == D::recvonly);
  // Our next offer keeps the browser's numbers.
  b.track (K::video, "cam");
  fine (b.n.set_local ());
  const sdp::Media &v = b.n.local ()->media[1];
  fail_unless (v.codecs[0].payload_type == 96 && b.n.local ()->media.size () == 3);
  for (const Codec &c : v.codecs)
    for (const Codec &o : offered.media[1].codecs)
      fail_unless (c.payload_type != o.payload_type || is_name (c, o.name), "%u %s %s",
          c.payload_type, c.name.c_str (), o.name.c_str ());
}
GST_END_TEST

// An answer of one codec: it is what we send; of what we offered we still take red and FEC.
GST_START_TEST (test_answer_of_one_codec)
{
  Peer a (1), b (2, with_video (2, {{96, "VP8", 90000, 1, {}, {"nack"}}}));
  a.track (K::video, "cam");
  b.track (K::video, "cam");
  offer (a, b);
  answer (b, a);
  fail_unless_equals_string (names (media (a, 0).send).c_str (), "96:VP8");
  const std::string taken = names (media (a, 0).receive);
  fail_unless (taken.find (":VP8") != std::string::npos &&
                   taken.find (":red") != std::string::npos &&
                   taken.find (":ulpfec") != std::string::npos,
      "%s", taken.c_str ());
  fail_unless (taken.find ("H264") == std::string::npos, "%s", taken.c_str ());
  fail_unless_equals_string (names (media (b, 0).receive).c_str (), "96:VP8");
}
GST_END_TEST

GST_START_TEST (test_firefox)
{
  Peer b (2);
  b.track (K::audio, "mic");
  fine (b.n.set_remote (T::offer, parsed (firefox_offer)));
  fine (b.n.set_local ());
  const sdp::Description a = wire (*b.n.local ());
  fail_unless (a.media.size () == 2 && !a.media[1].rejected () && !a.media[1].bundle_only);
  fail_unless (a.media[1].direction () == D::sendonly && b.n.transceivers ().size () == 2);
  fail_unless_equals_string (names (media (b, 0).send).c_str (), "120:VP8+124 126:H264+127");
  fail_unless_equals_string (names (media (b, 1).send).c_str (), "109:opus 0:PCMU 8:PCMA");
  fail_unless (media (b, 1).send[0].codec.fmtp == "maxplaybackrate=48000;stereo=1;useinbandfec=1");
  fail_unless (media (b, 1).receive[0].codec.fmtp == "minptime=10;useinbandfec=1");
}
GST_END_TEST

GST_START_TEST (test_h264)
{
  struct Case {
    const char *ours, *offered, *answered; // nullptr: no match
  };
  static const Case cases[] = {
      {"packetization-mode=1;profile-level-id=42e01f",
          "packetization-mode=1;profile-level-id=42e00d",
          "packetization-mode=1;profile-level-id=42e00d"},
      {"packetization-mode=1;profile-level-id=42e00d",
          "packetization-mode=1;profile-level-id=42e01f",
          "packetization-mode=1;profile-level-id=42e00d"},
      {"level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
          "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e00d",
          "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"},
      {"packetization-mode=1;profile-level-id=42e01f",
          "packetization-mode=0;profile-level-id=42e01f", nullptr},
      {"packetization-mode=1;profile-level-id=42e01f", "profile-level-id=42e01f", nullptr},
      {"profile-level-id=42e01f", "packetization-mode=0;profile-level-id=42E01F",
          "profile-level-id=42e01f"},
      {"packetization-mode=1;profile-level-id=42e01f",
          "packetization-mode=1;profile-level-id=64001f", nullptr},
      // constrained baseline in three forms
      {"profile-level-id=42e01f", "profile-level-id=4d801f", "profile-level-id=42e01f"},
      {"profile-level-id=42e01f", "profile-level-id=58c01f", "profile-level-id=42e01f"},
      {"profile-level-id=42e01f", "profile-level-id=42001f", nullptr},
      // nothing said: baseline, level 1
      {"profile-level-id=42001f", "", "profile-level-id=42000a"},
      // 1b lies between 1 and 1.1
      {"profile-level-id=42e01f", "profile-level-id=42f00b", "profile-level-id=42f00b"},
      {"profile-level-id=42e00a", "profile-level-id=42f00b", "profile-level-id=42e00a"},
      {"profile-level-id=42e01f", "profile-level-id=xyz", nullptr},
      {"profile-level-id=42e01f", "profile-level-id=42e000", nullptr},
  };
  for (const Case &c : cases) {
    const auto got =
        answer_codecs (std::vector{h264 (100, c.offered)}, std::vector{h264 (99, c.ours)}, false);
    fail_unless (got.size () == (c.answered ? 1 : 0), "%s, %s", c.ours, c.offered);
    if (c.answered) {
      fail_unless_equals_string (got[0].fmtp.c_str (), c.answered);
      fail_unless (got[0].payload_type == 100);
    }
  }
}
GST_END_TEST

GST_START_TEST (test_matching)
{
  const auto match = [] (Codec a, Codec b) { return matches (a, b) && matches (b, a); };
  const Codec vp9{98, "VP9", 90000, 1, "profile-id=2", {}}, opus{111, "opus", 48000, 2, "", {}};
  fail_unless (match (vp9, {1, "vp9", 90000, 1, "profile-id=2", {}}));
  fail_unless (!match (vp9, {1, "VP9", 90000, 1, "", {}}));
  fail_unless (match ({1, "VP9", 90000, 1, "profile-id=0", {}}, {2, "VP9", 90000, 1, "", {}}));
  fail_unless (!match ({1, "AV1", 90000, 1, "profile=1", {}}, {2, "AV1", 90000, 1, "", {}}));
  fail_unless (match (opus, {9, "OPUS", 48000, 2, "stereo=1", {}}));
  fail_unless (!match (opus, {9, "opus", 48000, 1, "", {}}));
  fail_unless (!match (opus, {9, "opus", 16000, 2, "", {}}));
  fail_unless (!match ({0, "", 0, 1, "", {}}, {0, "", 0, 1, "", {}}));
  fail_unless (fmtp_parameter ("a=1; B = 2 ;c", "b") == "2");
  fail_unless (fmtp_parameter ("a=1;c", "c") == "" && !fmtp_parameter ("ab=1", "a"));
}
GST_END_TEST

// Both number their payload types in their own way.
GST_START_TEST (test_payload_types)
{
  const Codec vp8{100, "VP8", 90000, 1, "", {"nack", "nack pli"}}, rtx{0, "rtx", 90000, 1, "", {}};
  Peer a (1, with_video (1, {vp8, {100, "VP9", 90000, 1, "", {}}, rtx}));
  Codec other = vp8;
  other.payload_type = 120;
  other.feedback = {"nack", "goog-remb"};
  Peer b (2, with_video (2, {{111, "VP9", 90000, 1, "profile-id=0", {}}, other, rtx}));
  a.track (K::video, "cam");
  a.track (K::audio, "mic");
  negotiate (a, b);
  const sdp::Media &o = a.n.local ()->media[0];
  fail_unless (o.codecs.size () == 4 && o.codecs[0].payload_type == 100);
  for (const Codec &c : o.codecs) // rtcp's numbers are not used
    fail_unless (c.payload_type < 64 || c.payload_type > 95);
  fail_unless (names (media (a, 0).send) == names (media (b, 0).receive));
  fail_unless (media (b, 0).send[0].codec.name == "VP8" && media (b, 0).send.size () == 2);
  fail_unless ((media (a, 0).send[0].codec.feedback == std::vector<std::string>{"nack"}));
  // From the other side they stay; preferences order them.
  b.track (K::video, "back");
  fine (b.n.set_codec_preferences (b.at (0).id, {b.n.transceivers ()[0].preferences}));
  fine (b.n.set_codec_preferences (b.at (0).id, {{111, "VP9", 90000, 1, "profile-id=0", {}}}));
  const std::string before = names (media (b, 0).receive);
  negotiate (b, a);
  fail_unless (names (media (b, 0).receive) != before && media (b, 0).receive.size () == 1);
  fail_unless (before.find (names (media (b, 0).receive)) != std::string::npos ||
               media (b, 0).receive[0].rtx == std::nullopt);
  fail_unless ((media (b, 0).changed & changed_codecs) != 0);
  faulty (b.n.set_codec_preferences (b.at (0).id, {vp8}), JsepFault::bad_argument);
  faulty (b.n.set_codec_preferences (b.at (0).id, {rtx}), JsepFault::bad_argument);
}
GST_END_TEST

GST_START_TEST (test_no_codec)
{
  Peer a (1, with_video (1, {h264 (100, "profile-level-id=64001f")}));
  Peer b (2, with_video (2, {{96, "VP8", 90000, 1, "", {}}}));
  a.track (K::video, "cam");
  a.track (K::audio, "mic");
  negotiate (a, b);
  fail_unless (b.n.local ()->media[0].rejected () && !b.n.local ()->media[1].rejected ());
  fail_unless (b.n.local ()->media[0].codecs.size () == 1); // it names what was offered
  fail_unless (a.n.transceivers ().size () == 1 && b.n.transceivers ().size () == 1);
  fail_unless (a.n.negotiated ()->transport_mid == "1" && b.n.negotiated ()->transport_mid == "1");
  // An answer that takes an m-line without a codec of it.
  Peer c (3);
  c.track (K::video, "cam");
  fine (c.n.set_local ());
  Peer d (4);
  fine (d.n.set_remote (T::offer, *c.n.local ()));
  sdp::Description bad = *d.n.create_answer ();
  bad.media[0].codecs = {{96, "H266", 90000, 1, "", {}}};
  faulty (c.n.set_remote (T::answer, bad), JsepFault::no_codec);
}
GST_END_TEST

GST_START_TEST (test_extensions)
{
  using E = std::vector<sdp::ExtMap>;
  const auto ext = [] (unsigned id, const char *u, D d = D::sendrecv) {
    return sdp::ExtMap{static_cast<std::uint16_t> (id), u, d, {}};
  };
  const E ours = {ext (1, "a"), ext (2, "b", D::recvonly), ext (3, "c")};
  const E answered = answer_extensions (E{ext (9, "c", D::sendonly), ext (8, "b"), ext (7, "x"),
                                            ext (6, "c"), ext (8, "a"), ext (300, "a")},
      ours);
  fail_unless ((answered == E{ext (9, "c", D::recvonly), ext (8, "b", D::recvonly)}));
  fail_unless (answer_extensions (E{ext (1, "b", D::recvonly)}, ours).size () == 0);
  // A number keeps its meaning in all m-lines and over time.
  ExtensionIds ids;
  sdp::Media m;
  m.extensions = {ext (5, "c"), ext (1, "z")};
  ids.keep (m);
  fail_unless ((ids.offer (ours) == E{ext (2, "a"), ext (3, "b", D::recvonly), ext (5, "c")} ||
                ids.offer (ours)[2].id == 5));
  fail_unless (ids.offer (ours)[0].id != 1);
  E many;
  for (unsigned i = 0; i < 20; i++)
    many.push_back (ext (0, std::to_string (i).c_str ()));
  ExtensionIds fresh;
  fail_unless (fresh.offer (many).size () == 14); // of the one-byte form
}
GST_END_TEST

GST_START_TEST (test_simulcast_send)
{
  for (const unsigned taken : {3u, 2u, 0u}) {
    Peer a (1), b (2);
    const auto t = a.n.add_transceiver (K::video,
        {.direction = D::sendonly,
            .track = "cam",
            .encodings = {{"h", true, "max-width=1280"}, {"m", true, ""}, {"l", true, ""}}});
    fine (a.n.set_local ());
    const sdp::Media &o = a.n.local ()->media[0];
    fail_unless (o.simulcast && o.simulcast->send.size () == 3 && o.ssrcs.empty ());
    sdp::Description offered = wire (*a.n.local ());
    if (taken == 0)
      offered.media[0].simulcast.reset ();
    else
      offered.media[0].simulcast->send.resize (taken);
    fine (b.n.set_remote (T::offer, offered));
    answer (b, a);
    fail_unless (
        media (a, 0).send_rids.size () == taken && media (b, 0).receive_rids.size () == taken);
    if (taken)
      fail_unless (media (b, 0).receive_rids[0].id == "h" && media (a, 0).send_rids[1].id == "m");
    fail_unless (a.n.find (*t)->encodings.size () == taken);
    // The next offer has what was taken.
    const auto again = a.n.create_offer ();
    fail_unless (again->media[0].simulcast.has_value () == (taken > 0));
    fail_unless (again->media[0].rids.size () == taken);
  }
}
GST_END_TEST

// A server offers to receive several qualities.
GST_START_TEST (test_simulcast_asked)
{
  Peer a (1), b (2);
  b.track (K::video, "cam");
  a.transceiver (K::video, D::recvonly);
  fine (a.n.set_local ());
  sdp::Description offered = wire (*a.n.local ());
  sdp::Media &m = offered.media[0];
  m.rids = {{"1", false, ""}, {"2", false, "max-fps=15"}};
  m.simulcast = sdp::Simulcast{{}, {{{"1", false}}, {{"2", true}}}};
  fine (b.n.set_remote (T::offer, offered));
  fail_unless (b.at (0).encodings.size () == 2);
  fine (b.n.set_local ());
  const sdp::Media &r = b.n.local ()->media[0];
  fail_unless (r.simulcast->send.size () == 2 && r.rids[1].send && r.ssrcs.empty ());
  fail_unless (media (b, 0).send_rids.size () == 2);
  fail_unless (media (b, 0).send_rids[1].restrictions == "max-fps=15");
  // Without the rid extension nobody could tell the streams apart.
  Peer c (3);
  c.track (K::video, "cam");
  std::erase_if (m.extensions, [] (const sdp::ExtMap &e) { return e.uri == uri::rid; });
  fine (c.n.set_remote (T::offer, offered));
  fine (c.n.set_local ());
  fail_unless (!c.n.local ()->media[0].simulcast && media (c, 0).send_rids.empty ());
}
GST_END_TEST

static Suite *jsep_suite ()
{
  Suite *s = suite_create ("rtc-jsep-media");
  TCase *tc = tcase_create ("media");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_chromium);
  tcase_add_test (tc, test_firefox);
  tcase_add_test (tc, test_answer_of_one_codec);
  tcase_add_test (tc, test_h264);
  tcase_add_test (tc, test_matching);
  tcase_add_test (tc, test_payload_types);
  tcase_add_test (tc, test_no_codec);
  tcase_add_test (tc, test_extensions);
  tcase_add_test (tc, test_simulcast_send);
  tcase_add_test (tc, test_simulcast_asked);
  return s;
}

GST_CHECK_MAIN (jsep)
