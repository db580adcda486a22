// SPDX-License-Identifier: LGPL-2.1-or-later
// Commands through a media server: who gets them, and what the sender is told.
#include "../server_asks.h"
#include "../tcp_relay.h"

using namespace reach::test;

namespace {
struct Case {
  Way push, pull;
  guint loops;
};
const Case cases[] = {{tcp_push, tcp_pull, 1}, {http_push, http_pull, 2}, {udp_push, tcp_pull, 3}};
constexpr int n_cases = static_cast<int> (std::size (cases));

struct Command {
  std::string guid, group;
  guint index = 0;
  int n = -1;
};

// A receiver of commands.
class Reader : public Viewer {
public:
  Reader (const Server &server, const char *guid, const Way &w = tcp_pull, guint16 port = 0)
      : Viewer (server, w, guid)
  {
    gst_util_set_object_arg (G_OBJECT (element), "media-types", "commands");
    if (port != 0)
      g_object_set (element, "port", static_cast<gint> (port), nullptr);
    g_signal_connect (element, "command-received", G_CALLBACK (on_command), this);
  }
  ~Reader () override { gst_element_set_state (pipeline, GST_STATE_NULL); }
  bool wait_for (std::size_t n)
  {
    return commands.wait ([n] (const auto &v) { return v.size () >= n; });
  }
  // From 0 to n - 1, each once.
  void check_order (std::size_t n)
  {
    const auto all = commands.get ();
    fail_unless_equals_int (all.size (), n);
    for (std::size_t i = 0; i < n; i++)
      fail_unless_equals_int (all[i].n, static_cast<int> (i));
  }
  Watched<std::vector<Command>> commands;

private:
  static void on_command (GstElement *, GstStructure *s, gpointer self)
  {
    Command c{text_of (s, "guid"), text_of (s, "group")};
    gst_structure_get_uint (s, "index", &c.index);
    gst_structure_get_int (
        gst_value_get_structure (gst_structure_get_value (s, "command")), "n", &c.n);
    static_cast<Reader *> (self)->commands.update ([&] (auto &v) { v.push_back (c); });
  }
};

// A sender of nothing but commands.
class Commander : public Client {
public:
  Commander (const Server &server, const char *guid, const Way &w = tcp_push, guint16 port = 0)
      : Client (server, w, guid, "")
  {
    if (port != 0)
      g_object_set (element, "port", static_cast<gint> (port), nullptr);
    g_object_set (element, "idle-timeout", -1, nullptr);
    for (const char *name : {"command-sent", "command-failed"})
      g_signal_connect (element, name, G_CALLBACK (on_done), this);
    play ();
  }
  ~Commander () override { gst_element_set_state (pipeline, GST_STATE_NULL); }
  guint64 send (int n, const char *to, const char *group = nullptr, guint index = 0,
      const std::string &text = {})
  {
    guint64 id = 0;
    GstStructure *s = gst_structure_new (
        "count", "n", G_TYPE_INT, n, "text", G_TYPE_STRING, text.c_str (), nullptr);
    g_signal_emit_by_name (element, "send-command", s, to, group, index, &id);
    gst_structure_free (s);
    fail_unless (id != 0, "command %d was not taken", n);
    return id;
  }
  // Empty: handled; else why not.
  std::string outcome (guint64 id)
  {
    fail_unless (done.wait ([id] (const auto &m) { return m.contains (id); }),
        "nothing came of command %u", static_cast<unsigned> (id));
    return done.get ().at (id);
  }
  void expect (guint64 id, const char *part)
  {
    const std::string o = outcome (id);
    fail_unless (*part ? o.find (part) != std::string::npos : o.empty (), "\"%s\", not \"%s\"",
        o.c_str (), part);
  }
  bool wait_done (std::size_t n)
  {
    return done.wait ([n] (const auto &m) { return m.size () >= n; });
  }
  std::size_t failures () const
  {
    const auto all = done.get ();
    return static_cast<std::size_t> (
        std::ranges::count_if (all, [] (const auto &p) { return !p.second.empty (); }));
  }
  Watched<std::map<guint64, std::string>> done;

private:
  static void on_done (GstElement *, GstStructure *s, gpointer self)
  {
    guint64 id = 0;
    fail_unless (gst_structure_get_uint64 (s, "id", &id));
    static_cast<Commander *> (self)->done.update ([&] (auto &m) {
      fail_unless (m.emplace (id, text_of (s, "reason")).second, "told twice");
    });
  }
};
} // namespace

GST_START_TEST (test_to_one)
{
  const Case &c = cases[__i__];
  Server server (c.loops);
  server.play ();
  Reader ann (server, "ann", c.pull), bob (server, "bob", c.pull);
  ann.join ();
  bob.join ();
  Commander camera (server, "camera", c.push);
  camera.expect (camera.send (4, "ann", "choir", 258), "");
  const auto got = ann.commands.get ();
  fail_unless_equals_int (got.size (), 1);
  fail_unless_equals_string (got[0].guid.c_str (), "camera");
  fail_unless_equals_string (got[0].group.c_str (), "");
  fail_unless_equals_int (got[0].index, 258);
  fail_unless_equals_int (got[0].n, 4);
  fail_unless (bob.commands.get ().empty ());
  fail_unless_equals_uint64 (server.stat ("commands"), 1);
}
GST_END_TEST

GST_START_TEST (test_to_a_group)
{
  Server server (2);
  server.play ();
  Reader ann (server, "ann"), bob (server, "bob"), eve (server, "eve");
  for (Reader *r : {&ann, &bob, &eve})
    r->join ();
  Commander camera (server, "camera");
  for (const Node *n :
      {static_cast<Node *> (&ann), static_cast<Node *> (&bob), static_cast<Node *> (&camera)})
    expect (join_group (*n, "choir", nullptr), "ok");
  camera.expect (camera.send (1, nullptr, "choir"), "");
  fail_unless_equals_int (ann.commands.get ().size (), 1);
  fail_unless (ann.commands.get ()[0].group == "choir");
  fail_unless_equals_int (bob.commands.get ().size (), 1);
  fail_unless (eve.commands.get ().empty ());
  expect (join_group (eve, "band", nullptr), "ok");
  camera.expect (camera.send (2, nullptr, "band"), "takes no commands");
  camera.expect (camera.send (3, nullptr, "nobody"), "takes no commands");
  fail_unless (eve.commands.get ().empty ());
}
GST_END_TEST

GST_START_TEST (test_to_contacts)
{
  Server server (1);
  server.play ();
  Reader ann (server, "ann"), bob (server, "bob");
  ann.join ();
  bob.join ();
  Commander camera (server, "camera");
  camera.expect (camera.send (1, nullptr), "no receiver");
  expect (short_ask (camera, "add-contact", "bob"), "ok");
  camera.expect (camera.send (2, nullptr), "");
  fail_unless_equals_int (bob.commands.get ().size (), 1);
  fail_unless (ann.commands.get ().empty ());
  // A sender whose media go to somebody sends commands there too.
  g_object_set (camera.element, "guid-to", "ann", nullptr);
  fail_unless (iterate_until ([&] {
    camera.expect (camera.send (3, nullptr), "");
    return !ann.commands.get ().empty ();
  }));
  const std::size_t before = bob.commands.get ().size ();
  camera.expect (camera.send (4, nullptr), "");
  fail_unless_equals_int (bob.commands.get ().size (), before);
}
GST_END_TEST

GST_START_TEST (test_nobody_there)
{
  Server server (1);
  server.play ();
  Reader ann (server, "ann"), bob (server, "bob"), deaf (server, "deaf");
  gst_util_set_object_arg (G_OBJECT (deaf.element), "media-types", "video");
  for (Reader *r : {&ann, &bob, &deaf})
    r->join ();
  Commander camera (server, "camera");
  camera.expect (camera.send (1, "carl"), "no receiver");
  camera.expect (camera.send (2, "deaf"), "no receiver");
  expect (ask (ann, gst_structure_new ("block", "guid", G_TYPE_STRING, "camera", nullptr)), "ok");
  camera.expect (camera.send (3, "ann"), "takes no commands");
  bob.null ();
  fail_unless (server.wait_event ("disconnected", "bob"));
  camera.expect (camera.send (4, "bob"), "no receiver");
  fail_unless_equals_uint64 (server.stat ("commands-refused"), 4);
}
GST_END_TEST

// One of a group is away, and may come back: the others get it at once, the sender waits.
GST_START_TEST (test_one_does_not_come_back)
{
  Server server (2);
  g_object_set (server.element, "command-timeout", 1u, nullptr);
  server.play ();
  TcpRelay relay (static_cast<guint16> (server.port (tcp_pull)));
  Reader ann (server, "ann"), bob (server, "bob", tcp_pull, relay.port ());
  ann.join ();
  bob.join ();
  Commander camera (server, "camera");
  for (const char *guid : {"ann", "bob"})
    expect (short_ask (camera, "add-contact", guid), "ok");
  relay.refuse (true);
  relay.cut ();
  fail_unless (server.wait_event ("disconnected", "bob"));
  const guint64 id = camera.send (1, nullptr);
  fail_unless (ann.wait_for (1));
  camera.expect (id, "in time");
  fail_unless_equals_uint64 (server.stat ("commands-timed-out"), 1);
  relay.refuse (false);
  fail_unless (bob.wait_event ("session-connected", 2));
  camera.expect (camera.send (2, nullptr), "");
  fail_unless_equals_int (bob.commands.get ()[0].n, 2);
}
GST_END_TEST

// Breaks while commands are under way: each comes once, in order, and the sender knows of each.
GST_START_TEST (test_links_break)
{
  const bool at_sender = __i__ == 0;
  Server server (2);
  server.play ();
  TcpRelay relay (static_cast<guint16> (server.port (tcp_pull)));
  Reader ann (server, "ann", tcp_pull, at_sender ? guint16{0} : relay.port ());
  ann.join ();
  Commander camera (server, "camera", tcp_push, at_sender ? relay.port () : guint16{0});
  constexpr int rounds = 4, n = 100;
  for (int round = 0; round < rounds; round++) {
    for (int i = 0; i < n; i++)
      camera.send (round * n + i, "ann");
    fail_unless (ann.wait_for (static_cast<std::size_t> (round * n + 5)));
    relay.cut ();
  }
  fail_unless (camera.wait_done (rounds * n));
  fail_unless_equals_int (camera.failures (), 0);
  ann.check_order (rounds * n);
}
GST_END_TEST

GST_START_TEST (test_order)
{
  const Case &c = cases[__i__];
  Server server (c.loops);
  server.play ();
  Reader ann (server, "ann", c.pull);
  ann.join ();
  Commander camera (server, "camera", c.push);
  for (int i = 0; i < 1000; i++)
    camera.send (i, "ann");
  fail_unless (camera.wait_done (1000));
  fail_unless_equals_int (camera.failures (), 0);
  ann.check_order (1000);
}
GST_END_TEST

GST_START_TEST (test_the_server_is_restarted)
{
  Server server (1);
  server.play ();
  const gint port = server.port (tcp_pull);
  Reader ann (server, "ann");
  ann.join ();
  Commander camera (server, "camera");
  for (int i = 0; i < 50; i++)
    camera.send (i, "ann");
  fail_unless (camera.wait_done (50));
  fail_unless (reach_state (server.pipeline, GST_STATE_NULL));
  g_object_set (server.element, "port", port, nullptr);
  server.play ();
  fail_unless (ann.wait_event ("session-connected", 2));
  for (int i = 50; i < 100; i++)
    camera.send (i, "ann");
  fail_unless (camera.wait_done (100));
  fail_unless_equals_int (camera.failures (), 0);
  ann.check_order (100);
}
GST_END_TEST

GST_START_TEST (test_too_large_and_too_many)
{
  Server server (1);
  g_object_set (server.element, "max-command-size", 1024u, "max-command-rate", 5u, nullptr);
  server.play ();
  Reader ann (server, "ann");
  ann.join ();
  Commander camera (server, "camera");
  camera.expect (camera.send (0, "ann", nullptr, 0, std::string (1024, 'x')), "larger");
  camera.expect (camera.send (1, "ann", nullptr, 0, std::string (900, 'x')), "");
  for (int i = 0; i < 100; i++)
    camera.send (i, "ann");
  fail_unless (camera.wait_done (102));
  fail_unless (camera.failures () > 20, "%zu", camera.failures ());
  for (const auto &[id, why] : camera.done.get ())
    fail_unless (id == 1 || why.empty () || why.find ("no room") != std::string::npos);
}
GST_END_TEST

// A receiver that reads nothing has its queue full: what is for others is not held up.
GST_START_TEST (test_one_reads_nothing)
{
  Server server (1);
  g_object_set (server.element, "command-buffer-size", 100000u, "command-timeout", 600u, nullptr);
  server.play ();
  TcpRelay relay (static_cast<guint16> (server.port (tcp_pull)));
  Reader ann (server, "ann"), bob (server, "bob", tcp_pull, relay.port ());
  ann.join ();
  bob.join ();
  relay.hold ();
  Commander to_bob (server, "one"), to_both (server, "two");
  const std::string text (30000, 'x');
  for (int i = 0; i < 10; i++)
    to_bob.send (i, "bob", nullptr, 0, text);
  fail_unless (to_bob.wait_done (7));
  fail_unless_equals_int (to_bob.failures (), 7);
  for (int i = 0; i < 300; i++)
    to_both.send (i, "ann");
  fail_unless (to_both.wait_done (300));
  fail_unless_equals_int (to_both.failures (), 0);
  ann.check_order (300);
  fail_unless_equals_uint64 (server.stat ("commands-waiting"), 3);
}
GST_END_TEST

static Suite *server_commands_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("server_commands");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_to_one, 0, n_cases);
  tcase_add_test (tc, test_to_a_group);
  tcase_add_test (tc, test_to_contacts);
  tcase_add_test (tc, test_nobody_there);
  tcase_add_test (tc, test_one_does_not_come_back);
  tcase_add_loop_test (tc, test_links_break, 0, 2);
  tcase_add_loop_test (tc, test_order, 0, n_cases);
  tcase_add_test (tc, test_the_server_is_restarted);
  tcase_add_test (tc, test_too_large_and_too_many);
  tcase_add_test (tc, test_one_reads_nothing);
  return s;
}

GST_CHECK_MAIN (server_commands)
