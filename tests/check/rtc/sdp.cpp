// SPDX-License-Identifier: LGPL-2.1-or-later
// SDP: what browsers write, what is refused, and limits.
#include "rtc/proto/sdp.h"
#include "../check.h"
#include "browser_sdp.h"

using namespace reach::rtc;
using namespace reach::rtc::sdp;
using reach::test::chromium_offer, reach::test::crlf, reach::test::firefox_offer;

namespace {
Description good (const std::string &text)
{
  Parsed p = parse (text);
  fail_unless (
      static_cast<bool> (p), "line %zu: %s", p.line, std::string (to_string (p.fault)).c_str ());
  // What is written reads the same, and is written the same.
  const std::string written = to_string (p.description);
  const Parsed again = parse (written);
  fail_unless (static_cast<bool> (again), "line %zu of\n%s", again.line, written.c_str ());
  fail_unless (again.description == p.description, "%s", written.c_str ());
  fail_unless_equals_string (to_string (again.description).c_str (), written.c_str ());
  return std::move (p.description);
}

const std::string session = crlf ("v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\nt=0 0\n");
const std::string audio = crlf ("m=audio 9 UDP/TLS/RTP/SAVPF 111\na=rtpmap:111 opus/48000/2\n");

const Codec &codec (const Media &m, unsigned pt)
{
  for (const Codec &c : m.codecs)
    if (c.payload_type == pt)
      return c;
  ck_abort_msg ("no payload type %u", pt);
}
} // namespace

GST_START_TEST (test_chromium)
{
  const Description d = good (chromium_offer);
  fail_unless (d.media.size () == 3 && d.extmap_allow_mixed);
  fail_unless ((d.bundle () && d.bundle ()->mids == std::vector<std::string>{"0", "1", "2"}));
  const Media &a = d.media[0], &v = d.media[1], &data = d.media[2];
  fail_unless (a.media_kind () == MediaKind::audio && a.is_rtp () && !a.rejected ());
  fail_unless (a.candidates.size () == 3 && a.candidates[1].tcp_type == TcpType::active);
  fail_unless (a.candidates[0].network_id == 1u && a.candidates[0].network_cost == 10u);
  fail_unless (address_form (a.candidates[0].address) == AddressForm::mdns);
  fail_unless (
      a.candidates[2].type == CandidateType::srflx && a.candidates[2].related_address == "0.0.0.0");
  fail_unless_equals_string (a.transport.ufrag.c_str (), "7sFv");
  fail_unless (a.transport.setup == Setup::actpass && a.transport.fingerprints.size () == 1);
  fail_unless (a.transport.fingerprints[0].digest.size () == 32 &&
               a.transport.fingerprints[0].digest[31] == 8);
  fail_unless (codec (a, 111).channels == 2 && codec (a, 63).fmtp == "111/111");
  fail_unless (v.codecs.size () == 23 && v.extensions.size () == 11);
  fail_unless (codec (v, 96).feedback.size () == 5 && codec (v, 97).fmtp == "apt=96");
  fail_unless (v.ssrcs.size () == 2 && v.ssrcs[0].attributes[0].name == "cname");
  fail_unless ((v.ssrc_groups[0].ssrcs == std::vector<std::uint32_t>{1811430217, 3045367853}));
  fail_unless (v.rtcp_mux && v.rtcp_rsize && !v.extmap_allow_mixed);
  fail_unless (data.sctp_port == 5000 && data.max_message_size == 262144u);
  fail_unless (data.formats[0] == "webrtc-datachannel" && !data.is_rtp ());
}
GST_END_TEST

GST_START_TEST (test_firefox)
{
  const Description d = good (firefox_offer);
  fail_unless (d.media.size () == 2);
  const Media &v = d.media[0], &a = d.media[1];
  // The session's fingerprint is that of both.
  fail_unless (v.transport.fingerprints.size () == 1 &&
               v.transport.fingerprints == a.transport.fingerprints);
  fail_unless (v.transport.ice_options == a.transport.ice_options && a.transport.ufrag.empty ());
  fail_unless (a.bundle_only && a.port == 0 && !a.rejected ());
  fail_unless (a.direction () == Direction::recvonly);
  fail_unless (v.extensions[3].direction == Direction::recvonly && v.extensions[3].id == 6);
  fail_unless (codec (a, 0).name == "PCMU" && codec (a, 0).channels == 1);
  fail_unless (codec (v, 127).fmtp == "apt=126");
  fail_unless (v.msids[0].track == "{2c8b1d4f-6e20-4c6b-9b66-000000000002}");
}
GST_END_TEST

GST_START_TEST (test_small_differences)
{
  // LF only, no end of the last line, unknown attributes, static payload types.
  const Description d = good ("v=0\no=me 1 2 IN IP6 ::1\ns= \nt=0 0\na=foo\na=bar:b a r\n"
                              "m=audio 9 UDP/TLS/RTP/SAVPF 0 8\na=sendonly\nb=AS:50\na=foo:1");
  fail_unless ((d.other == std::vector<Attribute>{{"foo", ""}, {"bar", "b a r"}}));
  const Media &m = d.media[0];
  fail_unless (codec (m, 0).name == "PCMU" && codec (m, 8).clock_rate == 8000);
  fail_unless ((m.other == std::vector<Attribute>{{"foo", "1"}}) && m.bandwidth[0] == "AS:50");
  fail_unless (m.direction () == Direction::sendonly);
  // What the session says is for m-lines that say nothing.
  const Description s = good (session +
                              crlf ("a=recvonly\na=setup:active\na=ice-ufrag:abcd\n"
                                    "a=ice-pwd:0123456789012345678901\n"
                                    "a=extmap:1 urn:x\n") +
                              audio + audio + crlf ("a=inactive\na=setup:passive\n"));
  fail_unless (s.media[0].direction () == Direction::recvonly);
  fail_unless (s.media[0].transport.ufrag == "abcd" && s.media[0].transport.setup == Setup::active);
  fail_unless (s.media[0].extensions.size () == 1);
  fail_unless (s.media[1].direction () == Direction::inactive);
  fail_unless (s.media[1].transport.setup == Setup::passive);
  // Feedback of all payload types.
  const Description f =
      good (session + crlf ("m=video 9 UDP/TLS/RTP/SAVPF 96 97\na=rtpmap:96 VP8/90000\n"
                            "a=rtcp-fb:96 nack\na=rtcp-fb:* nack\na=rtcp-fb:* ccm fir\n"));
  fail_unless ((f.media[0].codecs[0].feedback == std::vector<std::string>{"nack", "ccm fir"}));
  fail_unless ((f.media[0].codecs[1].feedback == std::vector<std::string>{"nack", "ccm fir"}));
}
GST_END_TEST

GST_START_TEST (test_rids)
{
  const Description d =
      good (session +
            crlf ("m=video 9 UDP/TLS/RTP/SAVPF 96\na=rtpmap:96 VP8/90000\n"
                  "a=rid:h send pt=96;max-width=1280\na=rid:m send\na=rid:l send\na=rid:r recv\n"
                  "a=simulcast:send h;~m,l recv r\n"));
  const Media &m = d.media[0];
  fail_unless (m.rids.size () == 4 && m.rids[0].restrictions == "pt=96;max-width=1280");
  fail_unless (m.rids[0].send && !m.rids[3].send && m.simulcast);
  fail_unless (m.simulcast->send.size () == 2 && m.simulcast->send[1].size () == 2);
  fail_unless (m.simulcast->send[1][0].paused && !m.simulcast->send[1][1].paused);
  fail_unless (m.simulcast->receive[0][0].id == "r");
}
GST_END_TEST

GST_START_TEST (test_fingerprints)
{
  const auto of = [] (const std::string &lines) {
    return good (session + audio + crlf (lines)).media[0].transport.fingerprints;
  };
  const auto hex = [] (std::size_t n) {
    std::string s = "aB";
    for (std::size_t i = 1; i < n; i++)
      s += ":0" + std::to_string (i % 10);
    return s;
  };
  // Case of names and digits does not matter; several; hashes that nobody knows are left out.
  const auto all = of ("a=fingerprint:SHA-1 " + hex (20) + "\na=fingerprint:sha-256 " + hex (32) +
                       "\na=fingerprint:sha-384 " + hex (48) + "\na=fingerprint:sha-512 " +
                       hex (64) + "\na=fingerprint:md-9 00:11\n");
  fail_unless (all.size () == 4 && all[0].hash == "sha-1" && all[0].digest[0] == 0xab);
  fail_unless (all[3].digest.size () == 64);
  for (const std::string &bad : {"sha-256 " + hex (31), "sha-256 " + hex (33), "sha-1 " + hex (32),
           std::string ("sha-256"), "sha-256 g0" + hex (31).substr (2)}) {
    const Parsed p = parse (session + audio + "a=fingerprint:" + bad + "\r\n");
    fail_unless (p.fault == Fault::bad_attribute && p.line == 7, "%s", bad.c_str ());
  }
}
GST_END_TEST

GST_START_TEST (test_bad)
{
  struct Case {
    const char *text;
    Fault fault;
    std::size_t line;
  };
  static const Case sessions[] = {
      {"", Fault::bad_order, 0},
      {"v=1\n", Fault::bad_version, 1},
      {"o=- 1 2 IN IP4 1.1.1.1\nv=0\n", Fault::bad_order, 1},
      {"v=0\nv=0\n", Fault::bad_order, 2},
      {"v=0\no=- x 2 IN IP4 1.1.1.1\n", Fault::bad_origin, 2},
      {"v=0\no=- 1 2 IN IP4\n", Fault::bad_origin, 2},
      {"v=0\no=- 1 2 XX IP4 1.1.1.1\n", Fault::bad_origin, 2},
      {"v=0\no=- 1 2 IN IP4 1.1.1.1\ns=\n", Fault::bad_line, 3},
      {"v=0\no=- 1 2 IN IP4 1.1.1.1\nt=0 0\ns=-\n", Fault::bad_order, 4},
      {"v=0\no=- 1 2 IN IP4 1.1.1.1\ns=-\nt=0\n", Fault::bad_time, 4},
      {"v=0\no=- 1 2 IN IP4 1.1.1.1\ns=-\nm=audio 9 X 0\n", Fault::bad_order, 4},
      {"v=0\nxyz\n", Fault::bad_line, 2},
      {"v=0\n\no=- 1 2 IN IP4 1.1.1.1\n", Fault::bad_line, 2},
      {"v=0\nV=0\n", Fault::bad_line, 2},
      {"v=0\ns=a\tb\n", Fault::bad_line, 2},
  };
  for (const Case &c : sessions) {
    const Parsed p = parse (crlf (c.text));
    fail_unless (p.fault == c.fault && p.line == c.line, "%s: %s in line %zu", c.text,
        std::string (to_string (p.fault)).c_str (), p.line);
    fail_unless (p.description.media.empty ());
  }
  static const Case medias[] = {
      {"m=audio 9 UDP/TLS/RTP/SAVPF\n", Fault::bad_media, 5},
      {"m=audio 65536 UDP/TLS/RTP/SAVPF 0\n", Fault::bad_media, 5},
      {"m=audio 9/2 UDP/TLS/RTP/SAVPF 0\n", Fault::bad_media, 5},
      {"m=audio 9 UDP/TLS/RTP/SAVPF 128\n", Fault::bad_media, 5},
      {"m=audio 9 UDP/TLS/RTP/SAVPF x\n", Fault::bad_media, 5},
      {"m=audio 9 UDP/TLS/RTP/SAVPF 0 8 0\n", Fault::duplicate_payload_type, 5},
      {"m=audio 9 UDP/TLS/RTP/SAVPF 0\nc=IN IP4\n", Fault::bad_connection, 6},
      {"m=audio 9 UDP/TLS/RTP/SAVPF 0\nt=0 0\n", Fault::bad_order, 6},
  };
  for (const Case &c : medias) {
    const Parsed p = parse (session + crlf (c.text));
    fail_unless (p.fault == c.fault && p.line == c.line, "%s", c.text);
  }
}
GST_END_TEST

GST_START_TEST (test_bad_attributes)
{
  static const char *const cases[] = {"ice-ufrag:abc", "ice-ufrag:ab cd", "ice-ufrag:ab-d",
      "ice-pwd:012345678901234567890", "ice-pwd:012345678901234567890!", "setup:both",
      "setup:", "mid:", "mid:a b", "rtpmap:111 opus", "rtpmap:111 opus/0", "rtpmap:111 op us/48000",
      "rtpmap:111 opus/48000/x", "fmtp:111", "rtcp-fb:111", "extmap:0 urn:x", "extmap:1",
      "extmap:1/both urn:x", "extmap:x urn:x", "ssrc:x cname:a", "ssrc:4294967296 cname:a",
      "ssrc:1", "ssrc-group:FID", "ssrc-group:FID x", "rid:a", "rid:a both", "rid:a,b send",
      "rid:a send\na=rid:a send", "simulcast:", "simulcast:send", "simulcast:send a;;b",
      "simulcast:send a;", "simulcast:send a,", "simulcast:send a send b", "simulcast:both a",
      "sctp-port:0", "sctp-port:65536", "sctp-port:x", "max-message-size:-1", "rtcp-mux:1",
      "bundle-only:1", "msid:", "msid:a b c", "tls-id:short", "ice-options:", ": x", "a b:c"};
  for (const char *text : cases) {
    const Parsed p = parse (session + audio + "a=" + crlf (text) + "\r\n");
    fail_unless (p.fault == Fault::bad_attribute, "%s: %s", text,
        std::string (to_string (p.fault)).c_str ());
  }
  static const char *const twice[] = {"ice-ufrag:abcd", "ice-pwd:0123456789012345678901",
      "setup:active", "mid:a", "sctp-port:1", "max-message-size:1", "sendrecv"};
  for (const char *text : twice) {
    const std::string line = "a=" + std::string (text) + "\r\n";
    fail_unless (parse (session + audio + line));
    fail_unless (
        parse (session + audio + line + line).fault == Fault::duplicate_attribute, "%s", text);
  }
  const std::string mid = "a=mid:x\r\n";
  fail_unless (parse (session + audio + mid + audio + mid).fault == Fault::duplicate_mid);
  // A candidate that we do not understand is the peer's loss, not the description's.
  const Parsed p = parse (session + audio + "a=candidate:1 1 quic 1 1.1.1.1 1 typ host\r\n");
  fail_unless (p && p.description.media[0].candidates.empty ());
}
GST_END_TEST

GST_START_TEST (test_limits)
{
  const auto fault = [] (Limits l, const std::string &text) { return parse (text, l).fault; };
  const std::string text = session + audio + audio;
  fail_unless (fault ({.bytes = text.size ()}, text) == Fault::none);
  fail_unless (fault ({.bytes = text.size () - 1}, text) == Fault::too_long);
  fail_unless (fault ({.line = 20}, text) == Fault::too_long);
  fail_unless (fault ({.lines = 7}, text) == Fault::too_many);
  fail_unless (fault ({.media = 1}, text) == Fault::too_many);
  fail_unless (fault ({.attributes = 1}, text) == Fault::none);
  fail_unless (fault ({.attributes = 1}, text + "a=x\r\n") == Fault::too_many);
  const std::string candidate = "a=candidate:1 1 udp 1 1.1.1.1 1 typ host\r\n";
  fail_unless (fault ({.candidates = 1}, text + candidate) == Fault::none);
  fail_unless (fault ({.candidates = 1}, text + candidate + candidate) == Fault::too_many);
  fail_unless (fault ({.name = 3}, text + "a=mid:abcd\r\n") == Fault::bad_attribute);
  fail_unless (parse (std::string (300000, 'x')).fault == Fault::too_long);
}
GST_END_TEST

GST_START_TEST (test_every_prefix)
{
  // Cut anywhere it is refused with a line, or is a description that reads the same again.
  for (const std::string *text : {&chromium_offer, &firefox_offer})
    for (std::size_t n = 0; n < text->size (); n++) {
      const Parsed p = parse (std::string_view (*text).substr (0, n));
      if (!p)
        fail_unless (p.description.media.empty () && (p.line > 0 || n == 0));
      else if (n % 16 == 0)
        fail_unless (parse (to_string (p.description)).description == p.description);
    }
}
GST_END_TEST

GST_START_TEST (test_candidates)
{
  struct Case {
    const char *text; // as it is written again, or nullptr: as it is
    const char *again;
  };
  static const Case cases[] = {
      {"candidate:1 1 udp 2122260223 192.0.2.1 5000 typ host", nullptr},
      {"a=candidate:1 1 UDP 1 2001:db8::1 5000 typ host generation 0",
          "candidate:1 1 udp 1 2001:db8::1 5000 typ host generation 0"},
      {"candidate:a+/9 256 udp 0 ::ffff:192.0.2.1 0 typ relay raddr 10.0.0.1 rport 7", nullptr},
      {"candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype active", nullptr},
      {"candidate:1 1 TCP 1 192.0.2.1 80 typ srflx raddr 10.0.0.1 rport 9 tcptype so",
          "candidate:1 1 tcp 1 192.0.2.1 80 typ srflx raddr 10.0.0.1 rport 9 tcptype so"},
      {"candidate:1 1 udp 1 abc-def.local 1 typ host generation 0 ufrag abcd network-id 3 "
       "network-cost 50",
          nullptr},
      {"candidate:1 1 udp 1 turn.example.org 1 typ prflx foo bar baz 1", nullptr},
      {"candidate:1 1 udp 1 192.0.2.1 1 typ srflx rport 9",
          "candidate:1 1 udp 1 192.0.2.1 1 typ srflx"},
  };
  for (const Case &c : cases) {
    const auto read = parse_candidate (c.text);
    fail_unless (read.has_value (), "%s", c.text);
    fail_unless_equals_string (to_string (*read).c_str (), c.again ? c.again : c.text);
    fail_unless (parse_candidate (to_string (*read)) == read);
  }
  static const char *const bad[] = {"", "candidate:", "candidate:1 1 udp 1 192.0.2.1 5000 typ",
      "1 1 udp 1 192.0.2.1 5000 typ host", "candidate:1 0 udp 1 192.0.2.1 1 typ host",
      "candidate:1 257 udp 1 192.0.2.1 1 typ host", "candidate:1 1 sctp 1 192.0.2.1 1 typ host",
      "candidate:1 1 udp 4294967296 192.0.2.1 1 typ host",
      "candidate:1 1 udp 1 192.0.2.256 1 typ host", "candidate:1 1 udp 1 192.0.2.1 65536 typ host",
      "candidate:1 1 udp 1 192.0.2.1 1 typ guest", "candidate:1 1 udp 1 192.0.2.1 1 typ host raddr",
      "candidate:1 1 udp 1 192.0.2.1 1 typ host raddr ! rport 1",
      "candidate:1 1 udp 1 192.0.2.1 1 typ host rport x",
      "candidate:1 1 udp 1 192.0.2.1 1 typ host tcptype active",
      "candidate:1 1 tcp 1 192.0.2.1 1 typ host tcptype x",
      "candidate:1 1 udp 1 192.0.2.1 1 typ host ufrag ab!d", "candidate:1 1 udp 1 a_b 1 typ host",
      "candidate:1 1 udp 1 a.b.local 1 typ host", "candidate:1-2 1 udp 1 1.1.1.1 1 typ host",
      "candidate:123456789012345678901234567890123 1 udp 1 1.1.1.1 1 typ host"};
  for (const char *text : bad)
    fail_unless (!parse_candidate (text), "%s", text);
  fail_unless (
      !parse_candidate ("candidate:1 1 udp 1 1.1.1.1 1 typ host x " + std::string (1024, 'y')));
}
GST_END_TEST

GST_START_TEST (test_addresses)
{
  using F = AddressForm;
  static const std::pair<const char *, F> cases[] = {{"0.0.0.0", F::ipv4}, {"1.2.3", F::invalid},
      {"1.2.3.4.5", F::invalid}, {"1.2.3.", F::invalid}, {"::", F::ipv6}, {"::1", F::ipv6},
      {"1::", F::ipv6}, {"1:2:3:4:5:6:7:8", F::ipv6}, {"1:2:3:4:5:6:7", F::invalid},
      {"1::2::3", F::invalid}, {":1", F::invalid}, {"1:", F::invalid}, {"12345::", F::invalid},
      {"::1.2.3.4", F::ipv6}, {"1:2:3:4:5:6:1.2.3.4", F::ipv6}, {"fe80::1%eth0", F::invalid},
      {"a.local", F::mdns}, {"A.LOCAL", F::mdns}, {".local", F::invalid}, {"local", F::name},
      {"a-b.example", F::name}, {"a..b", F::invalid}, {"-a", F::invalid}, {"", F::invalid}};
  for (const auto &[text, form] : cases)
    fail_unless (address_form (text) == form, "%s", text);
}
GST_END_TEST

static Suite *sdp_suite ()
{
  Suite *s = suite_create ("rtc-sdp");
  TCase *tc = tcase_create ("sdp");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_chromium);
  tcase_add_test (tc, test_firefox);
  tcase_add_test (tc, test_small_differences);
  tcase_add_test (tc, test_rids);
  tcase_add_test (tc, test_fingerprints);
  tcase_add_test (tc, test_bad);
  tcase_add_test (tc, test_bad_attributes);
  tcase_add_test (tc, test_limits);
  tcase_add_test (tc, test_every_prefix);
  tcase_add_test (tc, test_candidates);
  tcase_add_test (tc, test_addresses);
  return s;
}

GST_CHECK_MAIN (sdp)
