// SPDX-License-Identifier: LGPL-2.1-or-later
// Engine.IO and Socket.IO at the server's end, without sockets and with a clock of the test's.
#include "rtc/signalling/proto/engine_io.h"
#include "../check.h"
#include "rtc/signalling/proto/socket_io.h"

using namespace reach;
using namespace reach::rtc;
using Transport = eio::Session::Transport;

namespace {
struct Script {
  explicit Script (Transport first, eio::Limits l = {}) : session (l, "e1", first, now) {}
  // All outputs in a line each.
  std::string out ()
  {
    std::string all;
    while (auto o = session.poll_output ()) {
      if (auto *r = std::get_if<eio::Respond> (&*o))
        all += "respond " + r->body + "\n";
      else if (auto *t = std::get_if<eio::SocketText> (&*o))
        all += "text " + t->text + "\n";
      else if (auto *m = std::get_if<eio::Message> (&*o))
        all += "message " + m->text + "\n";
      else if (auto *c = std::get_if<eio::Closed> (&*o))
        all += "closed " + c->reason + "\n";
      else
        all += "close socket\n";
    }
    return all;
  }
  bool post (const char *body) { return session.post (body, now); }
  void pass (Duration d)
  {
    now += d;
    session.timeout (now);
  }

  TimePoint now{};
  eio::Session session;
};

// What a script gives out, which is compared in one line.
#define expect_out(script, text) fail_unless_equals_string ((script).out ().c_str (), text)

const char *const open_polling =
    "respond 0{\"sid\":\"e1\",\"upgrades\":[\"websocket\"],\"pingInterval\":20000,"
    "\"pingTimeout\":20000,\"maxPayload\":262144}\n";
} // namespace

GST_START_TEST (packets)
{
  fail_unless (eio::parse ("4hello")->type == eio::Type::message);
  fail_unless (eio::parse ("4hello")->data == "hello");
  fail_unless (eio::parse ("2probe")->type == eio::Type::ping);
  for (const char *bad : {"", "7", "bAAEC", "x", "\x1e"})
    fail_if (eio::parse (bad).has_value (), "%s", bad);
  const auto body = eio::parse_body ("4a\x1e"
                                     "2\x1e"
                                     "4b",
      3);
  fail_unless (body && body->size () == 3 && (*body)[2].data == "b");
  for (const char *bad : {"", "4a\x1e",
           "\x1e"
           "4a",
           "4a\x1e\x1e"
           "4b",
           "4a\x1e"
           "bAA=",
           "4\x1e"
           "4\x1e"
           "4\x1e"
           "4"})
    fail_if (eio::parse_body (bad, 3).has_value (), "%s", bad);
}
GST_END_TEST

GST_START_TEST (polling)
{
  Script s (Transport::polling);
  expect_out (s, open_polling);
  fail_unless (s.post ("40\x1e"
                       "42[\"x\"]"));
  expect_out (s, "message 0\nmessage 2[\"x\"]\n");
  fail_unless (s.session.get ()); // waits
  expect_out (s, "");
  s.session.send ("4a");
  expect_out (s, "respond 4a\n");
  s.session.send ("4b"); // nobody waits
  s.session.send ("4c");
  expect_out (s, "");
  fail_unless (s.session.get ());
  expect_out (s, "respond 4b\x1e"
                 "4c\n");
  fail_unless (s.post ("1"));
  expect_out (s, "closed closed\n");
  fail_if (s.post ("4x"));
  fail_if (s.session.get ());
}
GST_END_TEST

GST_START_TEST (web_socket)
{
  Script s (Transport::web_socket);
  expect_out (s, "text 0{\"sid\":\"e1\",\"upgrades\":[],\"pingInterval\":20000,"
                 "\"pingTimeout\":20000,\"maxPayload\":262144}\n");
  s.session.socket_text ("40", s.now);
  s.session.send ("4a");
  expect_out (s, "message 0\ntext 4a\n");
  fail_if (s.session.attach (s.now));
  s.session.close (s.now);
  expect_out (s, "close socket\nclosed closed\n");
}
GST_END_TEST

GST_START_TEST (upgrade)
{
  Script s (Transport::polling);
  s.out ();
  fail_unless (s.session.get ());
  fail_unless (s.session.attach (s.now));
  fail_if (s.session.attach (s.now)); // a second one
  s.session.socket_text ("2probe", s.now);
  // The waiting request ends, so that the client can change over.
  expect_out (s, "text 3probe\nrespond 6\n");
  fail_unless (s.session.get ());
  expect_out (s, "respond 6\n");
  s.session.send ("4between"); // kept for whichever it will be
  s.session.socket_text ("5", s.now);
  expect_out (s, "text 4between\n");
  s.session.send ("4a");
  s.session.socket_text ("4b", s.now);
  expect_out (s, "text 4a\nmessage b\n");
  fail_if (s.session.get ()); // polling is over
  expect_out (s, "close socket\nclosed lost\n");
}
GST_END_TEST

GST_START_TEST (upgrade_fails)
{
  Script s (Transport::polling);
  s.out ();
  fail_unless (s.session.attach (s.now));
  s.session.socket_text ("5", s.now); // without a probe
  expect_out (s, "close socket\n");
  fail_unless (s.session.attach (s.now));
  s.session.socket_text ("2probe", s.now);
  expect_out (s, "text 3probe\n");
  s.session.socket_gone (false);
  fail_unless (s.session.get ()); // polling goes on
  s.session.send ("4a");
  expect_out (s, "respond 4a\n");
  fail_unless (s.session.attach (s.now));
  fail_unless (s.session.poll_timeout () == s.now + seconds (10));
  s.pass (seconds (10)); // it does nothing
  expect_out (s, "close socket\n");
  fail_unless (s.session.poll_timeout () == TimePoint{} + seconds (20));
}
GST_END_TEST

GST_START_TEST (heartbeat)
{
  Script s (Transport::web_socket);
  s.out ();
  s.pass (seconds (19));
  expect_out (s, "");
  s.pass (seconds (1));
  expect_out (s, "text 2\n");
  s.now += seconds (5);
  s.session.socket_text ("3", s.now);
  fail_unless (s.session.poll_timeout () == s.now + seconds (20));
  s.pass (seconds (20));
  expect_out (s, "text 2\n");
  s.session.socket_text ("4still", s.now); // a message is no answer
  s.pass (seconds (20));
  expect_out (s, "message still\nclose socket\nclosed lost\n");
}
GST_END_TEST

// A client that polls is pinged with what it fetches, and lost when it does not.
GST_START_TEST (polling_heartbeat)
{
  Script s (Transport::polling);
  s.out ();
  s.pass (seconds (20));
  fail_unless (s.session.get ());
  expect_out (s, "respond 2\n");
  fail_unless (s.post ("3"));
  s.pass (seconds (20));
  s.pass (seconds (20));
  expect_out (s, "closed lost\n");
}
GST_END_TEST

GST_START_TEST (two_requests_at_a_time)
{
  Script s (Transport::polling);
  s.out ();
  fail_unless (s.session.get ());
  fail_if (s.session.get ());
  expect_out (s, "respond 1\nclosed lost\n");
  Script gone (Transport::polling);
  gone.out ();
  fail_unless (gone.session.get ());
  gone.session.get_gone ();
  expect_out (gone, "closed lost\n");
}
GST_END_TEST

// What was sent before the end is still fetched.
GST_START_TEST (closed_while_polling)
{
  Script s (Transport::polling);
  s.out ();
  s.session.send ("4last");
  s.session.close (s.now);
  s.session.send ("4too late");
  fail_unless (s.post ("4x"));
  expect_out (s, "");
  fail_unless (s.session.get ());
  expect_out (s, "respond 4last\n");
  fail_unless (s.session.get ());
  expect_out (s, "respond 1\nclosed closed\n");
  Script waiting (Transport::polling);
  waiting.out ();
  fail_unless (waiting.session.get ());
  waiting.session.close (waiting.now);
  expect_out (waiting, "respond 1\nclosed closed\n");
  Script never (Transport::polling);
  never.out ();
  never.session.close (never.now);
  never.pass (seconds (5));
  expect_out (never, "closed lost\n");
}
GST_END_TEST

GST_START_TEST (bad_input)
{
  for (const char *body : {"", "x", "0", "5", "4a\x1e", "bAAEC", "2"}) {
    Script s (Transport::polling);
    s.out ();
    s.post (body);
    fail_unless (s.session.over (), "%s", body);
  }
  for (const char *text : {"", "x", "0", "5", "2probe", "bAAEC"}) {
    Script s (Transport::web_socket);
    s.out ();
    s.session.socket_text (text, s.now);
    fail_unless (s.session.over (), "%s", text);
  }
  eio::Limits l;
  l.payload = 10;
  l.unread = 20;
  Script s (Transport::polling, l);
  fail_if (s.post ("4123456789a"));
  Script slow (Transport::polling, l);
  slow.out ();
  for (int i = 0; i < 5; i++)
    slow.session.send ("412345");
  expect_out (slow, "closed lost\n"); // it does not fetch
  Script some (Transport::polling, l);
  some.out ();
  for (int i = 0; i < 3; i++)
    some.session.send ("41234");
  fail_unless (some.session.get ()); // as much as fits
  expect_out (some, "respond 41234\n");
}
GST_END_TEST

GST_START_TEST (socket_io)
{
  auto p = sio::parse ("0");
  fail_unless (p && p->type == sio::Type::connect && p->name == "/" && p->payload.empty ());
  p = sio::parse ("0/room?token=1,{\"token\":\"x\"}");
  fail_unless (p && p->name == "/room" && p->payload == "{\"token\":\"x\"}");
  p = sio::parse ("0/room");
  fail_unless (p && p->name == "/room" && p->payload.empty ());
  p = sio::parse ("2/room,17[\"x\",{}]");
  fail_unless (p && p->name == "/room" && p->ack == "17" && p->payload == "[\"x\",{}]");
  p = sio::parse ("1");
  fail_unless (p && p->type == sio::Type::disconnect);
  const std::string name = "/" + std::string (128, 'x');
  for (const std::string &bad : {std::string (), std::string ("51-[{\"_placeholder\":true}]"),
           std::string ("6"), "2" + name + ",[]", "2" + std::string (17, '1') + "[]"})
    fail_if (sio::parse (bad).has_value (), "%s", bad.c_str ());

  auto e = sio::parse_event ("[\"rtc:join\",{\"pool\":\"x\"},3]", 32);
  fail_unless (e && e->name == "rtc:join" && e->data.text == "{\"pool\":\"x\"}");
  e = sio::parse_event ("[\"x\"]", 32);
  fail_unless (e && e->data.is (json::Kind::null));
  for (const char *bad : {"", "{}", "[]", "[1,{}]", "[\"x\"", "\"x\""})
    fail_if (sio::parse_event (bad, 32).has_value (), "%s", bad);

  fail_unless_equals_string (
      sio::text_of (sio::Type::connect, "/", "{\"sid\":\"s\"}").c_str (), "40{\"sid\":\"s\"}");
  fail_unless_equals_string (sio::text_of (sio::Type::disconnect, "/room").c_str (), "41/room,");
  fail_unless_equals_string (sio::event_prefix ("/").c_str (), "42");
  fail_unless_equals_string (sio::event_prefix ("/room").c_str (), "42/room,");
}
GST_END_TEST

static Suite *engine_io_suite ()
{
  Suite *s = suite_create ("engine_io");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, packets);
  tcase_add_test (tc, polling);
  tcase_add_test (tc, web_socket);
  tcase_add_test (tc, upgrade);
  tcase_add_test (tc, upgrade_fails);
  tcase_add_test (tc, heartbeat);
  tcase_add_test (tc, polling_heartbeat);
  tcase_add_test (tc, two_requests_at_a_time);
  tcase_add_test (tc, closed_while_polling);
  tcase_add_test (tc, bad_input);
  tcase_add_test (tc, socket_io);
  return s;
}

GST_CHECK_MAIN (engine_io)
