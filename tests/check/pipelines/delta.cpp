// SPDX-License-Identifier: LGPL-2.1-or-later
// Changed-area coding in whole pipelines: over a cam link, and with pictures that other software
// draws.
#include "../plugin.h"
#include "../wait.h"
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

using namespace reach::test;

namespace {
using Hashes = std::vector<std::size_t>;

// Without thresholds, so that what comes out can be compared by its checksum. NV12 of these sizes
// has no padding.
constexpr const char *raw = "video/x-raw,format=NV12,width=320,height=240,framerate=30/1";
constexpr const char *exact = "camdeltaenc name=enc pixel-threshold=0 min-change-area-size=0";

// A pipeline, and the checksums of what passes some of its pads.
class Line {
public:
  explicit Line (const std::string &text)
  {
    GError *error = nullptr;
    element = gst_parse_launch (text.c_str (), &error);
    fail_unless (element && !error, "%s: %s", text.c_str (), error ? error->message : "");
  }
  ~Line ()
  {
    gst_element_set_state (element, GST_STATE_NULL);
    gst_object_unref (element);
  }
  Line (const Line &) = delete;
  Line &operator= (const Line &) = delete;

  void watch (const char *name, const char *pad, Watched<Hashes> &into)
  {
    GstElement *e = get (name);
    GstPad *p = gst_element_get_static_pad (e, pad);
    gst_pad_add_probe (p, GST_PAD_PROBE_TYPE_BUFFER, on_buffer, &into, nullptr);
    gst_object_unref (p);
    gst_object_unref (e);
  }
  GstElement *get (const char *name)
  {
    GstElement *e = gst_bin_get_by_name (GST_BIN (element), name);
    fail_unless (e != nullptr, "no %s", name);
    return e;
  }
  int port (const char *name)
  {
    GstElement *e = get (name);
    int n = 0;
    g_object_get (e, "current-port", &n, nullptr);
    gst_object_unref (e);
    return n;
  }
  bool play () { return reach_state (element, GST_STATE_PLAYING); }
  bool wait_eos () { return wait_message (element, GST_MESSAGE_EOS) != nullptr; }

  GstElement *element;

private:
  static GstPadProbeReturn on_buffer (GstPad *, GstPadProbeInfo *info, gpointer into)
  {
    GstMapInfo m;
    if (gst_buffer_map (GST_PAD_PROBE_INFO_BUFFER (info), &m, GST_MAP_READ)) {
      const std::string_view bytes (reinterpret_cast<const char *> (m.data), m.size);
      const std::size_t hash = std::hash<std::string_view>{}(bytes);
      gst_buffer_unmap (GST_PAD_PROBE_INFO_BUFFER (info), &m);
      static_cast<Watched<Hashes> *> (into)->update ([&] (Hashes &h) { h.push_back (hash); });
    }
    return GST_PAD_PROBE_OK;
  }
};

bool is_part_of (const Hashes &part, const Hashes &all)
{
  std::size_t at = 0;
  for (const std::size_t hash : all)
    at += at < part.size () && part[at] == hash;
  return at == part.size ();
}
} // namespace

GST_START_TEST (test_pushed_pictures_arrive)
{
  Watched<Hashes> in, out;
  Line receiver ("camreceiver name=net port=0 bind-address=127.0.0.1 ! camdeltadec name=dec ! "
                 "fakesink sync=false async=false");
  receiver.watch ("dec", "src", out);
  fail_unless (receiver.play ());
  Line sender (std::string ("videotestsrc is-live=true num-buffers=45 pattern=ball ! ") + raw +
               " ! " + exact +
               " skip-identical=false difference-interval=3 full-frame-interval=9 "
               "! camsender host=127.0.0.1 port=" +
               std::to_string (receiver.port ("net")));
  sender.watch ("enc", "sink", in);
  fail_unless (sender.play ());
  fail_unless (sender.wait_eos ());
  fail_unless (out.wait ([&] (const Hashes &h) { return h.size () >= 45; }));
  fail_unless (in.get () == out.get ());
}
GST_END_TEST

GST_START_TEST (test_a_late_receiver_gets_a_full_frame)
{
  Watched<Hashes> in, out;
  Line sender (std::string ("videotestsrc is-live=true pattern=ball ! ") + raw + " ! " + exact +
               " full-frame-interval=0 ! camsender name=net mode=listener port=0 "
               "bind-address=127.0.0.1");
  sender.watch ("enc", "sink", in);
  fail_unless (sender.play ());
  fail_unless (in.wait ([] (const Hashes &h) { return h.size () >= 10; }));
  Line receiver (
      "camreceiver mode=caller host=127.0.0.1 port=" + std::to_string (sender.port ("net")) +
      " ! camdeltadec name=dec ! fakesink sync=false async=false");
  receiver.watch ("dec", "src", out);
  fail_unless (receiver.play ());
  fail_unless (out.wait ([] (const Hashes &h) { return h.size () >= 10; }));
  gst_element_set_state (receiver.element, GST_STATE_NULL);
  fail_unless (is_part_of (out.get (), in.get ()));
}
GST_END_TEST

// What decodebin finds for these caps is camdeltadec.
GST_START_TEST (test_decodebin_finds_the_decoder)
{
  Watched<Hashes> in, out;
  Line line (std::string ("videotestsrc num-buffers=5 pattern=ball ! ") + raw + " ! " + exact +
             " ! decodebin ! identity name=end ! fakesink");
  line.watch ("enc", "sink", in);
  line.watch ("end", "src", out);
  fail_unless (line.play () && line.wait_eos ());
  fail_unless (in.get () == out.get () && in.get ().size () == 5);
}
GST_END_TEST

// Text, clocks, scrolling, noise, moving and still pictures.
GST_START_TEST (test_pictures_of_other_software)
{
  for (const char *source : {"videotestsrc pattern=smpte horizontal-speed=4", // scrolls
           "videotestsrc pattern=snow", "videotestsrc pattern=pinwheel",
           "videotestsrc pattern=blink", "videotestsrc pattern=zone-plate kx2=20 ky2=20 kt=1",
           "videotestsrc pattern=white", "videotestsrc pattern=smpte100 ! timeoverlay",
           "videotestsrc pattern=gradient ! textoverlay text=window shaded-background=true ! "
           "clockoverlay halignment=right"}) {
    for (const char *more : {"", " difference-interval=10 compression=none"}) {
      Watched<Hashes> in, out;
      const std::string text (source);
      const std::size_t end = text.find (' ');
      Line line (text.substr (0, end) + " num-buffers=20" + text.substr (end) +
                 " ! videoconvert ! " + raw + " ! " + exact + " skip-identical=false" + more +
                 " ! camdeltadec name=dec ! fakesink");
      line.watch ("enc", "sink", in);
      line.watch ("dec", "src", out);
      fail_unless (line.play () && line.wait_eos (), "%s", source);
      fail_unless_equals_int (in.get ().size (), 20);
      fail_unless (in.get () == out.get (), "%s%s", source, more);
    }
  }
}
GST_END_TEST

static Suite *delta_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("delta");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_pushed_pictures_arrive);
  tcase_add_test (tc, test_a_late_receiver_gets_a_full_frame);
  tcase_add_test (tc, test_decodebin_finds_the_decoder);
  tcase_add_test (tc, test_pictures_of_other_software);
  return s;
}

GST_CHECK_MAIN (delta)
