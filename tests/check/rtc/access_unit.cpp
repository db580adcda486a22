// SPDX-License-Identifier: LGPL-2.1-or-later
// Access unit delimiters do not take a packet of their own.
#include "rtc/pads/access_unit.h"
#include "../check.h"
#include "common/ref.h"
#include <gst/check/gstharness.h>
#include <string>
#include <vector>

using namespace reach;
using namespace reach::rtc;

namespace {
const std::string byte_stream = "video/x-h264,stream-format=byte-stream,alignment=au";
const std::string avc = "video/x-h264,stream-format=avc,alignment=au,"
                        "codec_data=(buffer)0142c01effe1000467420c1f01000168";

std::string nal (bool lengths, const std::string &bytes)
{
  std::string s (4, '\0');
  store_be (reinterpret_cast<std::uint8_t *> (s.data ()),
      lengths ? static_cast<std::uint32_t> (bytes.size ()) : 1u);
  return s + bytes;
}

std::size_t size_of (const std::string &s)
{
  return delimiter_size ({reinterpret_cast<const std::uint8_t *> (s.data ()), s.size ()});
}

// The sizes of the packets that one access unit becomes.
std::vector<std::size_t> packets (const std::string &caps, const std::string &unit)
{
  GstElement *pay = gst_element_factory_make ("rtph264pay", nullptr);
  fail_unless (pay != nullptr);
  gst_util_set_object_arg (G_OBJECT (pay), "mtu", "1000");
  gst_util_set_object_arg (G_OBJECT (pay), "aggregate-mode", "zero-latency");
  drop_delimiters (pay);
  GstHarness *h = gst_harness_new_with_element (pay, "sink", "src");
  gst_harness_set_src_caps_str (h, caps.c_str ());
  GstBuffer *b = gst_buffer_new_memdup (unit.data (), unit.size ());
  GST_BUFFER_PTS (b) = GST_SECOND;
  fail_unless_equals_int (gst_harness_push (h, b), GST_FLOW_OK);
  std::vector<std::size_t> sizes;
  while (GstBuffer *p = gst_harness_try_pull (h)) {
    fail_unless_equals_uint64 (GST_BUFFER_PTS (p), GST_SECOND);
    sizes.push_back (gst_buffer_get_size (p));
    gst_buffer_unref (p);
  }
  gst_harness_teardown (h);
  gst_object_unref (pay);
  return sizes;
}
} // namespace

GST_START_TEST (test_size)
{
  const std::string slice = "e and much more";
  for (const bool lengths : {false, true}) {
    fail_unless_equals_int (size_of (nal (lengths, "\x09\x10") + nal (lengths, slice)), 6);
    fail_unless_equals_int (size_of (nal (lengths, "\x09\xf0") + nal (lengths, slice)), 6);
    fail_unless_equals_int (size_of (nal (lengths, "\x09\x10")), 0); // nothing else
    fail_unless_equals_int (size_of (nal (lengths, slice)), 0);
    fail_unless_equals_int (size_of (nal (lengths, "\x09\x11") + nal (lengths, slice)), 0);
  }
  fail_unless_equals_int (size_of (""), 0);
  fail_unless_equals_int (size_of (nal (true, "\x09\x10\x01") + nal (true, slice)), 0);
}
GST_END_TEST

GST_START_TEST (test_packets)
{
  const std::string slice = "e" + std::string (2500, 'x');
  for (const bool lengths : {false, true}) {
    const std::string &caps = lengths ? avc : byte_stream;
    const auto without = packets (caps, nal (lengths, slice));
    fail_unless_equals_int (without.size (), 3);
    fail_unless (packets (caps, nal (lengths, "\x09\xf0") + nal (lengths, slice)) == without);
  }
}
GST_END_TEST

static Suite *access_unit_suite ()
{
  Suite *s = suite_create ("access_unit");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_size);
  tcase_add_test (tc, test_packets);
  return s;
}
GST_CHECK_MAIN (access_unit)
