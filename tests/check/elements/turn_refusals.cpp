// SPDX-License-Identifier: LGPL-2.1-or-later
// What the bus says when a server refuses, damages or redirects, and that the pipeline goes on
// where it can.
#include "../plugin.h"
#include "turn_pipeline.h"
#include "turn_script.h"

using namespace reach::test;

namespace {
using Auth = ScriptedServer::Auth;
using Sign = ScriptedServer::Sign;

// To the first n requests of this method, and always with 1000.
ScriptedServer::Script refuse (Method method, unsigned code, unsigned times = 1000)
{
  return [=] (ScriptedServer &s, const Message &m, unsigned n) -> std::optional<Replies> {
    if (m.method () != method || n >= times)
      return {};
    return Replies{s.error (m, code)};
  };
}

struct Run {
  explicit Run (
      const ScriptedServer &s, const std::string &options = "", const char *user = "user:pass@")
      : p ("turnrelaysrc name=src rto=200 uri=" + s.uri (user) + " " + options +
            " ! fakesink async=false")
  {
    p.play ();
  }
  MessagePtr wait (const char *name) { return wait_element_message (p.get (), name); }
  guint wait_refusal () // its code
  {
    guint code = 0;
    const MessagePtr m = wait ("turn-response-error");
    fail_unless (m && gst_structure_get_uint (gst_message_get_structure (m.get ()), "code", &code));
    return code;
  }
  void must_fail (const char *why, guint code, gint domain_code)
  {
    std::string said;
    guint number = 0;
    gint domain = 0;
    fail_unless (wait_error (p.get (), said, number, domain) != nullptr);
    fail_unless_equals_string (said.c_str (), why);
    fail_unless_equals_int (number, code);
    fail_unless_equals_int (domain, domain_code);
  }
  // Nothing has failed, and it plays.
  void must_play ()
  {
    GstState state = GST_STATE_NULL;
    fail_unless (gst_element_get_state (p.get (), &state, nullptr, clock_time (long_enough)) !=
                 GST_STATE_CHANGE_FAILURE);
    fail_unless_equals_int (state, GST_STATE_PLAYING);
    GstBus *bus = gst_element_get_bus (p.get ());
    const MessagePtr m (gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR));
    gst_object_unref (bus);
    fail_unless (m == nullptr);
  }
  void must_allocate ()
  {
    fail_unless (wait ("turn-allocated") != nullptr);
    must_play ();
  }
  Pipeline p;
};
} // namespace

// Codes that end it, and what the application learns.
GST_START_TEST (test_fatal)
{
  static const struct {
    unsigned code;
    const char *why;
    gint domain_code;
  } cases[] = {{400, "refused", GST_RESOURCE_ERROR_FAILED},
      {403, "refused", GST_RESOURCE_ERROR_NOT_AUTHORIZED},
      {420, "refused", GST_RESOURCE_ERROR_FAILED}, {440, "refused", GST_RESOURCE_ERROR_FAILED},
      {441, "wrong-credentials", GST_RESOURCE_ERROR_NOT_AUTHORIZED},
      {442, "refused", GST_RESOURCE_ERROR_FAILED}};
  const auto &c = cases[__i__];
  ScriptedServer server (refuse (Method::allocate, c.code));
  Run r (server);
  r.must_fail (c.why, c.code, c.domain_code);
  fail_unless_equals_int (server.asked (Method::allocate), 1);
}
GST_END_TEST

// No room: asked again after a while, and then it is an error.
GST_START_TEST (test_busy)
{
  static const unsigned codes[] = {486, 500, 508};
  const unsigned code = codes[__i__];
  ScriptedServer server (refuse (Method::allocate, code));
  Run r (server, "busy-wait=50 busy-retries=2");
  fail_unless_equals_int (r.wait_refusal (), code);
  r.must_play ();
  fail_unless_equals_int (r.wait_refusal (), code);
  r.must_fail ("refused", code, code == 500 ? GST_RESOURCE_ERROR_FAILED : GST_RESOURCE_ERROR_BUSY);
  fail_unless_equals_int (server.asked (Method::allocate), 3);
}
GST_END_TEST

GST_START_TEST (test_busy_for_a_while)
{
  ScriptedServer server (refuse (Method::allocate, 508, 2));
  Run r (server, "busy-wait=50");
  r.must_allocate ();
  fail_unless_equals_int (server.asked (Method::allocate), 3);
}
GST_END_TEST

// Our port is somebody's from before: another one is taken.
GST_START_TEST (test_mismatch)
{
  ScriptedServer server (refuse (Method::allocate, 437, 2));
  Run r (server);
  fail_unless_equals_int (r.wait_refusal (), 437);
  r.must_allocate ();
  fail_unless_equals_int (server.clients (), 3);
  ScriptedServer never (refuse (Method::allocate, 437));
  Run q (never);
  q.must_fail ("refused", 437, GST_RESOURCE_ERROR_FAILED);
  fail_unless_equals_int (never.asked (Method::allocate), 4);
}
GST_END_TEST

GST_START_TEST (test_stale_nonce)
{
  ScriptedServer server (
      [] (ScriptedServer &s, const Message &m, unsigned n) -> std::optional<Replies> {
        if (n > 0)
          return {};
        s.nonce += "+"; // Allocate and Refresh, each once
        return Replies{s.challenge (m, 438)};
      });
  Run r (server);
  r.must_allocate ();
  gboolean ok = FALSE;
  GstElement *src = r.p.by_name ("src");
  g_signal_emit_by_name (src, "refresh", 300u, &ok);
  gst_object_unref (src);
  fail_unless (ok && r.wait ("turn-refreshed"));
  r.must_play ();
  ScriptedServer never ([] (ScriptedServer &s, const Message &m, unsigned) {
    s.nonce += "+";
    return std::optional (Replies{s.challenge (m, 438)});
  });
  Run q (never);
  q.must_fail ("stale-nonces", 438, GST_RESOURCE_ERROR_FAILED);
}
GST_END_TEST

// The server has lost what we had: another allocation, and both are told.
GST_START_TEST (test_refresh_refused)
{
  static const unsigned codes[] = {437, 441};
  ScriptedServer server (refuse (Method::refresh, codes[__i__], 1));
  server.change ([] (auto &s) { s.lifetime = 2; });
  Run r (server);
  r.must_allocate ();
  const MessagePtr lost = r.wait ("turn-allocation-lost");
  guint code = 0;
  fail_unless (
      lost && gst_structure_get_uint (gst_message_get_structure (lost.get ()), "code", &code));
  fail_unless_equals_int (code, codes[__i__]);
  r.must_allocate ();
  fail_unless_equals_int (server.asked (Method::allocate), 2);
}
GST_END_TEST

// One family of two is refused: the other one is there, and which is not.
GST_START_TEST (test_one_family)
{
  ScriptedServer server (
      [] (ScriptedServer &s, const Message &m, unsigned) -> std::optional<Replies> {
        if (m.method () != Method::allocate || !m.has (Attr::additional_address_family))
          return {};
        return Replies{s.success (m, [&] (Builder &b) {
          s.fill_grant (b, Method::allocate);
          b.address_error (reach::stun::Family::ipv6, 440, "no IPv6");
        })};
      });
  Run r (server, "ip-family=both");
  const MessagePtr m = r.wait ("turn-allocated");
  guint code = 0;
  fail_unless (m && gst_structure_get_uint (
                        gst_message_get_structure (m.get ()), "refused-family-code", &code));
  fail_unless_equals_int (code, 440);
  r.must_play ();
}
GST_END_TEST

// DONT-FRAGMENT is a wish only.
GST_START_TEST (test_unknown_attribute)
{
  ScriptedServer server (
      [] (ScriptedServer &s, const Message &m, unsigned) -> std::optional<Replies> {
        if (!m.has (Attr::dont_fragment))
          return {};
        static const std::uint16_t unknown[] = {0x001a};
        return Replies{
            s.error (m, 420, "unknown", [] (Builder &b) { b.unknown_attributes (unknown); })};
      });
  Run r (server, "dont-fragment=true mode=indication");
  r.must_allocate ();
  fail_unless_equals_int (server.asked (Method::allocate), 2);
}
GST_END_TEST

// Somebody who does not know the password answers first.
GST_START_TEST (test_wrong_integrity)
{
  ScriptedServer server (
      [] (ScriptedServer &s, const Message &m, unsigned) -> std::optional<Replies> {
        if (m.method () != Method::allocate)
          return {};
        return Replies{s.error (m, 442, "forged", {}, Sign::wrong),
            s.error (m, 442, "bare", {}, Sign::none), s.grant (m, Sign::wrong), s.grant (m)};
      });
  Run r (server);
  r.must_allocate ();
  fail_unless_equals_uint64 (r.p.stat ("src", "unmatched"), 3);
  ScriptedServer forger ([] (ScriptedServer &s, const Message &m, unsigned) {
    return std::optional (Replies{s.grant (m, Sign::wrong)});
  });
  Run q (forger, "rto=50 max-retries=2");
  q.must_fail ("timeout", 0, GST_RESOURCE_ERROR_FAILED);
}
GST_END_TEST

GST_START_TEST (test_unknown_bytes)
{
  ScriptedServer server (
      [] (ScriptedServer &s, const Message &m, unsigned) -> std::optional<Replies> {
        if (m.method () != Method::allocate)
          return {};
        Blob cut = s.grant (m);
        cut.resize (cut.size () - 3);
        return Replies{Blob (40, 0xff), cut, Blob{0x40, 0, 0, 200, 1}, Blob{0}, s.grant (m)};
      });
  Run r (server);
  for (int i = 0; i < 4; i++)
    fail_unless (r.wait ("turn-unknown-message") != nullptr, "%d", i);
  r.must_allocate ();
  fail_unless_equals_uint64 (r.p.stat ("src", "malformed"), 4);
}
GST_END_TEST

namespace {
ScriptedServer::Script send_on (const reach::stun::Address *to)
{
  return [to] (ScriptedServer &s, const Message &m, unsigned) -> std::optional<Replies> {
    if (m.method () != Method::allocate)
      return {};
    return Replies{
        s.error (m, 300, "there", [&] (Builder &b) { b.address (Attr::alternate_server, *to); })};
  };
}
} // namespace

GST_START_TEST (test_redirected)
{
  ScriptedServer target;
  const auto to = target.address ();
  ScriptedServer sender (send_on (&to));
  Run r (sender);
  const MessagePtr m = r.wait ("turn-response-error");
  fail_unless_equals_string (
      gst_structure_get_string (gst_message_get_structure (m.get ()), "alternate-server"),
      to_string (to).c_str ());
  r.must_allocate ();
  fail_unless_equals_int (target.asked (Method::allocate), 1);
}
GST_END_TEST

// In a circle, along a chain without an end, and to where nothing can be.
GST_START_TEST (test_bad_redirects)
{
  {
    reach::stun::Address back;
    ScriptedServer b (send_on (&back));
    const auto to = b.address ();
    ScriptedServer a (send_on (&to));
    b.change ([&] (auto &) { back = a.address (); });
    Run r (a);
    r.must_fail ("bad-redirect", 300, GST_RESOURCE_ERROR_FAILED);
    fail_unless_equals_int (a.asked (Method::allocate) + b.asked (Method::allocate), 2);
  }
  {
    ScriptedServer last;
    std::vector<std::unique_ptr<ScriptedServer>> chain;
    for (unsigned i = 0; i < 4; i++)
      chain.push_back (std::make_unique<ScriptedServer> (
          send_on (i == 0 ? &last.address () : &chain.back ()->address ())));
    Run r (*chain.back ());
    r.must_fail ("bad-redirect", 300, GST_RESOURCE_ERROR_FAILED);
    fail_unless_equals_int (last.asked (Method::allocate), 0);
  }
  const auto nowhere = reach::stun::Address::v4 (0, 0, 0, 0, 3478);
  ScriptedServer c (send_on (&nowhere));
  Run r (c);
  r.must_fail ("bad-redirect", 300, GST_RESOURCE_ERROR_FAILED);
}
GST_END_TEST

static Suite *turn_refusals_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("turn-refusals");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_fatal, 0, 6);
  tcase_add_loop_test (tc, test_busy, 0, 3);
  tcase_add_test (tc, test_busy_for_a_while);
  tcase_add_test (tc, test_mismatch);
  tcase_add_test (tc, test_stale_nonce);
  tcase_add_loop_test (tc, test_refresh_refused, 0, 2);
  tcase_add_test (tc, test_one_family);
  tcase_add_test (tc, test_unknown_attribute);
  tcase_add_test (tc, test_wrong_integrity);
  tcase_add_test (tc, test_unknown_bytes);
  tcase_add_test (tc, test_redirected);
  tcase_add_test (tc, test_bad_redirects);
  return s;
}
GST_CHECK_MAIN (turn_refusals)
