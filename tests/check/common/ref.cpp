// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/ref.h"
#include "../check.h"
#include <algorithm>

using namespace reach;

GST_START_TEST (test_mini_object)
{
  GstBuffer *raw = gst_buffer_new ();
  {
    auto owner = Ref<GstBuffer>::adopt (raw);
    ASSERT_MINI_OBJECT_REFCOUNT (raw, "adopted", 1);
    Ref<GstBuffer> copy = owner;
    ASSERT_MINI_OBJECT_REFCOUNT (raw, "copied", 2);
    Ref<GstBuffer> moved = std::move (copy);
    ASSERT_MINI_OBJECT_REFCOUNT (raw, "moved", 2);
    fail_unless (!copy && moved.get () == raw);
    auto shared = Ref<GstBuffer>::share (raw);
    ASSERT_MINI_OBJECT_REFCOUNT (raw, "shared", 3);
    shared = {};
    ASSERT_MINI_OBJECT_REFCOUNT (raw, "assigned", 2);
    Ref<GstBuffer> &itself = moved;
    moved = itself;
    ASSERT_MINI_OBJECT_REFCOUNT (raw, "assigned to itself", 2);
    fail_unless (moved.release () == raw && !moved);
    ASSERT_MINI_OBJECT_REFCOUNT (raw, "released", 2);
    gst_buffer_unref (raw);
    gst_buffer_ref (raw); // to look at it after the last Ref has gone
  }
  ASSERT_MINI_OBJECT_REFCOUNT (raw, "out of scope", 1);
  gst_buffer_unref (raw);
}
GST_END_TEST

GST_START_TEST (test_object)
{
  bool gone = false;
  GObject *raw = G_OBJECT (g_object_new (G_TYPE_OBJECT, nullptr));
  g_object_weak_ref (
      raw, [] (gpointer p, GObject *) { *static_cast<bool *> (p) = true; }, &gone);
  {
    auto a = Ref<GObject>::adopt (raw);
    auto b = Ref<GObject>::share (raw);
    fail_unless_equals_int (static_cast<int> (raw->ref_count), 2);
    a = std::move (b);
    fail_unless_equals_int (static_cast<int> (raw->ref_count), 1);
    fail_unless (!gone);
  }
  fail_unless (gone);
}
GST_END_TEST

GST_START_TEST (test_null)
{
  auto none = Ref<GstCaps>::share (nullptr);
  Ref<GstCaps> copy = none;
  none = Ref<GstCaps>::adopt (nullptr);
  fail_unless (!none && !copy && copy.release () == nullptr);
  const ErrorPtr no_error;
  const StructurePtr no_structure;
  fail_unless (!no_error && !no_structure);
  const CharPtr text (g_strdup ("freed once"));
  const StructurePtr structure (gst_structure_new_empty ("freed-once"));
  fail_unless (text && structure);
}
GST_END_TEST

GST_START_TEST (test_mapped)
{
  static const std::uint8_t bytes[] = {1, 2, 3};
  auto b = Ref<GstBuffer>::adopt (gst_buffer_new_memdup (bytes, sizeof bytes));
  {
    const Mapped m (b.get ());
    fail_unless (m.ok ());
    fail_unless (std::ranges::equal (m.bytes (), bytes));
    // Mapped for reading: nobody writes meanwhile.
    GstMapInfo write;
    GstMemory *memory = gst_buffer_peek_memory (b.get (), 0);
    fail_unless (!gst_memory_map (memory, &write, GST_MAP_WRITE));
  }
  GstMapInfo write;
  fail_unless (gst_buffer_map (b.get (), &write, GST_MAP_WRITE));
  gst_buffer_unmap (b.get (), &write);

  auto empty = Ref<GstBuffer>::adopt (gst_buffer_new ());
  const Mapped nothing (empty.get ());
  fail_unless (nothing.bytes ().empty ());
}
GST_END_TEST

static Suite *ref_suite ()
{
  Suite *s = suite_create ("common-ref");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_mini_object);
  tcase_add_test (tc, test_object);
  tcase_add_test (tc, test_null);
  tcase_add_test (tc, test_mapped);
  return s;
}
GST_CHECK_MAIN (ref)
