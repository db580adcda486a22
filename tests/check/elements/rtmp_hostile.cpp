// SPDX-License-Identifier: LGPL-2.1-or-later
// Clients that misbehave, at the socket: they are closed and counted, the others go on.
#include "rtmp_client.h"
#include "rtmp_source.h"

using namespace reach::test;

namespace {
std::size_t resident_bytes ()
{
  std::ifstream in ("/proc/self/statm");
  std::size_t total = 0, resident = 0;
  in >> total >> resident;
  return resident * static_cast<std::size_t> (::sysconf (_SC_PAGESIZE));
}

// What is published by somebody decent while `attack` is there comes through.
void check_others_go_on (RtmpSource &s)
{
  const FlvFile file;
  Program publisher (file.ffmpeg (s.url (), "0"));
  fail_unless (s.wait_eos (3));
  check_same (s.pads.get ().at ("video_0"), file.frames (true));
}
} // namespace

// 65,536 chunk streams, each with the header of a message of 16 MiB and no payload.
GST_START_TEST (test_header_bomb)
{
  RtmpSource s;
  s.play ();
  RtmpClient c (s.port ());
  c.handshake ();
  const std::size_t before = resident_bytes ();
  rtmp::test::Wire w;
  for (std::uint32_t id = 3; id < 60000; id++)
    rtmp::test::put_head (w, {0, id, 0, 0xffffff, rtmp::MessageType::video, 1});
  c.write (w); // it may be closed meanwhile
  fail_unless (c.closed ());
  const std::size_t after = resident_bytes ();
  fail_unless (after < before + (8u << 20), "%zu bytes more", after - before);
  fail_unless_equals_uint64 (s.stat ("bad-peers"), 1);
  check_others_go_on (s);
}
GST_END_TEST

// A large message before connect: more than 256 KiB are not held for anybody unknown.
GST_START_TEST (test_memory_before_connect)
{
  RtmpSource s;
  s.play ();
  RtmpClient c (s.port ());
  c.handshake ();
  const std::vector<std::uint8_t> large (300u << 10);
  c.send (rtmp::MessageType::video, 1, large);
  fail_unless (c.closed ());
  fail_unless_equals_uint64 (s.stat ("bad-peers"), 1);
}
GST_END_TEST

// Not RTMP, a half handshake, and one that says nothing: none holds up the others.
GST_START_TEST (test_strangers)
{
  RtmpSource s;
  s.play ();
  RtmpClient http (s.port ()), half (s.port ()), silent (s.port ());
  fail_unless (http.write (reach::as_bytes ("GET / HTTP/1.1\r\nHost: x\r\n\r\n")));
  fail_unless (http.closed ());
  rtmp::test::Wire w (700);
  w[0] = 3;
  fail_unless (half.write (w));
  check_others_go_on (s);
  fail_unless_equals_uint64 (s.stat ("bad-peers"), 1);
  // Ten seconds after it came.
  fail_unless (half.closed ());
  fail_unless (silent.closed ());
  fail_unless_equals_uint64 (s.stat ("bad-peers"), 3);
}
GST_END_TEST

GST_START_TEST (test_too_many_connections)
{
  RtmpSource s;
  s.set ("max-connections", 2u);
  s.play ();
  RtmpClient a (s.port ()), b (s.port ());
  fail_unless_equals_string (a.connect ().c_str (), "NetConnection.Connect.Success");
  fail_unless_equals_string (b.connect ().c_str (), "NetConnection.Connect.Success");
  RtmpClient c (s.port ());
  fail_unless (c.closed ());
  fail_unless_equals_uint64 (s.stat ("refused"), 1);
}
GST_END_TEST

// One address that says nothing has a quarter of the places; others come in, and so does it again
// when it has let go.
GST_START_TEST (test_share_of_strangers)
{
  RtmpSource s;
  s.set ("max-connections", 40u);
  s.play ();
  RtmpClient known (s.port ());
  fail_unless_equals_string (known.connect ().c_str (), "NetConnection.Connect.Success");
  std::vector<std::unique_ptr<RtmpClient>> silent;
  for (int i = 0; i < 10; i++)
    silent.push_back (std::make_unique<RtmpClient> (s.port ()));
  silent.back ()->handshake (); // which is no way in
  RtmpClient more (s.port ());
  fail_unless (more.closed ());
  fail_unless_equals_uint64 (s.stat ("refused"), 1);
  RtmpClient other (s.port (), 2);
  fail_unless_equals_string (other.connect ().c_str (), "NetConnection.Connect.Success");
  // Let in, or gone: another one may come.
  fail_unless_equals_string (known.publish ("cam").c_str (), "NetStream.Publish.Start");
  silent.clear ();
  fail_unless (iterate_until ([&] {
    guint open = 0;
    fail_unless (gst_structure_get_uint (s.stats ().get (), "open", &open));
    return open == 2;
  }));
  for (int i = 0; i < 12; i++) {
    silent.push_back (std::make_unique<RtmpClient> (s.port ()));
    fail_unless_equals_string (
        silent.back ()->connect ().c_str (), "NetConnection.Connect.Success");
  }
}
GST_END_TEST

// Bodies that are no media, of codecs that there are not, and empty ones.
GST_START_TEST (test_bad_media)
{
  RtmpSource s;
  s.play ();
  RtmpClient c (s.port ());
  c.connect ();
  fail_unless_equals_string (c.publish ("cam").c_str (), "NetStream.Publish.Start");
  const std::vector<std::vector<std::uint8_t>> bodies{{}, {0x17}, {0x17, 0, 0, 0, 0}, {0xff, 0xff},
      {0x90, 'x', 'x', 'x', 'x', 1, 2, 3}, {0x2f}, {0xaf, 0}, {0xaf, 1, 1, 2, 3}, {0x9f}};
  for (std::uint32_t i = 0; i < 50; i++)
    for (const auto &b : bodies)
      for (const auto type :
          {rtmp::MessageType::video, rtmp::MessageType::audio, rtmp::MessageType::data_amf0})
        fail_unless (c.send (type, c.stream, b, i * 20));
  fail_unless (c.command (c.stream, {"getStreamLength", 9.0, rtmp::Null{}}));
  fail_unless (!c.expect ("_result").empty ()); // all of it was taken
  fail_unless (s.stat ("malformed") > 0 && s.stat ("unknown") > 0);
}
GST_END_TEST

static Suite *rtmp_hostile_suite ()
{
  register_plugins ();
  FlvFile::prepare ();
  Suite *s = suite_create ("rtmp_hostile");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_header_bomb);
  tcase_add_test (tc, test_memory_before_connect);
  tcase_add_test (tc, test_strangers);
  tcase_add_test (tc, test_too_many_connections);
  tcase_add_test (tc, test_share_of_strangers);
  tcase_add_test (tc, test_bad_media);
  return s;
}

GST_CHECK_MAIN (rtmp_hostile)
