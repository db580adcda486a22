// SPDX-License-Identifier: LGPL-2.1-or-later
// A member of a pool without sockets: a test for each row of the protocol's tables, in both
// versions, and what a server or a peer may do wrong.
#include "rtc/signalling/proto/pool_client.h"
#include "../check.h"

using namespace reach;
using namespace reach::rtc;

namespace {
using Core = PoolClientCore;

std::string text_of (const Core::Event &event)
{
  if (const auto *j = std::get_if<Core::Joined> (&event)) {
    std::string t = "joined " + j->id + " " + j->pool;
    for (const Core::Peer &p : j->there)
      t += " " + p.id + "=" + p.description;
    return t;
  }
  if (const auto *p = std::get_if<Core::PeerJoined> (&event))
    return "peer " + p->id;
  if (const auto *d = std::get_if<Core::PeerDescribed> (&event))
    return "described " + d->id + " " + d->description;
  if (const auto *c = std::get_if<Core::PeerClosed> (&event))
    return "closed " + c->id;
  if (const auto *s = std::get_if<Core::Described> (&event))
    return s->type + " of " + s->peer + " " + s->sdp;
  if (const auto *c = std::get_if<Core::CandidateCame> (&event))
    return "candidate of " + c->peer + " " + c->candidate.text + "|" + c->candidate.mid + "|" +
           std::to_string (c->candidate.mline) + "|" + c->candidate.ufrag;
  if (const auto *e = std::get_if<Core::Error> (&event))
    return "error " + e->message + "|" + e->reason + (e->refused ? " refused" : "");
  if (const auto *m = std::get_if<Core::AppMessage> (&event))
    return "app " + m->type + " " + m->data;
  return "stopped";
}

std::string text_of (const std::optional<Core::Message> &m)
{
  return m ? m->type + " " + m->data : "nothing";
}

struct Script {
  explicit Script (unsigned version = 0, Core::Limits limits = {}) : core (version, limits) {}
  // All events since the last call, with a semicolon between them.
  std::string take ()
  {
    std::string all;
    while (const auto e = core.poll_event ())
      all += (all.empty () ? "" : ";") + text_of (*e);
    return all;
  }
  std::string got (const std::string &type, const std::string &data)
  {
    core.input (type, data);
    return take ();
  }
  Core core;
};

// a, with b in the pool before it.
struct Member : Script {
  explicit Member (unsigned version = 0, Core::Limits limits = {}) : Script (version, limits)
  {
    core.join ("garden");
    got ("rtc:joined", R"({"client_id":"a","peers":["b"],"descriptions":{},"pool":"garden"})");
  }
  std::string offer (const char *to = "b")
  {
    return text_of (core.description (to, "offer", "v=0"));
  }
  std::string answer (const char *to = "b")
  {
    return text_of (core.description (to, "answer", "v=1"));
  }
};

void same (const std::string &a, const std::string &b)
{
  fail_unless_equals_string (a.c_str (), b.c_str ());
}

const char *const offer1 = R"(rtc:offers {"b":{"type":"offer","sdp":"v=0"}})";
const char *const offer2 = R"(rtc:sdp {"to":"b","description":{"type":"offer","sdp":"v=0"}})";
const char *const answer1 =
    R"(rtc:answer {"from":"a","for":"b","answer":{"type":"answer","sdp":"v=1"}})";
const char *const answer2 = R"(rtc:sdp {"to":"b","description":{"type":"answer","sdp":"v=1"}})";
} // namespace

// rtc:join, rtc:joined.
GST_START_TEST (join)
{
  Script s;
  same (text_of (s.core.join ("gar\"den ü")), R"(rtc:join {"pool":"gar\"den ü"})");
  same (text_of (s.core.join ("garden")), "nothing");
  same (s.got ("rtc:joined",
            R"({"client_id":"a","peers":["c","b"],"new":[],)"
            R"("descriptions":{"b":{ "role":"cam" },"c":null,"a":null},"pool":"f00d"})"),
      R"(joined a f00d c= b={ "role":"cam" })");
  fail_unless (s.core.joined ());
  same (s.got ("rtc:joined", R"({"client_id":"a","peers":["d"],"pool":"f00d"})"), "");
  // The transport has connected anew.
  same (
      s.got ("rtc:joined", R"({"client_id":"z","peers":["c"],"pool":"f00d"})"), "joined z f00d c=");
  same (s.got ("rtc:peer", R"({"id":"b"})"), "peer b");
  same (text_of (s.core.join ("garden")), "nothing");
}
GST_END_TEST

GST_START_TEST (joined_with_less)
{
  Script s;
  same (text_of (s.core.join ("garden")), R"(rtc:join {"pool":"garden"})");
  for (const char *bad : {"{}", "[]", "null", "7", R"({"client_id":7})", R"({"client_id":""})",
           R"({"client_id":"a\u0000b"})"})
    same (s.got ("rtc:joined", bad), "");
  same (s.got ("rtc:joined", R"({"client_id":"a"})"), "joined a garden");

  Script odd;
  odd.core.join ("garden");
  // Itself, twice the same, and what are no ids.
  same (odd.got ("rtc:joined", R"({"client_id":"a","peers":["a","b","b","",7,null,["c"],"\n"],)"
                               R"("descriptions":{"b":"text","x":{},"":{}},"pool":9})"),
      "joined a garden b=");
}
GST_END_TEST

// Nobody is announced before rtc:joined.
GST_START_TEST (nothing_before_joined)
{
  Script s;
  for (int i = 0; i < 2; i++) {
    same (s.got ("rtc:peer", R"({"id":"b"})"), "");
    same (s.got ("rtc:request_offers", R"({"for":"b"})"), "");
    same (s.got ("rtc:sdp", R"({"peer":"b","description":{"type":"offer","sdp":""}})"), "");
    same (s.got ("rtc:stop", "{}"), "");
    same (text_of (s.core.description ("b", "offer", "")), "nothing");
    same (text_of (s.core.candidate ("b", {})), "nothing");
    same (text_of (s.core.app_message ("zoom", "{}")), "nothing");
    s.core.join ("garden");
  }
}
GST_END_TEST

GST_START_TEST (bad_pool_names)
{
  for (const std::string &name : {std::string (), std::string ("a\nb"), std::string (257, 'x'),
           std::string ("\xff"), std::string ("a\0b", 3)}) {
    Script s;
    same (text_of (s.core.join (name)), "nothing");
    same (text_of (s.core.join ("garden")), R"(rtc:join {"pool":"garden"})");
  }
}
GST_END_TEST

// rtc:peer; rtc:request_offers; both, as a server says it that does not know our version.
GST_START_TEST (peer)
{
  Member s;
  same (s.got ("rtc:peer", R"({"id":"c","more":1})"), "peer c");
  same (s.got ("rtc:request_offers", R"({"for":"c"})"), "");
  same (s.got ("rtc:peer", R"({"id":"c"})"), "");
  same (s.got ("rtc:peer", R"({"uid":"d"})"), "peer d");
  same (s.got ("rtc:request_offers", R"({"for":"e"})"), "peer e");
  same (s.got ("rtc:peer", R"({"id":"e"})"), "");
  same (s.got ("rtc:peer", R"({"id":"a"})"), "");
  for (const char *bad : {"{}", "[]", "null", R"({"id":null})", R"({"for":"f"})"}) {
    same (s.got ("rtc:peer", bad), "");
    if (!strstr (bad, "for"))
      same (s.got ("rtc:request_offers", bad), "");
  }
  fail_unless_equals_uint64 (s.core.peers (), 4);
}
GST_END_TEST

GST_START_TEST (versions_that_are_given)
{
  Member one (1), two (2);
  same (one.got ("rtc:peer", R"({"id":"c"})"), "");
  same (one.got ("rtc:request_offers", R"({"for":"c"})"), "peer c");
  same (two.got ("rtc:request_offers", R"({"for":"c"})"), "");
  same (two.got ("rtc:peer", R"({"id":"c"})"), "peer c");
  same (one.got ("rtc:sdp", R"({"peer":"b","description":{"type":"offer","sdp":""}})"), "");
  same (two.got ("rtc:offer", R"({"for":"b","offer":{"type":"offer","sdp":""}})"), "");
  same (two.got ("rtc:answer", R"({"for":"b","answer":{"type":"answer","sdp":""}})"), "");
  same (one.offer (), offer1);
  same (one.answer (), answer1);
  same (two.offer (), offer2);
  same (two.answer (), answer2);
  same (text_of (two.core.description ("b", "rollback", "")),
      R"(rtc:sdp {"to":"b","description":{"type":"rollback","sdp":""}})");
  same (text_of (one.core.description ("b", "rollback", "")), "nothing");
  same (text_of (one.core.description ("b", "pranswer", "")), "nothing");
}
GST_END_TEST

// rtc:sdp, both ways.
GST_START_TEST (sdp)
{
  Member s;
  same (s.offer (), offer2);
  same (text_of (s.core.description ("b", "answer", "a\r\n\"ü\\")),
      R"(rtc:sdp {"to":"b","description":{"type":"answer","sdp":"a\u000d\u000a\"ü\\"}})");
  for (const char *type : {"offer", "answer", "pranswer", "rollback"})
    same (s.got ("rtc:sdp", std::string (R"({"peer":"b","description":{"type":")") + type +
                                R"(","sdp":"v=0\r\n\u00fc"}})"),
        std::string (type) + " of b " + (strcmp (type, "rollback") ? "v=0\r\nü" : ""));
  for (const char *bad :
      {R"({"peer":"z","description":{"type":"offer","sdp":""}})", R"({"peer":"b"})",
          R"({"peer":"b","description":null})", R"({"peer":"b","description":{"type":"offer"}})",
          R"({"peer":"b","description":{"type":"bid","sdp":""}})",
          R"({"peer":"b","description":{"sdp":""}})",
          R"({"peer":"b","description":{"type":"offer","sdp":"\u0000"}})",
          R"({"peer":null,"description":{"type":"offer","sdp":""}})",
          R"({"description":{"type":"offer","sdp":""}})", "[]", "null"})
    same (s.got ("rtc:sdp", bad), "");
  same (s.offer ("z"), "nothing");
  same (text_of (s.core.description ("b", "bid", "")), "nothing");
  same (text_of (s.core.description ("b", "offer", "\xff")), "nothing");
}
GST_END_TEST

// rtc:offers, rtc:offer, rtc:answer: who speaks the first version is spoken to in it.
GST_START_TEST (first_version)
{
  Member s;
  same (s.offer (), offer2);
  same (s.got ("rtc:offer", R"({"for":"b","offer":{"type":"offer","sdp":"x"}})"), "offer of b x");
  same (s.answer (), answer1);
  same (s.offer (), offer1);
  same (s.got ("rtc:answer", R"({"for":"b","from":"b","answer":{"type":"answer","sdp":"y"}})"),
      "answer of b y");
  same (s.got ("rtc:offer", R"({"for":"b","offer":{"sdp":"z"}})"), "offer of b z");
  for (const char *bad : {R"({"for":"z","offer":{"type":"offer","sdp":""}})", R"({"for":"b"})",
           R"({"for":"b","offer":{"type":"answer","sdp":""}})", R"({"for":"b","offer":[]})", "{}"})
    same (s.got ("rtc:offer", bad), "");
  // Others are not concerned, until the server shows that it knows no other version.
  same (s.got ("rtc:peer", R"({"id":"c"})"), "peer c");
  fail_unless (s.offer ("c").starts_with ("rtc:sdp "));
  // And a peer can change.
  same (s.got ("rtc:sdp", R"({"peer":"b","description":{"type":"offer","sdp":"new"}})"),
      "offer of b new");
  same (s.offer (), offer2);
}
GST_END_TEST

GST_START_TEST (server_of_the_first_version)
{
  Member s;
  same (s.got ("rtc:request_offers", R"({"for":"c"})"), "peer c");
  fail_unless (s.offer ("c").starts_with ("rtc:offers "));
  same (s.offer (), offer1); // of b nothing is known
  same (s.got ("rtc:peer", R"({"id":"d"})"), "peer d");
  same (s.offer (), offer2);
  fail_unless (s.offer ("c").starts_with ("rtc:offers "));
  same (s.got ("rtc:peer", R"({"id":"c"})"), "");
  fail_unless (s.offer ("c").starts_with ("rtc:sdp "));
}
GST_END_TEST

// Servers say descriptions in both, and in either order; each is told once.
GST_START_TEST (copies)
{
  const auto two = [] (const std::string &sdp) {
    return R"({"peer":"b","description":{"type":"offer","sdp":")" + sdp + "\"}}";
  };
  const auto one = [] (const std::string &sdp) {
    return R"({"for":"b","offer":{"type":"offer","sdp":")" + sdp + "\"}}";
  };
  Member s;
  for (const char *text : {"x", "x", "y"}) {
    same (s.got ("rtc:sdp", two (text)), std::string ("offer of b ") + text);
    same (s.got ("rtc:offer", one (text)), "");
    same (s.answer (), answer2);
  }
  Member t;
  for (const char *text : {"x", "x", "y"}) {
    same (t.got ("rtc:offer", one (text)), std::string ("offer of b ") + text);
    same (t.got ("rtc:sdp", two (text)), "");
    same (t.answer (), answer2);
  }
  // The server has seen that we speak the first version, and goes on in it alone.
  same (t.got ("rtc:offer", one ("z")), "offer of b z");
  same (t.got ("rtc:offer", one ("z")), "offer of b z");
  same (t.answer (), answer1);
}
GST_END_TEST

// rtc:candidate, both ways.
GST_START_TEST (candidate)
{
  Member s;
  same (text_of (s.core.candidate ("b", {"candidate:1 \"", "0", 1, "uf"})),
      R"(rtc:candidate {"from":"a","for":"b","candidate":{"candidate":"candidate:1 \"",)"
      R"("sdpMid":"0","sdpMLineIndex":1,"usernameFragment":"uf"}})");
  same (text_of (s.core.candidate ("b", {"c", "", -1, ""})),
      R"(rtc:candidate {"from":"a","for":"b","candidate":{"candidate":"c",)"
      R"("sdpMid":null,"sdpMLineIndex":null,"usernameFragment":null}})");
  same (text_of (s.core.candidate ("b", {})),
      R"(rtc:candidate {"from":"a","for":"b","candidate":null})");
  same (text_of (s.core.candidate ("z", {})), "nothing");
  same (text_of (s.core.candidate ("b", {"\xff", "", 0, ""})), "nothing");

  const auto got = [&] (const char *c) {
    return s.got ("rtc:candidate", std::string (R"({"from":"b","candidate":)") + c + "}");
  };
  same (got (R"({"candidate":"c 1","sdpMid":"0","sdpMLineIndex":2,"usernameFragment":"uf","x":1})"),
      "candidate of b c 1|0|2|uf");
  same (got (R"({"candidate":"c","sdpMid":null,"sdpMLineIndex":null})"), "candidate of b c||-1|");
  same (got ("null"), "candidate of b ||-1|");
  same (got (R"({"candidate":"","sdpMid":"0"})"), "candidate of b |0|-1|");
  same (got ("{}"), "candidate of b ||-1|");
  for (const char *index : {"-1", "65536", "1.5", "1e3", "\"1\"", "true"})
    same (got ((std::string (R"({"candidate":"c","sdpMLineIndex":)") + index + "}").c_str ()),
        "candidate of b c||-1|");
  same (got ("7") + got ("[]") + got ("\"c\""), "");
  same (got (("{\"candidate\":\"" + std::string (5000, 'c') + "\"}").c_str ()), "");
  same (s.got ("rtc:candidate", R"({"from":"b"})"), "");
  same (s.got ("rtc:candidate", R"({"from":"z","candidate":null})"), "");
  same (s.got ("rtc:candidate", R"({"candidate":null})"), "");
}
GST_END_TEST

// rtc:describe with id, uid, or both.
GST_START_TEST (describe)
{
  Member s;
  same (s.got ("rtc:describe", R"({"id":"b","uid":"b","description":{ "n" : "\u00fc" }})"),
      R"(described b { "n" : "\u00fc" })");
  same (s.got ("rtc:describe", R"({"uid":"b","description":{}})"), "described b {}");
  same (s.got ("rtc:describe", R"({"id":"b","description":null})"), "described b ");
  same (s.got ("rtc:describe", R"({"id":"b"})"), "described b ");
  same (s.got ("rtc:describe", R"({"id":"b","description":"text"})"), "described b ");
  same (s.got ("rtc:describe", R"({"id":"a","description":{}})"), "");
  same (s.got ("rtc:describe", R"({"id":"z","description":{}})"), "");
  same (s.got ("rtc:describe", "{}"), "");
}
GST_END_TEST

// rtc:close with id, uid, or both; nothing of the peer follows.
GST_START_TEST (peer_closed)
{
  Member s;
  same (s.got ("rtc:peer", R"({"id":"c"})"), "peer c");
  same (s.got ("rtc:close", R"({"uid":"b","id":"b"})"), "closed b");
  same (s.got ("rtc:close", R"({"id":"b"})"), "");
  same (s.got ("rtc:close", R"({"uid":"c"})"), "closed c");
  same (s.got ("rtc:close", R"({"id":"a"})") + s.got ("rtc:close", "null"), "");
  same (s.got ("rtc:sdp", R"({"peer":"b","description":{"type":"offer","sdp":""}})"), "");
  same (s.offer (), "nothing");
  same (s.got ("rtc:peer", R"({"id":"b"})"), "peer b");
}
GST_END_TEST

// rtc:stop is the last event, whatever it carries.
GST_START_TEST (stop)
{
  for (const char *data : {"{}", "null", "[]"}) {
    Member s;
    same (s.got ("rtc:stop", data), "stopped");
    same (s.got ("rtc:stop", data) + s.got ("rtc:peer", R"({"id":"c"})") + s.got ("x", "1"), "");
    same (s.offer () + text_of (s.core.join ("garden")), "nothingnothing");
  }
}
GST_END_TEST

// rtc:error: of a join, which can be tried again, and of anything else.
GST_START_TEST (error)
{
  Script s;
  s.core.join ("garden");
  same (s.got ("rtc:error", R"({"message":"No ü","reason":"refused","pool":"garden"})"),
      "error No ü|refused refused");
  same (text_of (s.core.join ("garden")), R"(rtc:join {"pool":"garden"})");
  same (s.got ("rtc:joined", R"({"client_id":"a"})"), "joined a garden");
  same (s.got ("rtc:error", R"({"reason":"rate"})"), "error rate|rate");
  same (s.got ("rtc:error", "{}"), "error The server says that something is wrong|");
  same (s.got ("rtc:error", R"({"message":7,"reason":null})"),
      "error The server says that something is wrong|");
  std::string many;
  for (int i = 0; i < 1023; i++)
    many += "x";
  same (s.got ("rtc:error", "{\"message\":\"" + many + "üüü\"}"), "error " + many + "|");
  fail_unless (s.core.joined ());
}
GST_END_TEST

// Types that are not the pool's are the application's; words of rtc: that are not known, nobody's.
GST_START_TEST (application)
{
  Member s;
  same (s.got ("news", R"([1, {"a":null}])"), R"(app news [1, {"a":null}])");
  same (s.got ("rtc:", "1"), "app rtc: 1");
  same (s.got ("rtc:unknown", "{}") + s.got ("rtc:join", "{}") + s.got ("rtc:offers", "{}"), "");
  same (s.got ("", "1") + s.got (std::string (257, 't'), "1") + s.got ("a\nb", "1") +
            s.got ("\xff", "1"),
      "");
  same (text_of (s.core.app_message ("zoom", " {\"to\": 3} ")), "zoom {\"to\": 3}");
  for (const char *bad : {"", "3", "[]", "null", "{", "{}{}"})
    same (text_of (s.core.app_message ("zoom", bad)), "nothing");
  for (const std::string &bad : {std::string (), std::string ("rtc:zoom"), std::string ("a\nb"),
           std::string (257, 't'), std::string ("\xff")})
    same (text_of (s.core.app_message (bad, "{}")), "nothing");
  same (text_of (s.core.app_message ("zoom", "{\"a\":\"" + std::string (1 << 20, 'x') + "\"}")),
      "nothing");
}
GST_END_TEST

GST_START_TEST (raw_frames)
{
  Script s;
  s.core.join ("garden");
  s.core.input_text (R"({"data":{"client_id":"a"},"type":"rtc:join\u0065d","id":4})");
  same (s.take (), "joined a garden");
  s.core.input_text (R"({"type":"news"})");
  same (s.take (), "app news null");
  const std::string deep (100, '[');
  for (const std::string &bad : {std::string (), std::string ("{"), std::string ("[]"),
           std::string ("\"rtc:stop\""), std::string (R"({"type":7,"data":{}})"),
           std::string (R"({"data":{}})"), std::string ("{\"type\":\"x\",\"data\":\"\xff\"}"),
           "{\"type\":\"x\",\"data\":" + deep + std::string (100, ']') + "}",
           "{\"type\":\"x\",\"data\":\"" + std::string (5 << 20, 'x') + "\"}"})
    s.core.input_text (bad);
  same (s.take (), "");
  s.core.input_text (R"({"type":"rtc:stop","data":{}})");
  same (s.take (), "stopped");
}
GST_END_TEST

GST_START_TEST (limits)
{
  Core::Limits l;
  l.peers = 3;
  l.sdp = 10;
  l.description = 10;
  Member s (0, l);
  same (s.got ("rtc:peer", R"({"id":"c"})"), "peer c");
  same (s.got ("rtc:peer", R"({"id":"d"})"), "peer d");
  same (s.got ("rtc:peer", R"({"id":"e"})"), "");
  same (s.got ("rtc:request_offers", R"({"for":"e"})"), "");
  same (s.got ("rtc:peer", "{\"id\":\"" + std::string (300, 'i') + "\"}"), "");
  same (s.got ("rtc:close", R"({"id":"c"})"), "closed c");
  same (s.got ("rtc:peer", R"({"id":"e"})"), "peer e");
  same (
      s.got ("rtc:sdp", R"({"peer":"b","description":{"type":"offer","sdp":"12345678901"}})"), "");
  same (s.got ("rtc:describe", R"({"id":"b","description":{"a":"12345"}})"), "described b ");
  Script many (0);
  many.core.join ("garden");
  std::string all;
  for (int i = 0; i < 2000; i++)
    all += (i ? ",\"p" : "\"p") + std::to_string (i) + "\"";
  many.core.input ("rtc:joined", "{\"client_id\":\"a\",\"peers\":[" + all + "]}");
  fail_unless_equals_uint64 (many.core.peers (), 1024);
}
GST_END_TEST

static Suite *pool_client_suite ()
{
  Suite *s = suite_create ("pool_client");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, join);
  tcase_add_test (tc, joined_with_less);
  tcase_add_test (tc, nothing_before_joined);
  tcase_add_test (tc, bad_pool_names);
  tcase_add_test (tc, peer);
  tcase_add_test (tc, versions_that_are_given);
  tcase_add_test (tc, sdp);
  tcase_add_test (tc, first_version);
  tcase_add_test (tc, server_of_the_first_version);
  tcase_add_test (tc, copies);
  tcase_add_test (tc, candidate);
  tcase_add_test (tc, describe);
  tcase_add_test (tc, peer_closed);
  tcase_add_test (tc, stop);
  tcase_add_test (tc, error);
  tcase_add_test (tc, application);
  tcase_add_test (tc, raw_frames);
  tcase_add_test (tc, limits);
  return s;
}

GST_CHECK_MAIN (pool_client)
