// SPDX-License-Identifier: LGPL-2.1-or-later
// Third-party authorization (RFC 7635) with coturn: tokens as an authorization server would make
// them, of a key that coturn has in its database.
#include "../plugin.h"
#include "common/proto/bytes.h"
#include "turn_pipeline.h"
#include <algorithm>
#include <openssl/evp.h>

using namespace reach::test;

namespace {
using Blob = std::vector<std::uint8_t>;
constexpr const char *name = "turn.example.org"; // of the server
// HMAC-SHA1: coturn 4.6 wants 20 bytes in the token, and hashes with the first 16 of them.
const Blob mac (20, 'm'), hashed (16, 'm'), sealing (32, 'k');

Blob plain_token (std::int64_t made, std::uint32_t lifetime)
{
  Blob b (2 + mac.size () + 12);
  reach::store_be (b.data (), static_cast<std::uint16_t> (mac.size ()));
  std::ranges::copy (mac, b.begin () + 2);
  std::uint8_t *rest = b.data () + 2 + mac.size ();
  reach::store_be (rest, static_cast<std::uint64_t> (made) << 16);
  reach::store_be (rest + 8, lifetime);
  return b;
}

// AES-256-GCM, for the server of that name.
Blob seal (const Blob &plain, const Blob &key)
{
  Blob out (2 + 12, 9), sealed (plain.size ()), tag (16);
  reach::store_be (out.data (), std::uint16_t{12});
  EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new ();
  int n = 0;
  EVP_EncryptInit_ex (c, EVP_aes_256_gcm (), nullptr, key.data (), out.data () + 2);
  EVP_EncryptUpdate (c, nullptr, &n, reinterpret_cast<const std::uint8_t *> (name),
      static_cast<int> (strlen (name)));
  EVP_EncryptUpdate (c, sealed.data (), &n, plain.data (), static_cast<int> (plain.size ()));
  EVP_EncryptFinal_ex (c, sealed.data () + n, &n);
  EVP_CIPHER_CTX_ctrl (c, EVP_CTRL_AEAD_GET_TAG, 16, tag.data ());
  EVP_CIPHER_CTX_free (c);
  out.insert (out.end (), sealed.begin (), sealed.end ());
  out.insert (out.end (), tag.begin (), tag.end ());
  return out;
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
  round_trip (uri_of (server), credentials (seal (plain_token (now, 3600), sealing)));
}
GST_END_TEST

// Sealed with another key, or over: as a wrong password.
GST_START_TEST (test_refused)
{
  Coturn server (with_tokens ());
  keep_key (server);
  const std::int64_t now = g_get_real_time () / G_USEC_PER_SEC;
  for (const Blob &token : {seal (plain_token (now, 3600), Blob (32, 'x')),
           seal (plain_token (now - 7200, 3600), sealing)}) {
    Pipeline p (
        "turnrelaysrc name=src uri=" + uri_of (server) + credentials (token) + " ! fakesink");
    p.play ();
    const MessagePtr m = wait_message (p.get (), GST_MESSAGE_ERROR);
    fail_unless (m != nullptr);
    GError *e = nullptr;
    gst_message_parse_error (m.get (), &e, nullptr);
    fail_unless (g_error_matches (e, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED), "%s",
        e->message);
    g_error_free (e);
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
        G_TYPE_STRING, base64_of (seal (plain_token (now, 3600), sealing)).c_str (), "mac-key",
        G_TYPE_STRING, base64_of (hashed).c_str (), nullptr);
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
