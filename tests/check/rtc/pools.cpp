// SPDX-License-Identifier: LGPL-2.1-or-later
// The server of pools: a test for each row of the protocol's table (docs/protocol-signalling.md),
// and for what a server that is less careful does wrong.
#include "pool_script.h"

using namespace reach;
using namespace reach::test;

namespace {
const char *const offer = some_offer;
const char *const answer = R"({ "type" : "answer", "sdp" : "" })";

} // namespace

GST_START_TEST (join)
{
  PoolScript s;
  s.join (1, "garden");
  fail_unless_equals_string (s.take (1).c_str (),
      line ("rtc:joined",
          R"({"client_id":"p1","peers":[],"descriptions":{"p1":null},"pool":"garden"})")
          .c_str ());
  s.join (2, "garden");
  // Who was there is told, in both versions' words; who comes is told who is there.
  fail_unless_equals_string (s.take (1).c_str (),
      (line ("rtc:peer", R"({"id":"p2"})") + line ("rtc:request_offers", R"({"for":"p2"})"))
          .c_str ());
  s.pools.describe ("garden", "p1", R"({"role":"gate-cam"})");
  s.drain ();
  s.forget ();
  s.join (3, "garden");
  fail_unless_equals_string (s.take (3).c_str (),
      line ("rtc:joined",
          R"({"client_id":"p3","peers":["p1","p2"],"descriptions":{"p1":{"role":"gate-cam"},"p2":null,"p3":null},"pool":"garden"})")
          .c_str ());
  fail_unless_equals_string (s.take_events ().c_str (), "joined garden p3\n");
}
GST_END_TEST

GST_START_TEST (sdp)
{
  Two s;
  s.know ("v2", "v2");
  s.send (1, "rtc:sdp", std::string (R"({"to":"p2","peer":"forged","description":)") + offer + "}");
  fail_unless_equals_string (s.take (2).c_str (),
      line ("rtc:sdp", std::string (R"({"peer":"p1","description":)") + offer + "}").c_str ());
  fail_unless_equals_string (s.take (1).c_str (), "");
  s.send (2, "rtc:sdp", std::string (R"({"to":"p1","description":)") + answer + "}");
  fail_unless_equals_string (s.take (1).c_str (),
      line ("rtc:sdp", std::string (R"({"peer":"p2","description":)") + answer + "}").c_str ());
  s.send (2, "rtc:sdp", R"({"to":"p1","description":{"type":"rollback"}})");
  fail_unless_equals_string (s.take (1).c_str (),
      line ("rtc:sdp", R"({"peer":"p2","description":{"type":"rollback"}})").c_str ());
}
GST_END_TEST

GST_START_TEST (candidate)
{
  Two s;
  const std::string c =
      R"({"candidate":"candidate:1 1 udp 2122260223 192.0.2.7 50010 typ host","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"f9Kq"})";
  // The sender is the server's word, and null, which ends them, is passed on.
  s.send (1, "rtc:candidate", R"({"from":"forged","for":"p2","candidate":)" + c + "}");
  s.send (1, "rtc:candidate", R"({"for":"p2","candidate":null})");
  s.send (1, "rtc:candidate", R"({"for":"p2","candidate":{"candidate":""}})");
  fail_unless_equals_string (s.take (2).c_str (),
      (line ("rtc:candidate", R"({"candidate":)" + c + R"(,"from":"p1"})") +
          line ("rtc:candidate", R"({"candidate":null,"from":"p1"})") +
          line ("rtc:candidate", R"({"candidate":{"candidate":""},"from":"p1"})"))
          .c_str ());
}
GST_END_TEST

GST_START_TEST (describe)
{
  Two s;
  fail_unless (s.pools.describe ("garden", "p2", R"( {"name": "Bo", "n": 1.50} )"));
  s.drain ();
  // Intact, to all but the described one, with both names of the id.
  fail_unless_equals_string (s.take (1).c_str (),
      line ("rtc:describe", R"({"id":"p2","uid":"p2","description":{"name": "Bo", "n": 1.50}})")
          .c_str ());
  fail_unless_equals_string (s.take (2).c_str (), "");
  fail_unless (s.pools.describe ("garden", "p2", "null"));
  s.drain ();
  fail_unless_equals_string (s.take (1).c_str (),
      line ("rtc:describe", R"({"id":"p2","uid":"p2","description":null})").c_str ());
  for (const char *bad : {"", "[]", "3", "{", "{} {}", "\"x\""})
    fail_if (s.pools.describe ("garden", "p2", bad), "%s", bad);
  fail_if (s.pools.describe ("other", "p2", "{}"));
  fail_if (s.pools.describe ("garden", "p9", "{}"));
  s.drain ();
  fail_unless_equals_string (s.take (1).c_str (), "");
}
GST_END_TEST

// While the application decides it knows the id already.
GST_START_TEST (describe_before_joining)
{
  PoolScript s;
  s.join (1, "garden");
  s.decides = false;
  s.join (2, "garden");
  fail_unless (s.pools.describe ("garden", "p2", R"({"a":1})"));
  s.forget ();
  s.pools.decide (s.requests.back ().request, true, "garden", s.now);
  s.drain ();
  fail_unless_equals_string (s.take (1).c_str (),
      (line ("rtc:peer", R"({"id":"p2"})") + line ("rtc:request_offers", R"({"for":"p2"})") +
          line ("rtc:describe", R"({"id":"p2","uid":"p2","description":{"a":1}})"))
          .c_str ());
  fail_unless (s.take (2).find (R"("descriptions":{"p1":null,"p2":{"a":1}})") != std::string::npos);
}
GST_END_TEST

GST_START_TEST (client_cannot_describe)
{
  Two s;
  s.send (1, "rtc:describe", R"({"id":"p1","description":{"admin":true}})");
  fail_unless (s.error (1, "not-allowed"));
  fail_unless_equals_string (s.take (2).c_str (), "");
  s.join (3, "garden");
  fail_unless (s.take (3).find ("admin") == std::string::npos);
}
GST_END_TEST

GST_START_TEST (leave)
{
  Two s;
  s.gone (2, "lost");
  fail_unless_equals_string (
      s.take (1).c_str (), line ("rtc:close", R"({"id":"p2","uid":"p2"})").c_str ());
  fail_unless_equals_string (s.take_events ().c_str (), "left garden p2 lost\n");
  // Nothing about one that is gone: its id is unknown to clients, which would throw.
  s.send (1, "rtc:candidate", R"({"for":"p2","candidate":null})");
  fail_unless (s.error (1, "unknown-peer"));
  s.gone (1);
  fail_unless_equals_uint64 (s.pools.pools (), 0);
  fail_unless_equals_uint64 (s.pools.peers (), 0);
}
GST_END_TEST

GST_START_TEST (stop)
{
  Two s;
  s.join (3, "other");
  s.forget ();
  fail_unless (s.pools.close_pool ("garden"));
  s.drain ();
  // data is an object, or clients would drop it; nobody hears of the others' leaving.
  for (const rtc::pool::Id who : {1, 2})
    fail_unless_equals_string (
        s.take (who).c_str (), (line ("rtc:stop", "{}") + "close 1000\n").c_str ());
  fail_unless_equals_string (s.take (3).c_str (), "");
  fail_unless_equals_string (
      s.take_events ().c_str (), "left garden p1 stopped\nleft garden p2 stopped\n");
  fail_if (s.pools.close_pool ("garden"));
  s.send (1, "rtc:join", R"({"pool":"garden"})"); // it is being closed
  fail_unless_equals_string (s.take (1).c_str (), "");
  s.gone (1);
  s.gone (2);
  fail_unless_equals_string (s.take_events ().c_str (), "");
  fail_unless_equals_uint64 (s.pools.pools (), 1);
}
GST_END_TEST

GST_START_TEST (v1_offers)
{
  Two s;
  s.join (3, "garden");
  s.know ("v1", "v1");
  s.send (1, "rtc:offers", std::string (R"({"p2":)") + offer + R"(,"p3":)" + offer + "}");
  fail_unless_equals_string (s.take (2).c_str (),
      line ("rtc:offer", std::string (R"({"for":"p1","offer":)") + offer + "}").c_str ());
  // Who has not shown its version gets both forms.
  fail_unless_equals_string (s.take (3).c_str (),
      (line ("rtc:sdp", std::string (R"({"peer":"p1","description":)") + offer + "}") +
          line ("rtc:offer", std::string (R"({"for":"p1","offer":)") + offer + "}"))
          .c_str ());
}
GST_END_TEST

GST_START_TEST (v1_answer)
{
  Two s;
  s.know ("v1", "v1");
  s.send (2, "rtc:answer", std::string (R"({"for":"p1","from":"forged","answer":)") + answer + "}");
  fail_unless_equals_string (s.take (1).c_str (),
      line ("rtc:answer", std::string (R"({"for":"p2","answer":)") + answer + "}").c_str ());
}
GST_END_TEST

GST_START_TEST (v1_request_offers)
{
  Two s;
  s.know ("v1", "v2");
  s.join (3, "garden");
  fail_unless_equals_string (
      s.take (1).c_str (), line ("rtc:request_offers", R"({"for":"p3"})").c_str ());
  fail_unless_equals_string (s.take (2).c_str (), line ("rtc:peer", R"({"id":"p3"})").c_str ());
}
GST_END_TEST

GST_START_TEST (v1_with_v2)
{
  Two s;
  s.know ("v1", "v2");
  s.send (1, "rtc:offers", std::string (R"({"p2":)") + offer + "}");
  fail_unless_equals_string (s.take (2).c_str (),
      line ("rtc:sdp", std::string (R"({"peer":"p1","description":)") + offer + "}").c_str ());
  s.send (2, "rtc:sdp", std::string (R"({"to":"p1","description":)") + answer + "}");
  fail_unless_equals_string (s.take (1).c_str (),
      line ("rtc:answer", std::string (R"({"for":"p2","answer":)") + answer + "}").c_str ());
  s.send (2, "rtc:sdp", std::string (R"({"to":"p1","description":)") + offer + "}");
  fail_unless_equals_string (s.take (1).c_str (),
      line ("rtc:offer", std::string (R"({"for":"p2","offer":)") + offer + "}").c_str ());
  s.send (2, "rtc:candidate", R"({"for":"p1","candidate":null})");
  fail_unless_equals_string (
      s.take (1).c_str (), line ("rtc:candidate", R"({"candidate":null,"from":"p2"})").c_str ());
}
GST_END_TEST

// Each is answered, costs nobody else anything, and leaves the connection open.
GST_START_TEST (errors)
{
  Two s;
  s.pools.connect (3);
  const struct {
    rtc::pool::Id who;
    std::string text;
    const char *reason;
  } cases[] = {
      {1, "", "malformed"},
      {1, "{", "malformed"},
      {1, "[]", "malformed"},
      {1, "{} {}", "malformed"},
      {1, R"({"type":"rtc:sdp"})", "malformed"},
      {1, R"({"type":7,"data":{}})", "malformed"},
      {1, R"({"data":{}})", "malformed"},
      {1, R"({"type":"rtc:sdp","data":null})", "malformed"},
      {1, R"({"type":"rtc:sdp","data":[]})", "malformed"},
      {1, "{\"type\":\"rtc:sdp\",\"data\":{\"a\":\"\xff\"}}", "malformed"},
      {1, R"({"type":"rtc:sdp","data":)" + std::string (40, '[') + std::string (40, ']') + "}",
          "malformed"},
      {1, R"({"type":"rtc:nonsense","data":{}})", "unknown-type"},
      {1, R"({"type":"rtc:join","data":{"pool":"garden"}})", "joined"}, // a second time
      {1, R"({"type":"rtc:join","data":{"pool":"other"}})", "joined"},
      {1, R"({"type":"rtc:sdp","data":{}})", "malformed"},
      {1, R"({"type":"rtc:sdp","data":{"description":{"type":"offer","sdp":""}}})", "unknown-peer"},
      {1, R"({"type":"rtc:sdp","data":{"to":5,"description":{"type":"offer","sdp":""}}})",
          "unknown-peer"},
      {1, R"({"type":"rtc:sdp","data":{"to":"p9","description":{"type":"offer","sdp":""}}})",
          "unknown-peer"},
      {1, R"({"type":"rtc:sdp","data":{"to":"p1","description":{"type":"offer","sdp":""}}})",
          "unknown-peer"}, // itself
      {1, R"({"type":"rtc:sdp","data":{"to":"p2"}})", "malformed"},
      {1, R"({"type":"rtc:sdp","data":{"to":"p2","description":"x"}})", "malformed"},
      {1, R"({"type":"rtc:sdp","data":{"to":"p2","description":{"type":"x","sdp":""}}})",
          "malformed"},
      {1, R"({"type":"rtc:sdp","data":{"to":"p2","description":{"type":"offer","sdp":1}}})",
          "malformed"},
      {1, R"({"type":"rtc:sdp","data":{"to":"p2","description":{"type":"offer"}}})", "malformed"},
      {1, R"({"type":"rtc:candidate","data":{"for":"p2"}})", "malformed"},
      {1, R"({"type":"rtc:candidate","data":{"for":"p2","candidate":"x"}})", "malformed"},
      {1, R"({"type":"rtc:candidate","data":{"candidate":null}})", "unknown-peer"},
      {1, R"({"type":"rtc:candidate","data":{"for":"p9","candidate":null}})", "unknown-peer"},
      {1, R"({"type":"rtc:offers","data":{"p2":{"type":"answer","sdp":""}}})", "malformed"},
      {1, R"({"type":"rtc:offers","data":{"p9":{"type":"offer","sdp":""}}})", "unknown-peer"},
      {1, R"({"type":"rtc:answer","data":{"for":"p2"}})", "malformed"},
      {1, R"({"type":"rtc:answer","data":{"for":"p9","answer":{"type":"answer","sdp":""}}})",
          "unknown-peer"},
      {3, R"({"type":"rtc:sdp","data":{"to":"p1","description":{"type":"offer","sdp":""}}})",
          "not-joined"}, // before it joins
      {3, R"({"type":"rtc:candidate","data":{"for":"p1","candidate":null}})", "not-joined"},
      {3, R"({"type":"rtc:join","data":{}})", "no-pool"},
      {3, R"({"type":"rtc:join","data":{"pool":""}})", "no-pool"},
      {3, R"({"type":"rtc:join","data":{"pool":null}})", "no-pool"},
      {3, R"({"type":"rtc:join","data":{"pool":["a"]}})", "no-pool"},
      {3, R"({"type":"rtc:join","data":{"pool":"a\u0000b"}})", "no-pool"},
      {3, R"({"type":"rtc:join","data":{"pool":")" + std::string (129, 'x') + "\"}}", "no-pool"},
  };
  for (const auto &c : cases) {
    s.text (c.who, c.text);
    fail_unless (s.error (c.who, c.reason), "%s", c.text.c_str ());
  }
  fail_unless_equals_string (s.take (2).c_str (), "");
  fail_unless_equals_string (s.take_events ().c_str (), "");
  s.send (3, "rtc:join", R"({"pool":"garden"})");
  fail_unless (s.take (3).starts_with ("{\"type\":\"rtc:joined\""));
}
GST_END_TEST

// Ids of another pool are as unknown as any, even to who knows them.
GST_START_TEST (no_way_to_another_pool)
{
  Two s;
  s.join (3, "other");
  s.forget ();
  s.send (3, "rtc:sdp", std::string (R"({"to":"p1","description":)") + offer + "}");
  fail_unless (s.error (3, "unknown-peer"));
  s.send (3, "rtc:candidate", R"({"for":"p1","candidate":null})");
  fail_unless (s.error (3, "unknown-peer"));
  s.send (3, "rtc:offers", std::string (R"({"p1":)") + offer + "}");
  fail_unless (s.error (3, "unknown-peer"));
  fail_unless_equals_string (s.take (1).c_str (), "");
}
GST_END_TEST

GST_START_TEST (application_messages)
{
  Two s;
  s.send (1, "describe", R"({"name":"x"})");
  s.send (1, "rtc:", "[1]");
  s.send (1, "chat", "3");
  fail_unless_equals_string (s.take (1).c_str (), "");
  fail_unless_equals_string (s.take (2).c_str (), "");
  fail_unless_equals_string (s.take_events ().c_str (),
      "app p1 describe {\"name\":\"x\"}\napp p1 rtc: [1]\napp p1 chat 3\n");
  s.pools.connect (3);
  s.send (3, "chat", "{}");
  fail_unless_equals_string (s.take_events ().c_str (), "");

  fail_unless (s.pools.broadcast ("garden", R"({"type":"news \"x\"","data":{"a":[1, 2]}})"));
  fail_unless (s.pools.send ("garden", "p2", R"({"data":{},"type":"you"})"));
  s.drain ();
  const std::string news = R"({"type":"news \"x\"","data":{"a":[1, 2]}})";
  fail_unless_equals_string (s.take (1).c_str (), (news + "\n").c_str ());
  fail_unless_equals_string (s.take (2).c_str (), (news + "\n" + line ("you", "{}")).c_str ());
  for (const char *bad : {"", "{}", R"({"type":"x"})", R"({"type":"x","data":null})",
           R"({"type":"rtc:peer","data":{"id":"q"}})", R"({"type":"","data":{}})"}) {
    fail_if (s.pools.broadcast ("garden", bad), "%s", bad);
    fail_if (s.pools.send ("garden", "p1", bad), "%s", bad);
  }
  fail_if (s.pools.broadcast ("nowhere", news));
  // Some are left out; who is not there does no harm.
  s.join (4, "garden");
  s.join (5, "house");
  s.forget ();
  fail_unless (s.pools.broadcast ("garden", news, {"p2", "p9", "p5", ""}));
  fail_unless (s.pools.broadcast ("house", news, {"p1"}));
  s.drain ();
  for (const rtc::pool::Id id : {1, 4, 5})
    fail_unless_equals_string (s.take (id).c_str (), (news + "\n").c_str ());
  fail_unless_equals_string (s.take (2).c_str (), "");
  fail_if (s.pools.send ("other", "p1", news));
}
GST_END_TEST

static Suite *pools_suite ()
{
  Suite *s = suite_create ("pools");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, join);
  tcase_add_test (tc, sdp);
  tcase_add_test (tc, candidate);
  tcase_add_test (tc, describe);
  tcase_add_test (tc, describe_before_joining);
  tcase_add_test (tc, client_cannot_describe);
  tcase_add_test (tc, leave);
  tcase_add_test (tc, stop);
  tcase_add_test (tc, v1_offers);
  tcase_add_test (tc, v1_answer);
  tcase_add_test (tc, v1_request_offers);
  tcase_add_test (tc, v1_with_v2);
  tcase_add_test (tc, errors);
  tcase_add_test (tc, no_way_to_another_pool);
  tcase_add_test (tc, application_messages);
  return s;
}

GST_CHECK_MAIN (pools)
