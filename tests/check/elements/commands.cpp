// SPDX-License-Identifier: LGPL-2.1-or-later
// Commands between camsender and camreceiver, pushed and pulled.
#include "delivery_fixture.h"

using namespace reach::test;

namespace {
guint64 send (GstElement *sender, const GstStructure *s, const char *to = nullptr,
    const char *group = nullptr, guint index = 0)
{
  guint64 id = 0;
  g_signal_emit_by_name (sender, "send-command", s, to, group, index, &id);
  return id;
}

guint64 send_number (GstElement *sender, int n, const char *to = nullptr,
    const char *group = nullptr, guint index = 0)
{
  GstStructure *s = gst_structure_new ("count", "n", G_TYPE_INT, n, nullptr);
  const guint64 id = send (sender, s, to, group, index);
  gst_structure_free (s);
  return id;
}

int number_of (const GstStructure *received)
{
  const GValue *v = gst_structure_get_value (received, "command");
  int n = -1;
  gst_structure_get_int (gst_value_get_structure (v), "n", &n);
  return n;
}

GstStructure *every_type ()
{
  GBytes *bytes = g_bytes_new_static ("\0\1\2\377", 4);
  GstStructure *s = gst_structure_new ("camera/turn", "yes", G_TYPE_BOOLEAN, TRUE, "no",
      G_TYPE_BOOLEAN, FALSE, "int", G_TYPE_INT, G_MININT, "uint", G_TYPE_UINT, G_MAXUINT, "int64",
      G_TYPE_INT64, G_MININT64, "uint64", G_TYPE_UINT64, G_MAXUINT64, "double", G_TYPE_DOUBLE, -0.1,
      "text", G_TYPE_STRING, "na\xc3\xafve \"quoted\"", "empty", G_TYPE_STRING, "", "none",
      G_TYPE_STRING, nullptr, "bytes", G_TYPE_BYTES, bytes, nullptr);
  g_bytes_unref (bytes);
  return s;
}

bool same_value (const GValue *a, const GValue *b)
{
  if (G_VALUE_TYPE (a) != G_VALUE_TYPE (b))
    return false;
  if (G_VALUE_HOLDS (a, G_TYPE_BYTES))
    return g_bytes_equal (g_value_get_boxed (a), g_value_get_boxed (b));
  if (G_VALUE_HOLDS_STRING (a))
    return g_strcmp0 (g_value_get_string (a), g_value_get_string (b)) == 0;
  return gst_value_compare (a, b) == GST_VALUE_EQUAL;
}

void check_same (const GstStructure *a, const GstStructure *b)
{
  fail_unless_equals_string (gst_structure_get_name (a), gst_structure_get_name (b));
  fail_unless_equals_int (gst_structure_n_fields (a), gst_structure_n_fields (b));
  for (int i = 0; i < gst_structure_n_fields (a); i++) {
    const char *name = gst_structure_nth_field_name (a, static_cast<guint> (i));
    fail_unless_equals_string (name, gst_structure_nth_field_name (b, static_cast<guint> (i)));
    fail_unless (same_value (gst_structure_get_value (a, name), gst_structure_get_value (b, name)),
        "%s", name);
  }
}

void check_parameters (const GstStructure *event, const GstStructure *sent)
{
  const GValue *array = gst_structure_get_value (event, "parameters");
  fail_unless (array && GST_VALUE_HOLDS_ARRAY (array));
  fail_unless_equals_int (
      static_cast<int> (gst_value_array_get_size (array)), gst_structure_n_fields (sent));
  for (guint i = 0; i < gst_value_array_get_size (array); i++) {
    const GstStructure *p = gst_value_get_structure (gst_value_array_get_value (array, i));
    const char *name = gst_structure_get_string (p, "name");
    fail_unless_equals_string (name, gst_structure_nth_field_name (sent, i));
    fail_unless (
        same_value (gst_structure_get_value (p, "value"), gst_structure_get_value (sent, name)));
  }
}
} // namespace

GST_START_TEST (test_every_type_arrives_equal)
{
  Pair pair (ways[static_cast<std::size_t> (__i__)]);
  Heard received (pair.receiver, "command-received"), sent (pair.sender, "command-sent");
  pair.start ();
  GstStructure *s = every_type ();
  const guint64 id = send (pair.sender, s);
  fail_unless (id != 0);
  fail_unless (received.wait_for (1));
  const GstStructure *event = received.all ()[0];
  fail_unless (gst_structure_has_name (event, "cam-command-received"));
  fail_unless_equals_string (gst_structure_get_string (event, "name"), "camera/turn");
  fail_unless_equals_uint64 (field64 (event, "id"), id);
  check_same (gst_value_get_structure (gst_structure_get_value (event, "command")), s);
  check_parameters (event, s);
  guint64 key = 0;
  g_object_get (pair.sender, "session-key", &key, nullptr);
  fail_unless_equals_uint64 (field64 (event, "remote-session-key"), key);
  g_object_get (pair.receiver, "session-key", &key, nullptr);
  fail_unless_equals_uint64 (field64 (event, "session-key"), pair.way.pull ? key : 0);
  gchar *guid = nullptr;
  g_object_get (pair.sender, "guid", &guid, nullptr);
  fail_unless_equals_string (gst_structure_get_string (event, "guid"), guid);
  g_free (guid);
  fail_unless (gst_structure_has_field_typed (event, "index", G_TYPE_UINT));
  fail_unless (g_str_has_prefix (gst_structure_get_string (event, "peer"), "127.0.0.1:"));
  fail_unless (sent.wait_for (1));
  fail_unless_equals_uint64 (field64 (sent.all ()[0], "id"), id);
  gst_structure_free (s);
}
GST_END_TEST

// In order with commands, and not as one.
GST_START_TEST (test_data_messages)
{
  Pair pair (ways[static_cast<std::size_t> (__i__)]);
  pair.start ();
  Heard data (pair.receiver, "data-received"), command (pair.receiver, "command-received");
  Heard sent (pair.sender, "command-sent");
  const std::vector<guint8> content (65000, 7);
  for (const gsize size : {gsize{0}, gsize{3}, content.size ()}) {
    GBytes *bytes = g_bytes_new (content.data (), size);
    guint64 id = 0;
    g_signal_emit_by_name (pair.sender, "send-data", bytes, nullptr, nullptr, 9u, &id);
    fail_unless (id != 0);
    fail_unless (data.wait ([&] (const GstStructure *s) {
      guint64 i = 0;
      return gst_structure_get_uint64 (s, "id", &i) && i == id;
    }));
    const GstStructure *event = data.all ().back ();
    fail_unless_equals_string (gst_structure_get_name (event), "cam-data-received");
    const GValue *v = gst_structure_get_value (event, "data");
    fail_unless (v && g_bytes_equal (g_value_get_boxed (v), bytes));
    guint index = 0;
    fail_unless (gst_structure_get_uint (event, "index", &index) && index == 9);
    g_bytes_unref (bytes);
  }
  fail_unless (sent.wait_for (3));
  GBytes *large = g_bytes_new_static (content.data (), content.size ());
  GBytes *twice = g_bytes_new_take (g_malloc0 (70000), 70000);
  guint64 id = 1;
  g_signal_emit_by_name (pair.sender, "send-data", twice, nullptr, nullptr, 0u, &id);
  fail_unless_equals_uint64 (id, 0);
  g_signal_emit_by_name (pair.sender, "send-data", large, nullptr, nullptr, 70000u, &id);
  fail_unless_equals_uint64 (id, 0);
  g_bytes_unref (large);
  g_bytes_unref (twice);
  fail_unless (send_number (pair.sender, 5) != 0 && command.wait_for (1));
  fail_unless_equals_int (static_cast<int> (command.count ()), 1);
  fail_unless_equals_int (static_cast<int> (data.count ()), 3);
}
GST_END_TEST

GST_START_TEST (test_messages_are_posted_too)
{
  Pair pair (ways[0]);
  GstBus *bus[2] = {gst_bus_new (), gst_bus_new ()};
  gst_element_set_bus (pair.sender, bus[0]);
  gst_element_set_bus (pair.receiver, bus[1]);
  pair.start ();
  const guint64 id = send_number (pair.sender, 5);
  const auto received = wait_element_message (pair.receiver, "cam-command-received");
  fail_unless (received != nullptr);
  fail_unless_equals_int (number_of (gst_message_get_structure (received.get ())), 5);
  const auto sent = wait_element_message (pair.sender, "cam-command-sent");
  fail_unless (sent != nullptr);
  fail_unless_equals_uint64 (field64 (gst_message_get_structure (sent.get ()), "id"), id);
  gst_element_set_bus (pair.sender, nullptr);
  gst_element_set_bus (pair.receiver, nullptr);
  gst_object_unref (bus[0]);
  gst_object_unref (bus[1]);
}
GST_END_TEST

// Video that no link carries in time waits and is dropped; commands have a link of their own.
GST_START_TEST (test_in_order_while_video_saturates)
{
  const Way way = ways[static_cast<std::size_t> (__i__)];
  GstElement *pipeline = gst_parse_launch (
      "fakesrc is-live=true sizetype=fixed sizemax=200000 filltype=zero format=time "
      "! video/x-test ! camsender name=s sync=false",
      nullptr);
  fail_unless (pipeline != nullptr);
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "s");
  Pair pair (way);
  gst_object_unref (std::exchange (pair.sender, sink));
  gst_util_set_object_arg (G_OBJECT (sink), "protocol", way.protocol);
  gst_util_set_object_arg (G_OBJECT (sink), "mode", way.pull ? "listener" : "caller");
  if (way.pull)
    g_object_set (sink, "port", 0, "bind-address", "127.0.0.1", nullptr);
  g_object_set (pair.receiver, "media-types", 0x9, nullptr);
  Heard received (pair.receiver, "command-received"), connected (sink, "connected");
  if (way.pull) {
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    fail_unless (iterate_until ([&] {
      g_object_get (sink, "current-port", &pair.port, nullptr);
      return pair.port != 0;
    }));
    g_object_set (pair.receiver, "port", static_cast<int> (pair.port), nullptr);
    fail_unless (reach_state (pair.receiver, GST_STATE_PLAYING));
    fail_unless (connected.wait_for (2));
  } else {
    pair.start_listener ();
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    fail_unless (connected.wait_for (1)); // video
  }
  constexpr int n = 300;
  for (int i = 0; i < n; i++)
    fail_unless (send_number (sink, i) != 0);
  fail_unless (received.wait_for (n));
  for (int i = 0; i < n; i++)
    fail_unless_equals_int (number_of (received.all ()[static_cast<std::size_t> (i)]), i);
  gst_element_set_state (pair.receiver, GST_STATE_NULL);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
}
GST_END_TEST

GST_START_TEST (test_refused_before_sending)
{
  Pair pair (ways[0]);
  fail_unless_equals_uint64 (send_number (pair.sender, 1), 0); // no run
  pair.start ();
  GstStructure *s = gst_structure_new ("x", "caps", GST_TYPE_FRACTION, 1, 2, nullptr);
  fail_unless_equals_uint64 (send (pair.sender, s), 0);
  gst_structure_free (s);
  const std::string large (70000, 'x');
  s = gst_structure_new ("x", "text", G_TYPE_STRING, large.c_str (), nullptr);
  fail_unless_equals_uint64 (send (pair.sender, s), 0);
  gst_structure_free (s);
  s = gst_structure_new_empty ("x");
  for (int i = 0; i < 65; i++)
    gst_structure_set (s, ("field" + std::to_string (i)).c_str (), G_TYPE_INT, i, nullptr);
  fail_unless_equals_uint64 (send (pair.sender, s), 0);
  gst_structure_remove_field (s, "field64");
  fail_unless (send (pair.sender, s) != 0);
  gst_structure_free (s);
}
GST_END_TEST

GST_START_TEST (test_pull_without_receiver)
{
  Pair pair (ways[1]);
  pair.start_listener ();
  fail_unless_equals_uint64 (send_number (pair.sender, 1), 0);
}
GST_END_TEST

GST_START_TEST (test_queue_is_bounded)
{
  Pair pair (ways[0]);
  g_object_set (pair.sender, "port", static_cast<int> (unused_port ()), nullptr);
  fail_unless (reach_state (pair.sender, GST_STATE_PLAYING));
  Heard failed (pair.sender, "command-failed");
  int taken = 0;
  while (taken < 5000 && send_number (pair.sender, taken) != 0)
    taken++;
  fail_unless_equals_int (taken, 1024);
  gst_element_set_state (pair.sender, GST_STATE_NULL);
  fail_unless_equals_int (static_cast<int> (failed.count ()), 1024);
  fail_unless (gst_structure_has_field_typed (failed.all ()[0], "reason", G_TYPE_STRING));
}
GST_END_TEST

GST_START_TEST (test_receiver_limits_size)
{
  Pair pair (ways[static_cast<std::size_t> (__i__)]);
  g_object_set (pair.receiver, "max-command-size", 200, nullptr);
  Heard received (pair.receiver, "command-received"), failed (pair.sender, "command-failed");
  pair.start ();
  GstStructure *s =
      gst_structure_new ("x", "t", G_TYPE_STRING, std::string (300, 'x').c_str (), nullptr);
  const guint64 id = send (pair.sender, s);
  gst_structure_free (s);
  fail_unless (id != 0);
  fail_unless (failed.wait_for (1));
  fail_unless_equals_uint64 (field64 (failed.all ()[0], "id"), id);
  fail_unless (send_number (pair.sender, 7) != 0); // the link is as good as before
  fail_unless (received.wait_for (1));
  fail_unless_equals_int (number_of (received.all ()[0]), 7);
}
GST_END_TEST

// What was sent while the receiver was away comes, in order; what was acknowledged does not come
// again.
GST_START_TEST (test_kept_while_reconnecting)
{
  const Way way = ways[static_cast<std::size_t> (__i__)];
  if (way.pull)
    return;
  Pair pair (way);
  Heard received (pair.receiver, "command-received"), sent (pair.sender, "command-sent");
  pair.start ();
  for (int i = 0; i < 20; i++)
    fail_unless (send_number (pair.sender, i) != 0);
  fail_unless (sent.wait_for (20));
  gst_element_set_state (pair.receiver, GST_STATE_NULL);
  for (int i = 20; i < 120; i++)
    fail_unless (send_number (pair.sender, i) != 0);
  g_object_set (pair.receiver, "port", static_cast<int> (pair.port), nullptr);
  fail_unless (reach_state (pair.receiver, GST_STATE_PLAYING));
  fail_unless (sent.wait_for (120));
  fail_unless_equals_int (static_cast<int> (received.count ()), 120);
  for (int i = 0; i < 120; i++)
    fail_unless_equals_int (number_of (received.all ()[static_cast<std::size_t> (i)]), i);
}
GST_END_TEST

// The break comes while commands are under way, again and again: each comes once, in order.
GST_START_TEST (test_broken_while_under_way)
{
  const Way way = ways[static_cast<std::size_t> (__i__)];
  Pair pair (way);
  g_object_set (pair.sender, "idle-timeout", -1, nullptr);
  Heard received (pair.receiver, "command-received");
  pair.start ();
  std::vector<int> numbers;
  int next = 0;
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < 100; i++)
      if (send_number (pair.sender, next) != 0)
        numbers.push_back (next++);
    fail_unless (received.wait_for (static_cast<std::size_t> (round * 100 + 5)));
    pair.restart_receiver ();
  }
  fail_unless_equals_int (next, 300);
  fail_unless (received.wait_for (300));
  for (int i = 0; i < 300; i++)
    fail_unless_equals_int (number_of (received.all ()[static_cast<std::size_t> (i)]), i);
}
GST_END_TEST

GST_START_TEST (test_every_puller_gets_it)
{
  const Way way = ways[static_cast<std::size_t> (__i__)];
  if (!way.pull)
    return;
  Pair pair (way);
  pair.start ();
  GstElement *other = make ("camreceiver");
  gst_util_set_object_arg (G_OBJECT (other), "protocol", way.protocol);
  gst_util_set_object_arg (G_OBJECT (other), "mode", "caller");
  g_object_set (
      other, "port", static_cast<int> (pair.port), "media-types", 8, "guid", "the second", nullptr);
  Heard connected (pair.sender, "connected"), sent (pair.sender, "command-sent");
  Heard first_got (pair.receiver, "command-received"), second_got (other, "command-received");
  fail_unless (reach_state (other, GST_STATE_PLAYING));
  fail_unless (connected.wait_for (1));
  const guint64 id = send_number (pair.sender, 3);
  fail_unless (id != 0);
  fail_unless (sent.wait_for (2));
  fail_unless_equals_int (static_cast<int> (first_got.count () + second_got.count ()), 2);
  fail_unless_equals_int (number_of (second_got.all ()[0]), 3);
  fail_unless (sent.wait ([] (const GstStructure *s) {
    return g_strcmp0 (gst_structure_get_string (s, "guid"), "the second") == 0;
  }));
  gst_element_set_state (other, GST_STATE_NULL);
  gst_object_unref (other);
}
GST_END_TEST

// What is for another guid, or for a group, is not for a receiver that is no media server.
GST_START_TEST (test_addressed_without_a_server)
{
  const Way way = ways[static_cast<std::size_t> (__i__)];
  Pair pair (way);
  g_object_set (pair.receiver, "guid", "ann", nullptr);
  g_object_set (pair.sender, "guid-to", way.pull ? "" : "ann", nullptr);
  Heard received (pair.receiver, "command-received"), failed (pair.sender, "command-failed");
  pair.start_listener ();
  fail_unless (reach_state (pair.sender, GST_STATE_PLAYING));
  if (way.pull) {
    Heard connected (pair.sender, "connected");
    fail_unless (reach_state (pair.receiver, GST_STATE_PLAYING));
    fail_unless (connected.wait_for (2));
  } else { // not known yet: told later
    fail_unless (send_number (pair.sender, 1, "bob") != 0);
    fail_unless (send_number (pair.sender, 2, nullptr, "choir") != 0);
    fail_unless (failed.wait_for (2));
  }
  fail_unless (send_number (pair.sender, 3, "ann", nullptr, 65535) != 0);
  fail_unless (received.wait_for (1));
  const GstStructure *event = received.all ()[0];
  fail_unless_equals_int (number_of (event), 3);
  guint index = 0;
  fail_unless (gst_structure_get_uint (event, "index", &index) && index == 65535);
  fail_unless_equals_string (gst_structure_get_string (event, "group"), "");
  fail_unless (send_number (pair.sender, 4, "bob") == 0);
  fail_unless (send_number (pair.sender, 5, nullptr, "choir") == 0);
  fail_unless (send_number (pair.sender, 6, nullptr, nullptr, 65536) == 0);
  fail_unless (send_number (pair.sender, 7, std::string (65, 'x').c_str ()) == 0);
  fail_unless (send_number (pair.sender, 8) != 0);
  fail_unless (received.wait_for (2));
  fail_unless_equals_int (number_of (received.all ()[1]), 8);
}
GST_END_TEST

// A link that is closed as soon as it has nothing to send still waits for the acknowledgement.
GST_START_TEST (test_idle_timeout_zero)
{
  const Way way = ways[static_cast<std::size_t> (__i__)];
  if (way.pull)
    return;
  Pair pair (way);
  g_object_set (pair.sender, "idle-timeout", 0, nullptr);
  Heard sent (pair.sender, "command-sent"), gone (pair.sender, "disconnected"),
      received (pair.receiver, "command-received");
  pair.start ();
  for (std::size_t i = 1; i <= 3; i++) {
    fail_unless (send_number (pair.sender, static_cast<int> (i)) != 0);
    fail_unless (sent.wait_for (i));
    fail_unless (gone.wait_for (i));
  }
  fail_unless_equals_int (static_cast<int> (received.count ()), 3);
}
GST_END_TEST

static Suite *commands_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("commands");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  const int n = static_cast<int> (ways.size ());
  tcase_add_loop_test (tc, test_every_type_arrives_equal, 0, n);
  tcase_add_loop_test (tc, test_data_messages, 0, n);
  tcase_add_test (tc, test_messages_are_posted_too);
  tcase_add_loop_test (tc, test_in_order_while_video_saturates, 0, n);
  tcase_add_test (tc, test_refused_before_sending);
  tcase_add_test (tc, test_pull_without_receiver);
  tcase_add_test (tc, test_queue_is_bounded);
  tcase_add_loop_test (tc, test_receiver_limits_size, 0, n);
  tcase_add_loop_test (tc, test_kept_while_reconnecting, 0, n);
  tcase_add_loop_test (tc, test_broken_while_under_way, 0, n);
  tcase_add_loop_test (tc, test_every_puller_gets_it, 0, n);
  tcase_add_loop_test (tc, test_addressed_without_a_server, 0, n);
  tcase_add_loop_test (tc, test_idle_timeout_zero, 0, n);
  return s;
}

GST_CHECK_MAIN (commands)
