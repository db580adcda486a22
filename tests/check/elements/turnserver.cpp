// SPDX-License-Identifier: LGPL-2.1-or-later
// turnserver as an element: properties, signals, messages, taps and its states.
#include "../bus_error.h"
#include "../plugin.h"
#include "../turn/server_wire.h"
#include "../wait.h"
#include "common/ref.h"
#include <gst/net/gstnetaddressmeta.h>
#include <thread>

using namespace reach;
using namespace reach::test;

namespace {
class Element {
public:
  explicit Element (const char *properties = "users=alice:secret")
  {
    const std::string line =
        std::string ("turnserver name=s bind-address=127.0.0.1 port=0 allowed-peers=127.0.0.0/8 ") +
        properties;
    GError *error = nullptr;
    pipeline = gst_pipeline_new (nullptr);
    server = gst_parse_bin_from_description (line.c_str (), FALSE, &error);
    fail_unless (server != nullptr, "%s", error ? error->message : "");
    gst_bin_add (GST_BIN (pipeline), server);
    server = gst_bin_get_by_name (GST_BIN (pipeline), "s");
  }
  ~Element ()
  {
    gst_element_set_state (pipeline, GST_STATE_NULL);
    gst_object_unref (server);
    gst_object_unref (pipeline);
  }
  GstStateChangeReturn play () { return gst_element_set_state (pipeline, GST_STATE_PLAYING); }
  std::uint16_t port ()
  {
    guint p = 0;
    g_object_get (server, "current-port", &p, nullptr);
    return static_cast<std::uint16_t> (p);
  }
  guint64 stat (const char *name)
  {
    GstStructure *s = nullptr;
    g_object_get (server, "stats", &s, nullptr);
    guint64 v = 0;
    fail_unless (gst_structure_get_uint64 (s, name, &v), "%s", name);
    gst_structure_free (s);
    return v;
  }
  // The next element message of this name.
  GstStructure *message (const char *name)
  {
    GstBus *bus = gst_element_get_bus (pipeline);
    GstStructure *found = nullptr;
    while (!found) {
      GstMessage *m = gst_bus_timed_pop_filtered (bus, 20 * GST_SECOND, GST_MESSAGE_ELEMENT);
      fail_unless (m != nullptr, "no %s", name);
      if (gst_message_has_name (m, name))
        found = gst_structure_copy (gst_message_get_structure (m));
      gst_message_unref (m);
    }
    gst_object_unref (bus);
    return found;
  }
  std::string trouble (GstMessageType type)
  {
    GstBus *bus = gst_element_get_bus (pipeline);
    GstMessage *m = gst_bus_timed_pop_filtered (bus, 20 * GST_SECOND, type);
    gst_object_unref (bus);
    fail_unless (m != nullptr);
    const std::string text = error_of (m)->message;
    gst_message_unref (m);
    return text;
  }
  GstElement *pipeline = nullptr, *server = nullptr;
};

gchar *authorize (GstElement *, const char *user, const char *realm, gpointer)
{
  return g_strcmp0 (user, "dave") == 0 && g_strcmp0 (realm, "reach") == 0 ? g_strdup ("blue")
                                                                          : nullptr;
}

gboolean before_allocate (
    GstElement *, const char *user, const char *client, const char *transport, gpointer)
{
  fail_unless (g_str_has_prefix (client, "127.0.0.1:") && g_strcmp0 (transport, "udp") == 0);
  return g_strcmp0 (user, "alice") == 0;
}

gboolean before_relay (
    GstElement *, const char *direction, const char *, GstBuffer *b, gpointer client)
{
  GstCustomMeta *m = gst_buffer_get_custom_meta (b, "turn-relayed");
  guint channel = 0;
  fail_unless (
      m && gst_structure_get_uint (gst_custom_meta_get_structure (m), "channel", &channel));
  fail_unless_equals_int (channel, 0x4000);
  fail_unless_equals_string (gst_structure_get_string (gst_custom_meta_get_structure (m), "client"),
      static_cast<std::string *> (client)->c_str ());
  return gst_buffer_memcmp (b, 0, g_str_equal (direction, "to-peer") ? "!p" : "!c", 2) != 0;
}
} // namespace

GST_START_TEST (test_allocation)
{
  Element e;
  fail_unless (e.play () == GST_STATE_CHANGE_SUCCESS && e.port () != 0);
  Talker t (Over::udp, e.port ());
  Plug peer ("127.0.0.1");
  fail_unless_equals_int (t.allocate (), 0);
  GstStructure *s = e.message ("turn-allocation-created");
  fail_unless_equals_string (gst_structure_get_string (s, "user"), "alice");
  fail_unless_equals_string (gst_structure_get_string (s, "transport"), "udp");
  fail_unless_equals_string (
      gst_structure_get_string (s, "client"), to_string (t.wire.local ()).c_str ());
  fail_unless_equals_string (
      gst_structure_get_string (s, "relayed-address"), to_string (t.relayed).c_str ());
  gst_structure_free (s);
  fail_unless_equals_int (t.bind (0x4000, peer.local ()), 0);
  t.send (0x4000, blob ("hello"));
  fail_unless (peer.receive () == blob ("hello"));
  fail_unless (e.stat ("allocations") == 1 && e.stat ("bytes-to-peers") == 5);
  t.send (0x4bcd, blob ("nobody"));
  s = e.message ("turn-discarded");
  fail_unless_equals_string (gst_structure_get_string (s, "reason"), "channel-not-bound");
  gst_structure_free (s);
  fail_unless_equals_int (t.refresh (0), 0);
  s = e.message ("turn-allocation-deleted");
  fail_unless_equals_string (gst_structure_get_string (s, "reason"), "refreshed");
  gst_structure_free (s);
  gst_element_set_state (e.pipeline, GST_STATE_NULL);
  fail_unless (e.port () == 0 && e.stat ("allocations-created") == 1); // of the run that was
}
GST_END_TEST

GST_START_TEST (test_application_decides)
{
  Element e ("users=alice:secret,bob:hidden");
  g_signal_connect (e.server, "authorize", G_CALLBACK (authorize), nullptr);
  g_signal_connect (e.server, "before-allocate", G_CALLBACK (before_allocate), nullptr);
  e.play ();
  struct Case {
    const char *user, *password;
    unsigned code;
  };
  for (const Case c : {Case{"alice", "secret", 0}, {"bob", "hidden", 403}, {"dave", "blue", 403},
           {"dave", "red", 401}, {"eve", "blue", 401}}) {
    Talker t (Over::udp, e.port ());
    t.user = c.user;
    t.password = c.password;
    fail_unless (t.allocate () == c.code, "%s", c.user);
  }
}
GST_END_TEST

// Handlers that are connected while it serves.
GST_START_TEST (test_late_handlers)
{
  Element e;
  e.play ();
  Talker before (Over::udp, e.port ()), after (Over::udp, e.port ()), bob (Over::udp, e.port ());
  before.user = after.user = "dave";
  before.password = after.password = "blue";
  fail_unless_equals_int (before.allocate (), 401);
  const gulong id = g_signal_connect (e.server, "authorize", G_CALLBACK (authorize), nullptr);
  fail_unless_equals_int (after.allocate (), 0);
  g_signal_handler_disconnect (e.server, id);
  Talker again (Over::udp, e.port ());
  again.user = "dave";
  again.password = "blue";
  fail_unless_equals_int (again.allocate (), 401);
}
GST_END_TEST

// Decisions by message, answered from another thread and later.
GST_START_TEST (test_deferred)
{
  Element e ("deferred-requests=authorize+allocate");
  e.play ();
  struct Case {
    gboolean known, wanted;
    unsigned code;
  };
  for (const Case c : {Case{TRUE, TRUE, 0}, {TRUE, FALSE, 403}, {FALSE, TRUE, 401}}) {
    std::thread client ([&] {
      Talker t (Over::tcp, e.port ());
      t.user = "dave";
      t.password = "blue";
      fail_unless_equals_int (t.allocate (), c.code);
    });
    gboolean taken = FALSE;
    guint64 id = 0;
    const auto ask = [&] (const char *name) {
      GstStructure *s = e.message (name);
      fail_unless_equals_string (gst_structure_get_string (s, "user"), "dave");
      fail_unless (gst_structure_get_uint64 (s, "request", &id));
      gst_structure_free (s);
    };
    // Each request of an unknown user is a question: the second one follows the first's answer.
    ask ("turn-authorize-request");
    GstStructure *reply = gst_structure_new ("reply", "password", G_TYPE_STRING, "blue", nullptr);
    g_signal_emit_by_name (e.server, "respond", id, c.known, reply, &taken);
    fail_unless (taken);
    g_signal_emit_by_name (e.server, "respond", id, c.known, reply, &taken);
    fail_unless (!taken); // once
    gst_structure_free (reply);
    if (c.known) {
      ask ("turn-allocate-request");
      g_signal_emit_by_name (e.server, "respond", id, c.wanted, nullptr, &taken);
      fail_unless (taken);
    }
    client.join ();
  }
}
GST_END_TEST

static gboolean veto (
    GstElement *, const char *client, const char *method, GstBuffer *b, gpointer n)
{
  fail_unless (g_str_has_prefix (client, "127.0.0.1:") && gst_buffer_get_size (b) >= 20);
  g_atomic_int_inc (static_cast<gint *> (n));
  return !g_str_equal (method, "binding");
}

GST_START_TEST (test_veto)
{
  Element e;
  gint good = 0, bad = 0;
  g_signal_connect (e.server, "request-success", G_CALLBACK (veto), &good);
  g_signal_connect (e.server, "request-error", G_CALLBACK (veto), &bad);
  e.play ();
  Talker t (Over::udp, e.port ());
  fail_unless_equals_int (t.allocate (), 0); // behind a challenge
  fail_unless (g_atomic_int_get (&good) == 1 && g_atomic_int_get (&bad) == 1);
  fail_unless (t.unanswered (Method::binding));
  fail_unless (g_atomic_int_get (&good) == 2 && e.stat ("packets-vetoed") == 1);
}
GST_END_TEST

// How often the property bindings has it.
static unsigned listens (Element &e, const std::string &where)
{
  gchar **all = nullptr;
  g_object_get (e.server, "bindings", &all, nullptr);
  unsigned n = 0;
  for (gchar **i = all; i && *i; i++)
    n += where == *i;
  g_strfreev (all);
  return n;
}

GST_START_TEST (test_bindings)
{
  for (const char *properties : {"users=alice:secret", "users=alice:secret threads=2"}) {
    Element e (properties);
    guint port = 0;
    gboolean gone = FALSE;
    g_signal_emit_by_name (e.server, "add-binding", "127.0.0.2", 0u, &port);
    fail_unless (port == 0 && !e.trouble (GST_MESSAGE_WARNING).empty ()); // in NULL
    e.play ();
    g_signal_emit_by_name (e.server, "add-binding", "127.0.0.2", 0u, &port);
    fail_unless (port != 0);
    guint again = 1;
    g_signal_emit_by_name (e.server, "add-binding", "127.0.0.2", e.port (), &again);
    fail_unless (again == e.port ()); // the same port of another address
    for (const Over over : {Over::udp, Over::tcp}) {
      Talker t (over, static_cast<std::uint16_t> (port), nullptr, "127.0.0.2");
      fail_unless_equals_int (t.allocate (), 0);
    }
    Talker udp (Over::udp, static_cast<std::uint16_t> (port), nullptr, "127.0.0.2"),
        tcp (Over::tcp, static_cast<std::uint16_t> (port), nullptr, "127.0.0.2"),
        main (Over::udp, e.port ());
    fail_unless (udp.allocate () == 0 && tcp.allocate () == 0 && main.allocate () == 0);
    const std::string there = "://127.0.0.2:" + std::to_string (port);
    const std::string own = "://127.0.0.1:" + std::to_string (e.port ());
    for (const char *over : {"udp", "tcp"})
      fail_unless (listens (e, over + there) == 1 && listens (e, over + own) == 1);
    g_signal_emit_by_name (e.server, "remove-binding", "127.0.0.2", port, &gone);
    fail_unless (gone && listens (e, "udp" + there) == 0 && listens (e, "tcp" + there) == 0);
    g_signal_emit_by_name (e.server, "remove-binding", "127.0.0.2", port, &gone);
    fail_unless (!gone);
    fail_unless (tcp.refresh (600) == 0 && main.refresh (600) == 0);
    g_signal_emit_by_name (e.server, "add-binding", "nowhere", 0u, &again);
    fail_unless (
        again == 0 && e.trouble (GST_MESSAGE_WARNING).find ("nowhere") != std::string::npos);
  }
}
GST_END_TEST

GST_START_TEST (test_inspect)
{
  Element e ("users=alice:secret inspect=true");
  std::string client;
  g_signal_connect (e.server, "before-relay", G_CALLBACK (before_relay), &client);
  e.play ();
  Talker t (Over::udp, e.port ());
  client = to_string (t.wire.local ());
  Plug peer ("127.0.0.1");
  t.allocate ();
  t.bind (0x4000, peer.local ());
  t.send (0x4000, blob ("!p"));
  t.send (0x4000, blob ("!c"));
  fail_unless (peer.receive () == blob ("!c"));
  peer.send_to (t.relayed, blob ("!c"));
  peer.send_to (t.relayed, blob ("!p"));
  fail_unless (t.data () == blob ("!p"));
  fail_unless (e.stat ("packets-vetoed") == 2);
}
GST_END_TEST

// An allocation follows its client, and the application hears of it.
GST_START_TEST (test_moved)
{
  Element e ("users=alice:secret mobility=true");
  e.play ();
  Talker t (Over::udp, e.port ()), next (Over::udp, e.port ());
  fail_unless_equals_int (t.allocate ([] (Builder &b) { b.flag (Attr::mobility_ticket); }), 0);
  const auto ticket = *Message::parse (t.response)->find (Attr::mobility_ticket);
  fail_unless_equals_int (next.request (Method::refresh,
                              [&] (Builder &b) {
                                b.u32 (Attr::lifetime, 600);
                                b.add (Attr::mobility_ticket, ticket);
                              }),
      0);
  GstStructure *s = e.message ("turn-allocation-moved");
  fail_unless_equals_string (gst_structure_get_string (s, "user"), "alice");
  fail_unless_equals_string (
      gst_structure_get_string (s, "from"), to_string (t.wire.local ()).c_str ());
  fail_unless_equals_string (
      gst_structure_get_string (s, "client"), to_string (next.wire.local ()).c_str ());
  gst_structure_free (s);
}
GST_END_TEST

// GST_DEBUG=turnserver:6: each answer, and nothing that is secret.
GST_START_TEST (test_log)
{
  FILE *file = tmpfile (); // GStreamer leaks when it gets another log function
  const int before = dup (STDERR_FILENO);
  fail_unless (file && dup2 (fileno (file), STDERR_FILENO) >= 0);
  gst_debug_set_threshold_from_string ("*:3,turnserver:6", TRUE);
  {
    Element e ("users=alice:hush-hush");
    e.play ();
    Talker t (Over::udp, e.port ());
    t.password = "hush-hush";
    fail_unless_equals_int (t.allocate (), 0);
  }
  gst_debug_set_threshold_from_string ("", TRUE);
  fflush (stderr);
  dup2 (before, STDERR_FILENO);
  close (before);
  rewind (file);
  std::string all;
  for (int c; (c = fgetc (file)) != EOF;)
    all += static_cast<char> (c);
  fclose (file);
  for (const char *text : {"allocate error 401 ", "allocate success "})
    fail_unless (all.find (text) != all.npos, "%s", text);
  fail_unless (all.find ("hush-hush") == all.npos);
}
GST_END_TEST

GST_START_TEST (test_tap)
{
  Element e;
  GstElement *sink = gst_element_factory_make ("appsink", nullptr);
  g_object_set (sink, "sync", FALSE, "async", FALSE, nullptr);
  gst_bin_add (GST_BIN (e.pipeline), GST_ELEMENT (gst_object_ref (sink)));
  GstElement *bin = GST_ELEMENT (gst_object_get_parent (GST_OBJECT (e.server)));
  GstPad *tap = gst_element_request_pad_simple (e.server, "tap_%u");
  fail_unless_equals_string (GST_OBJECT_NAME (tap), "tap_0");
  GstPad *ghost = gst_ghost_pad_new ("tap", tap);
  gst_element_add_pad (bin, ghost);
  fail_unless (gst_element_link_pads (bin, "tap", sink, "sink"));
  e.play ();
  Talker t (Over::udp, e.port ());
  Plug peer ("127.0.0.1");
  t.allocate ();
  t.bind (0x4000, peer.local ());
  t.send (0x4000, blob ("to the peer"));
  peer.receive ();
  peer.send_to (t.relayed, blob ("to the client"));
  t.data ();
  const stun::Address from[] = {t.wire.local (), peer.local ()};
  for (const char *expected : {"to the peer", "to the client"}) {
    GstSample *s = nullptr;
    g_signal_emit_by_name (sink, "try-pull-sample", 20 * GST_SECOND, &s);
    fail_unless (s != nullptr, "%s", expected);
    GstBuffer *b = gst_sample_get_buffer (s);
    fail_unless (gst_buffer_get_size (b) == strlen (expected) &&
                 gst_buffer_memcmp (b, 0, expected, strlen (expected)) == 0);
    fail_unless (GST_BUFFER_PTS_IS_VALID (b));
    GstNetAddressMeta *m = gst_buffer_get_net_address_meta (b);
    fail_unless (m && g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (m->addr)) ==
                          from[expected[7] == 'c'].port);
    gst_sample_unref (s);
  }
  gst_element_send_event (e.server, gst_event_new_eos ());
  gboolean eos = FALSE;
  fail_unless (iterate_until ([&] {
    g_object_get (sink, "eos", &eos, nullptr);
    return eos != FALSE;
  }));
  gst_element_set_state (e.pipeline, GST_STATE_NULL);
  gst_element_release_request_pad (e.server, tap);
  gst_object_unref (tap);
  gst_object_unref (bin);
  gst_object_unref (sink);
}
GST_END_TEST

GST_START_TEST (test_wrong_settings)
{
  struct Case {
    const char *properties, *says;
  };
  for (const Case c : {Case{"users=alice", "name:password"}, {"allowed-peers=here", "here"},
           {"min-port=5 max-port=4", "min-port"}, {"relay-address=x", "\"x\""},
           {"relay-address=192.0.2.1,192.0.2.2", "192.0.2.2"},
           {"relay-address=192.0.2.1", "relay-bind-address"},
           {"tls=true tls-port=0 tls-certificate=/nonexistent.pem", "/nonexistent.pem"},
           {"mobility=true threads=2", "threads"}, {"oauth-keys=north:short", "kid:key"},
           {"alternate-server=192.0.2.1", "port"}, {"realm=\"\"", "realm"}}) {
    Element e (c.properties);
    fail_unless (e.play () == GST_STATE_CHANGE_FAILURE, "%s", c.properties);
    const std::string text = e.trouble (GST_MESSAGE_ERROR);
    fail_unless (text.find (c.says) != text.npos, "%s: %s", c.properties, text.c_str ());
  }
  Element nobody ("");
  nobody.play ();
  fail_unless (nobody.trouble (GST_MESSAGE_WARNING).find ("users") != std::string::npos);
  Element first, second;
  first.play ();
  g_object_set (second.server, "port", guint (first.port ()), nullptr);
  fail_unless (second.play () == GST_STATE_CHANGE_FAILURE);
}
GST_END_TEST

GST_START_TEST (test_states)
{
  Element e ("users=alice:secret threads=2");
  for (int i = 0; i < 5; i++) {
    fail_unless (e.play () == GST_STATE_CHANGE_SUCCESS);
    Talker t (Over::tcp, e.port ());
    fail_unless_equals_int (t.allocate (), 0);
    gst_element_set_state (e.pipeline, GST_STATE_READY);
    fail_unless_equals_int (t.refresh (600), 0); // it serves from READY on
    gst_element_set_state (e.pipeline, GST_STATE_NULL);
    fail_unless (e.stat ("allocations-deleted") == 1);
  }
  // An EOS ends a pipeline of this element alone.
  e.play ();
  gst_element_send_event (e.pipeline, gst_event_new_eos ());
  GstBus *bus = gst_element_get_bus (e.pipeline);
  GstMessage *m = gst_bus_timed_pop_filtered (bus, 20 * GST_SECOND, GST_MESSAGE_EOS);
  fail_unless (m != nullptr);
  gst_message_unref (m);
  gst_object_unref (bus);
}
GST_END_TEST

static Suite *turnserver_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("turnserver");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_allocation);
  tcase_add_test (tc, test_application_decides);
  tcase_add_test (tc, test_late_handlers);
  tcase_add_test (tc, test_deferred);
  tcase_add_test (tc, test_veto);
  tcase_add_test (tc, test_bindings);
  tcase_add_test (tc, test_inspect);
  tcase_add_test (tc, test_moved);
  tcase_add_test (tc, test_log);
  tcase_add_test (tc, test_tap);
  tcase_add_test (tc, test_wrong_settings);
  tcase_add_test (tc, test_states);
  return s;
}
GST_CHECK_MAIN (turnserver)
