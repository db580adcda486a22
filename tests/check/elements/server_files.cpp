// SPDX-License-Identifier: LGPL-2.1-or-later
// Files through a media server.
#include "../file_folders.h"
#include "../peer_process.h"
#include "../server_asks.h"
#include "../tcp_relay.h"
#include "cam/net/sha256.h"
#include "cam/proto/file_transfer.h"
#include "cam/proto/hello.h"

using namespace reach::test;
namespace cam = reach::cam;

namespace {
struct Case {
  Way push, pull;
  guint loops;
};
const Case cases[] = {{tcp_push, tcp_pull, 1}, {http_push, http_pull, 2}, {udp_push, tcp_pull, 3}};
constexpr int n_cases = static_cast<int> (std::size (cases));
constexpr milliseconds very_long{60000};

struct FileEvent {
  std::string what, guid, group, name, path, reason;
  guint index = 0;
  guint64 id = 0, bytes = 0;
};

class FileEvents {
public:
  FileEvents (GstElement *e, std::initializer_list<const char *> signals)
  {
    for (const char *name : signals)
      g_signal_connect (e, name, G_CALLBACK (on_event), this);
  }
  bool wait (const std::string &what, std::size_t n = 1)
  {
    return all_.wait ([&] (const auto &v) { return count (v, what) >= n; }, very_long);
  }
  std::size_t count (const std::string &what) const { return count (all_.get (), what); }
  FileEvent last (const std::string &what) const
  {
    FileEvent found;
    for (const FileEvent &e : all_.get ())
      if (e.what == what)
        found = e;
    return found;
  }

private:
  static std::size_t count (const std::vector<FileEvent> &v, const std::string &what)
  {
    return static_cast<std::size_t> (
        std::count_if (v.begin (), v.end (), [&] (const auto &e) { return e.what == what; }));
  }
  static void on_event (GstElement *, GstStructure *s, gpointer self)
  {
    FileEvent e{std::string (gst_structure_get_name (s)).substr (9), text_of (s, "guid"),
        text_of (s, "group"), text_of (s, "name"), text_of (s, "path"), text_of (s, "reason")};
    gst_structure_get_uint (s, "index", &e.index);
    gst_structure_get_uint64 (s, "id", &e.id);
    gst_structure_get_uint64 (s, "bytes", &e.bytes);
    static_cast<FileEvents *> (self)->all_.update ([&] (auto &v) { v.push_back (e); });
  }
  Watched<std::vector<FileEvent>> all_;
};

// A receiver of files.
class Keeper : public Viewer {
public:
  Keeper (const Server &server, const char *guid, const Way &w = tcp_pull, guint16 port = 0)
      : Viewer (server, w, guid),
        events (element, {"file-receiving", "file-received", "file-failed"})
  {
    g_object_set (element, "media-types", 0x10, "file-directory", folders.to.c_str (), nullptr);
    if (port != 0)
      g_object_set (element, "port", static_cast<gint> (port), nullptr);
  }
  ~Keeper () override { gst_element_set_state (pipeline, GST_STATE_NULL); }
  void expect (const char *name, const std::string &content, std::size_t files = 1)
  {
    fail_unless (events.wait ("received", files), "%s has not come", name);
    fail_unless (content_of (folders.to / name) == content, "%s differs", name);
    fail_unless_equals_int (static_cast<int> (entries (folders.to)), static_cast<int> (files));
  }
  std::size_t written () const
  {
    std::size_t n = 0;
    for (const auto &e : fs::directory_iterator (folders.to))
      n += fs::file_size (e.path ());
    return n;
  }
  Folders folders;
  FileEvents events;
};

// A sender of files.
class Giver : public Client {
public:
  Giver (const Server &server, const char *guid, const Way &w = tcp_push, guint16 port = 0)
      : Client (server, w, guid, ""), events (element, {"file-sent", "file-failed"})
  {
    if (port != 0)
      g_object_set (element, "port", static_cast<gint> (port), nullptr);
  }
  ~Giver () override { gst_element_set_state (pipeline, GST_STATE_NULL); }
  guint64 send (const char *name, const std::string &content, const char *to,
      const char *group = nullptr, guint index = 0)
  {
    const fs::path p = folders.from / name;
    write_file (p, content);
    guint64 id = 0;
    g_signal_emit_by_name (
        element, "send-file", p.c_str (), G_GUINT64_CONSTANT (0), to, group, index, &id);
    fail_unless (id != 0);
    return id;
  }
  void expect_failed (const char *reason)
  {
    fail_unless (events.wait ("failed"));
    const std::string why = events.last ("failed").reason;
    fail_unless (why.find (reason) != std::string::npos, "%s", why.c_str ());
    fail_unless_equals_int (static_cast<int> (events.count ("sent")), 0);
  }
  Folders folders;
  FileEvents events;
};
} // namespace

GST_START_TEST (test_to_one)
{
  const Case &c = cases[__i__];
  Server server (c.loops);
  server.play ();
  Keeper ann (server, "ann", c.pull), bob (server, "bob", c.pull);
  ann.join ();
  bob.join ();
  Giver camera (server, "camera", c.push);
  camera.play ();
  const std::string content = noise (20000000);
  const guint64 id = camera.send ("a.bin", content, "ann", nullptr, 7);
  ann.expect ("a.bin", content);
  fail_unless (camera.events.wait ("sent"));
  fail_unless_equals_uint64 (camera.events.last ("sent").id, id);
  const FileEvent e = ann.events.last ("received");
  fail_unless_equals_string (e.guid.c_str (), "camera");
  fail_unless_equals_string (e.group.c_str (), "");
  fail_unless_equals_int (static_cast<int> (e.index), 7);
  camera.send ("empty", "", "ann");
  ann.expect ("empty", "", 2);
  fail_unless (entries (bob.folders.to) == 0);
}
GST_END_TEST

// The slowest sets the pace, and nothing is lost.
GST_START_TEST (test_to_a_group)
{
  Server server (2);
  server.play ();
  TcpRelay narrow (static_cast<guint16> (server.port (tcp_pull)));
  narrow.slow ("file", 3000000);
  Keeper ann (server, "ann"), bob (server, "bob", http_pull),
      cat (server, "cat", tcp_pull, narrow.port ());
  Giver camera (server, "camera");
  camera.play ();
  for (Keeper *k : {&ann, &bob, &cat}) {
    k->join ();
    expect (join_group (*k, "choir", nullptr), "ok");
  }
  expect (join_group (camera, "choir", nullptr), "ok");
  const std::string content = noise (12000000);
  camera.send ("song", content, nullptr, "choir");
  fail_unless (ann.events.wait ("receiving"));
  // Within the window of the slowest.
  fail_unless (iterate_until ([&] { return ann.written () >= 6000000; }));
  fail_unless (cat.written () + cam::file_window + (1u << 20) >= ann.written ());
  fail_unless_equals_int (static_cast<int> (camera.events.count ("sent")), 0);
  for (Keeper *k : {&ann, &bob, &cat}) {
    k->expect ("song", content);
    fail_unless (k->events.last ("received").group == "choir");
    fail_unless (k->events.last ("received").guid == "camera");
  }
  fail_unless (camera.events.wait ("sent"));
}
GST_END_TEST

GST_START_TEST (test_nobody_there)
{
  Server server (2);
  g_object_set (server.element, "resume-window", 0u, nullptr);
  server.play ();
  Keeper ann (server, "ann");
  ann.join ();
  Giver camera (server, "camera");
  camera.play ();
  camera.send ("a", "abc", "zoe");
  camera.expect_failed ("no receiver");
  camera.send ("b", "abc", nullptr); // no contacts
  fail_unless (camera.events.wait ("failed", 2));
  camera.send ("c", "abc", nullptr, "choir");
  fail_unless (camera.events.wait ("failed", 3));
  camera.send ("d", "abc", "ann");
  ann.expect ("d", "abc");
}
GST_END_TEST

GST_START_TEST (test_one_refuses)
{
  Server server (2);
  server.play ();
  Keeper ann (server, "ann"), bob (server, "bob");
  g_object_set (bob.element, "file-directory", nullptr, nullptr);
  ann.join ();
  bob.join ();
  Giver camera (server, "camera");
  camera.play ();
  expect (short_ask (camera, "add-contact", "ann"), "ok");
  expect (short_ask (camera, "add-contact", "bob"), "ok");
  const std::string content = noise (3000000);
  camera.send ("a", content, nullptr);
  ann.expect ("a", content);
  camera.expect_failed ("takes no files");
}
GST_END_TEST

GST_START_TEST (test_too_large)
{
  Server server;
  g_object_set (server.element, "max-file-size", G_GUINT64_CONSTANT (1000), nullptr);
  server.play ();
  Keeper ann (server, "ann");
  ann.join ();
  Giver camera (server, "camera");
  camera.play ();
  camera.send ("large", noise (1001), "ann");
  camera.expect_failed ("larger");
  camera.send ("small", noise (1000), "ann");
  ann.expect ("small", noise (1000));
}
GST_END_TEST

// It goes on where it was, also when it comes back in another process' shape: a new session.
GST_START_TEST (test_receiver_cut)
{
  Server server (2);
  server.play ();
  TcpRelay relay (static_cast<guint16> (server.port (tcp_pull)));
  relay.slow ("file", 4000000);
  Keeper ann (server, "ann", tcp_pull, relay.port ()), bob (server, "bob");
  ann.join ();
  bob.join ();
  Giver camera (server, "camera");
  camera.play ();
  expect (short_ask (camera, "add-contact", "ann"), "ok");
  expect (short_ask (camera, "add-contact", "bob"), "ok");
  const std::string content = noise (12000000);
  camera.send ("a", content, nullptr);
  fail_unless (iterate_until ([&] { return ann.written () > 2000000; }));
  relay.cut ();
  fail_unless (ann.events.wait ("receiving", 2));
  fail_unless (ann.events.last ("receiving").bytes > 1000000, "it began anew");
  relay.slow ("file", -1);
  ann.expect ("a", content);
  bob.expect ("a", content);
  fail_unless (camera.events.wait ("sent"));
  fail_unless_equals_int (static_cast<int> (bob.events.count ("receiving")), 1);
}
GST_END_TEST

GST_START_TEST (test_sender_cut)
{
  Server server (3);
  server.play ();
  TcpRelay relay (static_cast<guint16> (server.port (tcp_push)));
  relay.slow ("file", 4000000);
  Keeper ann (server, "ann"), bob (server, "bob", http_pull);
  ann.join ();
  bob.join ();
  Giver camera (server, "camera", tcp_push, relay.port ());
  camera.play ();
  expect (short_ask (camera, "add-contact", "ann"), "ok");
  expect (short_ask (camera, "add-contact", "bob"), "ok");
  const std::string content = noise (12000000);
  camera.send ("a", content, nullptr);
  fail_unless (iterate_until ([&] { return ann.written () > 2000000; }));
  relay.cut ();
  fail_unless (ann.events.wait ("receiving", 2));
  fail_unless (ann.events.last ("receiving").bytes > 1000000, "it began anew");
  relay.slow ("file", -1);
  ann.expect ("a", content);
  bob.expect ("a", content);
  fail_unless (camera.events.wait ("sent"));
  fail_unless_equals_int (static_cast<int> (camera.events.count ("failed")), 0);
}
GST_END_TEST

// One that is gone is left out; the others get it.
GST_START_TEST (test_one_does_not_come_back)
{
  Server server (2);
  g_object_set (server.element, "file-timeout", 2u, nullptr);
  server.play ();
  TcpRelay relay (static_cast<guint16> (server.port (tcp_push)));
  relay.slow ("file", 4000000);
  Keeper ann (server, "ann"), bob (server, "bob");
  ann.join ();
  bob.join ();
  Giver camera (server, "camera", tcp_push, relay.port ());
  camera.play ();
  expect (short_ask (camera, "add-contact", "ann"), "ok");
  expect (short_ask (camera, "add-contact", "bob"), "ok");
  const std::string content = noise (12000000);
  camera.send ("a", content, nullptr);
  fail_unless (iterate_until ([&] { return bob.written () > 1000000; }));
  bob.null ();
  relay.slow ("file", -1);
  ann.expect ("a", content);
  camera.expect_failed ("waited too long");
}
GST_END_TEST

GST_START_TEST (test_two_senders)
{
  Server server (3);
  server.play ();
  Keeper ann (server, "ann");
  ann.join ();
  Giver one (server, "one"), two (server, "two", http_push);
  one.play ();
  two.play ();
  const std::string first = noise (5000000, 1), second = noise (5000000, 2);
  one.send ("a", first, "ann");
  two.send ("a", second, "ann");
  fail_unless (ann.events.wait ("received", 2));
  const std::string a = content_of (ann.folders.to / "a"),
                    b = content_of (ann.folders.to / "a (1)");
  fail_unless ((a == first && b == second) || (a == second && b == first));
  fail_unless (one.events.wait ("sent") && two.events.wait ("sent"));
}
GST_END_TEST

namespace {
void send (RawSocket &s, const cam::MessageRef &m)
{
  fail_unless (s.send (m->head ().data (), m->head ().size ()));
  fail_unless (m->body ().empty () || s.send (m->body ().data (), m->body ().size ()));
}

// The next message of this kind; what comes before is left out.
std::vector<std::uint8_t> receive (RawSocket &s, cam::Kind kind)
{
  while (true) {
    std::array<std::uint8_t, cam::MessageHeader::size> head;
    fail_unless (::recv (s.fd (), head.data (), head.size (), MSG_WAITALL) == 8);
    const auto h = cam::MessageHeader::parse (head);
    std::vector<std::uint8_t> body (h.length);
    if (h.length > 0)
      fail_unless (::recv (s.fd (), body.data (), h.length, MSG_WAITALL) == h.length);
    if (h.kind == kind)
      return body;
  }
}
} // namespace

// What a sender says of whom its file is from means nothing.
GST_START_TEST (test_forged_from)
{
  Server server;
  server.play ();
  Keeper ann (server, "ann");
  ann.join ();
  RawSocket s = RawSocket::connect (static_cast<guint16> (server.port (tcp_push)));
  const auto control = [&] (cam::Kind k, std::vector<std::uint8_t> body) {
    send (s, cam::Message::control (k, cam::MediaType::file, 0, std::move (body), {}));
  };
  cam::Hello h;
  h.type = cam::MediaType::file;
  h.media_types = cam::all_types;
  h.run_id = 1;
  h.guid = "mallory";
  control (cam::Kind::hello, encode (h));
  receive (s, cam::Kind::welcome);
  cam::FileBegin b{9, 3, 0, cam::FileBegin::no_mtime, "a", {0, "ann", "", "boss"}, 5, 6};
  control (cam::Kind::file_begin, encode (b));
  const auto ack = cam::decode_file_ack (receive (s, cam::Kind::file_ack));
  fail_unless (ack && ack->id == 9 && ack->status == cam::FileStatus::going_on);
  std::vector<std::uint8_t> data (cam::FileData::size);
  cam::write (cam::FileData{9, 0}, data.data ());
  data.insert (data.end (), {'a', 'b', 'c'});
  control (cam::Kind::file_data, data);
  cam::Sha256 sum;
  sum.add (reach::as_bytes ("abc"));
  control (cam::Kind::file_end, encode (cam::FileEnd{9, sum.finish ()}));
  ann.expect ("a", "abc");
  const std::string guid = ann.events.last ("received").guid;
  fail_unless (guid == "mallory", "it is from %s", guid.c_str ());
  // And a begin that cannot be read is answered.
  control (cam::Kind::file_begin, {0, 0, 0, 0, 0, 0, 0, 3, 1});
  while (true) {
    const auto a = cam::decode_file_ack (receive (s, cam::Kind::file_ack));
    fail_unless (a.has_value ());
    if (a->id == 3) {
      fail_unless (a->status == cam::FileStatus::malformed);
      break;
    }
  }
}
GST_END_TEST

// Both sides make new sessions, in any order, and the file goes on.
GST_START_TEST (test_server_killed)
{
  const guint16 port = unused_port ();
  auto server = std::make_unique<PeerProcess> (std::to_string (port));
  Folders folders;
  Receiver ann (tcp_pull);
  FileEvents received (ann.element, {"file-receiving", "file-received"});
  g_object_set (ann.element, "guid", "ann", "host", "127.0.0.1", "port", static_cast<gint> (port),
      "media-types", 0x10, "file-directory", folders.to.c_str (), nullptr);
  ann.play ();
  fail_unless (ann.wait_event ("session-connected"));
  TcpRelay relay (port);
  relay.slow ("file", 4000000);
  Sender camera (tcp_push);
  FileEvents sent (camera.element, {"file-sent", "file-failed"});
  g_object_set (camera.element, "guid", "camera", "host", "127.0.0.1", "port",
      static_cast<gint> (relay.port ()), nullptr);
  camera.play ();
  const std::string content = noise (10000000);
  write_file (folders.from / "a", content);
  guint64 id = 0;
  g_signal_emit_by_name (camera.element, "send-file", (folders.from / "a").c_str (),
      G_GUINT64_CONSTANT (0), "ann", nullptr, 0u, &id);
  fail_unless (id != 0);
  const auto written = [&] {
    std::size_t n = 0;
    for (const auto &e : fs::directory_iterator (folders.to))
      n += fs::file_size (e.path ());
    return n;
  };
  fail_unless (iterate_until ([&] { return written () > 2000000; }));
  server.reset ();
  relay.slow ("file", -1);
  server = std::make_unique<PeerProcess> (std::to_string (port));
  fail_unless (received.wait ("received"));
  fail_unless (received.count ("receiving") == 2 && received.last ("receiving").bytes > 1000000);
  fail_unless (content_of (folders.to / "a") == content);
  fail_unless_equals_int (static_cast<int> (entries (folders.to)), 1);
  fail_unless (sent.wait ("sent"));
  fail_unless_equals_int (static_cast<int> (sent.count ("failed")), 0);
}
GST_END_TEST

// In the other process, until it is killed.
GST_START_TEST (peer)
{
  Server server (2);
  g_object_set (
      server.element, "port", std::stoi (PeerProcess::asked_for ()), "udp-port", -1, nullptr);
  server.play ();
  iterate_until ([] { return false; }, nullptr, milliseconds (600000));
}
GST_END_TEST

static Suite *server_files_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("server_files");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  if (!PeerProcess::asked_for ().empty ()) {
    tcase_add_test (tc, peer);
    return s;
  }
  tcase_add_loop_test (tc, test_to_one, 0, n_cases);
  tcase_add_test (tc, test_to_a_group);
  tcase_add_test (tc, test_nobody_there);
  tcase_add_test (tc, test_one_refuses);
  tcase_add_test (tc, test_too_large);
  tcase_add_test (tc, test_receiver_cut);
  tcase_add_test (tc, test_sender_cut);
  tcase_add_test (tc, test_one_does_not_come_back);
  tcase_add_test (tc, test_two_senders);
  tcase_add_test (tc, test_forged_from);
  tcase_add_test (tc, test_server_killed);
  return s;
}

GST_CHECK_MAIN (server_files)
