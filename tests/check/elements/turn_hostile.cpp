// SPDX-License-Identifier: LGPL-2.1-or-later
// Servers on UDP that mean harm, or somebody between: the relay elements go on or say why not, in
// bounded memory, and stop at once.
#include "../plugin.h"
#include "turn_pipeline.h"
#include "turn_script.h"

using namespace reach::test;

namespace {
using Sign = ScriptedServer::Sign;

struct Run {
  explicit Run (const ScriptedServer &s, const std::string &options = "")
      : p ("turnrelaysrc name=src rto=200 peers=192.0.2.1:5004 uri=" + s.uri () + " " + options +
            " ! fakesink async=false")
  {
    p.play ();
  }
  // Whatever the server does meanwhile.
  ~Run ()
  {
    const gint64 before = g_get_monotonic_time ();
    gst_element_set_state (p.get (), GST_STATE_NULL);
    const gint64 took = g_get_monotonic_time () - before;
    fail_unless (took < G_USEC_PER_SEC, "NULL after %" G_GINT64_FORMAT " us", took);
  }
  void must_allocate ()
  {
    fail_unless (wait_element_message (p.get (), "turn-allocated") != nullptr);
  }
  void must_fail (const char *why)
  {
    std::string said;
    guint number = 0;
    gint domain = 0;
    fail_unless (wait_error (p.get (), said, number, domain) != nullptr);
    fail_unless_equals_string (said.c_str (), why);
  }
  // Messages of this name on the bus, where no ERROR may be.
  unsigned waiting (const char *name)
  {
    GstBus *bus = gst_element_get_bus (p.get ());
    unsigned n = 0;
    while (const MessagePtr m{gst_bus_pop (bus)}) {
      fail_if (GST_MESSAGE_TYPE (m.get ()) == GST_MESSAGE_ERROR);
      n += gst_message_has_name (m.get (), name);
    }
    gst_object_unref (bus);
    return n;
  }
  void must_be_well () { waiting (""); }
  guint left () // seconds of the allocation
  {
    GstElement *src = p.by_name ("src");
    GstStructure *s = nullptr;
    guint n = 0;
    g_object_get (src, "allocation", &s, nullptr);
    fail_unless (gst_structure_get_uint (s, "lifetime-left", &n));
    gst_structure_free (s);
    gst_object_unref (src);
    return n;
  }
  bool refresh ()
  {
    gboolean ok = FALSE;
    GstElement *src = p.by_name ("src");
    g_signal_emit_by_name (src, "refresh", 300u, &ok);
    gst_object_unref (src);
    return ok;
  }
  Pipeline p;
};

const auto permitted = reach::stun::Address::v4 (192, 0, 2, 1, 5004);

Blob indication (const Fill &fill)
{
  std::uint8_t buffer[2048];
  reach::stun::TransactionId id{};
  Builder b (buffer, Method::data, Class::indication, id);
  fill (b);
  b.fingerprint ();
  fail_if (b.failed ());
  return {b.message ().begin (), b.message ().end ()};
}

Blob icmp_of (const reach::stun::Address &peer)
{
  return indication ([&] (Builder &b) {
    b.xor_address (Attr::xor_peer_address, peer);
    b.icmp (3, 3, 0);
  });
}

Blob data_of (const reach::stun::Address &peer, const Blob &data)
{
  return indication ([&] (Builder &b) {
    b.xor_address (Attr::xor_peer_address, peer);
    b.add (Attr::data, data);
  });
}
} // namespace

// Each answer comes forged before it comes.
GST_START_TEST (test_forged)
{
  static const Method methods[] = {Method::refresh, Method::channel_bind};
  const Method method = methods[__i__];
  ScriptedServer server (
      [=] (ScriptedServer &s, const Message &m, unsigned) -> std::optional<Replies> {
        if (m.method () != method)
          return {};
        return Replies{s.grant (m, Sign::none), s.error (m, 437, "bare", {}, Sign::none),
            s.error (m, 441, "forged", {}, Sign::wrong), s.grant (m)};
      });
  Run r (server);
  r.must_allocate ();
  if (method == Method::refresh)
    fail_unless (r.refresh ());
  fail_unless (wait_element_message (r.p.get (),
                   method == Method::refresh ? "turn-refreshed" : "turn-channel-bound") != nullptr);
  fail_unless_equals_uint64 (r.p.stat ("src", "unmatched"), 3);
  fail_unless_equals_uint64 (r.p.stat ("src", "allocations-lost"), 0);
  r.must_be_well ();
}
GST_END_TEST

// What a lifetime says is not believed beyond reason.
GST_START_TEST (test_lifetimes)
{
  ScriptedServer none;
  none.change ([] (auto &s) { s.lifetime = 0; });
  Run r (none, "max-retries=1");
  r.must_fail ("bad-response");
  ScriptedServer endless;
  endless.change ([] (auto &s) { s.lifetime = G_MAXUINT32; });
  Run q (endless);
  q.must_allocate ();
  fail_unless (q.left () > 86000 && q.left () <= 86400, "%u", q.left ());
}
GST_END_TEST

// Longer than RFC 8489 lets them be: said to be so, and not sent back.
GST_START_TEST (test_long_challenge)
{
  ScriptedServer realm, nonce;
  realm.change ([] (auto &s) { s.realm = std::string (3000, 'r'); });
  nonce.change ([] (auto &s) { s.nonce = std::string (3000, 'n'); });
  for (ScriptedServer *s : {&realm, &nonce}) {
    Run r (*s, "max-retries=1");
    r.must_fail ("bad-response");
    fail_unless_equals_int (s->asked (Method::allocate), 0);
  }
}
GST_END_TEST

// Of a channel, with less behind it than its header says, or of none that is ours.
GST_START_TEST (test_channel_data)
{
  ScriptedServer server ([] (ScriptedServer &s, const Message &m,
                             unsigned) -> std::optional<Replies> {
    if (m.method () != Method::channel_bind)
      return {};
    return Replies{s.grant (m), Blob{0x40, 0, 0xff, 0xff, 1, 2, 3}, Blob{0x40, 0},
        Blob{0x40, 0, 0, 5, 1, 2, 3, 4}, Blob{0x4f, 0xff, 0, 1, 1}, Blob{0x40, 0, 0, 2, 'o', 'k'}};
  });
  Run r (server);
  r.must_allocate ();
  fail_unless (r.p.counts ("src", "packets-received", 1));
  fail_unless_equals_uint64 (r.p.stat ("src", "bytes-received"), 2);
  fail_unless_equals_uint64 (r.p.stat ("src", "malformed"), 3);
  fail_unless_equals_uint64 (r.p.stat ("src", "unknown-peer"), 1);
  r.must_be_well ();
}
GST_END_TEST

// Thousands of each: of strangers nothing comes out, and the bus stays readable.
GST_START_TEST (test_floods)
{
  constexpr unsigned n = 2000;
  static const Blob floods[] = {
      data_of (reach::stun::Address::v4 (198, 51, 100, 7, 9), Blob (100, 'x')),
      icmp_of (reach::stun::Address::v4 (198, 51, 100, 7, 9)), icmp_of (permitted),
      Blob (40, 0xff)};
  static const char *const counters[] = {"unknown-peer", "unknown-peer", "icmp", "malformed"};
  const Blob &flood = floods[__i__];
  ScriptedServer server (
      [&] (ScriptedServer &s, const Message &m, unsigned) -> std::optional<Replies> {
        if (m.method () != Method::channel_bind)
          return {};
        Replies all{s.grant (m)};
        all.insert (all.end (), n, flood);
        return all;
      });
  Run r (server);
  r.must_allocate ();
  const gint64 before = g_get_monotonic_time ();
  // The kernel drops what is too much for it.
  fail_unless (iterate_until ([&] { return r.p.stat ("src", counters[__i__]) >= n / 20; }));
  fail_unless (r.refresh ()); // behind them
  fail_unless (server.wait_asked (Method::refresh, 1));
  fail_unless_equals_uint64 (r.p.stat ("src", "packets-received"), 0);
  const gint64 seconds = (g_get_monotonic_time () - before) / G_USEC_PER_SEC + 1;
  unsigned told = 0; // on another thread
  const auto some = [&] {
    return (told += r.waiting (__i__ == 2 ? "turn-icmp" : "turn-unknown-message")) > 0;
  };
  fail_unless (__i__ >= 2 ? iterate_until (some) : !some ());
  fail_unless (told <= 10 + 10 * seconds, "%u", told);
}
GST_END_TEST

// With every answer a new reason to ask again: there is an end of it.
GST_START_TEST (test_endless_refusals)
{
  ScriptedServer server ([] (ScriptedServer &s, const Message &m, unsigned n) {
    const auto elsewhere =
        reach::stun::Address::v4 (127, 0, 0, 1, static_cast<uint16_t> (1000 + n));
    switch (n % 3) {
    case 0:
      return std::optional (Replies{s.error (m, 437)});
    case 1:
      return std::optional (Replies{s.challenge (m, 438)});
    default:
      return std::optional (Replies{s.error (
          m, 300, "there", [&] (Builder &b) { b.address (Attr::alternate_server, elsewhere); })});
    }
  });
  Run r (server, "max-retries=0");
  std::string why;
  guint code = 0;
  gint domain = 0;
  fail_unless (wait_error (r.p.get (), why, code, domain) != nullptr);
  fail_unless (server.asked (Method::allocate) <= 8);
}
GST_END_TEST

// It dies while the elements wait for each kind of answer.
GST_START_TEST (test_silence_at_each_step)
{
  static const Method methods[] = {
      Method::allocate, Method::refresh, Method::channel_bind, Method::create_permission};
  const Method silent = methods[__i__];
  ScriptedServer server (
      [=] (ScriptedServer &, const Message &m, unsigned) -> std::optional<Replies> {
        if (m.method () == silent)
          return Replies{};
        return {};
      });
  Run r (server, silent == Method::create_permission ? "mode=indication" : "");
  if (silent == Method::refresh) {
    r.must_allocate ();
    fail_unless (r.refresh ());
  }
  fail_unless (server.wait_asked (silent, 1));
}
GST_END_TEST

static Suite *turn_hostile_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("turn-hostile");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_forged, 0, 2);
  tcase_add_test (tc, test_lifetimes);
  tcase_add_test (tc, test_long_challenge);
  tcase_add_test (tc, test_channel_data);
  tcase_add_loop_test (tc, test_floods, 0, 4);
  tcase_add_test (tc, test_endless_refusals);
  tcase_add_loop_test (tc, test_silence_at_each_step, 0, 4);
  return s;
}
GST_CHECK_MAIN (turn_hostile)
