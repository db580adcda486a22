// SPDX-License-Identifier: LGPL-2.1-or-later
// Who is let in, how many, and what is said when something cannot be.
#include "../bus_error.h"
#include "cam_pair.h"
#include "tcp_relay.h"

using namespace reach::test;

namespace {
struct Entry {
  const char *host, *guid;
  guint16 port;
};

void set_senders (Receiver &r, const std::vector<Entry> &entries)
{
  GValue array = G_VALUE_INIT;
  g_value_init (&array, GST_TYPE_ARRAY);
  for (const Entry &e : entries) {
    GstStructure *s =
        gst_structure_new ("sender", "port", G_TYPE_INT, static_cast<gint> (e.port), nullptr);
    if (e.host)
      gst_structure_set (s, "host", G_TYPE_STRING, e.host, nullptr);
    if (e.guid)
      gst_structure_set (s, "guid", G_TYPE_STRING, e.guid, nullptr);
    GValue v = G_VALUE_INIT;
    g_value_init (&v, GST_TYPE_STRUCTURE);
    g_value_take_boxed (&v, s);
    gst_value_array_append_and_take_value (&array, &v);
  }
  g_object_set_property (G_OBJECT (r.element), "senders", &array);
  g_value_unset (&array);
}

// Pushes one frame, from a sender that calls.
void call (Sender &s, Receiver &r, unsigned n = 0)
{
  point (s, r.port ());
  s.play ();
  s.add ("data_0", data_caps).push (make_buffer (100, n));
}

// True when the sender was refused, which ends its job: an ERROR.
bool refused (Sender &s)
{
  return s.wait_told ([] (const Told &t) { return !t.errors.empty (); });
}

// The ERROR of a state change that cannot be.
GQuark error_of (Node &n, gint *code = nullptr)
{
  fail_unless_equals_int (
      gst_element_set_state (n.pipeline, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  const MessagePtr m = wait_message (n.pipeline, GST_MESSAGE_ERROR);
  fail_unless (m != nullptr);
  const auto e = reach::test::error_of (m.get ());
  const GQuark domain = e->domain;
  fail_unless (strlen (e->message) > 20, "%s", e->message);
  if (code)
    *code = e->code;
  return domain;
}
} // namespace

GST_START_TEST (test_accept_list_of_guids)
{
  const Way &way = way_of (true, __i__);
  Receiver r (way);
  set_senders (r, {{nullptr, "wanted", 0}, {nullptr, "wanted too", 0}});
  r.play ();
  Sender yes (way), no (way), also (way);
  g_object_set (yes.element, "guid", "wanted", nullptr);
  g_object_set (no.element, "guid", "somebody", nullptr);
  g_object_set (also.element, "guid", "wanted too", nullptr);
  call (no, r);
  fail_unless (refused (no));
  call (yes, r, 1);
  fail_unless (r.wait_buffers ("data_0", 1));
  call (also, r, 2);
  fail_unless (r.wait_buffers ("data_1", 1));
  fail_unless (same_bytes (r.on ("data_0").buffers ()[0], make_buffer (100, 1).get ()));
  fail_unless_equals_int (static_cast<int> (r.streams.get ().pads.size ()), 2);
  fail_unless (r.stat ("refused") >= 1);
}
GST_END_TEST

GST_START_TEST (test_accept_list_of_hosts)
{
  const Way &way = way_of (true, __i__);
  for (const char *host : {"127.0.0.1", "192.0.2.1"}) {
    Receiver r (way);
    set_senders (r, {{host, nullptr, 0}});
    r.play ();
    Sender s (way);
    call (s, r);
    if (g_str_equal (host, "127.0.0.1"))
      fail_unless (r.wait_buffers ("data_0", 1));
    else
      fail_unless (refused (s));
  }
}
GST_END_TEST

// A receiver with a guid takes what is addressed to it.
GST_START_TEST (test_guid_to_in_push)
{
  const Way &way = way_of (true, __i__);
  Receiver r (way);
  g_object_set (r.element, "guid", "the-receiver", nullptr);
  r.play ();
  Sender right (way), wrong (way), none (way);
  g_object_set (right.element, "guid-to", "the-receiver", nullptr);
  g_object_set (wrong.element, "guid-to", "another", nullptr);
  call (wrong, r);
  fail_unless (refused (wrong));
  call (none, r);
  fail_unless (refused (none));
  call (right, r);
  fail_unless (r.wait_buffers ("data_0", 1));
}
GST_END_TEST

GST_START_TEST (test_guid_to_in_pull)
{
  const Way &way = way_of (false, __i__);
  Sender s (way);
  g_object_set (s.element, "guid", "the-sender", nullptr);
  s.play ();
  Receiver right (way), wrong (way);
  g_object_set (right.element, "guid-to", "the-sender", nullptr);
  g_object_set (wrong.element, "guid-to", "another", nullptr);
  for (Receiver *r : {&right, &wrong}) {
    point (*r, s.port ());
    r->play ();
  }
  fail_unless (right.wait_event ("session-connected"));
  fail_unless (wrong.wait_told ([] (const Told &t) { return !t.errors.empty (); }));
}
GST_END_TEST

GST_START_TEST (test_use_guid)
{
  const Way &way = way_of (true, __i__);
  Receiver r (way);
  r.play ();
  Sender s (way);
  g_object_set (s.element, "guid", "secret", "use-guid", FALSE, nullptr);
  call (s, r);
  fail_unless (r.wait_buffers ("data_0", 1));
  fail_unless (r.on ("data_0").guid == "");
}
GST_END_TEST

// A new guid while PLAYING: the links are made anew with it.
GST_START_TEST (test_guid_changed_while_playing)
{
  const Way &way = way_of (true, __i__);
  Receiver r (way);
  Sender s (way);
  g_object_set (s.element, "guid", "before", nullptr);
  r.play ();
  point (s, r.port ());
  s.play ();
  auto &d = s.add ("data_0", data_caps);
  d.push (make_buffer (100, 0));
  fail_unless (r.wait_buffers ("data_0", 1));
  g_object_set (s.element, "guid", "after", nullptr);
  fail_unless (s.wait_event ("disconnected"));
  d.push (make_buffer (100, 1));
  fail_unless (s.wait_event ("connected", 2));
  fail_unless (r.wait_event ("connected", 2));
  fail_unless (iterate_until ([&] {
    const Structure stats = r.stats ();
    const GValue *links = gst_structure_get_value (stats.get (), "links");
    for (guint i = 0; i < gst_value_list_get_size (links); i++)
      if (g_strcmp0 (gst_structure_get_string (
                         gst_value_get_structure (gst_value_list_get_value (links, i)), "guid"),
              "after") == 0)
        return true;
    return false;
  }));
}
GST_END_TEST

GST_START_TEST (test_several_senders)
{
  const Way &way = way_of (true, __i__);
  Receiver r (way);
  r.play ();
  std::vector<std::unique_ptr<Sender>> senders;
  for (unsigned i = 0; i < 6; i++) {
    senders.push_back (std::make_unique<Sender> (way));
    call (*senders.back (), r, i);
    fail_unless (r.wait_buffers (("data_" + std::to_string (i)).c_str (), 1));
  }
  // One goes: the others stay.
  g_object_set (r.element, "resume-window", 1, nullptr);
  for (unsigned i = 0; i < 6; i++)
    fail_unless (same_bytes (
        r.on ("data_" + std::to_string (i)).buffers ()[0], make_buffer (100, i).get ()));
  guint n = 0;
  const Structure stats = r.stats ();
  fail_unless (gst_structure_get_uint (stats.get (), "senders", &n));
  fail_unless_equals_int (n, 6);
}
GST_END_TEST

GST_START_TEST (test_pull_from_two_senders)
{
  const Way &way = way_of (false, __i__);
  Sender a (way), b (way);
  Receiver r (way);
  for (Sender *s : {&a, &b}) {
    s->play ();
    s->add ("data_0", data_caps).begin ();
  }
  set_senders (r, {{"127.0.0.1", nullptr, a.port ()}, {"127.0.0.1", nullptr, b.port ()}});
  r.play ();
  fail_unless (r.wait_event ("session-connected", 2));
  const auto all = r.told.get ().messages;
  std::vector<guint64> sessions, remotes;
  for (const auto &e : all)
    if (e.name == "cam-session-connected") {
      sessions.push_back (e.session_key);
      remotes.push_back (e.remote_session_key);
    }
  fail_if (sessions[0] == sessions[1]);
  fail_if (remotes[0] == remotes[1]);
  fail_unless (r.wait ([] (const Streams &s) { return s.pads.size () == 2; }));
}
GST_END_TEST

GST_START_TEST (test_max_links)
{
  const Way &way = way_of (false, __i__);
  Sender s (way);
  g_object_set (s.element, "max-links", 3u, nullptr);
  s.play ();
  Receiver r (way), more (way);
  for (Receiver *x : {&r, &more}) {
    gst_util_set_object_arg (G_OBJECT (x->element), "media-types", "video+audio+data");
    point (*x, s.port ());
  }
  r.play ();
  fail_unless (r.wait_event ("session-connected"));
  more.play ();
  fail_unless (more.wait_event ("session-disconnected"));
  fail_unless_equals_int (Node::count (more.told.get ().messages, "session-connected"), 0);
  fail_unless_equals_int (s.open_channels (), 3);
  // There is room again when the first one goes.
  r.null ();
  fail_unless (more.wait_event ("session-connected"));
}
GST_END_TEST

GST_START_TEST (test_port_in_use)
{
  RawSocket taken = RawSocket::listen ();
  for (const Way &way : ways) {
    if (!over_tcp (way))
      continue;
    const auto check = [&] (Node &n) {
      g_object_set (n.element, "port", static_cast<gint> (taken.port ()), nullptr);
      fail_unless (error_of (n) == GST_RESOURCE_ERROR);
      n.null ();
      // Another port, and it works.
      g_object_set (n.element, "port", 0, nullptr);
      n.play ();
      fail_unless (n.port () != 0);
    };
    if (way.push) {
      Receiver r (way);
      check (r);
    } else {
      Sender s (way);
      check (s);
    }
  }
}
GST_END_TEST

GST_START_TEST (test_pull_over_udp)
{
  const Way udp{"udp", false, "udp pull"};
  gint code = 0;
  Sender s (udp);
  fail_unless (error_of (s, &code) == GST_RESOURCE_ERROR);
  fail_unless_equals_int (code, GST_RESOURCE_ERROR_SETTINGS);
  Receiver r (udp);
  fail_unless (error_of (r, &code) == GST_RESOURCE_ERROR);
  fail_unless_equals_int (code, GST_RESOURCE_ERROR_SETTINGS);
}
GST_END_TEST

// What gst-inspect shows as the default is what an element has.
GST_START_TEST (test_defaults_are_true)
{
  for (const char *name : {"camsender", "camreceiver"}) {
    GstElement *e = gst_element_factory_make (name, nullptr);
    guint n = 0;
    GParamSpec **specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (e), &n);
    for (guint i = 0; i < n; i++) {
      if (!(specs[i]->flags & G_PARAM_WRITABLE) ||
          !g_str_has_prefix (g_type_name (specs[i]->owner_type), "GstCam"))
        continue;
      if (g_str_equal (specs[i]->name, "guid"))
        continue; // random
      GValue v = G_VALUE_INIT;
      g_value_init (&v, specs[i]->value_type);
      g_object_get_property (G_OBJECT (e), specs[i]->name, &v);
      gchar *text = g_strdup_value_contents (&v);
      if (!GST_VALUE_HOLDS_ARRAY (&v))
        fail_unless (
            g_param_value_defaults (specs[i], &v), "%s: %s is %s", name, specs[i]->name, text);
      g_free (text);
      g_value_unset (&v);
    }
    g_free (specs);
    gst_object_unref (e);
  }
}
GST_END_TEST

// What a receiver could make nothing of is told to who sends it.
GST_START_TEST (test_no_caps)
{
  Sender sender (way_of (true, 0));
  sender.play ();
  auto &stream = sender.add ("data_0", nullptr);
  stream.begin ();
  GstSegment segment;
  gst_segment_init (&segment, GST_FORMAT_TIME);
  stream.event (gst_event_new_segment (&segment));
  fail_unless_equals_int (
      gst_pad_push (stream.pad, make_buffer (10, 0, 0).release ()), GST_FLOW_NOT_NEGOTIATED);
  fail_unless_equals_int (sender.told.get ().errors.size (), 1);
}
GST_END_TEST

static Suite *limits_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("limits");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_accept_list_of_guids, 0, n_push);
  tcase_add_loop_test (tc, test_accept_list_of_hosts, 0, n_push);
  tcase_add_loop_test (tc, test_guid_to_in_push, 0, n_push);
  tcase_add_loop_test (tc, test_guid_to_in_pull, 0, n_pull);
  tcase_add_loop_test (tc, test_use_guid, 0, n_push);
  tcase_add_loop_test (tc, test_guid_changed_while_playing, 0, n_push);
  tcase_add_loop_test (tc, test_several_senders, 0, n_push);
  tcase_add_loop_test (tc, test_pull_from_two_senders, 0, n_pull);
  tcase_add_loop_test (tc, test_max_links, 0, n_pull);
  tcase_add_test (tc, test_port_in_use);
  tcase_add_test (tc, test_pull_over_udp);
  tcase_add_test (tc, test_defaults_are_true);
  tcase_add_test (tc, test_no_caps);
  return s;
}

GST_CHECK_MAIN (limits)
