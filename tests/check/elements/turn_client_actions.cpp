// SPDX-License-Identifier: LGPL-2.1-or-later
// Actions, signals, lists, and what properties say, against coturn.
#include "../plugin.h"
#include "turn_pipeline.h"

using namespace reach::test;

namespace {
std::string uri_of (const Coturn &c, const char *transport = "udp")
{
  return "turn:user:pass@127.0.0.1:" + std::to_string (c.port ()) + "?transport=" + transport;
}

struct Element {
  Element (const Pipeline &p, const char *name) : e (p.by_name (name)) {}
  ~Element () { gst_object_unref (e); }
  Element (const Element &) = delete;
  Element &operator= (const Element &) = delete;
  template <typename... Args> gboolean ask (const char *action, Args... args)
  {
    gboolean ok = FALSE;
    g_signal_emit_by_name (e, action, args..., &ok);
    return ok;
  }
  GstElement *const e;
};

bool wait_for (const Pipeline &p, const char *name)
{
  return wait_element_message (p.get (), name) != nullptr;
}

GstBuffer *part (const std::string &bytes) // of two memories, as payloaders make them
{
  GstBuffer *b = buffer_of (bytes.substr (0, 12));
  return gst_buffer_append (b, buffer_of (bytes.substr (12)));
}
} // namespace

// More than one call of the kernel takes, of several lengths, each of two memories.
GST_START_TEST (test_lists)
{
  static const char *const cases[][2] = {
      {"udp", "channel"}, {"udp", "indication"}, {"tcp", "channel"}};
  Coturn server;
  UdpPeer peer;
  Call call (
      uri_of (server, cases[__i__][0]), std::string ("mode=") + cases[__i__][1], address_of (peer));
  call.play ();
  std::vector<std::string> sent;
  GstBufferList *list = gst_buffer_list_new ();
  for (unsigned i = 0; i < 80; i++) {
    const std::size_t size = i % 70 == 69 ? 500 + i : 1000;
    sent.push_back (
        std::to_string (i) + ":" + std::string (size, static_cast<char> ('a' + i % 26)));
    gst_buffer_list_add (list, part (sent.back ()));
  }
  call.push (list);
  for (const std::string &s : sent) {
    std::string got;
    fail_unless (peer.receive (got));
    fail_unless (got == s, "%.5s instead of %.5s", got.c_str (), s.c_str ());
  }
  fail_unless (call.counts ("sink", "packets-sent", 80));
}
GST_END_TEST

// Without peers of its own a sink sends each buffer to the address that it has: an echo.
GST_START_TEST (test_address_of_buffer)
{
  Coturn server;
  UdpPeer a, b;
  const std::string both = address_of (a) + "," + address_of (b);
  Pipeline p ("turnrelaysrc allocation-name=echo name=src uri=" + uri_of (server) +
              " peers=" + both +
              " ! turnrelaysink name=sink sync=false async=false "
              "allocation-name=echo uri=" +
              uri_of (server));
  p.play ();
  fail_unless (wait_for (p, "turn-channel-bound"));
  const std::string relayed = p.text ("src", "relayed-address");
  const int port = std::stoi (relayed.substr (relayed.rfind (':') + 1));
  a.set_timeout (1);
  b.set_timeout (1);
  const auto echoes = [&] (UdpPeer &peer, const std::string &text) {
    return iterate_until ([&] { // what comes before the sink has its channel is dropped
      std::string got;
      peer.send_to (static_cast<guint16> (port), text);
      return peer.receive (got) && got == text;
    });
  };
  fail_unless (echoes (a, "from a"));
  fail_unless (echoes (b, "from b"));
  fail_unless (echoes (a, "a again"));
}
GST_END_TEST

// Nothing is sent without a permission or a channel.
GST_START_TEST (test_by_hand)
{
  Coturn server;
  UdpPeer peer;
  const std::string address = address_of (peer);
  Pipeline p ("turnrelaysrc name=src auto-permission=false uri=" + uri_of (server) + " ! fakesink");
  Element src (p, "src");
  GstBuffer *b = buffer_of ("by hand");
  fail_if (src.ask ("send-indication", address.c_str (), b)); // not even started
  p.play ();
  fail_unless (wait_for (p, "turn-allocated"));
  fail_if (src.ask ("send-indication", address.c_str (), b));
  fail_if (src.ask ("send-channel-data", 0x4000u, b));
  fail_if (src.ask ("create-permission", "no address"));
  fail_unless (src.ask ("create-permission", address.c_str ()));
  fail_unless (wait_for (p, "turn-permission-created"));
  fail_unless (src.ask ("send-indication", address.c_str (), b));
  std::string got;
  fail_unless (peer.receive (got) && got == "by hand");
  guint number = 0;
  g_signal_emit_by_name (src.e, "channel-bind", address.c_str (), 0x4123u, &number);
  fail_unless_equals_int (number, 0x4123);
  g_signal_emit_by_name (src.e, "channel-bind", address.c_str (), 0x3fffu, &number);
  fail_unless_equals_int (number, 0);
  fail_unless (wait_for (p, "turn-channel-bound"));
  fail_unless (src.ask ("send-channel-data", 0x4123u, b));
  fail_unless (peer.receive (got) && got == "by hand");
  gst_buffer_unref (b);
  fail_unless (src.ask ("send-binding-request"));
  fail_unless (wait_for (p, "turn-binding-success"));
  g_signal_emit_by_name (src.e, "clear");
  fail_unless_equals_string (p.text ("src", "relayed-address").c_str (), "");
}
GST_END_TEST

// Data as signals: of a peer with a channel as channel data, else as an indication.
GST_START_TEST (test_data_signals)
{
  struct Heard {
    std::string peer, bytes;
    guint channel = 0;
  };
  Coturn server;
  const bool channel = __i__ == 1;
  UdpPeer peer;
  Call call (uri_of (server), channel ? "mode=channel" : "mode=indication", address_of (peer));
  Watched<Heard> heard;
  Element src (call, "src");
  const auto on_data = +[] (GstElement *, GstStructure *s, gpointer to) {
    Heard h;
    GstBuffer *b = nullptr;
    gst_structure_get (
        s, "buffer", GST_TYPE_BUFFER, &b, "channel", G_TYPE_UINT, &h.channel, nullptr);
    h.peer = gst_structure_get_string (s, "peer");
    h.bytes.resize (gst_buffer_get_size (b));
    gst_buffer_extract (b, 0, h.bytes.data (), h.bytes.size ());
    gst_buffer_unref (b);
    static_cast<Watched<Heard> *> (to)->set (h);
  };
  g_signal_connect (
      src.e, channel ? "channel-data" : "data-indication", G_CALLBACK (on_data), &heard);
  call.play ();
  call.push ("there");
  std::string got;
  fail_unless (peer.receive (got));
  peer.reply ("and back");
  fail_unless (heard.wait ([] (const Heard &h) { return h.bytes == "and back"; }));
  fail_unless (heard.get ().peer == address_of (peer));
  fail_unless ((heard.get ().channel != 0) == channel);
  fail_unless (call.pull () == "and back"); // it comes out of the source too
  gst_element_set_state (call.get (), GST_STATE_NULL);
}
GST_END_TEST

// Every message of ours is shown before it is sent, and need not be.
GST_START_TEST (test_before_send)
{
  struct Seen {
    unsigned n = 0;
    bool stun = true;
  };
  Coturn server;
  Pipeline p ("turnrelaysrc name=src uri=" + uri_of (server) + " ! fakesink");
  Element src (p, "src");
  Watched<Seen> seen;
  const auto handler = +[] (GstElement *, GBytes *bytes, gpointer to) -> gboolean {
    gsize size = 0;
    const auto *d = static_cast<const std::uint8_t *> (g_bytes_get_data (bytes, &size));
    unsigned n = 0;
    static_cast<Watched<Seen> *> (to)->update ([&] (Seen &s) {
      n = ++s.n;
      s.stun = s.stun && size >= 20 && d[4] == 0x21 && d[5] == 0x12;
    });
    return n > 1; // the first one is lost, and comes again
  };
  g_signal_connect (src.e, "before-send", G_CALLBACK (handler), &seen);
  p.play ();
  fail_unless (wait_for (p, "turn-allocated"));
  fail_unless (seen.get ().n >= 3 && seen.get ().stun);
  fail_unless (p.stat ("src", "retransmissions") >= 1);
  gst_element_set_state (p.get (), GST_STATE_NULL);
}
GST_END_TEST

GST_START_TEST (test_stun)
{
  Coturn server;
  Pipeline p ("turnrelaysrc name=src uri=stun:127.0.0.1:" + std::to_string (server.port ()) +
              " ! fakesink");
  p.play ();
  const MessagePtr m = wait_element_message (p.get (), "turn-binding-success");
  fail_unless (m != nullptr);
  const GstStructure *s = gst_message_get_structure (m.get ());
  fail_unless_equals_string (gst_structure_get_string (s, "mapped-ip"), "127.0.0.1");
  fail_unless (gst_structure_has_field_typed (s, "message", GST_TYPE_STRUCTURE));
  fail_unless (p.text ("src", "mapped-address").starts_with ("127.0.0.1:"));
}
GST_END_TEST

// Messages are in the log; what is secret is not, at any level.
GST_START_TEST (test_log)
{
  // GStreamer leaks when it gets another log function.
  FILE *file = tmpfile ();
  const int before = dup (STDERR_FILENO);
  fail_unless (file && dup2 (fileno (file), STDERR_FILENO) >= 0);
  gst_debug_set_threshold_from_string ("*:3,turn*:9", TRUE);
  {
    Coturn server ({"--lt-cred-mech", "--user=user:hush-hush"});
    Pipeline p ("appsrc name=in ! turnrelaysink name=sink async=false sync=false peers=127.0.0.1:9 "
                "uri=turn:user:hush-hush@127.0.0.1:" +
                std::to_string (server.port ()));
    p.play ();
    fail_unless (wait_element_message (p.get (), "turn-channel-bound") != nullptr);
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
  for (const char *text : {"sent allocate request ", "received allocate error 401 ",
           "received allocate success ", "sent channel-bind request ", " NONCE"})
    fail_unless (all.find (text) != all.npos, "%s", text);
  fail_unless (all.find ("hush-hush") == all.npos);
}
GST_END_TEST

// A peer that the server does not reach for us.
GST_START_TEST (test_refused_peer)
{
  Coturn server ({"--lt-cred-mech", "--user=user:pass", "--denied-peer-ip=127.0.0.2"});
  Pipeline p (
      "appsrc name=in ! turnrelaysink name=sink async=false sync=false peers=127.0.0.2:5004 uri=" +
      uri_of (server));
  p.play ();
  const MessagePtr m = wait_message (p.get (), GST_MESSAGE_ERROR);
  fail_unless (m != nullptr);
  const GstStructure *details = nullptr;
  gst_message_parse_error_details (m.get (), &details);
  guint code = 0;
  fail_unless (details && gst_structure_get_uint (details, "code", &code));
  fail_unless_equals_int (code, 403);
}
GST_END_TEST

GST_START_TEST (test_properties)
{
  Pipeline p ("appsrc ! turnrelaysink name=sink "
              "uri=turns:al%40ice:se%3Acret@[2001:db8::1]:77?transport=udp");
  fail_unless_equals_string (
      p.text ("sink", "uri").c_str (), "turns:al%40ice:*@[2001:db8::1]:77?transport=udp");
  fail_unless_equals_string (p.text ("sink", "username").c_str (), "al@ice");
  fail_unless_equals_string (p.text ("sink", "host").c_str (), "2001:db8::1");
  Element sink (p, "sink");
  guint port = 0;
  gint transport = 0;
  g_object_get (sink.e, "port", &port, "transport", &transport, nullptr);
  fail_unless_equals_int (port, 77);
  fail_unless_equals_int (transport, 3);
  const GParamSpec *password =
      g_object_class_find_property (G_OBJECT_GET_CLASS (sink.e), "password");
  fail_unless (!(password->flags & G_PARAM_READABLE));
  GError *e = nullptr;
  fail_if (gst_uri_handler_set_uri (GST_URI_HANDLER (sink.e), "turn:user:pass word@x", &e));
  fail_unless (e && !strstr (e->message, "pass word"));
  g_clear_error (&e);
  GstElement *made = gst_element_make_from_uri (GST_URI_SRC, "turn:192.0.2.1", nullptr, nullptr);
  fail_unless (made != nullptr);
  gst_object_unref (gst_object_ref_sink (made));
}
GST_END_TEST

static Suite *turn_client_actions_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("turn-client-actions");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_properties);
  if (!Coturn::there ())
    return s;
  tcase_add_loop_test (tc, test_lists, 0, 3);
  tcase_add_test (tc, test_address_of_buffer);
  tcase_add_test (tc, test_by_hand);
  tcase_add_loop_test (tc, test_data_signals, 0, 2);
  tcase_add_test (tc, test_before_send);
  tcase_add_test (tc, test_stun);
  tcase_add_test (tc, test_log);
  tcase_add_test (tc, test_refused_peer);
  return s;
}
GST_CHECK_MAIN (turn_client_actions)
