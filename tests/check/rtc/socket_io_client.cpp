// SPDX-License-Identifier: LGPL-2.1-or-later
// The client's end of a session of socket.io, without a socket.
#include "rtc/signalling/proto/socket_io_client.h"
#include "../check.h"

using namespace reach::rtc;

namespace {
void same (const std::string &a, const std::string &b)
{
  fail_unless_equals_string (a.c_str (), b.c_str ());
}

// What the client of socket.io has to say, with a semicolon between.
std::string outputs (sio::Client &c, const char *text)
{
  c.input (text);
  std::string all;
  while (const auto o = c.poll_output ()) {
    if (!all.empty ())
      all += ";";
    if (const auto *s = std::get_if<sio::Client::Send> (&*o))
      all += s->text;
    else if (const auto *e = std::get_if<sio::Client::Came> (&*o))
      all += "event " + e->type + " " + e->data;
    else if (const auto *over = std::get_if<sio::Client::Over> (&*o))
      all += (over->refused ? "refused " : "over ") + over->why;
    else
      all += "connected";
  }
  return all;
}
} // namespace

GST_START_TEST (session)
{
  sio::Client c ("/", "");
  same (outputs (c, "40") + outputs (c, "42[\"x\",1]"), "");
  same (
      outputs (c, R"(0{"sid":"e1","upgrades":[],"pingInterval":25000,"pingTimeout":20000})"), "40");
  same (outputs (c, "0{}") + outputs (c, "42[\"x\",1]"), "");
  same (outputs (c, R"(40{"sid":"s1"})"), "connected");
  same (outputs (c, R"(40{"sid":"s1"})"), "");
  same (c.event ("rtc:join", R"({"pool":"p"})"), R"(42["rtc:join",{"pool":"p"}])");
  same (outputs (c, "2"), "3");
  same (outputs (c, "2probe"), "3probe");
  same (outputs (c, R"(42["rtc:peer",{"id":"b"}])"), R"(event rtc:peer {"id":"b"})");
  same (outputs (c, R"(427["news", [1] ,2])"), "437[];event news [1]");
  same (outputs (c, R"(42["news"])"), "event news null");
  for (const char *odd :
      {"", "x", "3", "5", "6", "4", "42", "42[]", "42[7]", "42{}", "42/other,[\"x\",1]", "43[1]",
          "451-[\"x\",{\"_placeholder\":true,\"num\":0}]", "49", "bAAA="})
    same (outputs (c, odd), "");
  same (outputs (c, "41"), "over the server has ended the session");
  same (outputs (c, "2") + outputs (c, "1"), "");
}
GST_END_TEST

GST_START_TEST (name_space)
{
  sio::Client c ("/rooms", R"({"token":"t"})");
  same (outputs (c, "0{}"), R"(40/rooms,{"token":"t"})");
  same (outputs (c, "40{}"), "");
  same (outputs (c, "40/rooms,{}"), "connected");
  same (c.event ("a\"b", "{}"), R"(42/rooms,["a\"b",{}])");
  same (outputs (c, R"(42/rooms,1["x",{}])"), "43/rooms,1[];event x {}");
  same (outputs (c, "1"), "over the server has ended the session");

  for (const auto &[payload, why] : {std::pair (R"({"message":"no ü"})", "no ü"),
           std::pair ("\"no\"", "no"), std::pair ("", "the server refuses this client"),
           std::pair (R"({"message":"a\u0000b"})", "the server refuses this client")}) {
    sio::Client refused ("/", "");
    outputs (refused, "0{}");
    same (
        outputs (refused, (std::string ("44") + payload).c_str ()), std::string ("refused ") + why);
  }
}
GST_END_TEST

static Suite *socket_io_client_suite ()
{
  Suite *s = suite_create ("socket_io_client");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, session);
  tcase_add_test (tc, name_space);
  return s;
}

GST_CHECK_MAIN (socket_io_client)
