// SPDX-License-Identifier: LGPL-2.1-or-later
// Two rtcpoolservers and a nats-server: members of one pool at both, the two of a channel, one of
// the servers killed.
#include "../peer_process.h"
#include "../rtc/signaller.h"
#include "../rtc/web_client.h"
#include "common/ref.h"
#include "rtc_call.h"

using namespace reach::test;

namespace {
// A bus on this machine; false in has ().
struct Nats {
  Nats ()
  {
    const reach::CharPtr found (g_find_program_in_path ("nats-server"));
    if (!found) {
      g_print ("SKIP: there is no nats-server (tests/packages)\n");
      return;
    }
    port = unused_port ();
    start ();
  }
  ~Nats () { stop (); }
  void start ()
  {
    const std::string text = std::to_string (port);
    const char *argv[] = {"nats-server", "-a", "127.0.0.1", "-p", text.c_str (), nullptr};
    fail_unless (g_spawn_async (
        nullptr, const_cast<gchar **> (argv), nullptr,
        static_cast<GSpawnFlags> (G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD |
                                  G_SPAWN_STDERR_TO_DEV_NULL | G_SPAWN_STDOUT_TO_DEV_NULL),
        [] (gpointer) { prctl (PR_SET_PDEATHSIG, SIGKILL); }, nullptr, &pid, nullptr));
  }
  void stop ()
  {
    if (pid <= 0)
      return;
    kill (pid, SIGKILL);
    waitpid (pid, nullptr, 0);
    pid = 0;
  }
  bool has () const { return port != 0; }
  std::string uri () const { return "nats://127.0.0.1:" + std::to_string (port) + "/test"; }
  guint16 port = 0;
  GPid pid = 0;
};

bool knows (const PoolServer &s, guint64 nodes)
{
  return iterate_until ([&] { return s.stat ("cluster-nodes") == nodes; });
}
} // namespace

GST_START_TEST (one_pool_at_two_servers)
{
  Nats nats;
  if (!nats.has ())
    return;
  PoolServer one ("cluster=" + nats.uri ()), two ("cluster=" + nats.uri ());
  fail_unless (knows (one, 2) && knows (two, 2));
  PoolClient a (one.port ()), b (two.port ());
  fail_unless (!a.join ("garden").empty ());
  fail_unless (!b.join ("garden").empty ());
  fail_unless (b.last.find ("\"peers\":[\"" + a.id + "\"]") != std::string::npos);
  fail_unless (a.got ("rtc:peer") && a.got ("rtc:request_offers"));
  a.send ("rtc:sdp", "{\"to\":\"" + b.id + "\",\"description\":{\"type\":\"offer\",\"sdp\":\"" +
                         std::string (100000, 'x') + "\"}}");
  fail_unless (b.got ("rtc:sdp") && b.got ("rtc:offer"));
  b.send ("rtc:candidate", "{\"for\":\"" + a.id + "\",\"candidate\":null}");
  fail_unless (a.got ("rtc:candidate"));
  gboolean done = FALSE;
  g_signal_emit_by_name (one.element, "describe", "garden", b.id.c_str (), "{\"x\":1}", &done);
  fail_unless (done);
  fail_unless (a.got ("rtc:describe"));
  // By socket.io too, in the same pool.
  WebClient c (two.port ());
  fail_unless_equals_int (c.upgrade ("/socket.io/?EIO=4&transport=websocket"), 101);
  c.next ();
  c.send_text ("40");
  c.next ();
  c.send_text ("42[\"rtc:join\",{\"pool\":\"garden\"}]");
  fail_unless (
      c.next ().find ("\"peers\":[\"" + a.id + "\",\"" + b.id + "\"]") != std::string::npos);
  fail_unless (a.got ("rtc:peer")); // its version is known by now
  b.send_close (1000);
  fail_unless (a.got ("rtc:close"));
  gst_element_set_state (two.element, GST_STATE_NULL); // as one that is switched off
  fail_unless (a.got ("rtc:close"));
  PoolClient d (one.port ());
  fail_unless (!d.join ("garden").empty ());
  fail_unless (knows (one, 1));
}
GST_END_TEST

// In another process, to be killed.
GST_START_TEST (be_a_node)
{
  const std::string asked = PeerProcess::asked_for ();
  PoolServer server (
      "cluster=" + asked.substr (asked.find (' ') + 1), static_cast<guint> (atoi (asked.c_str ())));
  iterate_until ([] { return false; }, nullptr, milliseconds (600000));
}
GST_END_TEST

GST_START_TEST (one_is_killed)
{
  Nats nats;
  if (!nats.has ())
    return;
  PoolServer one ("cluster=" + nats.uri ());
  const guint16 port = unused_port ();
  PeerProcess other (std::to_string (port) + " " + nats.uri ());
  fail_unless (knows (one, 2));
  PoolClient a (one.port ()), b (port);
  fail_unless (!a.join ("garden").empty ());
  fail_unless (!b.join ("garden").empty ());
  fail_unless (a.got ("rtc:peer") && a.got ("rtc:request_offers"));
  other.kill ();
  const gint64 killed = g_get_monotonic_time ();
  fail_unless (a.got ("rtc:close"));
  fail_unless (a.last.find (b.id) != std::string::npos);
  fail_unless (g_get_monotonic_time () - killed < 10 * G_USEC_PER_SEC);
  PoolClient c (one.port ()); // and joins go on
  fail_unless (!c.join ("garden").empty ());
}
GST_END_TEST

// A short absence of the bus costs nothing but its time.
GST_START_TEST (bus_comes_back)
{
  Nats nats;
  if (!nats.has ())
    return;
  PoolServer one ("cluster=" + nats.uri ()), two ("cluster=" + nats.uri ());
  fail_unless (knows (one, 2) && knows (two, 2));
  PoolClient a (one.port ());
  fail_unless (!a.join ("garden").empty ());
  nats.stop ();
  nats.start ();
  PoolClient b (two.port ());
  fail_unless (!b.join ("garden").empty (), "%s", b.last.c_str ());
  fail_unless (b.last.find (a.id) != std::string::npos);
  fail_unless (a.got ("rtc:peer"));
}
GST_END_TEST

namespace {
std::string channel (guint port)
{
  return "ws://127.0.0.1:" + std::to_string (port) + "/room";
}
} // namespace

// Two peers of a channel at two servers have a call; a third one is not let in at either.
GST_START_TEST (one_channel_at_two_servers)
{
  Nats nats;
  if (!nats.has ())
    return;
  PoolServer one ("cluster=" + nats.uri ()), two ("cluster=" + nats.uri ());
  fail_unless (knows (one, 2) && knows (two, 2));
  Caller a ("rtcpeer name=peer signalling-uri=" + channel (one.port ()) + " " + small_h264 +
            " ! peer.video_0"),
      b ("rtcpeer name=peer signalling-uri=" + channel (two.port ()));
  a.play ();
  fail_unless (one.wait_joined (1));
  b.play ();
  fail_unless (b.wait_media ("video/x-raw", 10));
  reach::Loop loop ("third");
  for (const PoolServer *s : {&one, &two}) {
    SignalledPeer third (loop, channel (s->port ()));
    fail_unless (third.saw ("fatal"));
  }
  fail_unless (b.wait_media ("video/x-raw", 10));
  b.end ();
  fail_unless (wait_message (a.pipeline, GST_MESSAGE_ELEMENT, [] (GstMessage *m) {
    return gst_message_has_name (m, "rtc-peer-left");
  }) != nullptr);
  fail_unless_equals_uint64 (one.stat ("channels"), 1);
}
GST_END_TEST

// The one that is left is told within ten seconds, and meets the other again at the server that
// is left.
GST_START_TEST (server_of_a_channel_is_killed)
{
  Nats nats;
  if (!nats.has ())
    return;
  PoolServer one ("cluster=" + nats.uri ());
  const guint16 port = unused_port ();
  PeerProcess other (std::to_string (port) + " " + nats.uri ());
  fail_unless (knows (one, 2));
  reach::Loop loop ("peers");
  SignalledPeer a (loop, channel (one.port ()));
  fail_unless (one.wait_joined (1));
  {
    SignalledPeer b (loop, channel (port));
    fail_unless (a.saw ("peer offers") && b.saw ("peer polite"));
    b.send_description ("offer", "v=0");
    fail_unless (a.saw ("offer v=0"));
    other.kill ();
    const gint64 killed = g_get_monotonic_time ();
    fail_unless (a.saw ("left lost"));
    fail_unless (g_get_monotonic_time () - killed < 10 * G_USEC_PER_SEC);
  }
  SignalledPeer c (loop, channel (one.port ()));
  fail_unless (c.saw ("peer polite") && a.saw ("peer offers"));
}
GST_END_TEST

GST_START_TEST (bad_uri)
{
  PoolServer server; // registers
  for (const char *uri : {"x", "http://127.0.0.1", "nats://", "nats://127.0.0.1:4222/a/b",
           "nats://127.0.0.1:4222/a.b"}) {
    GstElement *e = gst_element_factory_make ("rtcpoolserver", nullptr);
    GstBus *bus = gst_bus_new ();
    gst_element_set_bus (e, bus);
    g_object_set (e, "port", 0, "cluster", uri, nullptr);
    fail_unless (gst_element_set_state (e, GST_STATE_READY) == GST_STATE_CHANGE_FAILURE, "%s", uri);
    GstMessage *m = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
    fail_unless (m != nullptr);
    gst_message_unref (m);
    gst_element_set_state (e, GST_STATE_NULL);
    gst_element_set_bus (e, nullptr);
    gst_object_unref (bus);
    gst_object_unref (e);
  }
}
GST_END_TEST

static Suite *rtcpool_cluster_suite ()
{
  Suite *s = suite_create ("rtcpool_cluster");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  if (!PeerProcess::asked_for ().empty ()) {
    tcase_add_test (tc, be_a_node);
    return s;
  }
  tcase_add_test (tc, one_pool_at_two_servers);
  tcase_add_test (tc, one_is_killed);
  tcase_add_test (tc, bus_comes_back);
  tcase_add_test (tc, one_channel_at_two_servers);
  tcase_add_test (tc, server_of_a_channel_is_killed);
  tcase_add_test (tc, bad_uri);
  return s;
}

GST_CHECK_MAIN (rtcpool_cluster)
