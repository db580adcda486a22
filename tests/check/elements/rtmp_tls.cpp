// SPDX-License-Identifier: LGPL-2.1-or-later
// RTMPS.
#include "../bus_error.h"
#include "../tls_files.h"
#include "rtmp_source.h"

using namespace reach::test;

GST_START_TEST (test_ffmpeg_over_tls)
{
  TlsFiles files;
  const auto id = files.issue ("server");
  const FlvFile file;
  RtmpSource s;
  s.set ("tls", TRUE, "tls-certificate", id.certificate.c_str (), "tls-key", id.key.c_str ());
  s.play ();
  Program publisher (file.ffmpeg (s.url ("live/cam", "rtmps")));
  fail_unless (s.wait_eos (3));
  check_same (s.pads.get ().at ("video_0"), file.frames (true));
  check_same (s.pads.get ().at ("audio_0"), file.frames (false));
}
GST_END_TEST

// Elements of one port have the same settings; and those of TLS without it are a mistake.
GST_START_TEST (test_settings)
{
  TlsFiles files;
  const auto id = files.issue ("server");
  RtmpSource s, plain, wrong, none;
  s.set ("tls", TRUE, "tls-certificate", id.certificate.c_str (), "tls-key", id.key.c_str ());
  s.play ();
  plain.set ("port", s.port ());
  wrong.set ("tls-certificate", id.certificate.c_str ());
  none.set ("tls", TRUE);
  for (RtmpSource *x : {&plain, &wrong, &none}) {
    fail_unless_equals_int (
        gst_element_set_state (x->pipeline, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
    fail_unless (wait_message (x->pipeline, GST_MESSAGE_ERROR) != nullptr);
  }
}
GST_END_TEST

// Whoever reads the message knows which file is missing.
GST_START_TEST (test_no_such_certificate)
{
  RtmpSource s;
  s.set ("tls", TRUE, "tls-certificate", "/nowhere/c.pem", "tls-key", "/nowhere/k.pem");
  fail_unless_equals_int (
      gst_element_set_state (s.pipeline, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  const auto m = wait_message (s.pipeline, GST_MESSAGE_ERROR);
  fail_unless (m != nullptr);
  const auto error = error_of (m.get ());
  fail_unless (
      strstr (error->message, "/nowhere/c.pem: No such file or directory"), "%s", error->message);
}
GST_END_TEST

static Suite *rtmp_tls_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtmp_tls");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_ffmpeg_over_tls);
  tcase_add_test (tc, test_settings);
  tcase_add_test (tc, test_no_such_certificate);
  return s;
}

GST_CHECK_MAIN (rtmp_tls)
