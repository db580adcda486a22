// SPDX-License-Identifier: LGPL-2.1-or-later
// Members of a pool, all of them rtcpool.
#include "../own_address.h"
#include "rtc_call.h"
#include "turn_server.h"

using namespace reach;
using namespace reach::test;

namespace {
// Its port stays when it is started again.
class PoolServerElement {
public:
  PoolServerElement () { start (0); }
  ~PoolServerElement () { end (); }
  void start (guint port)
  {
    element =
        GST_ELEMENT (gst_object_ref_sink (gst_element_factory_make ("rtcpoolserver", nullptr)));
    g_object_set (element, "port", port, "bind-address", "127.0.0.1", nullptr);
    fail_unless_equals_int (
        gst_element_set_state (element, GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
    g_object_get (element, "current-port", &port_, nullptr);
  }
  void end ()
  {
    if (!element)
      return;
    gst_element_set_state (element, GST_STATE_NULL);
    gst_clear_object (&element);
  }
  void start_again () { start (port_); }
  std::string member (const std::string &more, const char *scheme = "ws") const
  {
    return std::string ("rtcpool name=peer pool=garden signalling-uri=") + scheme +
           "://127.0.0.1:" + std::to_string (port_) + " " + more + " ";
  }
  GstElement *element = nullptr;

private:
  guint port_ = 0;
};

bool wait_fields (Caller &c, const char *name)
{
  return wait_message (c.pipeline, GST_MESSAGE_ELEMENT,
             [name] (GstMessage *m) { return gst_message_has_name (m, name); }) != nullptr;
}

unsigned gone (const Caller &c)
{
  unsigned n = 0;
  for (const Caller::Track &t : c.tracks.get ())
    n += t.gone;
  return n;
}
} // namespace

// Everybody sees everybody, whoever came last; who leaves takes its pads along.
GST_START_TEST (test_three)
{
  PoolServerElement server;
  Caller a (server.member ("") + small_video + " ! peer.video_0");
  Caller b (
      server.member ("") + small_h264 + " ! peer.video_0  " + small_audio + " ! peer.audio_0");
  a.play ();
  b.play ();
  fail_unless (a.wait_media ("video/x-raw", 15));
  fail_unless (a.wait_media ("audio/x-raw", 15));
  fail_unless (b.wait_media ("video/x-raw", 15));
  {
    Caller c (server.member ("", "http")); // by socket.io
    c.play ();
    fail_unless (c.wait_media ("audio/x-raw", 15));
    fail_unless (c.tracks.wait ([] (const auto &all) {
      return std::ranges::count_if (all, [] (const Caller::Track &t) {
        return t.media == "video/x-raw" && t.buffers > 10;
      }) == 2;
    }));
    fail_unless_equals_int (c.get<guint> ("n-connections"), 2);
  }
  b.end ();
  fail_unless (a.tracks.wait (
      [] (const auto &all) { return std::ranges::count_if (all, &Caller::Track::gone) == 2; }));
  fail_unless_equals_int (gone (a), 2);
}
GST_END_TEST

// Nobody has anything to send: joins and leaves are told, and no ICE starts.
GST_START_TEST (test_silent)
{
  PoolServerElement server;
  Caller a (server.member (""));
  a.play ();
  fail_unless (wait_fields (a, "rtc-pool-joined"));
  {
    Caller b (server.member (""));
    b.play ();
    fail_unless (wait_fields (a, "rtc-pool-peer-added"));
    fail_unless_equals_int (a.get<guint> ("n-connections"), 1);
    fail_unless (wait_fields (b, "rtc-pool-joined"));
  }
  fail_unless (wait_fields (a, "rtc-pool-peer-closed"));
  fail_unless_equals_int (a.get<guint> ("n-connections"), 0);
}
GST_END_TEST

// The server goes and comes again: within 3 s of that media are there again, by new connections.
GST_START_TEST (test_server_returns)
{
  PoolServerElement server;
  Caller a (server.member ("") + small_h264 + " ! peer.video_0"), b (server.member (""));
  a.play ();
  b.play ();
  fail_unless (b.wait_media ("video/x-raw", 10));
  const std::size_t before = b.tracks.get ().size ();
  server.end ();
  const auto warned = wait_message (b.pipeline, GST_MESSAGE_WARNING);
  fail_unless (warned != nullptr);
  server.start_again ();
  const gint64 back = g_get_monotonic_time ();
  fail_unless (b.tracks.wait ([before] (const auto &all) {
    return all.size () > before && all.back ().media == "video/x-raw" && all.back ().buffers > 5;
  }));
  const auto after = static_cast<unsigned> ((g_get_monotonic_time () - back) / 1000);
  g_print ("a picture %u ms after the server's return\n", after);
  const bool slow = g_strcmp0 (g_getenv ("REACH_SANITIZED"), "1") == 0;
  fail_unless (after < (slow ? 9000u : 3000u), "%u ms", after);
  fail_unless (wait_fields (b, "rtc-pool-joined"));
}
GST_END_TEST

// `connections` has the estimate as it is now.
GST_START_TEST (test_estimate)
{
  PoolServerElement server;
  Caller a (server.member ("start-bitrate=300000") + small_h264 + " ! peer.video_0");
  Caller b (server.member (""));
  a.play ();
  b.play ();
  fail_unless (b.wait_media ("video/x-raw", 10));
  guint rate = 300000;
  using std::chrono::steady_clock;
  for (const auto end = steady_clock::now () + long_enough;
       rate == 300000 && steady_clock::now () < end;) {
    GValue all = G_VALUE_INIT;
    g_value_init (&all, GST_TYPE_ARRAY);
    g_object_get_property (G_OBJECT (a.peer), "connections", &all);
    fail_unless_equals_int (gst_value_array_get_size (&all), 1);
    gst_structure_get_uint (
        gst_value_get_structure (gst_value_array_get_value (&all, 0)), "estimated-bitrate", &rate);
    g_value_unset (&all);
    g_usleep (10'000);
  }
  fail_unless (rate != 300000);
}
GST_END_TEST

namespace {
// The types of the candidates that are in use with all members.
std::string pair_types (Caller &c)
{
  GValue all = G_VALUE_INIT;
  g_value_init (&all, GST_TYPE_ARRAY);
  g_object_get_property (G_OBJECT (c.peer), "connections", &all);
  std::string text;
  for (guint i = 0; i < gst_value_array_get_size (&all); i++) {
    const GstStructure *connection = gst_value_get_structure (gst_value_array_get_value (&all, i));
    GstStructure *s = nullptr;
    g_signal_emit_by_name (
        c.peer, "get-stats", gst_structure_get_string (connection, "peer-id"), &s);
    fail_unless (s != nullptr);
    for (int f = 0; f < gst_structure_n_fields (s); f++) {
      const GValue *v =
          gst_structure_get_value (s, gst_structure_nth_field_name (s, static_cast<guint> (f)));
      if (!GST_VALUE_HOLDS_STRUCTURE (v))
        continue;
      if (const char *type =
              gst_structure_get_string (gst_value_get_structure (v), "candidate-type"))
        text += std::string (type) + " ";
    }
    gst_structure_free (s);
  }
  g_value_unset (&all);
  return text;
}
} // namespace

// A TURN server is all that may be used: media and data of everybody pass it, also of who comes
// later. Nothing else is told.
GST_START_TEST (test_relay)
{
  PoolServerElement server;
  const std::string address = own_address ();
  const TurnServer turn ("allowed-peers=" + address + "/32", address.c_str ());
  const std::string relay = "ice-transport-policy=relay ice-servers=turn:user:pass@" + address +
                            ":" + std::to_string (turn.port ()) + "?transport=udp ";
  Caller a (server.member (relay) + small_h264 + " ! peer.video_0");
  Caller b (server.member (relay) + small_audio + " ! peer.audio_0");
  a.play ();
  b.play ();
  fail_unless (b.wait_media ("video/x-raw", 15));
  fail_unless (a.wait_media ("audio/x-raw", 15));
  Caller late (server.member (relay));
  late.play ();
  fail_unless (late.wait_media ("video/x-raw", 15) && late.wait_media ("audio/x-raw", 15));
  fail_unless_equals_int (a.get<guint> ("n-connections"), 2);
  for (Caller *c : {&a, &b, &late}) {
    const std::string types = pair_types (*c);
    fail_unless_equals_string (types.c_str (), "relay relay relay relay ");
  }
  const guint64 passed = turn.stat ("packets-to-peers");
  fail_unless (b.wait_media ("video/x-raw", 30));
  fail_unless (turn.stat ("packets-to-peers") >= passed + 30);
}
GST_END_TEST

GST_START_TEST (test_mute)
{
  PoolServerElement server;
  Caller a (
      server.member ("") + small_h264 + " ! peer.video_0  " + small_audio + " ! peer.audio_0");
  Caller b (server.member (""));
  a.play ();
  b.play ();
  fail_unless (b.wait_media ("video/x-raw", 10));
  fail_unless (b.wait_media ("audio/x-raw", 10));
  g_object_set (a.peer, "mute-video", TRUE, nullptr);
  fail_unless (b.tracks.wait ([] (const auto &all) {
    return std::ranges::any_of (
        all, [] (const Caller::Track &t) { return t.gone && t.media == "video/x-raw"; });
  }));
  fail_unless (b.wait_media ("audio/x-raw", 20)); // goes on
  g_object_set (a.peer, "mute-video", FALSE, nullptr);
  fail_unless (b.wait_media ("video/x-raw", 10));
}
GST_END_TEST

// The application carries the messages, here to the pool of another element's server.
GST_START_TEST (test_own_transport)
{
  Caller a ("rtcpool name=peer pool=garden " + small_h264 + " ! peer.video_0"),
      b ("rtcpool name=peer pool=garden");
  struct Hub {
    Caller *members[2];
    std::mutex mutex;
  } hub{{&a, &b}, {}};
  const auto carry = +[] (GstElement *from, const char *type, const char *json, gpointer p) {
    auto *h = static_cast<Hub *> (p);
    const bool first = from == h->members[0]->peer;
    GstElement *self = from, *other = h->members[first ? 1 : 0]->peer;
    const std::string own = first ? "a" : "b", peer = first ? "b" : "a", text = json;
    const auto give = [] (GstElement *to, const char *t, const std::string &data) {
      g_signal_emit_by_name (to, "signaller-receive", t, data.c_str ());
    };
    if (g_str_equal (type, "rtc:join")) {
      give (self, "rtc:joined",
          "{\"client_id\":\"" + own + "\",\"peers\":[" + (first ? "" : "\"a\"") +
              "],\"descriptions\":{},\"pool\":\"garden\"}");
      if (!first)
        give (other, "rtc:peer", "{\"id\":\"b\"}");
    } else if (g_str_equal (type, "rtc:sdp")) {
      const auto at = text.find ("\"description\"");
      give (other, "rtc:sdp", "{\"peer\":\"" + own + "\"," + text.substr (at));
    } else if (g_str_equal (type, "rtc:candidate")) {
      const auto at = text.find ("\"candidate\"");
      give (other, "rtc:candidate", "{\"from\":\"" + own + "\"," + text.substr (at));
    }
  };
  for (Caller *c : hub.members)
    g_signal_connect (c->peer, "signaller-send", G_CALLBACK (carry), &hub);
  a.play ();
  fail_unless (wait_fields (a, "rtc-pool-joined"));
  b.play ();
  fail_unless (b.wait_media ("video/x-raw", 10));
  for (Caller *c : hub.members)
    c->end ();
}
GST_END_TEST

static Suite *rtc_pool_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtc_pool");
  TCase *tc = tcase_create ("pool");
  tcase_set_timeout (tc, 60);
  tcase_add_test (tc, test_three);
  tcase_add_test (tc, test_silent);
  tcase_add_test (tc, test_server_returns);
  tcase_add_test (tc, test_estimate);
  tcase_add_test (tc, test_relay);
  tcase_add_test (tc, test_mute);
  tcase_add_test (tc, test_own_transport);
  suite_add_tcase (s, tc);
  return s;
}
GST_CHECK_MAIN (rtc_pool)
