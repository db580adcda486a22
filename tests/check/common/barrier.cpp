// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/barrier.h"
#include "../wait.h"
#include "common/ref.h"
#include <stdexcept>

using namespace reach;

namespace {
struct Bin {
  GstElement *element = gst_bin_new (nullptr);
  GstBus *bus = gst_bus_new ();
  Bin () { gst_element_set_bus (element, bus); }
  ~Bin ()
  {
    gst_element_set_bus (element, nullptr);
    gst_object_unref (bus);
    gst_object_unref (element);
  }
  // The debug text of the one LIBRARY/FAILED error on the bus.
  std::string error ()
  {
    const test::MessagePtr m (gst_bus_pop (bus));
    fail_unless (m && GST_MESSAGE_TYPE (m.get ()) == GST_MESSAGE_ERROR);
    fail_unless (gst_bus_peek (bus) == nullptr);
    GError *e = nullptr;
    gchar *debug = nullptr;
    gst_message_parse_error (m.get (), &e, &debug);
    const ErrorPtr owned (e);
    const CharPtr text (debug);
    fail_unless (g_error_matches (e, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED));
    return debug;
  }
};
} // namespace

GST_START_TEST (test_passes_results)
{
  Bin b;
  fail_unless_equals_int (barrier (b.element, -1, [] { return 7; }), 7);
  fail_unless (gst_bus_peek (b.bus) == nullptr);
}
GST_END_TEST

GST_START_TEST (test_exception_becomes_an_error)
{
  Bin b;
  const auto flow = barrier (b.element, GST_FLOW_ERROR,
      [] () -> GstFlowReturn { throw std::runtime_error ("the dog ate it"); });
  fail_unless (flow == GST_FLOW_ERROR);
  fail_unless (b.error ().find ("the dog ate it") != std::string::npos);
}
GST_END_TEST

GST_START_TEST (test_anything_else_thrown)
{
  Bin b;
  fail_unless (!barrier (b.element, false, [] () -> bool { throw 42; }));
  fail_unless (b.error ().find ("uncaught exception") != std::string::npos);
}
GST_END_TEST

static Suite *barrier_suite ()
{
  Suite *s = suite_create ("common-barrier");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_passes_results);
  tcase_add_test (tc, test_exception_becomes_an_error);
  tcase_add_test (tc, test_anything_else_thrown);
  return s;
}
GST_CHECK_MAIN (barrier)
