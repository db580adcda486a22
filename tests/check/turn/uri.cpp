// SPDX-License-Identifier: LGPL-2.1-or-later
// turn:, turns: and stun: URIs (RFC 7064, 7065), and our user part.
#include "turn/proto/uri.h"
#include "../check.h"

using namespace reach::turn;

GST_START_TEST (test_good)
{
  struct Case {
    const char *text, *host;
    unsigned port;
    Transport transport;
    bool relay, secure;
    const char *user, *password;
  };
  using T = Transport;
  static const Case cases[] = {
      {"turn:example.org", "example.org", 3478, T::udp, true, false, nullptr, nullptr},
      {"turns:example.org", "example.org", 5349, T::tls, true, true, nullptr, nullptr},
      {"turn:example.org:8000", "example.org", 8000, T::udp, true, false, nullptr, nullptr},
      {"turn:192.0.2.1:1?transport=udp", "192.0.2.1", 1, T::udp, true, false, nullptr, nullptr},
      {"turn:[2001:db8::1]:65535?transport=tcp", "2001:db8::1", 65535, T::tcp, true, false, nullptr,
          nullptr},
      {"turn:[::1]", "::1", 3478, T::udp, true, false, nullptr, nullptr},
      {"turns:a?transport=tcp", "a", 5349, T::tls, true, true, nullptr, nullptr},
      {"turns:a?transport=udp", "a", 5349, T::dtls, true, true, nullptr, nullptr},
      {"TURN:a?TRANSPORT=TCP", "a", 3478, T::tcp, true, false, nullptr, nullptr},
      {"stun:a", "a", 3478, T::udp, false, false, nullptr, nullptr},
      {"stuns:a:9", "a", 9, T::tls, false, true, nullptr, nullptr},
      {"turn:me:secret@a", "a", 3478, T::udp, true, false, "me", "secret"},
      {"turn:me@a:7", "a", 7, T::udp, true, false, "me", nullptr},
      {"turn:me:@a", "a", 3478, T::udp, true, false, "me", ""},
      {"turn:17000%3Ame:p%40%3a%2F%25@[::1]:7?transport=tcp", "::1", 7, T::tcp, true, false,
          "17000:me", "p@:/%"},
      {"turn:m%C3%A9:x+y=@a", "a", 3478, T::udp, true, false, "m\u00E9", "x+y="},
  };
  for (const Case &c : cases) {
    const auto u = parse_uri (c.text);
    fail_unless (u.has_value (), "%s", c.text);
    fail_unless (u->host == c.host && u->effective_port () == c.port, "%s", c.text);
    fail_unless (u->effective_transport () == c.transport, "%s", c.text);
    fail_unless (u->relay == c.relay && u->secure == c.secure, "%s", c.text);
    fail_unless (u->username.has_value () == (c.user != nullptr), "%s", c.text);
    fail_unless (!c.user || *u->username == c.user, "%s", c.text);
    fail_unless (u->password.has_value () == (c.password != nullptr), "%s", c.text);
    fail_unless (!c.password || *u->password == c.password, "%s", c.text);
    // What is written reads the same.
    const auto again = parse_uri (to_string (*u, true));
    fail_unless (again && again->host == u->host && again->port == u->port &&
                     again->transport == u->transport && again->username == u->username &&
                     again->password == u->password && again->secure == u->secure,
        "%s", to_string (*u, true).c_str ());
  }
}
GST_END_TEST

GST_START_TEST (test_bad)
{
  static const char *const cases[] = {"", "turn", "turn:", "turnx:a", "turnss:a", "tur:a", "http:a",
      "turn:a:", "turn:a:0", "turn:a:65536", "turn:a:1x", "turn:a:-1", "turn::5", "turn:[::1",
      "turn:[a]", "turn:[]", "turn:[::1]x", "turn:a b", "turn://a", "turn:a/", "turn:a#f",
      "turn:a?transport=", "turn:a?transport=sctp", "turn:a?x=y", "turn:a?transport=udp&x",
      "stun:a?transport=udp", "turn:@a", "turn::p@a", "turn:a%zz@h", "turn:a%4@h", "turn:a%00@h",
      "turn:a b@h", "turn:a:b:c@h", "turn:a@", "turn:a@b@c"};
  for (const char *text : cases)
    fail_unless (!parse_uri (text), "%s", text);
  fail_unless (!parse_uri ("turn:" + std::string (256, 'a')));
}
GST_END_TEST

GST_START_TEST (test_redacted)
{
  const auto shown = [] (const char *text) { return to_string (*parse_uri (text), false); };
  fail_unless_equals_string (shown ("turn:me:secret@a:1").c_str (), "turn:me:*@a:1");
  fail_unless_equals_string (shown ("turn:me@a?transport=tcp").c_str (), "turn:me@a?transport=tcp");
  fail_unless_equals_string (redact ("turn:me:secret@a").c_str (), "turn:me:*@a");
  fail_unless_equals_string (redact ("turn:me:se@cret@a b").c_str (), "turn:me:*@a b");
  fail_unless_equals_string (redact ("secret@a").c_str (), "*@a");
  fail_unless_equals_string (redact ("turn:me@a:1").c_str (), "turn:me@a:1");
  fail_unless_equals_string (redact ("turn:a:1").c_str (), "turn:a:1");
}
GST_END_TEST

static Suite *uri_suite ()
{
  Suite *s = suite_create ("turn-uri");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_good);
  tcase_add_test (tc, test_bad);
  tcase_add_test (tc, test_redacted);
  return s;
}
GST_CHECK_MAIN (uri)
