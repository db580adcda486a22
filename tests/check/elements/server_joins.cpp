// SPDX-License-Identifier: LGPL-2.1-or-later
// Through a media server: who joins late, who is slow, and who are many.
#include "cam/proto/source.h"
#include "server_node.h"

using namespace reach::test;

namespace {
// Asks the server something, as the client `guid`, over a link that stays while this lives.
class Asker {
public:
  Asker (const Server &server, const std::string &guid)
  {
    GSocketClient *client = g_socket_client_new ();
    connection_ = g_socket_client_connect_to_host (
        client, "127.0.0.1", static_cast<guint16> (server.port (tcp_pull)), nullptr, nullptr);
    g_object_unref (client);
    fail_unless (connection_ != nullptr);
    reach::cam::Hello h;
    h.role = reach::cam::LinkRole::receiver;
    h.type = reach::cam::MediaType::command;
    h.guid = guid;
    h.session_key = 1;
    h.link_key = 1;
    send (reach::cam::Kind::hello, encode (h));
    wait_for (reach::cam::Kind::welcome);
  }
  ~Asker () { g_object_unref (connection_); }
  void ask (const reach::cam::Command &what)
  {
    const auto body = encode (reach::cam::Ask{1, what});
    fail_unless (body.has_value ());
    send (reach::cam::Kind::ask, *body);
    const auto answer = reach::cam::decode_answer (wait_for (reach::cam::Kind::answer));
    fail_unless (answer && answer->id == 1);
    fail_unless (answer->status == reach::cam::AskStatus::ok, "%s", answer->text.c_str ());
  }

  // Asks again and again and reads no answer: false when the connection is gone.
  bool flood (const reach::cam::Command &what)
  {
    const auto body = encode (reach::cam::Ask{1, what});
    return body && write (reach::cam::Kind::ask, *body);
  }

private:
  bool write (reach::cam::Kind kind, std::vector<std::uint8_t> body)
  {
    const auto m = reach::cam::Message::control (
        kind, reach::cam::MediaType::command, 0, std::move (body), {});
    GOutputStream *out = g_io_stream_get_output_stream (G_IO_STREAM (connection_));
    for (const reach::Bytes b : {m->head (), m->body ()})
      if (!b.empty () &&
          !g_output_stream_write_all (out, b.data (), b.size (), nullptr, nullptr, nullptr))
        return false;
    return true;
  }
  void send (reach::cam::Kind kind, std::vector<std::uint8_t> body)
  {
    fail_unless (write (kind, std::move (body)));
  }
  std::vector<std::uint8_t> wait_for (reach::cam::Kind kind)
  {
    GInputStream *in = g_io_stream_get_input_stream (G_IO_STREAM (connection_));
    while (true) {
      std::array<std::uint8_t, 8> head{};
      fail_unless (g_input_stream_read_all (in, head.data (), 8, nullptr, nullptr, nullptr));
      const auto h = reach::cam::MessageHeader::parse (head);
      fail_unless (h.length < (1u << 20) && h.kind != reach::cam::Kind{});
      std::vector<std::uint8_t> body (h.length);
      fail_unless (g_input_stream_read_all (in, body.data (), h.length, nullptr, nullptr, nullptr));
      if (h.kind == kind)
        return body;
    }
  }
  GSocketConnection *connection_;
};

unsigned decode_only (const Received &r)
{
  unsigned n = 0;
  for (GstBuffer *b : r.buffers ())
    n += GST_BUFFER_FLAG_IS_SET (b, GST_BUFFER_FLAG_DECODE_ONLY);
  return n;
}
} // namespace

// In the middle of a group of pictures: all of it comes, only its newest picture is to be shown,
// and nobody has to ask for a key frame.
GST_START_TEST (test_who_joins_late_sees_a_picture_at_once)
{
  Server server (__i__ + 1);
  server.play ();
  Client camera (server, tcp_push, "camera", "viewer");
  auto &video = camera.add ("video_0", video_caps);
  auto &audio = camera.add ("audio_0", audio_caps);
  camera.play ();
  video.begin ();
  push_frames (audio, 0, 35, 1, 50);
  push_frames (video, 0, 35, 30);
  fail_unless (iterate_until ([&] { return server.stat ("frames-received") == 70; }));
  Viewer viewer (server, tcp_pull, "viewer");
  viewer.join ();
  fail_unless (viewer.wait_buffers ("video_0", 5));
  Received r = viewer.on ("video_0");
  for (unsigned i = 0; i < 5; i++) {
    fail_unless (same_bytes (r.buffers ()[i], make_buffer (300, 30 + i).get ()));
    fail_unless (
        !GST_BUFFER_FLAG_IS_SET (r.buffers ()[i], GST_BUFFER_FLAG_DECODE_ONLY) == (i == 4));
  }
  push_frames (video, 35, 10, 30);
  push_frames (audio, 35, 1, 1, 50);
  fail_unless (viewer.wait_buffers ("video_0", 15) && viewer.wait_buffers ("audio_0", 1));
  r = viewer.on ("video_0");
  fail_unless_equals_int (decode_only (r), 4);
  for (unsigned i = 0; i < 15; i++)
    fail_unless (same_bytes (r.buffers ()[i], make_buffer (300, 30 + i).get ()), "frame %u", i);
  fail_unless_equals_int (viewer.on ("audio_0").n_buffers (), 1);
  fail_unless_equals_int (*video.key_requests, 0);
  fail_unless_equals_uint64 (server.stat ("key-requests"), 0);
}
GST_END_TEST

// Without a cache the sender is asked for a key frame.
GST_START_TEST (test_key_frames_are_asked_for_without_a_cache)
{
  Server server;
  g_object_set (server.element, "gop-cache", 0, nullptr);
  server.play ();
  Client camera (server, tcp_push, "camera", "viewer");
  auto &video = camera.add ("video_0", video_caps);
  camera.play ();
  push_frames (video, 0, 5, 1000);
  fail_unless (iterate_until ([&] { return server.stat ("frames-received") == 5; }));
  const unsigned before = *video.key_requests;
  Viewer viewer (server, tcp_pull, "viewer");
  viewer.join ();
  fail_unless (iterate_until ([&] { return *video.key_requests > before; }));
  push_frames (video, 5, 1, 1000);
  video.push (make_buffer (300, 77, 6 * frame_time, false));
  fail_unless (viewer.wait_buffers ("video_0", 1));
  fail_unless (same_bytes (viewer.on ("video_0").buffers ()[0], make_buffer (300, 77).get ()));
}
GST_END_TEST

GST_START_TEST (test_one_sender_to_twenty_receivers)
{
  Server server (__i__ + 1);
  server.play ();
  Asker asker (server, "camera");
  std::vector<std::unique_ptr<Viewer>> viewers;
  for (int i = 0; i < 20; i++) {
    const std::string guid = "viewer-" + std::to_string (i);
    viewers.push_back (std::make_unique<Viewer> (server, tcp_pull, guid.c_str ()));
    g_object_set (viewers.back ()->element, "media-types", 1, nullptr);
    viewers.back ()->join ();
    asker.ask ({0, "add-contact", {{"guid", guid}}});
  }
  Client camera (server, tcp_push, "camera", "");
  auto &video = camera.add ("video_0", video_caps);
  camera.play ();
  push_frames (video, 0, 60, 15, 2000);
  for (const auto &v : viewers) {
    fail_unless (v->wait_buffers ("video_0", 60));
    const Received r = v->on ("video_0");
    for (unsigned n = 0; n < 60; n++)
      fail_unless (same_bytes (r.buffers ()[n], make_buffer (2000, n).get ()));
  }
  fail_unless_equals_uint64 (server.stat ("frames-received"), 60);
  // One that is taken off the list loses its pad, the others go on.
  asker.ask ({0, "remove-contact", {{"guid", std::string ("viewer-3")}}});
  fail_unless (viewers[3]->wait ([] (const Streams &s) { return s.pads.at ("video_0").removed; }));
  push_frames (video, 60, 1, 15, 2000);
  fail_unless (viewers[4]->wait_buffers ("video_0", 61));
  fail_unless_equals_int (viewers[3]->on ("video_0").n_buffers (), 60);
}
GST_END_TEST

// It loses whole groups of pictures of its own and starts again at a key frame; the other one loses
// nothing.
GST_START_TEST (test_a_slow_receiver_harms_nobody)
{
  Server server (__i__ + 1);
  g_object_set (server.element, "video-buffer-size", 200000, "max-queue-time",
      G_GUINT64_CONSTANT (0), nullptr);
  server.play ();
  Asker asker (server, "camera");
  Viewer slow (server, tcp_pull, "slow"), fast (server, tcp_pull, "fast");
  g_object_set (slow.element, "max-queue-bytes", 100000, nullptr);
  slow.block ("video_0", true);
  for (Viewer *v : {&slow, &fast}) {
    v->join ();
    asker.ask ({0, "add-contact", {{"guid", string_property (v->element, "guid")}}});
  }
  Client camera (server, tcp_push, "camera", "");
  auto &video = camera.add ("video_0", video_caps);
  camera.play ();
  constexpr unsigned n = 400;
  for (unsigned i = 0; i < n; i += 20) {
    push_frames (video, i, 20, 10, 5000);
    fail_unless (fast.wait_buffers ("video_0", i + 20), "%u", i);
  }
  fail_unless (iterate_until ([&] { return server.stat ("gops-dropped") > 0; }));
  slow.block ("video_0", false);
  for (unsigned i = n; i < n + 2000; i += 10) {
    push_frames (video, i, 10, 10, 5000);
    const bool caught_up = slow.wait (
        [i] (const Streams &s) {
          const auto b = s.pads.at ("video_0").buffers ();
          return !b.empty () && same_bytes (b.back (), make_buffer (5000, i + 9).get ());
        },
        milliseconds (100));
    if (caught_up)
      break;
    fail_unless (i < n + 1900, "the slow one never catches up");
  }
  // What it got is decodable: behind a hole there is a key frame.
  bool after_hole = false;
  for (GstBuffer *b : slow.on ("video_0").buffers ()) {
    after_hole = GST_BUFFER_FLAG_IS_SET (b, GST_BUFFER_FLAG_DISCONT);
    if (after_hole)
      fail_if (GST_BUFFER_FLAG_IS_SET (b, GST_BUFFER_FLAG_DELTA_UNIT));
  }
  fail_unless (slow.on ("video_0").n_buffers () < fast.on ("video_0").n_buffers ());
}
GST_END_TEST

// The hub is one for all: who floods it is closed, and nobody else notices.
GST_START_TEST (test_a_flood_of_asks)
{
  Server server;
  server.play ();
  Viewer viewer (server, tcp_pull, "viewer");
  viewer.join ();
  Client camera (server, tcp_push, "camera", "viewer");
  auto &video = camera.add ("video_0", video_caps);
  camera.play ();
  Asker asker (server, "asker");
  unsigned n = 0;
  while (n < 20'000'000 && asker.flood ({0, "list-groups", {}, {}}))
    n++;
  fail_unless (n < 20'000'000);
  push_frames (video, 0, 20, 10);
  fail_unless (viewer.wait_buffers ("video_0", 20));
  fail_unless (server.wait_event ("disconnected", "asker"));
}
GST_END_TEST

static Suite *server_joins_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("server_joins");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_who_joins_late_sees_a_picture_at_once, 0, 3);
  tcase_add_test (tc, test_key_frames_are_asked_for_without_a_cache);
  tcase_add_loop_test (tc, test_one_sender_to_twenty_receivers, 0, 2);
  tcase_add_loop_test (tc, test_a_slow_receiver_harms_nobody, 0, 2);
  tcase_add_test (tc, test_a_flood_of_asks);
  return s;
}

GST_CHECK_MAIN (server_joins)
