// SPDX-License-Identifier: LGPL-2.1-or-later
// Pads of plain datagrams: one buffer is one datagram, in DTLS or, with dtls=false, in the clear.
#include "../bus_error.h"
#include "rtc_network.h"
#include <gst/app/gstappsrc.h>

using namespace reach;
using namespace reach::test;

namespace {
// An rtcpeer with a source of datagrams; what comes out of datagram_src is kept.
class Datagrams {
public:
  Caller call;
  Watched<std::vector<std::string>> came;

  explicit Datagrams (const std::string &more = {})
      : call ("appsrc name=in is-live=true format=time ! peer.datagram rtcpeer name=peer "
              "datagrams=true " +
              more)
  {
    in_ = gst_bin_get_by_name (GST_BIN (call.pipeline), "in");
    g_signal_connect (call.peer, "pad-added", G_CALLBACK (on_pad), this);
  }
  ~Datagrams ()
  {
    call.end ();
    g_signal_handlers_disconnect_by_data (call.peer, this);
    gst_object_unref (in_);
  }
  void push (const std::string &text)
  {
    GstBuffer *b =
        text.empty () ? gst_buffer_new () : gst_buffer_new_memdup (text.data (), text.size ());
    fail_unless_equals_int (gst_app_src_push_buffer (GST_APP_SRC (in_), b), GST_FLOW_OK);
  }
  bool gets (const std::string &text)
  {
    return came.wait (
        [&] (const auto &all) { return std::ranges::find (all, text) != all.end (); });
  }

private:
  static void on_pad (GstElement *, GstPad *pad, gpointer self)
  {
    if (!g_str_equal (GST_PAD_NAME (pad), "datagram_src"))
      return;
    auto *d = static_cast<Datagrams *> (self);
    GstElement *sink = gst_element_factory_make ("fakesink", nullptr);
    g_object_set (sink, "async", FALSE, "sync", FALSE, "signal-handoffs", TRUE, nullptr);
    g_signal_connect (sink, "handoff",
        G_CALLBACK (+[] (GstElement *, GstBuffer *b, GstPad *, Datagrams *to) {
          std::string text (gst_buffer_get_size (b), '\0');
          gst_buffer_extract (b, 0, text.data (), text.size ());
          to->came.update ([&] (auto &all) { all.push_back (text); });
        }),
        d);
    gst_bin_add (GST_BIN (d->call.pipeline), sink);
    gst_element_sync_state_with_parent (sink);
    const auto to = Ref<GstPad>::adopt (gst_element_get_static_pad (sink, "sink"));
    fail_unless_equals_int (gst_pad_link (pad, to.get ()), GST_PAD_LINK_OK);
  }
  GstElement *in_;
};

// Both are connected and get what the other sends.
void meet (Datagrams &a, Datagrams &b)
{
  for (auto [from, to] : {std::pair (&a, &b), std::pair (&b, &a)})
    fail_unless (iterate_until ([&, f = from, t = to] {
      f->push ("hello"); // what is sent before it is connected is lost
      return !t->came.get ().empty ();
    }));
}
std::vector<std::size_t> sizes (const std::vector<std::string> &all)
{
  std::vector<std::size_t> n;
  for (const std::string &t : all)
    if (t != "hello")
      n.push_back (t.size ());
  return n;
}
} // namespace

// In order, none joined or split; one that is too long is told of and left out, and those after it
// go on.
GST_START_TEST (test_sizes_and_order)
{
  const char *more = __i__ == 0 ? "" : "dtls=false";
  Datagrams a (more), b (more);
  Wiring w (a.call, b.call);
  b.call.play ();
  a.call.play (); // which offers
  meet (a, b);
  std::vector<std::size_t> sent;
  for (std::size_t n = 1; n <= 1000; n += 37)
    sent.push_back (n);
  for (const std::size_t n : {1u, 1000u, 2u, 999u, 7u})
    sent.push_back (n);
  for (const std::size_t n : sent)
    a.push (std::string (n, static_cast<char> ('a' + n % 26)));
  a.push (std::string (1201, 'x'));
  const auto warning = wait_message (a.call.pipeline, GST_MESSAGE_WARNING);
  fail_unless (warning != nullptr);
  const auto e = error_of (warning.get ());
  fail_unless (strstr (e->message, "1201 bytes") != nullptr, "%s", e->message);
  a.push (std::string (70000, 'x'));
  fail_unless (wait_message (a.call.pipeline, GST_MESSAGE_WARNING) != nullptr);
  a.push ("the last");
  fail_unless (b.gets ("the last"));
  sent.push_back (8);
  const auto all = b.came.get ();
  fail_unless (sizes (all) == sent, "%zu of %zu", sizes (all).size (), sent.size ());
  for (const std::string &t : all)
    if (t != "hello" && t != "the last")
      fail_unless (t == std::string (t.size (), static_cast<char> ('a' + t.size () % 26)));
}
GST_END_TEST

// With DTLS nobody on the way reads them, without everybody does.
GST_START_TEST (test_on_the_wire)
{
  const bool dtls = __i__ == 0;
  const std::string more = dtls ? "" : "dtls=false", secret = "the quick brown fox";
  Watched<unsigned> packets, clear;
  BadNetwork network ({});
  network.observe = [&] (bool, bool out, Bytes p) {
    if (!out)
      return;
    packets.update ([] (unsigned &n) { n++; });
    const std::string_view text (reinterpret_cast<const char *> (p.data ()), p.size ());
    if (text.find (secret) != std::string_view::npos)
      clear.update ([] (unsigned &n) { n++; });
  };
  Datagrams a (more), b (more);
  Wiring w (a.call, b.call);
  network.carry (w);
  b.call.play ();
  a.call.play ();
  meet (a, b);
  a.push (secret);
  b.push (secret);
  fail_unless (a.gets (secret) && b.gets (secret));
  fail_unless (packets.get () > 4);
  fail_unless_equals_int (clear.get () > 0, !dtls);
}
GST_END_TEST

// There are no keys for media: neither are they sent, nor taken.
GST_START_TEST (test_no_media_without_dtls)
{
  for (const char *line :
      {"rtcpeer name=peer dtls=false", "rtcpeer name=peer dtls=false datagrams=true"}) {
    Caller c (line + std::string (" ") + small_h264 + " ! peer.video_0");
    fail_unless_equals_int (
        gst_element_set_state (c.pipeline, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
    const auto error = wait_message (c.pipeline, GST_MESSAGE_ERROR);
    fail_unless (error != nullptr);
    const auto e = error_of (error.get ());
    fail_unless (g_error_matches (e.get (), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS));
    fail_unless (strstr (e->message, "there are only datagrams") != nullptr, "%s", e->message);
  }
  Caller a ("rtcpeer name=peer " + small_h264 + " ! peer.video_0");
  Datagrams b ("dtls=false");
  Wiring w (a, b.call);
  b.call.play ();
  fail_unless (gst_element_request_pad_simple (b.call.peer, "video_0") == nullptr);
  fail_unless (wait_message (b.call.pipeline, GST_MESSAGE_WARNING) != nullptr);
  a.play ();
  fail_unless (w.negotiated.wait ([] (unsigned n) { return n > 0; }));
  GstWebRTCSessionDescription *d = nullptr;
  fail_unless (iterate_until ([&] {
    g_clear_pointer (&d, gst_webrtc_session_description_free);
    g_object_get (a.peer, "remote-description", &d, nullptr);
    return d != nullptr;
  }));
  const GstSDPMedia *m = gst_sdp_message_get_media (d->sdp, 0);
  fail_unless_equals_string (gst_sdp_media_get_media (m), "video");
  fail_unless_equals_int (gst_sdp_media_get_port (m), 0);
  gst_webrtc_session_description_free (d);
  fail_unless (b.call.tracks.get ().empty ());
}
GST_END_TEST

// What goes in while nobody is there is lost, however much it is, and the next peer gets the rest.
GST_START_TEST (test_peer_comes_again)
{
  SignallingServer server;
  const std::string by = "signalling-uri=" + server.uri ("shed");
  Datagrams a (by);
  a.call.play ();
  for (int i = 0; i < 2; i++) {
    Datagrams b (by);
    b.call.play ();
    meet (a, b);
    b.call.end ();
    fail_unless (wait_element_message (a.call.pipeline, "rtc-peer-left") != nullptr);
    for (int n = 0; n < 3000; n++) // more than may be under way
      a.push ("lost");
  }
}
GST_END_TEST

static Suite *rtc_datagrams_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtc_datagrams");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_set_timeout (tc, 60);
  tcase_add_loop_test (tc, test_sizes_and_order, 0, 2);
  tcase_add_loop_test (tc, test_on_the_wire, 0, 2);
  tcase_add_test (tc, test_no_media_without_dtls);
  tcase_add_test (tc, test_peer_comes_again);
  return s;
}

GST_CHECK_MAIN (rtc_datagrams)
