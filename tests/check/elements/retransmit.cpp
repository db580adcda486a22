// SPDX-License-Identifier: LGPL-2.1-or-later
// A receiver's pads linked to a sender's: what is received is sent again.
#include "cam_pair.h"

using namespace reach::test;

namespace {
constexpr Way push{"tcp", true, "tcp push"};

// Receives on one side, sends on the other.
class Retransmitter {
public:
  explicit Retransmitter (guint16 to)
      : pipeline_ (gst_pipeline_new (nullptr)),
        in_ (gst_element_factory_make ("camreceiver", nullptr)),
        out_ (gst_element_factory_make ("camsender", nullptr))
  {
    fail_unless (in_ && out_);
    gst_bin_add_many (GST_BIN (pipeline_), in_, out_, nullptr);
    g_object_set (in_, "port", 0, "bind-address", "127.0.0.1", nullptr);
    g_object_set (
        out_, "guid", "second", "host", "127.0.0.1", "port", gint{to}, "sync", FALSE, nullptr);
    g_signal_connect (in_, "pad-added", G_CALLBACK (on_pad_added), out_);
    fail_unless (gst_element_set_state (pipeline_, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
  }
  ~Retransmitter ()
  {
    gst_element_set_state (pipeline_, GST_STATE_NULL);
    gst_object_unref (pipeline_);
  }
  guint16 port () const
  {
    gint p = 0;
    g_object_get (in_, "current-port", &p, nullptr);
    return static_cast<guint16> (p);
  }

private:
  // To a pad of the same type and channel.
  static void on_pad_added (GstElement *, GstPad *pad, gpointer out)
  {
    gchar *name = gst_pad_get_name (pad);
    guint index = 0;
    g_object_get (pad, "index", &index, nullptr);
    const std::string full (name), type = full.substr (0, full.find ('_'));
    g_free (name);
    GstPad *sink = gst_element_request_pad_simple (
        GST_ELEMENT (out), (type + "_" + std::to_string (index)).c_str ());
    fail_unless (sink != nullptr);
    fail_unless_equals_int (gst_pad_link (pad, sink), GST_PAD_LINK_OK);
    gst_object_unref (sink);
  }
  GstElement *pipeline_, *in_, *out_;
};
} // namespace

GST_START_TEST (test_pads_of_a_receiver_are_sent_again)
{
  Receiver last (push);
  last.play ();
  Retransmitter middle (last.port ());
  Sender origin (push);
  g_object_set (origin.element, "guid", "first", nullptr);
  point (origin, middle.port ());
  auto &video = origin.add ("video_3", video_caps, "origin/video");
  auto &audio = origin.add ("audio_0", audio_caps, "origin/audio");
  origin.play ();
  for (unsigned n = 0; n < 30; n++) {
    video.push (make_buffer (100 + n, n, n * frame_time, n % 10 != 0, frame_time));
    audio.push (make_buffer (300, 100 + n, n * frame_time, false, frame_time));
  }
  fail_unless (last.wait_buffers ("video_0", 30));
  fail_unless (last.wait_buffers ("audio_0", 30));
  const Received v = last.on ("video_0"), a = last.on ("audio_0");
  for (unsigned n = 0; n < 30; n++) {
    fail_unless (same_bytes (v.buffers ()[n], make_buffer (100 + n, n).get ()));
    fail_unless (same_bytes (a.buffers ()[n], make_buffer (300, 100 + n).get ()));
  }
  // Who sends is the second sender; what it is and its channel stay.
  fail_unless_equals_string (v.guid.c_str (), "second");
  fail_unless_equals_int (v.index, 3);
  const gchar *id = nullptr;
  gst_event_parse_stream_start (v.last_event (GST_EVENT_STREAM_START), &id);
  fail_unless_equals_string (id, "origin/video");
  GstCaps *caps = nullptr;
  gst_event_parse_caps (v.last_event (GST_EVENT_CAPS), &caps);
  fail_unless (gst_caps_is_strictly_equal (caps, caps_of (video_caps).get ()));
  video.eos ();
  fail_unless (last.wait_event_on ("video_0", GST_EVENT_EOS));
}
GST_END_TEST

static Suite *retransmit_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("retransmit");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_pads_of_a_receiver_are_sent_again);
  return s;
}

GST_CHECK_MAIN (retransmit)
