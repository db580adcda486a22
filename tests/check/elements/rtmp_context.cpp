// SPDX-License-Identifier: LGPL-2.1-or-later
// rtmpserversrc elements whose pads share one streaming thread.
#include "rtmp_source.h"
#include <algorithm>
#include <dirent.h>

using namespace reach::test;

namespace {
constexpr const char *context = "test-ctx";

// Threads of this process with such a name.
unsigned threads_named (const std::string &name)
{
  unsigned n = 0;
  DIR *tasks = opendir ("/proc/self/task");
  fail_unless (tasks != nullptr);
  while (const dirent *d = readdir (tasks)) {
    std::ifstream in (std::string ("/proc/self/task/") + d->d_name + "/comm");
    std::string comm;
    n += std::getline (in, comm) && comm == name;
  }
  closedir (tasks);
  return n;
}
unsigned pad_threads ()
{
  return threads_named (std::string ("pads:") + context);
}
} // namespace

// Two publishers, two elements, the flv pad too: one thread, and nothing is lost or changed.
GST_START_TEST (test_one_thread_for_all)
{
  const FlvFile file;
  RtmpSource a, b;
  a.set ("context", context, "context-wait", 5, "stream-key", "a");
  b.set ("context", context, "stream-key", "b");
  b.request_flv ();
  a.play ();
  b.play ();
  fail_unless_equals_int (pad_threads (), 1);
  Program one (file.ffmpeg (a.url ("live/a"))), two (file.ffmpeg (b.url ("live/b")));
  fail_unless (a.wait_eos (3) && b.wait_eos (4)); // video, audio, metadata
  for (RtmpSource *s : {&a, &b}) {
    check_same (s->pads.get ().at ("video_0"), file.frames (true));
    check_same (s->pads.get ().at ("audio_0"), file.frames (false));
  }
  fail_unless (!b.pads.get ().at ("flv").buffers.empty ());
  fail_unless_equals_int (pad_threads (), 1);
  a.null ();
  fail_unless_equals_int (pad_threads (), 1);
  b.null ();
  fail_unless_equals_int (pad_threads (), 0);
}
GST_END_TEST

// While nothing comes, the pads have GAPs; then the next publisher.
GST_START_TEST (test_gaps_and_a_second_publisher)
{
  const FlvFile file;
  RtmpSource s;
  s.set ("context", context, "keep-listening", TRUE);
  s.play ();
  const auto n = file.frames (true).size ();
  const auto frames = [] (const RtmpSource::Pads &p) {
    return p.contains ("video_0") ? p.at ("video_0").buffers.size () : 0;
  };
  for (std::size_t round = 1; round <= 2; round++) {
    Program publisher (file.ffmpeg (s.url ()));
    fail_unless (s.wait ([&] (const auto &p) { return frames (p) == round * n; }));
    const unsigned gaps = s.pads.get ().at ("video_0").gaps;
    fail_unless (s.wait ([&] (const auto &p) { return p.at ("video_0").gaps > gaps + 1; }));
  }
}
GST_END_TEST

// A sink that blocks holds its own pipeline's stop up as little as with a thread of its own.
GST_START_TEST (test_stops_while_downstream_blocks)
{
  const FlvFile file;
  RtmpSource s;
  s.set ("context", context);
  s.play ();
  Watched<bool> blocked{false};
  g_signal_connect (s.element, "pad-added",
      G_CALLBACK (+[] (GstElement *, GstPad *pad, Watched<bool> *b) {
        gst_pad_add_probe (
            pad,
            static_cast<GstPadProbeType> (GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER),
            [] (GstPad *, GstPadProbeInfo *, gpointer data) {
              static_cast<Watched<bool> *> (data)->update ([] (bool &x) { x = true; });
              return GST_PAD_PROBE_OK; // blocks
            },
            b, nullptr);
      }),
      &blocked);
  Program publisher (file.ffmpeg (s.url ()));
  fail_unless (blocked.wait ([] (bool b) { return b; }));
  const gint64 begin = g_get_monotonic_time ();
  s.null ();
  fail_unless (g_get_monotonic_time () - begin < 2 * G_USEC_PER_SEC);
  fail_unless_equals_int (pad_threads (), 0);
}
GST_END_TEST

static Suite *rtmp_context_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtmp_context");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_one_thread_for_all);
  tcase_add_test (tc, test_gaps_and_a_second_publisher);
  tcase_add_test (tc, test_stops_while_downstream_blocks);
  return s;
}

GST_CHECK_MAIN (rtmp_context)
