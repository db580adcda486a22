// SPDX-License-Identifier: LGPL-2.1-or-later
// The client's part of WHIP and WHEP against a scripted server: each case of RFC 9725 by itself.
#include "rtc/proto/sdp.h"
#include "whip_script.h"

using namespace reach;
using namespace reach::test;
namespace sdp = reach::rtc::sdp;

GST_START_TEST (offer_answer_and_end)
{
  for (const char *way : {"whip", "whep"}) {
    Loop loop ("test-whip");
    Script script;
    SignalledPeer p (loop, script.uri (way), "secret");
    fail_unless (p.saw ("peer offers"));
    p.send_description ("offer", "v=0 early");
    p.present = "v=0 with candidates";
    p.send_candidate ({"candidate:1", "0", 0, {}});
    p.send_candidate ({});
    const auto post = script.take ("POST");
    fail_unless_equals_string (post.target.c_str (), "/live/cam");
    fail_unless_equals_string (post.authorization.c_str (), "Bearer secret");
    fail_unless_equals_string (post.type.c_str (), "application/sdp");
    fail_unless_equals_string (post.body.c_str (), "v=0 with candidates");
    fail_unless (p.saw ("answer v=0 theirs"));
    p.goodbye ();
    const auto end = script.take ("DELETE");
    fail_unless_equals_string (end.target.c_str (), "/live/session/7");
    fail_unless_equals_string (end.authorization.c_str (), "Bearer secret");
  }
}
GST_END_TEST

namespace {
const std::string head = "v=0\r\no=- 4611 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
// As much of a description as ICE needs.
std::string description (const std::string &ufrag, const std::string &candidates = {})
{
  return head +
         "a=group:BUNDLE 0 1\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\n"
         "a=mid:0\r\na=ice-ufrag:" +
         ufrag + "\r\na=ice-pwd:" + std::string (24, ufrag[0]) +
         "\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n" + candidates +
         "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=ice-ufrag:" + ufrag +
         "\r\na=ice-pwd:" + std::string (24, ufrag[0]) +
         "\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n";
}
const std::string candidate_a = "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host";
const std::string candidate_b = "candidate:2 1 udp 2130706430 192.0.2.2 5001 typ host";

// A session that the server has taken.
void join (SignalledPeer &p, Script &script)
{
  fail_unless (p.saw ("peer offers"));
  p.present = description ("aaaa", "a=" + candidate_a + "\r\n");
  p.send_description ("offer", p.present.c_str ());
  p.send_candidate ({});
  script.take ("POST");
  fail_unless (p.saw ("answer " + script.answer));
}
} // namespace

// Candidates that come after the offer has gone; each PATCH of the generation that the ETag names.
GST_START_TEST (late_candidates_trickle)
{
  Loop loop ("test-whip");
  Script script;
  SignalledPeer p (loop, script.uri ("whip"), "secret");
  join (p, script);
  p.send_candidate ({candidate_b, "0", 0, {}});
  const auto one = script.take ("PATCH");
  fail_unless_equals_string (one.target.c_str (), "/live/session/7");
  fail_unless_equals_string (one.type.c_str (), "application/trickle-ice-sdpfrag");
  fail_unless_equals_string (one.if_match.c_str (), "\"one\"");
  fail_unless_equals_string (one.authorization.c_str (), "Bearer secret");
  fail_unless_equals_string (one.body.c_str (),
      ("a=group:BUNDLE 0 1\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=ice-ufrag:aaaa\r\n"
       "a=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa\r\na=" +
          candidate_b + "\r\n")
          .c_str ());
  p.send_candidate ({});
  const auto two = script.take ("PATCH");
  fail_unless (
      two.body.ends_with ("a=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa\r\na=end-of-candidates\r\n"));
}
GST_END_TEST

// It says so once, and the session goes on without.
GST_START_TEST (server_without_trickle)
{
  for (const unsigned status : {405u, 412u, 422u, 501u}) {
    Loop loop ("test-whip");
    Script script;
    SignalledPeer p (loop, script.uri ("whip"));
    join (p, script);
    script.next ("PATCH", {status, "text/plain", "no\n", {}});
    p.send_candidate ({candidate_b, "0", 0, {}});
    script.take ("PATCH");
    p.send_candidate ({candidate_a, "0", 0, {}});
    if (status == 412) // of before a restart: the next one may be right
      script.take ("PATCH");
    p.goodbye ();
    script.take ("DELETE");
    fail_unless_equals_uint64 (script.asked (), 0);
    fail_unless_equals_int (p.times ("lost") + p.times ("fatal"), 0);
  }
}
GST_END_TEST

// RFC 9725, 4.3.3: ICE alone changes; the rest of the answer stays.
GST_START_TEST (ice_restarts)
{
  Loop loop ("test-whip");
  Script script;
  script.answer = description ("srv1", "a=" + candidate_a + "\r\n");
  SignalledPeer p (loop, script.uri ("whip"), "secret");
  join (p, script);
  p.present = description ("bbbb", "a=" + candidate_b + "\r\na=end-of-candidates\r\n");
  script.next ("PATCH", {200, "application/trickle-ice-sdpfrag",
                            "a=ice-ufrag:srv2\r\na=ice-pwd:ssssssssssssssssssssssss\r\n"
                            "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=" +
                                candidate_b + "\r\n",
                            {{"ETag", "\"two\""}}});
  p.send_description ("offer", p.present.c_str ());
  p.send_candidate ({});
  const auto patch = script.take ("PATCH");
  fail_unless_equals_string (patch.if_match.c_str (), "*");
  fail_unless (patch.body.find ("a=ice-ufrag:bbbb\r\n") != std::string::npos);
  fail_unless (patch.body.find (candidate_b) != std::string::npos);
  fail_unless (patch.body.find (candidate_a) == std::string::npos);
  const auto expected = sdp::parse (description ("srv2", "a=" + candidate_b + "\r\n")).description;
  std::string told;
  fail_unless (p.saw_some ("answer ", told));
  auto got = sdp::parse (told);
  fail_unless (bool (got), "%s", told.c_str ());
  fail_unless (got.description.media.size () == 2);
  for (std::size_t i = 0; i < 2; i++) {
    fail_unless_equals_string (got.description.media[i].transport.ufrag.c_str (), "srv2");
    fail_unless_equals_string (
        got.description.media[i].transport.pwd.c_str (), "ssssssssssssssssssssssss");
    fail_unless (got.description.media[i].candidates == expected.media[i].candidates);
    fail_unless (got.description.media[i].codecs == expected.media[i].codecs);
  }
  p.send_candidate ({candidate_a, "0", 0, {}}); // of the new generation
  fail_unless_equals_string (script.take ("PATCH").if_match.c_str (), "\"two\"");
}
GST_END_TEST

// What cannot be told begins a new session: a restart that the server does not take, another offer.
GST_START_TEST (begins_anew)
{
  for (const int what : {0, 1, 2}) {
    Loop loop ("test-whip");
    Script script;
    script.answer = description ("srv1");
    SignalledPeer p (loop, script.uri ("whip"));
    join (p, script);
    p.present = description ("bbbb");
    if (what == 0)
      script.next ("PATCH", {405, "text/plain", "no\n", {}});
    else if (what == 1)
      script.next ("PATCH", {200, "application/trickle-ice-sdpfrag", "nonsense", {}});
    else
      p.present += "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\n";
    p.send_description ("offer", p.present.c_str ());
    p.send_candidate ({});
    fail_unless_equals_string (script.take ("DELETE").target.c_str (), "/live/session/7");
    fail_unless (p.saw ("lost"));
    join (p, script);
  }
}
GST_END_TEST

// The way and the address of the server that was told (RFC 9725, 4.5), and the token alone to that.
GST_START_TEST (redirects)
{
  for (const unsigned status : {307u, 308u}) {
    Loop loop ("test-whip");
    Script script, other;
    SignalledPeer p (loop, script.uri ("whip"), "secret");
    fail_unless (p.saw ("peer offers"));
    script.next ("POST", {status, "text/plain", "", {{"Location", "../edge/2"}}});
    script.next ("POST", {status, "text/plain", "", {{"Location", other.origin () + "/far"}}});
    p.send_description ("offer", "v=0 one");
    p.present = "v=0 whole";
    p.send_candidate ({});
    fail_unless_equals_string (script.take ("POST").target.c_str (), "/live/cam");
    const auto second = script.take ("POST");
    fail_unless_equals_string (second.target.c_str (), "/edge/2");
    fail_unless_equals_string (second.authorization.c_str (), "Bearer secret");
    fail_unless_equals_string (second.body.c_str (), "v=0 whole");
    const auto third = other.take ("POST");
    fail_unless_equals_string (third.target.c_str (), "/far");
    fail_unless_equals_string (third.authorization.c_str (), "");
    fail_unless_equals_string (third.type.c_str (), "application/sdp");
    fail_unless_equals_string (third.body.c_str (), "v=0 whole");
    fail_unless (p.saw ("answer v=0 theirs"));
    p.goodbye (); // relative to who has answered
    const auto end = other.take ("DELETE");
    fail_unless_equals_string (end.target.c_str (), "/live/session/7");
    fail_unless_equals_string (end.authorization.c_str (), "");
  }
}
GST_END_TEST

GST_START_TEST (redirects_that_are_refused)
{
  for (const char *to : {"", "ftp://127.0.0.1/", "file:///etc/passwd", "/live/cam", "http://"})
    for (const unsigned status : {301u, 302u, 303u, 307u}) {
      if (status != 307 && *to)
        continue;
      Loop loop ("test-whip");
      Script script;
      for (int i = 0; i < 20; i++)
        script.next ("POST", {status, "text/plain", "", {{"Location", to}}});
      SignalledPeer p (loop, script.uri ("whip"));
      fail_unless (p.saw ("peer offers"));
      p.send_description ("offer", "v=0 one");
      p.send_candidate ({});
      fail_unless (p.saw ("fatal"), "%u %s", status, to);
      fail_unless (script.asked () <= 6);
    }
}
GST_END_TEST

// Where the session is may be elsewhere; never a token goes there, and nothing but HTTP.
GST_START_TEST (session_elsewhere)
{
  for (const bool http : {true, false}) {
    Loop loop ("test-whip");
    Script script, other;
    SignalledPeer p (loop, script.uri ("whip"), "secret");
    fail_unless (p.saw ("peer offers"));
    const std::string location = http ? other.origin () + "/s/1" : "ftp://127.0.0.1/s/1";
    script.next ("POST", {201, "application/sdp", "v=0 theirs", {{"Location", location}}});
    p.send_description ("offer", "v=0 one");
    p.send_candidate ({});
    fail_unless (p.saw ("answer v=0 theirs"));
    p.goodbye ();
    script.take ("POST");
    fail_unless_equals_uint64 (script.asked (), 0);
    if (http)
      fail_unless_equals_string (other.take ("DELETE").authorization.c_str (), "");
  }
}
GST_END_TEST

GST_START_TEST (server_says_when)
{
  struct Case {
    const char *way;
    unsigned status;
    const char *after;
    bool again;
  };
  const Case cases[] = {{"whip", 503, "1", true}, {"whip", 429, nullptr, true},
      {"whep", 409, nullptr, true}, {"whip", 409, nullptr, false}, {"whip", 404, "0", true},
      {"whip", 404, nullptr, false}, {"whip", 406, nullptr, false}, {"whep", 406, nullptr, false},
      {"whip", 503, "Thu, 01 Jan 1970 00:00:00 GMT", true}, {"whip", 503, "x", true},
      {"whip", 200, nullptr, false}};
  for (const Case &c : cases) {
    Loop loop ("test-whip");
    Script script;
    Script::Answer a{c.status, "text/plain", "no\n", {}};
    if (c.after)
      a.headers.emplace_back ("Retry-After", c.after);
    script.next ("POST", a);
    SignalledPeer p (loop, script.uri (c.way));
    fail_unless (p.saw ("peer offers"));
    p.send_description ("offer", "v=0 one");
    p.send_candidate ({});
    fail_unless (p.saw (c.again ? "lost" : "fatal"), "%s %u", c.way, c.status);
    const TimePoint from = Clock::now ();
    if (c.again) {
      fail_unless (p.saw ("peer offers"));
      const Duration pause = Clock::now () - from;
      fail_unless (
          g_strcmp0 (c.after, "1") == 0 ? pause > milliseconds (900) : pause < milliseconds (900));
    }
  }
}
GST_END_TEST

// draft-ietf-wish-whep: 406 with an offer, which is answered by PATCH.
GST_START_TEST (counter_offer)
{
  for (const bool taken : {true, false}) {
    Loop loop ("test-whip");
    Script script;
    script.next ("POST", {406, "application/sdp", "v=0 their offer",
                             {{"Location", "/live/session/8"}, {"ETag", "\"x\""}}});
    if (!taken)
      script.next ("PATCH", {400, "text/plain", "no\n", {}});
    SignalledPeer p (loop, script.uri ("whep"), "secret");
    fail_unless (p.saw ("peer offers"));
    p.send_description ("offer", "v=0 one");
    p.send_candidate ({});
    fail_unless (p.saw ("peer")); // a new one, that does not offer
    fail_unless (p.saw ("offer v=0 their offer"));
    p.present = "v=0 our answer";
    p.send_description ("answer", "v=0 early");
    p.send_candidate ({candidate_a, "0", 0, {}});
    p.send_candidate ({});
    const auto patch = script.take ("PATCH");
    fail_unless_equals_string (patch.target.c_str (), "/live/session/8");
    fail_unless_equals_string (patch.type.c_str (), "application/sdp");
    fail_unless_equals_string (patch.body.c_str (), "v=0 our answer");
    fail_unless_equals_string (patch.authorization.c_str (), "Bearer secret");
    if (taken)
      p.goodbye ();
    fail_unless_equals_string (script.take ("DELETE").target.c_str (), "/live/session/8");
    if (!taken)
      fail_unless (p.saw ("lost") && p.saw ("peer offers"));
  }
}
GST_END_TEST

// Of the answer that begins the session, and of no other. The offer has said nothing of an end of
// candidates, which would have been one too early.
GST_START_TEST (ice_servers)
{
  const auto link = [] (const char *host) {
    return std::string ("<turn:") + host +
           ">; rel=\"ice-server\"; username=user; credential=word; credential-type=password";
  };
  Loop loop ("test-whip");
  Script script, other;
  SignalledPeer p (loop, script.uri ("whip"));
  fail_unless (p.saw ("peer offers"));
  for (int i = 0; i < 2; i++)
    script.next ("POST",
        {307, "text/plain", "", {{"Location", other.origin () + "/far"}, {"Link", link ("a")}}});
  other.next ("POST", {503, "text/plain", "no\n", {{"Link", link ("b")}, {"Retry-After", "0"}}});
  other.next ("POST", {201, "application/sdp", "v=0 theirs",
                          {{"Location", "/live/session/7"}, {"ETag", "\"one\""},
                              {"Link", "<stun:c>; rel=ice-server"}, {"Link", link ("d")}}});
  p.present = description ("aaaa", "a=" + candidate_a + "\r\na=end-of-candidates\r\n");
  p.send_description ("offer", p.present.c_str ());
  p.send_candidate ({});
  fail_unless (p.saw ("lost") && p.saw ("peer offers"));
  p.send_description ("offer", p.present.c_str ());
  p.send_candidate ({});
  script.take ("POST");
  fail_unless_equals_string (other.take ("POST").body.c_str (),
      description ("aaaa", "a=" + candidate_a + "\r\n").c_str ());
  fail_unless (p.saw ("server stun:c  ") && p.saw ("server turn:d user word"));
  fail_unless (p.saw ("answer v=0 theirs"));
  fail_unless (p.times ("server turn:a user word") + p.times ("server turn:b user word") == 0);
  p.send_candidate ({candidate_b, "0", 0, {}}); // as of a relay
  const auto patch = other.take ("PATCH");
  fail_unless (patch.body.find (candidate_b) != std::string::npos, "%s", patch.body.c_str ());
}
GST_END_TEST

// A session that the server may have made when this side leaves is ended nonetheless.
GST_START_TEST (leaves_while_it_asks)
{
  Loop loop ("test-whip");
  Script script;
  SignalledPeer p (loop, script.uri ("whip"));
  fail_unless (p.saw ("peer offers"));
  p.send_description ("offer", "v=0 one");
  loop.call ([&] { p.signaller ().send_candidate ({}); });
  p.goodbye ();
  if (script.asked () > 0) { // it had begun to ask
    script.take ("POST");
    script.take ("DELETE");
  }
}
GST_END_TEST

GST_START_TEST (other_answers)
{
  const Script::Answer answers[] = {{201, "text/html", "<html>", {{"Location", "/s"}}},
      {201, "application/sdp", "", {{"Location", "/s"}}},
      {201, "application/sdp", "nonsense", {{"Location", "/s"}}}};
  for (const Script::Answer &a : answers) {
    Loop loop ("test-whip");
    Script script;
    script.next ("POST", a);
    SignalledPeer p (loop, script.uri ("whip"));
    fail_unless (p.saw ("peer offers"));
    p.send_description ("offer", "v=0 one");
    p.send_candidate ({});
    fail_unless (p.saw ("fatal"));
    fail_unless_equals_string (script.take ("DELETE").target.c_str (), "/s"); // it is not used
  }
}
GST_END_TEST

GST_START_TEST (busy_server_is_asked_again)
{
  Loop loop ("test-whip");
  Script script (1);
  SignalledPeer p (loop, script.uri ("whip"));
  fail_unless (p.saw ("peer offers"));
  p.send_description ("offer", "one");
  p.send_candidate ({});
  fail_unless (p.saw ("lost"));
  fail_unless (p.saw ("peer offers"));
  p.send_description ("offer", "two");
  p.send_candidate ({});
  fail_unless (p.saw ("answer v=0 theirs"));
}
GST_END_TEST

GST_START_TEST (refusal_is_final)
{
  Loop loop ("test-whip");
  Script script (1, 401);
  SignalledPeer p (loop, script.uri ("whip"));
  fail_unless (p.saw ("peer offers"));
  p.send_description ("offer", "one");
  p.send_candidate ({});
  fail_unless (p.saw ("fatal"));
  p.goodbye (); // without a session there is nothing to end
}
GST_END_TEST

GST_START_TEST (answer_is_bounded)
{
  Loop loop ("test-whip");
  Script script;
  script.answer = std::string (64 << 20, 'v');
  SignalledPeer p (loop, script.uri ("whip"));
  fail_unless (p.saw ("peer offers"));
  p.send_description ("offer", "one");
  p.send_candidate ({});
  fail_unless (p.saw ("fatal"));
}
GST_END_TEST

GST_START_TEST (other_schemes)
{
  Loop loop ("test-whip");
  struct : rtc::Signaller::Owner {
    void on_peer (const std::string &, bool, bool) override {}
    void on_description (const std::string &, const std::string &) override {}
    void on_candidate (const rtc::SignalledCandidate &) override {}
    void on_message (const std::string &) override {}
    void on_peer_left (const std::string &) override {}
    void on_signalling_error (const std::string &, bool) override {}
    std::string local_sdp () override { return {}; }
  } owner;
  for (const char *uri : {"", "http://x/", "whip://x/", "whip+ftp://x/", "file:///etc/passwd"}) {
    std::string error;
    rtc::Signaller::Config c;
    c.uri = uri;
    fail_if (rtc::Signaller::make (loop, owner, c, error) != nullptr);
    fail_if (error.empty ());
  }
}
GST_END_TEST

static Suite *whip_suite ()
{
  Suite *s = suite_create ("whip");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, offer_answer_and_end);
  tcase_add_test (tc, late_candidates_trickle);
  tcase_add_test (tc, server_without_trickle);
  tcase_add_test (tc, ice_restarts);
  tcase_add_test (tc, begins_anew);
  tcase_add_test (tc, redirects);
  tcase_add_test (tc, redirects_that_are_refused);
  tcase_add_test (tc, session_elsewhere);
  tcase_add_test (tc, server_says_when);
  tcase_add_test (tc, counter_offer);
  tcase_add_test (tc, ice_servers);
  tcase_add_test (tc, leaves_while_it_asks);
  tcase_add_test (tc, other_answers);
  tcase_add_test (tc, busy_server_is_asked_again);
  tcase_add_test (tc, refusal_is_final);
  tcase_add_test (tc, answer_is_bounded);
  tcase_add_test (tc, other_schemes);
  return s;
}

GST_CHECK_MAIN (whip)
