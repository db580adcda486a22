// SPDX-License-Identifier: LGPL-2.1-or-later
// Files between camsender and camreceiver, pushed and pulled.
#include "../file_folders.h"
#include "delivery_fixture.h"
#include <set>

using namespace reach::test;

namespace {
guint64 send (GstElement *sender, const fs::path &p, guint64 offset = 0)
{
  guint64 id = 0;
  g_signal_emit_by_name (sender, "send-file", p.c_str (), offset, nullptr, nullptr, 0u, &id);
  return id;
}

const char *text (const GstStructure *s, const char *field)
{
  const char *t = gst_structure_get_string (s, field);
  fail_unless (t != nullptr, "no field %s", field);
  return t;
}

struct FilePair : Folders, Pair {
  explicit FilePair (int number)
      : Pair (ways[static_cast<std::size_t> (number)]), received (receiver, "file-received"),
        receiving (receiver, "file-receiving"), broken (receiver, "file-failed"),
        sent (sender, "file-sent"), failed (sender, "file-failed")
  {
    g_object_set (receiver, "file-directory", to.c_str (), nullptr);
  }
  Heard received, receiving, broken, sent, failed;
};
} // namespace

GST_START_TEST (test_equal_byte_for_byte)
{
  FilePair pair (__i__);
  pair.start ();
  const std::vector<std::size_t> sizes{0, 1, 65536, 65537, 5000000};
  for (const std::size_t n : sizes)
    write_file (pair.from / ("file" + std::to_string (n) + ".bin"), noise (n));
  std::set<guint64> ids;
  for (const std::size_t n : sizes)
    ids.insert (send (pair.sender, pair.from / ("file" + std::to_string (n) + ".bin")));
  fail_unless_equals_int (static_cast<int> (ids.size ()), static_cast<int> (sizes.size ()));
  fail_unless (pair.sent.wait_for (sizes.size ()));
  fail_unless (pair.received.wait_for (sizes.size ()));
  for (std::size_t i = 0; i < sizes.size (); i++) {
    const GstStructure *s = pair.received.all ()[i];
    const std::string name = "file" + std::to_string (sizes[i]) + ".bin";
    const fs::path expected = pair.to / name;
    fail_unless_equals_string (text (s, "name"), name.c_str ());
    fail_unless_equals_string (text (s, "path"), expected.c_str ());
    fail_unless_equals_uint64 (field64 (s, "size"), sizes[i]);
    fail_unless (ids.count (field64 (s, "id")) == 1);
    fail_unless (content_of (pair.to / name) == noise (sizes[i]), "%s differs", name.c_str ());
    fail_unless (fs::last_write_time (pair.to / name) == fs::last_write_time (pair.from / name));
  }
  fail_unless_equals_int (static_cast<int> (entries (pair.to)), static_cast<int> (sizes.size ()));
  fail_unless_equals_int (static_cast<int> (pair.failed.count () + pair.broken.count ()), 0);
}
GST_END_TEST

GST_START_TEST (test_progress_messages)
{
  FilePair pair (__i__);
  GstBus *bus = gst_bus_new ();
  gst_element_set_bus (pair.sender, bus);
  pair.start ();
  const fs::path path = pair.from / "a";
  write_file (path, noise (3000000));
  const guint64 id = send (pair.sender, path);
  std::vector<GstProgressType> types;
  guint64 bytes = 0;
  while (types.empty () || types.back () != GST_PROGRESS_TYPE_COMPLETE) {
    const auto m = wait_message (pair.sender, GST_MESSAGE_PROGRESS);
    fail_unless (m != nullptr);
    GstProgressType type;
    gchar *code, *words;
    gst_message_parse_progress (m.get (), &type, &code, &words);
    fail_unless (code == std::to_string (id));
    g_free (code);
    g_free (words);
    const GstStructure *s = gst_message_get_structure (m.get ());
    fail_unless_equals_string (text (s, "path"), path.c_str ());
    fail_unless_equals_uint64 (field64 (s, "total"), 3000000);
    fail_unless (field64 (s, "bytes") >= bytes);
    bytes = field64 (s, "bytes");
    types.push_back (type);
  }
  fail_unless_equals_int (types.front (), GST_PROGRESS_TYPE_START);
  fail_unless_equals_uint64 (bytes, 3000000);
  fail_unless (wait_element_message (pair.sender, "cam-file-sent") != nullptr);
  gst_element_set_bus (pair.sender, nullptr);
  gst_object_unref (bus);
}
GST_END_TEST

GST_START_TEST (test_not_taken)
{
  FilePair pair (0);
  write_file (pair.from / "a", "abc");
  fail_unless_equals_uint64 (send (pair.sender, pair.from / "a"), 0); // no run
  pair.start ();
  fail_unless_equals_uint64 (send (pair.sender, pair.from / "missing"), 0);
  fail_unless_equals_uint64 (send (pair.sender, pair.from), 0); // a folder
  fail_unless_equals_uint64 (send (pair.sender, pair.from / "a", 4), 0);
  fail_unless (send (pair.sender, pair.from / "a", 3) != 0);
  fail_unless (pair.received.wait_for (1));
  fail_unless (content_of (pair.to / "a") == "abc");
}
GST_END_TEST

GST_START_TEST (test_waiting_is_bounded)
{
  FilePair pair (0);
  write_file (pair.from / "a", "abc");
  g_object_set (pair.sender, "port", static_cast<int> (unused_port ()), nullptr);
  fail_unless (reach_state (pair.sender, GST_STATE_PLAYING));
  int taken = 0;
  while (taken < 200 && send (pair.sender, pair.from / "a") != 0)
    taken++;
  fail_unless_equals_int (taken, 64);
  gst_element_set_state (pair.sender, GST_STATE_NULL);
  fail_unless_equals_int (static_cast<int> (pair.failed.count ()), 64);
}
GST_END_TEST

GST_START_TEST (test_refused_by_the_receiver)
{
  FilePair pair (__i__);
  g_object_set (pair.receiver, "max-file-size", G_GUINT64_CONSTANT (1000), nullptr);
  pair.start ();
  write_file (pair.from / "large", noise (1001));
  write_file (pair.from / "small", noise (1000));
  const guint64 id = send (pair.sender, pair.from / "large");
  fail_unless (send (pair.sender, pair.from / "small") != 0);
  fail_unless (pair.failed.wait_for (1));
  fail_unless_equals_uint64 (field64 (pair.failed.all ()[0], "id"), id);
  fail_unless (pair.received.wait_for (1));
  fail_unless (content_of (pair.to / "small") == noise (1000));
  fail_unless_equals_int (static_cast<int> (entries (pair.to)), 1);
}
GST_END_TEST

GST_START_TEST (test_no_directory)
{
  FilePair pair (__i__);
  write_file (pair.from / "a", "abc");
  g_object_set (pair.receiver, "file-directory", nullptr, nullptr);
  pair.start ();
  fail_unless (send (pair.sender, pair.from / "a") != 0);
  fail_unless (pair.failed.wait_for (1));
  fail_unless (g_strrstr (text (pair.failed.all ()[0], "reason"), "takes no files"));
}
GST_END_TEST

GST_START_TEST (test_directory_is_missing)
{
  FilePair pair (0);
  write_file (pair.from / "a", "abc");
  g_object_set (pair.receiver, "file-directory", (pair.root / "missing").c_str (), nullptr);
  pair.start ();
  fail_unless (send (pair.sender, pair.from / "a") != 0);
  fail_unless (pair.failed.wait_for (1));
  fail_unless (pair.broken.wait_for (1));
}
GST_END_TEST

GST_START_TEST (test_same_name_again)
{
  FilePair pair (0);
  pair.start ();
  write_file (pair.from / "a.txt", "new");
  write_file (pair.to / "a.txt", "old");
  fail_unless (send (pair.sender, pair.from / "a.txt") != 0);
  fail_unless (send (pair.sender, pair.from / "a.txt") != 0);
  fail_unless (pair.received.wait_for (2));
  fail_unless (content_of (pair.to / "a.txt") == "old");
  fail_unless (content_of (pair.to / "a (1).txt") == "new");
  fail_unless (content_of (pair.to / "a (2).txt") == "new");
}
GST_END_TEST

// The receiver goes in the middle and comes back: the file is complete in the end.
GST_START_TEST (test_broken_in_the_middle)
{
  FilePair pair (__i__);
  g_object_set (pair.sender, "guid", "camera 1", nullptr);
  constexpr std::size_t size = 40000000;
  const fs::path path = pair.from / "a.bin";
  const std::string content = noise (size, 2);
  write_file (path, content);
  pair.start ();
  fail_unless (send (pair.sender, path) != 0);
  fail_unless (pair.receiving.wait_for (1));
  pair.restart_receiver ();
  fail_unless (pair.received.wait_for (1));
  fail_unless (content_of (text (pair.received.all ()[0], "path")) == content);
  fail_unless (pair.sent.wait_for (1));
  fail_unless_equals_int (static_cast<int> (entries (pair.to)), 1);
}
GST_END_TEST

// What is left of a former try is taken up, and what is left of another file does no harm.
GST_START_TEST (test_resume_with_a_wrong_part)
{
  FilePair pair (0);
  g_object_set (pair.sender, "guid", "camera 1", nullptr);
  constexpr std::size_t size = 20000000;
  const fs::path path = pair.from / "a.bin";
  write_file (path, noise (size, 3));
  pair.start ();
  fail_unless (send (pair.sender, path) != 0);
  fail_unless (pair.receiving.wait_for (1));
  gst_element_set_state (pair.receiver, GST_STATE_NULL);
  gst_element_set_state (pair.sender, GST_STATE_NULL);
  if (pair.received.count () > 0)
    return; // it was faster
  fs::path part;
  for (const auto &e : fs::directory_iterator (pair.to))
    part = e.path ();
  fail_if (part.empty ());
  std::string wrong (100000, 'x');
  write_file (part, wrong);
  g_object_set (pair.receiver, "port", 0, nullptr);
  pair.start ();
  fail_unless (send (pair.sender, path, 1000) != 0);
  fail_unless (pair.received.wait_for (1));
  fail_unless (content_of (pair.to / "a.bin") == noise (size, 3));
  fail_unless (pair.receiving.wait (
      [&] (const GstStructure *s) { return field64 (s, "bytes") == wrong.size (); }));
  fail_unless_equals_int (static_cast<int> (entries (pair.to)), 1);
}
GST_END_TEST

GST_START_TEST (test_every_puller_gets_it)
{
  if (!ways[static_cast<std::size_t> (__i__)].pull)
    return;
  FilePair pair (__i__);
  pair.start ();
  Folders other;
  GstElement *more = make ("camreceiver");
  gst_util_set_object_arg (G_OBJECT (more), "protocol", pair.way.protocol);
  gst_util_set_object_arg (G_OBJECT (more), "mode", "caller");
  g_object_set (more, "port", static_cast<int> (pair.port), "media-types", 0x10, "file-directory",
      other.to.c_str (), nullptr);
  Heard connected (pair.sender, "connected"), got (more, "file-received");
  fail_unless (reach_state (more, GST_STATE_PLAYING));
  fail_unless (connected.wait_for (1));
  const std::string content = noise (3000000, 4);
  write_file (pair.from / "a", content);
  fail_unless (send (pair.sender, pair.from / "a") != 0);
  fail_unless (pair.sent.wait_for (2));
  fail_unless (pair.received.wait_for (1) && got.wait_for (1));
  fail_unless (content_of (pair.to / "a") == content && content_of (other.to / "a") == content);
  gst_element_set_state (more, GST_STATE_NULL);
  gst_object_unref (more);
}
GST_END_TEST

namespace {
guint64 send_to (
    GstElement *sender, const fs::path &p, const char *to, const char *group, guint index = 0)
{
  guint64 id = 0;
  g_signal_emit_by_name (
      sender, "send-file", p.c_str (), G_GUINT64_CONSTANT (0), to, group, index, &id);
  return id;
}
} // namespace

// Without a media server: a guid selects among the receivers, and there are no groups.
GST_START_TEST (test_addressed)
{
  FilePair pair (__i__);
  g_object_set (pair.receiver, "guid", "ann", nullptr);
  g_object_set (pair.sender, "guid-to", pair.way.pull ? "" : "ann", nullptr);
  pair.start ();
  write_file (pair.from / "a", "abc");
  fail_unless (send_to (pair.sender, pair.from / "a", "ann", nullptr, 5) != 0);
  fail_unless (pair.received.wait_for (1) && pair.sent.wait_for (1));
  guint index = 0;
  fail_unless (gst_structure_get_uint (pair.received.all ()[0], "index", &index) && index == 5);
  fail_unless_equals_string (text (pair.received.all ()[0], "group"), "");
  fail_unless_equals_uint64 (send_to (pair.sender, pair.from / "a", "bob", nullptr), 0);
  fail_unless_equals_uint64 (send_to (pair.sender, pair.from / "a", nullptr, "choir"), 0);
  fail_unless_equals_uint64 (send_to (pair.sender, pair.from / "a", nullptr, nullptr, 65536), 0);
  const std::string long_name (65, 'n');
  fail_unless_equals_uint64 (send_to (pair.sender, pair.from / "a", long_name.c_str (), ""), 0);
  fail_unless_equals_int (static_cast<int> (entries (pair.to)), 1);
}
GST_END_TEST

// It may turn out to be a media server; then that it is none.
GST_START_TEST (test_addressed_before_the_link)
{
  FilePair pair (0);
  pair.start ();
  write_file (pair.from / "a", "abc");
  const guint64 id = send_to (pair.sender, pair.from / "a", nullptr, "choir");
  fail_unless (id != 0 && send (pair.sender, pair.from / "a") != 0);
  fail_unless (pair.received.wait_for (1) && pair.failed.wait_for (1));
  fail_unless_equals_uint64 (field64 (pair.failed.all ()[0], "id"), id);
  fail_unless (g_strrstr (text (pair.failed.all ()[0], "reason"), "groups"));
  fail_unless_equals_int (static_cast<int> (entries (pair.to)), 1);
}
GST_END_TEST

static Suite *files_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("files");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  const int n = static_cast<int> (ways.size ());
  tcase_add_loop_test (tc, test_equal_byte_for_byte, 0, n);
  tcase_add_loop_test (tc, test_progress_messages, 0, n);
  tcase_add_test (tc, test_not_taken);
  tcase_add_test (tc, test_waiting_is_bounded);
  tcase_add_loop_test (tc, test_refused_by_the_receiver, 0, n);
  tcase_add_loop_test (tc, test_no_directory, 0, n);
  tcase_add_test (tc, test_directory_is_missing);
  tcase_add_test (tc, test_same_name_again);
  tcase_add_loop_test (tc, test_broken_in_the_middle, 0, n);
  tcase_add_test (tc, test_resume_with_a_wrong_part);
  tcase_add_loop_test (tc, test_every_puller_gets_it, 0, n);
  tcase_add_loop_test (tc, test_addressed, 0, n);
  tcase_add_test (tc, test_addressed_before_the_link);
  return s;
}

GST_CHECK_MAIN (files)
