// SPDX-License-Identifier: LGPL-2.1-or-later
// Link header fields that name ICE servers (RFC 8288; RFC 9725, 4.6).
#include "rtc/signalling/proto/link_header.h"
#include "../check.h"

using namespace reach::rtc;

namespace {
// All servers in one line, and a ! where the field is malformed.
std::string read (std::string_view field)
{
  const IceLinks all = parse_ice_links (field);
  std::string text;
  for (const IceLink &l : all.servers)
    text += (text.empty () ? "" : " ") + l.uri + "|" + l.username + "|" + l.credential + "|" +
            l.credential_type;
  return text + (all.malformed ? "!" : "");
}
struct Case {
  const char *field, *read;
};
} // namespace

GST_START_TEST (test_fields)
{
  const Case cases[] = {
      {"", ""},
      {" , ,", ""},
      {"<stun:stun.example.net>; rel=\"ice-server\"", "stun:stun.example.net|||"},
      {"<stun:a>;rel=ice-server", "stun:a|||"},
      {"<stun:a> ;\tREL = Ice-Server ;x", "stun:a|||"},
      {"<turn:b?transport=udp>; rel=\"ice-server\"; username=\"user\"; credential=\"myPassword\"; "
       "credential-type=\"password\"",
          "turn:b?transport=udp|user|myPassword|password"},
      {"<stun:a>; rel=\"ice-server\", <turns:[2001:db8::1]:443>; rel=ice-server; username=u; "
       "credential=c; credential-type=Password",
          "stun:a||| turns:[2001:db8::1]:443|u|c|password"},
      // Quoted texts have commas, semicolons, quotes.
      {"<turn:b>; username=\"a,b;c<d>\\\"e\\\\\"; rel=\"ice-server\"; credential=\"=,\"",
          "turn:b|a,b;c<d>\"e\\|=,|"},
      // Several relations; the first rel is the one that counts; other links.
      {"<stun:a>; rel=\"next ice-server\"", "stun:a|||"},
      {"<stun:a>; rel=next; rel=ice-server", ""},
      {"<stun:a>; rel=ice-servers, <stun:b>; rel=xice-server, <stun:c>", ""},
      {"</s/1/layer>; rel=\"urn:ietf:params:whep:ext:core:layer\", <stun:a>; rel=ice-server",
          "stun:a|||"},
      {"<stun:a>; rel=ice-server; ; title*=UTF-8''x", "stun:a|||"},
      // Malformed: what came before counts.
      {"stun:a; rel=ice-server", "!"},
      {"<stun:a", "!"},
      {"<stun:a>; rel=\"ice-server", "!"},
      {"<stun:a>; rel=\"ice-server\\", "!"},
      {"<stun:a>; rel=ice-server, <stun:b> rel=ice-server", "stun:a|||!"},
      {"<stun:a>; rel=ice-server \"x\"", "!"},
      {"<stun:\xc3\xa4>; rel=ice-server", "!"},
      {"<stun:a\x01>; rel=ice-server", "!"},
  };
  for (const Case &c : cases)
    fail_unless_equals_string (read (c.field).c_str (), c.read);
}
GST_END_TEST

GST_START_TEST (test_limits)
{
  std::string field;
  for (int i = 0; i < 20; i++)
    field += "<stun:s" + std::to_string (i) + ">; rel=ice-server,";
  const IceLinks all = parse_ice_links (field);
  fail_unless_equals_int (all.servers.size (), IceLinks::most);
  fail_unless_equals_int (all.left_out, 20 - IceLinks::most);
  fail_unless (!all.malformed);
  const std::string at_most =
      "<stun:a>; rel=ice-server" + std::string (IceLinks::longest - 24, ' ');
  fail_unless_equals_string (read (at_most).c_str (), "stun:a|||");
  fail_unless_equals_string (read (at_most + " ").c_str (), "!");
}
GST_END_TEST

static Suite *link_header_suite ()
{
  Suite *s = suite_create ("link_header");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_fields);
  tcase_add_test (tc, test_limits);
  return s;
}

GST_CHECK_MAIN (link_header)
