// SPDX-License-Identifier: LGPL-2.1-or-later
// Who the relay elements say they are: short-term credentials, tokens, and what an application
// gives when it is asked.
#include "../bus_error.h"
#include "../plugin.h"
#include "turn/net/session.h"
#include "turn_pipeline.h"
#include "turn_script.h"
#include "turn_server.h"
#include <set>

using namespace reach::test;

namespace {
using Auth = ScriptedServer::Auth;

struct Run {
  Run (const std::string &uri, const std::string &options)
      : p ("turnrelaysrc name=src rto=200 uri=" + uri + " " + options + " ! fakesink async=false"),
        src (p.by_name ("src"))
  {
  }
  ~Run () { gst_object_unref (src); }
  Run (const Run &) = delete;
  Run &operator= (const Run &) = delete;
  void must_allocate ()
  {
    p.play ();
    fail_unless (wait_element_message (p.get (), "turn-allocated") != nullptr);
  }
  void must_fail (const char *why, guint code)
  {
    p.play ();
    std::string said;
    guint number = 0;
    gint domain = 0;
    fail_unless (wait_error (p.get (), said, number, domain) != nullptr);
    fail_unless_equals_string (said.c_str (), why);
    fail_unless_equals_int (number, code);
    fail_unless_equals_int (domain, GST_RESOURCE_ERROR_NOT_AUTHORIZED);
  }
  Pipeline p;
  GstElement *const src;
};

// What a handler of need-credentials was asked, and gives.
struct Book {
  std::vector<std::string> passwords; // one after the other; empty: none
  GstStructure *given = nullptr;      // instead
  Watched<std::vector<std::string>> asked;
};

GstStructure *on_need (GstElement *, GstStructure *q, gpointer data)
{
  auto *book = static_cast<Book *> (data);
  std::size_t n = 0;
  book->asked.update ([&] (std::vector<std::string> &v) {
    n = v.size ();
    v.push_back (std::string (gst_structure_get_string (q, "why")) + " " +
                 gst_structure_get_string (q, "realm") + " " +
                 gst_structure_get_string (q, "authorization-server"));
  });
  if (book->given)
    return gst_structure_copy (book->given);
  if (n >= book->passwords.size ())
    return nullptr;
  return gst_structure_new ("credentials", "username", G_TYPE_STRING, "user", "password",
      G_TYPE_STRING, book->passwords[n].c_str (), nullptr);
}

std::string base64_of (const std::vector<std::uint8_t> &v)
{
  gchar *t = g_base64_encode (v.data (), v.size ());
  std::string s = t;
  g_free (t);
  return s;
}
const std::vector<std::uint8_t> mac_key (32, 7), token (90, 9);
} // namespace

GST_START_TEST (test_short_term)
{
  ScriptedServer server (
      [] (ScriptedServer &, const Message &m, unsigned) -> std::optional<Replies> {
        fail_unless (m.text (Attr::username) == "user" && !m.has (Attr::realm));
        return {};
      },
      {Auth::short_term});
  Run r (server.uri (), "auth-mode=short-term");
  r.must_allocate ();
  fail_unless_equals_int (server.asked (Method::allocate), 1); // without being asked who
  Run wrong (server.uri ("user:word@"), "auth-mode=short-term");
  wrong.must_fail ("wrong-credentials", 401);
}
GST_END_TEST

// A name is there, and is not told: no challenge is answered.
GST_START_TEST (test_no_auth_mode)
{
  ScriptedServer server;
  Run r (server.uri (), "auth-mode=none");
  r.must_fail ("no-credentials", 401);
}
GST_END_TEST

GST_START_TEST (test_stun_credentials)
{
  Watched<std::string> name;
  ScriptedServer server (
      [&] (ScriptedServer &, const Message &m, unsigned) -> std::optional<Replies> {
        if (m.method () == Method::binding)
          name.set (m.integrity_at () != 0 ? std::string (m.text (Attr::username)) : "nobody");
        return {};
      });
  const std::string uri = "stun:" + to_string (server.address ());
  {
    Run r (uri, "");
    r.p.play ();
    fail_unless (wait_element_message (r.p.get (), "turn-binding-success") != nullptr);
    fail_unless (name.get () == "nobody");
  }
  Run r (uri, "stun-auth-mode=short-term stun-username=frag stun-password=pass");
  r.p.play ();
  fail_unless (name.wait ([] (const std::string &n) { return n == "frag"; }));
}
GST_END_TEST

GST_START_TEST (test_token)
{
  ScriptedServer server (
      [] (ScriptedServer &, const Message &m, unsigned) -> std::optional<Replies> {
        const auto t = m.find (Attr::access_token);
        fail_unless (t && std::ranges::equal (*t, token) && m.text (Attr::username) == "kid");
        return {};
      },
      {Auth::token, "", mac_key});
  Run r (server.uri (""),
      "username=kid access-token=" + base64_of (token) + " mac-key=" + base64_of (mac_key));
  r.must_allocate ();
  Run wrong (server.uri (""),
      "username=kid access-token=" + base64_of (token) + " mac-key=" + base64_of (token));
  wrong.must_fail ("wrong-credentials", 401);
}
GST_END_TEST

// The application is told where tokens come from, and brings one.
GST_START_TEST (test_need_token)
{
  ScriptedServer server ({}, {Auth::token, "", mac_key});
  Run r (server.uri (""), "");
  Book book;
  book.given = gst_structure_new ("credentials", "username", G_TYPE_STRING, "kid", "access-token",
      G_TYPE_STRING, base64_of (token).c_str (), "mac-key", G_TYPE_STRING,
      base64_of (mac_key).c_str (), nullptr);
  g_signal_connect (r.src, "need-credentials", G_CALLBACK (on_need), &book);
  r.must_allocate ();
  fail_unless (
      book.asked.get () == std::vector<std::string>{"no-credentials example.org auth.example.org"});
  gst_element_set_state (r.p.get (), GST_STATE_NULL);
  gst_structure_free (book.given);
}
GST_END_TEST

GST_START_TEST (test_need_credentials)
{
  ScriptedServer server;
  {
    Run r (server.uri (""), "");
    Book book;
    book.passwords = {"wrong", "pass"};
    g_signal_connect (r.src, "need-credentials", G_CALLBACK (on_need), &book);
    r.must_allocate ();
    fail_unless ((book.asked.get () == std::vector<std::string>{"no-credentials example.org ",
                                           "wrong-credentials example.org "}));
    gst_element_set_state (r.p.get (), GST_STATE_NULL);
  }
  {
    Run r (server.uri (""), ""); // and not for ever
    Book book;
    book.passwords.assign (10, "wrong");
    g_signal_connect (r.src, "need-credentials", G_CALLBACK (on_need), &book);
    r.must_fail ("wrong-credentials", 401);
    fail_unless_equals_int (book.asked.get ().size (), 3);
    gst_element_set_state (r.p.get (), GST_STATE_NULL);
  }
  Run r (server.uri (""), "");
  Book none;
  g_signal_connect (r.src, "need-credentials", G_CALLBACK (on_need), &none);
  r.must_fail ("no-credentials", 401);
  gst_element_set_state (r.p.get (), GST_STATE_NULL);
}
GST_END_TEST

// Those that are good for a minute or less are asked for again at once, while all goes on.
GST_START_TEST (test_expiring)
{
  ScriptedServer server;
  Run r (server.uri (""), "");
  Book book;
  book.given = gst_structure_new ("credentials", "username", G_TYPE_STRING, "user", "password",
      G_TYPE_STRING, "pass", "lifetime", G_TYPE_UINT, 61u, nullptr);
  g_signal_connect (r.src, "need-credentials", G_CALLBACK (on_need), &book);
  r.must_allocate ();
  fail_unless (book.asked.wait ([] (const auto &v) { return v.size () == 2; }));
  fail_unless_equals_string (book.asked.get ()[1].c_str (), "expired  ");
  gst_element_set_state (r.p.get (), GST_STATE_NULL);
  gst_structure_free (book.given);
}
GST_END_TEST

// What cannot be is said before anything is sent.
GST_START_TEST (test_bad_settings)
{
  static const char *const cases[] = {"access-token=AAAA", "access-token=AAAA mac-key=A",
      "reservation-token=12", "min-channel=20000 max-channel=17000",
      "reservation-token=0123456789abcdeg", "reserve-next=true ip-family=both"};
  Pipeline p (
      std::string ("turnrelaysrc uri=turn:127.0.0.1 username=x ") + cases[__i__] + " ! fakesink");
  gst_element_set_state (p.get (), GST_STATE_PLAYING);
  const MessagePtr m = wait_message (p.get (), GST_MESSAGE_ERROR);
  const auto e = error_of (m.get ());
  fail_unless (g_error_matches (e.get (), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS));
}
GST_END_TEST

namespace {
using namespace reach::turn;

// Of one allocation without an element: who it says it is.
class Namer final : public Session::Listener {
public:
  void on_event (const Event &e) override
  {
    if (std::holds_alternative<Allocated> (e))
      allocated.update ([] (unsigned &n) { n++; });
  }
  void on_hopeless (Session::Kind, const std::string &) override {}
  void on_data (const Data &) override {}
  void on_data_done () override {}
  bool wants_before_send () const override { return true; }
  bool on_before_send (reach::Bytes message) override
  {
    const auto m = Message::parse (message);
    if (m && m->method () == Method::allocate && m->has (Attr::username))
      name.set (std::string (m->text (Attr::username)));
    return true;
  }
  Watched<unsigned> allocated;
  Watched<std::string> name;
};
} // namespace

// Credentials of a secret end, and new ones are there before: what follows is asked for with them.
GST_START_TEST (test_secret_renewed)
{
  TurnServer server ("auth-secret=north");
  SessionSettings s;
  s.host = "127.0.0.1";
  s.port = server.port ();
  s.auth_secret = "north";
  s.secret_lifetime = std::chrono::seconds (61); // a minute before its end they are renewed
  s.client.credentials.kind = Credentials::Kind::long_term;
  s.client.credentials.username = "camera";
  Namer namer;
  Session session (s);
  session.start (namer, {});
  fail_unless (namer.allocated.wait ([] (unsigned n) { return n == 1; }));
  const std::string first = namer.name.get ();
  fail_unless (first.ends_with (":camera"), "%s", first.c_str ());
  unsigned n = 1;
  fail_unless (iterate_until ([&] {
    session.reconnect ();
    n++;
    fail_unless (namer.allocated.wait ([n] (unsigned a) { return a >= n; }));
    return namer.name.get () != first;
  }));
  const std::string later = namer.name.get ();
  fail_unless (std::stoll (later) > std::stoll (first), "%s, %s", first.c_str (), later.c_str ());
  session.stop (namer);
}
GST_END_TEST

// A handler changes requests before they are signed; what is no request of that kind is not used.
GST_START_TEST (test_before_sign)
{
  static constexpr std::uint8_t more[] = {0xc0, 0xde, 0, 4, 1, 2, 3, 4};
  std::atomic<unsigned> right = 0, wrong = 0;
  ScriptedServer server (
      [&] (ScriptedServer &, const Message &m, unsigned) -> std::optional<Replies> {
        (m.u32 (static_cast<Attr> (0xc0de)) == 0x01020304u ? right : wrong)++;
        return {};
      });
  const auto handler = +[] (GstElement *, GBytes *before, gpointer) -> GBytes * {
    gsize size = 0;
    const auto *d = static_cast<const std::uint8_t *> (g_bytes_get_data (before, &size));
    Blob v (d, d + size);
    v.insert (v.end (), std::begin (more), std::end (more));
    v[3] = static_cast<std::uint8_t> (v[3] + sizeof more);
    if (v[1] == 8) // CreatePermission
      v[1] = 9;
    return g_bytes_new (v.data (), v.size ());
  };
  Pipeline p ("turnrelaysrc name=src uri=" + server.uri () + " ! fakesink async=false");
  GstElement *src = p.by_name ("src");
  g_signal_connect (src, "before-sign", G_CALLBACK (handler), nullptr);
  p.play ();
  fail_unless (wait_element_message (p.get (), "turn-allocated") != nullptr);
  fail_unless (right == 1 && wrong == 0);
  gboolean ok = FALSE;
  g_signal_emit_by_name (src, "create-permission", "192.0.2.7", &ok);
  fail_unless (ok && wait_element_message (p.get (), "turn-permission-created") != nullptr);
  fail_unless (right == 1 && wrong == 1);
  gst_element_set_state (p.get (), GST_STATE_NULL);
  gst_object_unref (src);
}
GST_END_TEST

namespace {
// What a handler of before-sign tries in the middle of a request, and gets.
struct Meddler {
  Watched<unsigned> calls;
  std::atomic<unsigned> done = 0;
};

GBytes *meddle (GstElement *src, GBytes *before, gpointer data)
{
  auto *m = static_cast<Meddler *> (data);
  guint channel = 0;
  gboolean ok[4] = {};
  GstBuffer *b = gst_buffer_new_allocate (nullptr, 8, nullptr);
  g_signal_emit_by_name (src, "channel-bind", "192.0.2.9:5004", 0u, &channel);
  g_signal_emit_by_name (src, "clear");
  g_signal_emit_by_name (src, "send-binding-request", &ok[0]);
  g_signal_emit_by_name (src, "create-permission", "192.0.2.10", &ok[1]);
  g_signal_emit_by_name (src, "reconnect", &ok[2]);
  g_signal_emit_by_name (src, "send-raw", b, &ok[3]);
  gst_buffer_unref (b);
  m->done += channel != 0 || ok[0] || ok[1] || ok[2] || ok[3];
  g_object_set (src, "peers", "192.0.2.7:5004,192.0.2.8:5004,192.0.2.11:5004", nullptr);
  m->calls.update ([] (unsigned &n) { n++; });
  return g_bytes_ref (before);
}
} // namespace

// A handler's actions are refused: they would reach the client while it walks over its channels and
// permissions. The request goes out as it was; what was set comes after it.
GST_START_TEST (test_before_sign_meddles)
{
  Watched<std::set<std::string>> bound; // a slow machine may ask twice
  ScriptedServer server (
      [&] (ScriptedServer &, const Message &m, unsigned) -> std::optional<Replies> {
        if (m.method () == Method::channel_bind)
          bound.update ([&] (std::set<std::string> &v) {
            v.insert (to_string (*m.xor_address (Attr::xor_peer_address)));
          });
        return {};
      });
  Meddler meddler;
  Pipeline p ("turnrelaysrc name=src peers=192.0.2.7:5004,192.0.2.8:5004 uri=" + server.uri () +
              " ! fakesink async=false");
  GstElement *src = p.by_name ("src");
  g_signal_connect (src, "before-sign", G_CALLBACK (meddle), &meddler);
  p.play ();
  fail_unless (wait_element_message (p.get (), "turn-allocated") != nullptr);
  fail_unless (bound.wait ([] (const auto &v) { return v.size () >= 3; }));
  fail_unless ((bound.get () ==
                std::set<std::string>{"192.0.2.11:5004", "192.0.2.7:5004", "192.0.2.8:5004"}));
  fail_unless (meddler.calls.wait ([] (unsigned n) { return n >= 5; })); // two of Allocate
  fail_unless (meddler.done == 0 && server.asked (Method::binding) == 0);
  fail_unless_equals_int (server.asked (Method::allocate), 1);
  fail_unless_equals_int (server.asked (Method::refresh), 0);
  gboolean ok = FALSE; // from anywhere else they are done
  g_signal_emit_by_name (src, "send-binding-request", &ok);
  fail_unless (ok && server.wait_asked (Method::binding, 1));
  gst_element_set_state (p.get (), GST_STATE_NULL);
  fail_unless_equals_int (server.asked (Method::refresh), 1);
  gst_object_unref (src);
}
GST_END_TEST

static Suite *turn_credentials_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("turn-credentials");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_before_sign);
  tcase_add_test (tc, test_before_sign_meddles);
  tcase_add_test (tc, test_short_term);
  tcase_add_test (tc, test_no_auth_mode);
  tcase_add_test (tc, test_stun_credentials);
  tcase_add_test (tc, test_token);
  tcase_add_test (tc, test_need_token);
  tcase_add_test (tc, test_need_credentials);
  tcase_add_test (tc, test_expiring);
  tcase_add_loop_test (tc, test_bad_settings, 0, 6);
  tcase_add_test (tc, test_secret_renewed);
  return s;
}
GST_CHECK_MAIN (turn_credentials)
