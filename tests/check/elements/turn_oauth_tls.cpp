// SPDX-License-Identifier: LGPL-2.1-or-later
// Third-party authorization (RFC 7635) with coturn: tokens as an authorization server would make
// them, of a key that coturn has in its database.
#include "../bus_error.h"
#include "../plugin.h"
#include "../turn/access_token.h"
#include "common/proto/bytes.h"
#include "turn_pipeline.h"
#include <algorithm>

using namespace reach::test;

namespace {
using Blob = std::vector<std::uint8_t>;
constexpr const char *name = "turn.example.org"; // of the server
// HMAC-SHA1: coturn 4.6 wants 20 bytes in the token, and hashes with the first 16 of them.
const Blob mac (20, 'm'), hashed (16, 'm'), sealing (32, 'k');

Blob token (std::int64_t made, const Blob &key = sealing)
{
  return seal_token (plain_token (mac, made, 3600), key, name);
}

std::string base64_of (const Blob &b)
{
  gchar *text = g_base64_encode (b.data (), b.size ());
  const std::string s = text;
  g_free (text);
  return s;
}

bool can_keep_keys ()
{
  gchar *p = g_find_program_in_path ("sqlite3");
  if (!p)
    g_print ("skipped: sqlite3 is not there (tests/packages)\n");
  g_free (p);
  return p != nullptr;
}

// coturn makes the tables of its database when it starts, and looks for each key when it needs it.
void keep_key (const Coturn &server)
{
  const std::string add = "insert into oauth_key (kid, ikm_key, timestamp, lifetime, as_rs_alg) "
                          "values ('north', '" +
                          base64_of (sealing) + "', 0, 0, 'A256GCM');";
  const std::string db = server.database ();
  const gchar *argv[] = {"sqlite3", db.c_str (), add.c_str (), nullptr};
  gint status = -1;
  fail_unless (g_spawn_sync (nullptr, const_cast<gchar **> (argv), nullptr, G_SPAWN_SEARCH_PATH,
                   nullptr, nullptr, nullptr, nullptr, &status, nullptr) &&
               status == 0);
}

std::vector<std::string> with_tokens ()
{
  return {"--lt-cred-mech", "--oauth", std::string ("--server-name=") + name};
}

std::string uri_of (const Coturn &c)
{
  return "turn:127.0.0.1:" + std::to_string (c.port ());
}

std::string credentials (const Blob &token)
{
  return " username=north access-token=" + base64_of (token) + " mac-key=" + base64_of (hashed) +
         " ";
}
} // namespace

GST_START_TEST (test_data)
{
  Coturn server (with_tokens ());
  keep_key (server);
  const std::int64_t now = g_get_real_time () / G_USEC_PER_SEC;
  round_trip (uri_of (server), credentials (token (now)));
}
GST_END_TEST

// Sealed with another key, or over: as a wrong password.
GST_START_TEST (test_refused)
{
  Coturn server (with_tokens ());
  keep_key (server);
  const std::int64_t now = g_get_real_time () / G_USEC_PER_SEC;
  for (const Blob &token : {token (now, Blob (32, 'x')), token (now - 7200)}) {
    Pipeline p (
        "turnrelaysrc name=src uri=" + uri_of (server) + credentials (token) + " ! fakesink");
    p.play ();
    const MessagePtr m = wait_message (p.get (), GST_MESSAGE_ERROR);
    fail_unless (m != nullptr);
    const auto e = error_of (m.get ());
    fail_unless (g_error_matches (e.get (), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED),
        "%s", e->message);
  }
}
GST_END_TEST

// Who has no token hears from coturn who gives them.
GST_START_TEST (test_where_from)
{
  Coturn server (with_tokens ());
  keep_key (server);
  Pipeline p ("turnrelaysrc name=src uri=" + uri_of (server) + " ! fakesink");
  GstElement *src = p.by_name ("src");
  Watched<std::string> from;
  const auto asked = +[] (GstElement *, GstStructure *s, gpointer to) -> GstStructure * {
    const char *text = gst_structure_get_string (s, "authorization-server");
    static_cast<Watched<std::string> *> (to)->set (text ? text : "");
    const std::int64_t now = g_get_real_time () / G_USEC_PER_SEC;
    return gst_structure_new ("credentials", "username", G_TYPE_STRING, "north", "access-token",
        G_TYPE_STRING, base64_of (token (now)).c_str (), "mac-key", G_TYPE_STRING,
        base64_of (hashed).c_str (), nullptr);
  };
  g_signal_connect (src, "need-credentials", G_CALLBACK (asked), &from);
  p.play ();
  fail_unless (wait_element_message (p.get (), "turn-allocated") != nullptr);
  fail_unless_equals_string (from.get ().c_str (), name);
  gst_element_set_state (p.get (), GST_STATE_NULL);
  gst_object_unref (src);
}
GST_END_TEST

static Suite *turn_oauth_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("turn-oauth");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  if (!Coturn::there () || !can_keep_keys ())
    return s;
  tcase_add_test (tc, test_data);
  tcase_add_test (tc, test_refused);
  tcase_add_test (tc, test_where_from);
  return s;
}
GST_CHECK_MAIN (turn_oauth)
