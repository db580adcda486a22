// SPDX-License-Identifier: LGPL-2.1-or-later
// NetStreams: publish, play, several at once, and what goes with their media.
#include "session_fixture.h"

using namespace reach;
using namespace reach::rtmp;
using namespace reach::rtmp::test;

namespace {
using Codes = std::vector<std::string>;
}

// Clients that do not wait for the id of their stream.
GST_START_TEST (test_play_in_front_of_the_answer_to_create_stream)
{
  Client c;
  c.connect ();
  c.command (0, {"createStream", 2.0, Null{}});
  c.command (1, {"play", 0.0, Null{}, "cam"});
  const auto create = c.expect<StreamRequest> ();
  fail_unless (c.quiet ());
  c.accept (create.request);
  fail_unless (c.expect<PlayRequest> ().name.name == "cam");
  c.command (0, {"createStream", 3.0, Null{}});
  c.command (2, {"play", 0.0, Null{}, "cam"});
  c.got.clear ();
  c.session.reject (c.expect<StreamRequest> ().request, {code::call_failed, "no", true});
  c.drain ();
  fail_unless (c.quiet ());
  fail_unless (c.statuses () == std::vector<std::string>{code::play_failed});
}
GST_END_TEST

GST_START_TEST (test_publish_as_obs_does_it_start_only_after_the_verdict)
{
  Client c;
  c.connect ();
  c.said ();
  c.command (0, {"releaseStream", 2.0, Null{}, "key"});
  c.command (0, {"FCPublish", 3.0, Null{}, "key"});
  auto v = c.said ();
  fail_unless (v.size () == 2 && v[1][0] == Value ("_result") && v[1][1] == Value (3.0));
  const auto id = c.create ();
  c.command (id, {"publish", 5.0, Null{}, "key?token=1", "live"});
  fail_unless (c.said ().empty ());
  const auto p = c.expect<PublishRequest> ();
  fail_unless (p.stream == id && p.name == (Name{"key", "token=1"}) && p.type == "live");
  c.accept (p.request);
  v = c.said ();
  fail_unless (v.size () == 2 && v[0][0] == Value ("onFCPublish"));
  fail_unless (v[1][1] == Value (0.0) && v[1][3]["code"] == Value (code::publish_start));
  c.send (MessageType::video, id, pattern (500), 40);
  const auto m = c.expect<Received> ().message;
  fail_unless (m.stream == id && m.timestamp == 40 && m.payload.size () == 500);
  c.command (0, {"FCUnpublish", 6.0, Null{}, "key"});
  c.command (0, {"deleteStream", 7.0, Null{}, static_cast<double> (id)});
  const auto e = c.expect<StreamEnded> ();
  fail_unless (e.use == Use::publishing && e.deleted && e.stream == id);
  c.send (MessageType::video, id, pattern (500));
  fail_unless (c.quiet ());
}
GST_END_TEST

GST_START_TEST (test_publish_without_type_empty_name_and_stop)
{
  Client c;
  c.connect ();
  const auto id = c.create ();
  c.command (id, {"publish", 5.0, Null{}, "cam"});
  const auto p = c.expect<PublishRequest> ();
  fail_unless (p.type == "live");
  c.session.reject (p.request, {code::publish_denied, "not you", true});
  c.drain ();
  fail_unless (c.statuses () == (Codes{code::publish_denied, code::failed}));
  c.command (id, {"publish", 5.0, Null{}}); // again on the same stream, without a name
  const auto again = c.expect<PublishRequest> ();
  fail_unless (again.name.name.empty ());
  c.accept (again.request);
  c.command (id, {"publish", 0.0, Null{}, false});
  fail_unless (c.expect<StreamEnded> ().use == Use::publishing);
  fail_unless (c.statuses () == (Codes{code::publish_start, code::unpublish_success}));
}
GST_END_TEST

GST_START_TEST (test_publish_twice_and_on_no_stream)
{
  Client c;
  c.connect ();
  const auto id = c.publish ();
  c.statuses ();
  c.command (id, {"publish", 5.0, Null{}, "other"});
  c.command (9, {"publish", 5.0, Null{}, "other"});
  c.command (0, {"play", 5.0, Null{}, "other"});
  fail_unless (c.statuses () == (Codes{code::publish_bad_name, code::failed, code::play_failed}));
  fail_unless (c.quiet () && c.session.use_of (id) == Use::publishing);
}
GST_END_TEST

GST_START_TEST (test_media_in_front_of_the_verdict_is_kept_within_limits)
{
  Client c;
  c.connect ();
  const auto id = c.create ();
  c.command (id, {"publish", 5.0, Null{}, "cam"});
  const auto p = c.expect<PublishRequest> ();
  for (int i = 0; i < 40; i++)
    c.send (MessageType::video, id, pattern (10000), static_cast<std::uint32_t> (i));
  fail_unless (c.quiet ());
  c.accept (p.request);
  fail_unless (c.expect<Received> ().message.timestamp == 0);
  int more = 0;
  while (c.session.poll_event ())
    more++;
  fail_unless (more >= 20 && more < 27);
}
GST_END_TEST

GST_START_TEST (test_data_of_type_15_and_zero_length_and_aggregate)
{
  Client c;
  c.connect ();
  const auto id = c.publish ();
  Wire body{0};
  put (body, encode_amf0 ({"@setDataFrame", "onMetaData"}));
  c.send (MessageType::data_amf3, id, body);
  const auto m = c.expect<Received> ().message;
  fail_unless (m.type == MessageType::data_amf0 && m.payload.size () == body.size () - 1);
  c.send (MessageType::audio, id, {});
  fail_unless (c.expect<Received> ().message.payload.size () == 0);
  Wire tags{9, 0, 0, 2, 0, 0, 5, 0, 0, 0, 0, 1, 2, 0, 0, 0, 13, 8, 0, 0, 1, 0, 0, 9, 0, 0, 0, 0, 7,
      0, 0, 0, 12};
  c.send (MessageType::aggregate, id, tags, 100);
  fail_unless (c.expect<Received> ().message.timestamp == 100);
  fail_unless (c.expect<Received> ().message.timestamp == 104);
  c.send (MessageType::shared_object_amf0, id, tags);
  c.send (MessageType::shared_object_amf3, id, tags);
  fail_unless (c.session.stats ().ignored == 2);
  fail_unless (c.quiet () && !c.session.ended ());
}
GST_END_TEST

GST_START_TEST (test_play_odd_arguments)
{
  Client c;
  c.connect ();
  const auto id = c.create ();
  c.command (id, {"play", 0.0, Null{}, "cam?x", "-2000", Null{}, "yes"});
  auto p = c.expect<PlayRequest> ();
  fail_unless (p.name == (Name{"cam", "x"}) && p.start == -2 && p.duration == -1);
  c.accept (p.request);
  fail_unless (c.statuses () == (Codes{code::play_reset, code::play_start}));
  c.command (id, {"play", 0.0, Null{}, "other", -1.0, 10.0, false}); // instead
  fail_unless (c.expect<StreamEnded> ().use == Use::playing);
  p = c.expect<PlayRequest> ();
  fail_unless (p.duration == 10);
  c.accept (p.request);
  fail_unless (c.statuses () == Codes{code::play_start});
  c.command (id, {"play2", 0.0, Null{}, Value::object ({{"streamName", "third"}})});
  c.expect<StreamEnded> ();
  p = c.expect<PlayRequest> ();
  fail_unless (p.name.name == "third");
  c.session.reject (p.request, {code::play_not_found, "no", true});
  c.drain ();
  fail_unless (c.statuses () == Codes{code::play_not_found});
  fail_unless (c.session.use_of (id) == Use::idle);
}
GST_END_TEST

GST_START_TEST (test_media_goes_by_what_the_player_wants)
{
  Client c;
  c.connect ();
  const auto id = c.play ();
  c.got.clear ();
  fail_unless (c.session.send (id, c.media (MessageType::video, 30000, id)));
  fail_unless (c.session.send (id, c.media (MessageType::audio, 300, 9))); // framed for another
  c.drain ();
  fail_unless_equals_int (c.got.size (), 2);
  fail_unless (c.got[0].stream == id && c.got[1].stream == id);
  c.command (id, {"receiveVideo", 0.0, Null{}, false});
  const auto r = c.expect<ReceiveChanged> ();
  fail_unless (r.audio && !r.video);
  fail_unless (!c.session.send (id, c.media (MessageType::video, 300)));
  fail_unless (c.session.send (id, c.media (MessageType::audio, 300)));
  c.command (id, {"pause", 0.0, Null{}, true, 1000.0});
  const auto p = c.expect<PauseRequest> ();
  fail_unless (p.pause && p.position == 1000);
  fail_unless (c.session.send (id, c.media (MessageType::audio, 300))); // not yet
  c.accept (p.request);
  fail_unless (!c.session.send (id, c.media (MessageType::audio, 300)));
  c.command (id, {"pauseraw", 0.0, Null{}, false, 1000.0});
  c.accept (c.expect<PauseRequest> ().request);
  fail_unless (c.session.send (id, c.media (MessageType::audio, 300)));
  c.command (id, {"seek", 0.0, Null{}, 5000.0});
  const auto s = c.expect<SeekRequest> ();
  c.session.reject (s.request, {code::seek_failed, "live", true});
  c.drain ();
  fail_unless (
      c.statuses () == (Codes{code::pause_notify, code::unpause_notify, code::seek_failed}));
}
GST_END_TEST

GST_START_TEST (test_one_connection_publishes_plays_two_calls_and_pings)
{
  Client c;
  c.connect ();
  const auto in = c.publish (), one = c.play ("a"), two = c.play ("b");
  fail_unless (in != one && one != two);
  c.got.clear ();
  c.session.send (one, c.media (MessageType::video, 200000, one));
  Slice head = c.session.poll_transmit (), body = c.session.poll_transmit ();
  fail_unless (head.size () < 20 && body.size () == c.config.chunk_size);
  c.reader.input (head.bytes);
  c.reader.input (body.bytes);
  // While the key frame is under way.
  c.session.send (two, c.media (MessageType::audio, 300, two));
  c.session.send (one, c.media (MessageType::audio, 301, one));
  const Wire ping{0, 6, 0, 0, 0, 9};
  c.send (MessageType::user_control, 0, ping);
  c.command (0, {"move", 7.0, Null{}});
  c.session.answer (c.expect<CallRequest> ().request, true, {1.0});
  c.send (MessageType::audio, in, pattern (50));
  fail_unless (c.expect<Received> ().message.stream == in);
  c.drain ();
  const auto at = [&] (auto is) { return std::ranges::find_if (c.got, is) - c.got.begin (); };
  const auto key = at ([] (const Message &m) { return m.type == MessageType::video; });
  fail_unless_equals_int (count_of (c, MessageType::audio), 2);
  fail_unless (at ([] (const Message &m) { return m.type == MessageType::user_control; }) < key);
  fail_unless (at ([&] (const Message &m) { return m.stream == two; }) < key);
  fail_unless (c.got[static_cast<std::size_t> (key)].payload.size () == 200000);
  // Each ends for itself.
  c.command (one, {"closeStream", 0.0, Null{}});
  fail_unless (c.expect<StreamEnded> ().stream == one);
  fail_unless (c.session.use_of (in) == Use::publishing && c.session.use_of (two) == Use::playing);
}
GST_END_TEST

GST_START_TEST (test_verdict_on_a_stream_that_is_gone)
{
  Client c;
  c.connect ();
  const auto id = c.create ();
  c.command (id, {"publish", 5.0, Null{}, "cam"});
  const auto p = c.expect<PublishRequest> ();
  c.command (0, {"deleteStream", 0.0, Null{}, static_cast<double> (id)});
  fail_unless (c.expect<StreamEnded> ().use == Use::asked_publish);
  const auto next = c.create ();
  fail_unless (next == id); // free again, and not meant by the verdict
  c.accept (p.request);
  fail_unless (c.session.use_of (id) == Use::idle && c.statuses ().empty ());
}
GST_END_TEST

GST_START_TEST (test_streams_are_bounded)
{
  Client c;
  c.connect ();
  for (int i = 0; i < 10; i++)
    c.create ();
  c.said ();
  for (int i = 0; i < 10; i++)
    c.command (0, {"createStream", 4.0, Null{}}); // without waiting
  int asked = 0;
  while (c.session.poll_event ())
    asked++;
  fail_unless_equals_int (asked, 6);
  fail_unless_equals_int (c.said ().size (), 4);
}
GST_END_TEST

GST_START_TEST (test_end_of_a_publication_follows_its_media)
{
  Client c;
  c.connect ();
  const auto id = c.play ();
  c.got.clear ();
  c.session.send (id, c.media (MessageType::video, 100000, id));
  c.session.send_user_control (UserControl::stream_eof, id);
  c.session.send_status (id, {code::play_unpublish_notify, "gone"});
  c.drain ();
  fail_unless_equals_int (c.got.size (), 3);
  fail_unless (c.got[0].type == MessageType::video);
  fail_unless (c.got[1].type == MessageType::user_control && c.got[1].stream == 0);
  fail_unless (c.statuses () == Codes{code::play_unpublish_notify});
}
GST_END_TEST

GST_START_TEST (test_other_client_commands)
{
  Client c;
  c.connect ();
  c.said ();
  c.command (0, {"getStreamLength", 3.0, Null{}, "cam"});
  c.command (0, {"FCSubscribe", 0.0, Null{}, "cam"});
  c.command (0, {"_checkbw", 4.0, Null{}});
  const auto v = c.said ();
  fail_unless_equals_int (v.size (), 4);
  fail_unless (v[0][1] == Value (3.0) && v[0][3] == Value (0.0));
  fail_unless (v[1][0] == Value ("onFCSubscribe") && v[2][1] == Value (4.0));
  fail_unless (v[3][0] == Value ("onBWDone"));
  // These mean something to applications only.
  c.command (0, {"set_playlist", 0.0, Null{}, Array{{"a"}}});
  c.command (0, {"NetStream.Authenticate.UsherToken", 0.0, Null{}, "token"});
  fail_unless (c.expect<CallRequest> ().name == "set_playlist");
  fail_unless (c.expect<CallRequest> ().arguments == Values{"token"});
  const auto id = c.play ();
  const Wire buffer{0, 3, 0, 0, 0, static_cast<std::uint8_t> (id), 0, 0, 0x0b, 0xb8};
  c.send (MessageType::user_control, 0, buffer);
  fail_unless (c.expect<BufferLength> ().milliseconds == 3000);
}
GST_END_TEST

static Suite *session_streams_suite ()
{
  Suite *s = suite_create ("rtmp-session-streams");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_play_in_front_of_the_answer_to_create_stream);
  tcase_add_test (tc, test_publish_as_obs_does_it_start_only_after_the_verdict);
  tcase_add_test (tc, test_publish_without_type_empty_name_and_stop);
  tcase_add_test (tc, test_publish_twice_and_on_no_stream);
  tcase_add_test (tc, test_media_in_front_of_the_verdict_is_kept_within_limits);
  tcase_add_test (tc, test_data_of_type_15_and_zero_length_and_aggregate);
  tcase_add_test (tc, test_play_odd_arguments);
  tcase_add_test (tc, test_media_goes_by_what_the_player_wants);
  tcase_add_test (tc, test_one_connection_publishes_plays_two_calls_and_pings);
  tcase_add_test (tc, test_verdict_on_a_stream_that_is_gone);
  tcase_add_test (tc, test_streams_are_bounded);
  tcase_add_test (tc, test_end_of_a_publication_follows_its_media);
  tcase_add_test (tc, test_other_client_commands);
  return s;
}
GST_CHECK_MAIN (session_streams)
