// SPDX-License-Identifier: LGPL-2.1-or-later
// Peers on TCP (RFC 6062) through coturn: who is connected to, who connects, and bytes that are all
// there and in order.
#include "../plugin.h"
#include "../tls_files.h"
#include "turn_pipeline.h"

using namespace reach::test;

namespace {
// A TCP socket without TURN: accepts, or connects.
class TcpPeer {
public:
  TcpPeer ()
  {
    listener_ = g_socket_listener_new ();
    GSocketAddress *any = g_inet_socket_address_new_from_string ("127.0.0.1", 0), *bound = nullptr;
    fail_unless (g_socket_listener_add_address (
        listener_, any, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, nullptr, &bound, nullptr));
    port_ = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound));
    g_object_unref (any);
    g_object_unref (bound);
  }
  ~TcpPeer ()
  {
    drop ();
    g_object_unref (listener_);
  }
  TcpPeer (const TcpPeer &) = delete;
  TcpPeer &operator= (const TcpPeer &) = delete;

  std::string address () const { return "127.0.0.1:" + std::to_string (port_); }
  void accept ()
  {
    drop ();
    use (g_socket_listener_accept (listener_, nullptr, nullptr, nullptr));
  }
  void connect_to (const std::string &address) { fail_unless (try_connect (address)); }
  bool try_connect (const std::string &address)
  {
    drop ();
    GSocketClient *client = g_socket_client_new ();
    GSocketConnection *c =
        g_socket_client_connect_to_host (client, address.c_str (), 0, nullptr, nullptr);
    g_object_unref (client);
    if (c)
      use (c);
    return c != nullptr;
  }
  void send (const std::string &bytes)
  {
    fail_unless (g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (c_)),
        bytes.data (), bytes.size (), nullptr, nullptr, nullptr));
  }
  std::string receive (std::size_t n) // less: the stream ended
  {
    std::string bytes (n, '\0');
    gsize got = 0;
    g_input_stream_read_all (
        g_io_stream_get_input_stream (G_IO_STREAM (c_)), bytes.data (), n, &got, nullptr, nullptr);
    bytes.resize (got);
    return bytes;
  }
  guint16 local_port () const
  {
    GSocketAddress *a = g_socket_connection_get_local_address (c_, nullptr);
    const guint16 p = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (a));
    g_object_unref (a);
    return p;
  }
  void drop ()
  {
    if (c_)
      g_io_stream_close (G_IO_STREAM (c_), nullptr, nullptr);
    g_clear_object (&c_);
  }

private:
  void use (GSocketConnection *c)
  {
    fail_unless (c != nullptr);
    c_ = c;
    g_socket_set_timeout (g_socket_connection_get_socket (c_), 20);
  }
  GSocketListener *listener_;
  GSocketConnection *c_ = nullptr;
  guint16 port_ = 0;
};

struct Relay {
  Relay ()
      : id (files.issue ("server")), server ({"--lt-cred-mech", "--user=user:pass",
                                         "--cert=" + id.certificate, "--pkey=" + id.key})
  {
  }
  std::string uri (bool tls) const
  {
    return std::string (tls ? "turns" : "turn") +
           ":user:pass@127.0.0.1:" + std::to_string (tls ? server.tls_port () : server.port ()) +
           "?transport=tcp";
  }
  std::string options (bool tls) const
  {
    return "relay-transport=tcp" + (tls ? " tls-ca-file=" + files.ca () : std::string ());
  }
  TlsFiles files;
  TlsFiles::Identity id;
  Coturn server;
};

std::string text_of (std::size_t n, unsigned seed)
{
  std::string t (n, '\0');
  for (char &c : t)
    c = static_cast<char> ('a' + (seed = seed * 1103515245 + 12345) / 65536 % 26);
  return t;
}

std::string pull (Call &call, std::size_t n, guint16 *from = nullptr)
{
  std::string all;
  while (all.size () < n) {
    const std::string one = call.pull (from);
    fail_if (one.empty (), "%zu of %zu bytes came", all.size (), n);
    all += one;
  }
  return all;
}

bool wait_from_sink (Call &call, const char *name)
{
  return wait_message (call.get (), GST_MESSAGE_ELEMENT, [=] (GstMessage *m) {
    return gst_message_has_name (m, name) &&
           g_strcmp0 (GST_OBJECT_NAME (GST_MESSAGE_SRC (m)), "sink") == 0;
  }) != nullptr;
}
} // namespace

// We connect; a stream in both directions.
GST_START_TEST (test_connect)
{
  const bool tls = __i__ == 1;
  Relay relay;
  TcpPeer peer;
  Call call (relay.uri (tls), relay.options (tls), peer.address ());
  call.play ();
  peer.accept ();
  std::string sent;
  for (const std::size_t size : {1u, 2u, 3u, 1000u, 65536u, 300000u}) {
    const std::string t = text_of (size, static_cast<unsigned> (size));
    call.push (t);
    fail_unless (peer.receive (size) == t, "%zu bytes", size);
    peer.send (t);
    guint16 from = 0;
    fail_unless (pull (call, size, &from) == t, "%zu bytes back", size);
    fail_unless (peer.address ().ends_with (":" + std::to_string (from)));
  }
  fail_unless_equals_uint64 (call.stat ("sink", "packets-dropped"), 0);
  fail_unless_equals_uint64 (call.stat ("sink", "peer-connections"), 1);
}
GST_END_TEST

// The peer connects to the relayed address; a sink answers to whoever has that address.
GST_START_TEST (test_accept)
{
  const bool tls = __i__ == 1;
  Relay relay;
  TcpPeer peer;
  Call call (relay.uri (tls), relay.options (tls), "127.0.0.1");
  call.play ();
  fail_unless (wait_from_sink (call, "turn-permission-created"));
  peer.connect_to (call.text ("src", "relayed-address"));
  const std::string t = text_of (50000, 7);
  peer.send (t);
  guint16 from = 0;
  fail_unless (pull (call, t.size (), &from) == t);
  fail_unless_equals_int (from, peer.local_port ());
  call.push ("answer");
  fail_unless (peer.receive (6) == "answer");
  peer.drop ();
  fail_unless (wait_from_sink (call, "turn-peer-disconnected"));
}
GST_END_TEST

// Nobody without a permission gets in.
GST_START_TEST (test_stranger)
{
  Relay relay;
  TcpPeer peer;
  Call call (relay.uri (false), relay.options (false), "127.0.0.2");
  call.play ();
  fail_unless (wait_from_sink (call, "turn-permission-created"));
  if (peer.try_connect (call.text ("src", "relayed-address"))) // it may be over by then
    fail_unless (peer.receive (1).empty ());                   // the end
  fail_unless_equals_uint64 (call.stat ("src", "packets-received"), 0);
}
GST_END_TEST

// A peer that reads slowly slows the pipeline, and loses nothing; EOS waits for all of it.
GST_START_TEST (test_back_pressure)
{
  Relay relay;
  TcpPeer peer;
  Call call (relay.uri (false), relay.options (false), peer.address ());
  GstElement *in = call.by_name ("in");
  g_object_set (in, "max-bytes", guint64{100000}, "block", TRUE, nullptr);
  call.play ();
  peer.accept ();
  constexpr std::size_t size = 64 << 10, n = 400; // 25 MiB, more than all buffers on the way
  Watched<std::size_t> pushed;
  std::thread pusher ([&] {
    for (unsigned i = 0; i < n; i++) {
      call.push (text_of (size, i));
      pushed.set (i + 1);
    }
    gst_app_src_end_of_stream (GST_APP_SRC (in));
  });
  for (unsigned i = 0; i < n; i++) {
    if (i == 1)
      fail_if (pushed.wait ([] (std::size_t x) { return x == n; }, milliseconds (500)));
    fail_unless (peer.receive (size) == text_of (size, i), "buffer %u", i);
  }
  pusher.join ();
  gst_object_unref (in);
  fail_unless (call.counts ("sink", "packets-sent", n));
  fail_unless_equals_uint64 (call.stat ("sink", "packets-dropped"), 0);
}
GST_END_TEST

// At EOS all has left, and the peer sees an orderly end when the pipeline stops. (What coturn has
// not passed on by then it throws away.)
GST_START_TEST (test_tail)
{
  const bool tls = __i__ == 1;
  Relay relay;
  TcpPeer peer;
  const std::string t = text_of (400000, 3);
  Pipeline p ("appsrc name=in ! turnrelaysink name=sink sync=false uri=" + relay.uri (tls) +
              " peers=" + peer.address () + " " + relay.options (tls));
  GstElement *in = p.by_name ("in");
  p.play ();
  gst_app_src_push_buffer (GST_APP_SRC (in), buffer_of (t));
  gst_app_src_end_of_stream (GST_APP_SRC (in));
  gst_object_unref (in);
  peer.accept ();
  fail_unless (wait_message (p.get (), GST_MESSAGE_EOS) != nullptr);
  const std::string got = peer.receive (t.size ());
  fail_unless (got == t, "%zu bytes of %zu came", got.size (), t.size ());
  gst_element_set_state (p.get (), GST_STATE_NULL);
  fail_unless (peer.receive (1).empty ());
}
GST_END_TEST

// A source whose pipeline does not take the bytes stops reading, and drops none.
GST_START_TEST (test_full_source)
{
  Relay relay;
  TcpPeer peer;
  Call call (relay.uri (false), relay.options (false) + " ", peer.address ());
  call.set ("src", "max-size-bytes", "65536");
  GstElement *out = call.by_name ("out");
  g_object_set (out, "max-buffers", 1u, nullptr);
  gst_object_unref (out);
  call.play ();
  peer.accept ();
  constexpr std::size_t size = 16 << 20;
  const std::string t = text_of (size, 5);
  std::thread sender ([&] { peer.send (t); });
  fail_unless (pull (call, size) == t);
  sender.join ();
  fail_unless_equals_uint64 (call.stat ("src", "packets-dropped"), 0);
}
GST_END_TEST

// The peer is not there at first, and goes away: connected to again.
GST_START_TEST (test_peer_comes_back)
{
  Relay relay;
  auto peer = std::make_unique<TcpPeer> ();
  Call call (relay.uri (false), relay.options (false), peer->address ());
  call.play ();
  peer->accept ();
  call.push ("one");
  fail_unless (peer->receive (3) == "one");
  peer->drop ();
  fail_unless (wait_from_sink (call, "turn-peer-disconnected"));
  peer->accept ();
  fail_unless (wait_from_sink (call, "turn-peer-connected"));
  call.push ("two");
  fail_unless (peer->receive (3) == "two");
  GstState state = GST_STATE_NULL;
  gst_element_get_state (call.get (), &state, nullptr, 0);
  fail_unless_equals_int (state, GST_STATE_PLAYING);
}
GST_END_TEST

// The bus says when nobody listens, and the sink goes on trying; the pipeline can be stopped.
GST_START_TEST (test_nobody_listens)
{
  Relay relay;
  const std::string nobody = "127.0.0.1:" + std::to_string (unused_port ());
  Call call (relay.uri (false), relay.options (false), nobody);
  call.play ();
  call.push ("waits");
  const MessagePtr m = wait_element_message (call.get (), "turn-response-error");
  fail_unless (m != nullptr);
  const GstStructure *s = gst_message_get_structure (m.get ());
  guint code = 0;
  fail_unless (gst_structure_get_uint (s, "code", &code));
  fail_unless_equals_int (code, 447);
  fail_unless_equals_string (gst_structure_get_string (s, "method"), "connect");
  const gint64 begin = g_get_monotonic_time ();
  gst_element_set_state (call.get (), GST_STATE_NULL);
  fail_unless (g_get_monotonic_time () - begin < 2 * G_USEC_PER_SEC);
}
GST_END_TEST

static Suite *turn_tcp_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("turn-tcp");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  if (!Coturn::there ())
    return s;
  tcase_add_loop_test (tc, test_connect, 0, 2);
  tcase_add_loop_test (tc, test_accept, 0, 2);
  tcase_add_test (tc, test_stranger);
  tcase_add_test (tc, test_back_pressure);
  tcase_add_loop_test (tc, test_tail, 0, 2);
  tcase_add_test (tc, test_full_source);
  tcase_add_test (tc, test_peer_comes_back);
  tcase_add_test (tc, test_nobody_listens);
  return s;
}
GST_CHECK_MAIN (turn_tcp)
