// SPDX-License-Identifier: LGPL-2.1-or-later
// The connection: connect, windows, pings, calls, limits.
#include "session_fixture.h"

using namespace reach;
using namespace reach::rtmp;
using namespace reach::rtmp::test;

namespace {
Wire u32 (std::uint32_t v)
{
  Wire w;
  put_u32 (w, v);
  return w;
}

Wire user_control (unsigned event, std::uint32_t value)
{
  Wire w{0, static_cast<std::uint8_t> (event)};
  put_u32 (w, value);
  return w;
}
} // namespace

GST_START_TEST (test_connect_windows_and_chunk_size_come_before_the_result)
{
  Client c;
  c.connect ();
  const MessageType order[] = {MessageType::window_ack_size, MessageType::set_peer_bandwidth,
      MessageType::set_chunk_size, MessageType::command_amf0};
  fail_unless_equals_int (c.got.size (), 4);
  for (std::size_t i = 0; i < 4; i++)
    fail_unless (c.got[i].type == order[i]);
  const auto v = c.said ();
  fail_unless (v[0][0].string () == "_result" && v[0][1] == Value (1.0));
  fail_unless_equals_string (
      std::string (v[0][3]["code"].string ()).c_str (), code::connect_success);
  fail_unless (!v[0][3].find ("capsEx")); // it did not ask
}
GST_END_TEST

GST_START_TEST (test_enhanced_connect_v1_list_and_v2_maps_are_answered)
{
  const Value v1 = Value::object ({{"app", "live"}, {"fourCcList", Array{{"av01", "hvc1", 3.0}}}});
  const Value v2 = Value::object ({{"app", "live"}, {"capsEx", 3.0},
      {"videoFourCcInfoMap", Value::object ({{"*", 7.0}, {"toolong", 1.0}})}});
  for (const Value &object : {v1, v2}) {
    Client c;
    c.connect (object);
    const auto v = c.said ();
    for (const Value &o : {v[0][2], v[0][3]}) {
      fail_unless (o["capsEx"].number_or (0) == 15);
      fail_unless (o["videoFourCcInfoMap"]["*"].number_or (0) == 4);
      fail_unless (o["fourCcList"].values ().size () == 1);
    }
    const Capabilities &theirs = c.session.peer ().capabilities;
    fail_unless (theirs.knows ("av01"));
    fail_unless (theirs.knows ("vp09") == (&object != &v1 && theirs.video.size () == 1));
  }
}
GST_END_TEST

GST_START_TEST (test_reconnect_request_only_where_it_is_understood)
{
  Client old, able;
  old.connect ();
  fail_unless (!old.session.request_reconnect ("rtmp://b/live", "moving"));
  able.connect (Value::object ({{"app", "live"}, {"capsEx", 1.0}}));
  able.said ();
  fail_unless (able.session.request_reconnect ("rtmp://b/live", "moving"));
  able.drain ();
  const auto v = able.said ();
  fail_unless (v.size () == 1 && v[0][3]["tcUrl"].string () == "rtmp://b/live");
  fail_unless (v[0][3]["code"].string () == code::connect_reconnect);
  fail_unless (able.session.connected ()); // it is served until it leaves
}
GST_END_TEST

GST_START_TEST (test_connect_rejected_with_description_then_ended)
{
  Client c;
  c.handshake ();
  c.command (0, {"connect", 1.0, Client::connect_object ()});
  const auto r = c.expect<ConnectRequest> ();
  c.session.reject (r.request, {code::connect_rejected, "[ AccessManager.Reject ] : no", true});
  fail_unless (c.expect<Ended> ().reason == EndReason::rejected);
  c.drain ();
  const auto v = c.said ();
  fail_unless (v.size () == 1 && v[0][0].string () == "_error");
  fail_unless (v[0][3]["level"].string () == "error");
  fail_unless (v[0][3]["description"].string () == "[ AccessManager.Reject ] : no");
}
GST_END_TEST

GST_START_TEST (test_tc_url_in_quotes_lower_case_key_in_it_and_queries)
{
  const struct {
    const char *member, *url, *app, *name, *query, *path;
  } cases[] = {
      {"tcUrl", "rtmp://h/live", "live", "live", "", ""},
      {"tcurl", "\"rtmp://h:1935/live/\"", "live/", "live", "", ""},
      {"tcUrl", "rtmp://h/live/key", "live", "live", "", "key"},
      {"tcUrl", "rtmp://h/live?a=b", "live?a=b", "live", "a=b", ""},
      {"tcUrl", "rtmp://h/live/x?a=b/c", "", "live", "", "x?a=b/c"},
      {"tcUrl", "rtmp://h/live?a=b/c", "", "live", "a=b/c", ""},
      {"tcUrl", "rtmp://h", "", "", "", ""},
      {"tcUrl", "nonsense", "/", "", "", ""},
      {"none", "", "a/b", "a/b", "", ""},
  };
  for (const auto &t : cases) {
    const auto info = parse_connect (
        {"connect", 1.0, Value::object ({{"app", t.app}, {t.member, t.url}}), "user"});
    fail_unless_equals_string (info.app.name.c_str (), t.name);
    fail_unless_equals_string (info.app.query.c_str (), t.query);
    fail_unless_equals_string (info.path.c_str (), t.path);
    fail_unless (info.user.size () == 1);
  }
}
GST_END_TEST

GST_START_TEST (test_long_app_and_names_and_missing_arguments)
{
  Client c;
  c.handshake ();
  c.command (0, {"connect", 1.0, Value::object ({{"app", std::string (60000, 'a')}})});
  const auto r = c.expect<ConnectRequest> ();
  fail_unless_equals_int (r.info.app.name.size (), 60000);
  c.accept (r.request);
  const auto id = c.create ();
  // CVE-2015-8272: nothing behind the name of the command.
  for (const char *name : {"connect", "releaseStream", "FCPublish", "FCUnpublish", "FCSubscribe",
           "_checkbw", "getStreamLength", "_result", "_error", "onStatus", "pause", "pauseraw",
           "seek", "receiveAudio", "receiveVideo", "play2", "publish", "play", "closeStream",
           "deleteStream", "unknown", ""}) {
    c.command (id, {name});
    c.command (id, {name, Null{}, 1.0, Null{}, Null{}});
  }
  c.command (0, {});
  fail_unless (!c.session.ended ());
}
GST_END_TEST

GST_START_TEST (test_commands_in_front_of_the_verdict_wait_for_it)
{
  Client c;
  c.handshake ();
  c.command (0, {"connect", 1.0, Client::connect_object ()});
  const auto r = c.expect<ConnectRequest> ();
  c.command (0, {"createStream", 2.0, Null{}});
  fail_unless (c.quiet ());
  c.accept (r.request);
  c.accept (c.expect<StreamRequest> ().request);
  const auto v = c.said ();
  fail_unless (v.size () == 2 && v[0][1] == Value (1.0) && v[1][1] == Value (2.0));
}
GST_END_TEST

GST_START_TEST (test_nothing_but_connect_is_heard_first)
{
  Client c;
  c.handshake ();
  c.command (0, {"createStream", 2.0, Null{}});
  fail_unless (c.quiet () && c.said ()[0][0].string () == "_error");
  c.send (MessageType::video, 1, pattern (100));
  fail_unless (c.quiet ());
  Wire big; // memory in front of authentication
  put_head (big, {0, 7, 0, 300u << 10, MessageType::video, 1});
  c.session.input (big, c.now);
  fail_unless (c.expect<Ended> ().reason == EndReason::malformed);
}
GST_END_TEST

GST_START_TEST (test_handshake_time_runs_out)
{
  Client c;
  c.now += seconds (9);
  c.handshake ();
  fail_unless (c.session.poll_timeout () == TimePoint (seconds (1010)));
  c.session.timeout (c.now);
  fail_unless (!c.session.ended ());
  c.now += seconds (1);
  c.session.timeout (c.now);
  fail_unless (c.expect<Ended> ().reason == EndReason::handshake_timeout);
}
GST_END_TEST

GST_START_TEST (test_text_protocol_is_not_rtmp)
{
  Client c;
  c.session.input (as_bytes ("GET / HTTP/1.1\r\n"), c.now);
  fail_unless (c.expect<Ended> ().reason == EndReason::not_rtmp);
  fail_unless (c.session.poll_transmit ().size () == 0);
}
GST_END_TEST

GST_START_TEST (test_acknowledgements_and_tiny_window)
{
  Client c;
  const auto id = (c.connect (), c.publish ());
  c.got.clear ();
  c.send (MessageType::video, id, pattern (1000000));
  fail_unless_equals_int (count_of (c, MessageType::acknowledgement), 0);
  c.send (MessageType::video, id, pattern (1000000)); // no window was ever set
  fail_unless_equals_int (count_of (c, MessageType::acknowledgement), 1);
  for (const std::uint32_t tiny : {1u, 0u, 2u}) {
    c.send (MessageType::window_ack_size, 0, u32 (tiny));
    c.got.clear ();
    c.send (MessageType::audio, id, pattern (100000));
    fail_unless_equals_int (count_of (c, MessageType::acknowledgement), 1); // one for all of it
  }
}
GST_END_TEST

GST_START_TEST (test_acknowledgement_number_starts_again_near_its_end)
{
  class Kept final : public StorageSource { // nothing is copied: 4 GB take no time
    Counted<Storage> allocate (std::size_t n) override { return Counted<HeapStorage>::make (n); }
    Counted<const Shared> keep (Bytes) override { return Counted<SharedBytes>::make (Wire{}); }
  };
  Kept source;
  Client c;
  Session s (c.config, source, c.now);
  Wire w (1 + 2 * Handshake::packet);
  w[0] = 3;
  put_message (w, {0, 2, 0, 0, MessageType::set_chunk_size, 0}, u32 (8u << 20));
  put_message (w, {0, 3, 0, 0, MessageType::command_amf0, 0},
      encode_amf0 ({"connect", 1.0, Client::connect_object ()}), 8u << 20);
  s.input (w, c.now);
  s.accept (std::get<ConnectRequest> (*s.poll_event ()).request, c.now);
  Wire publish;
  put_message (publish, {0, 3, 0, 0, MessageType::command_amf0, 0},
      encode_amf0 ({"createStream", 1.0, Null{}}), 8u << 20);
  s.input (publish, c.now);
  s.accept (std::get<StreamRequest> (*s.poll_event ()).request, c.now);
  publish.clear ();
  put_message (publish, {0, 3, 0, 0, MessageType::command_amf0, 1},
      encode_amf0 ({"publish", 1.0, Null{}, "a"}), 8u << 20);
  s.input (publish, c.now);
  s.accept (std::get<PublishRequest> (*s.poll_event ()).request, c.now);
  Wire big;
  put_message (big, {0, 6, 0, 0, MessageType::video, 1}, pattern (4u << 20), 8u << 20);
  bool again = false;
  for (std::uint32_t i = 0, told = 0; i < 1100; i++) {
    s.input (big, c.now);
    s.poll_event ();
    std::uint32_t number = 0;
    for (Slice t = s.poll_transmit (); t.size () > 0; t = s.poll_transmit ())
      number = load_be<std::uint32_t> (t.bytes.last (4).data ());
    fail_unless (number < 0xf0000000);
    again = again || number < told;
    told = number;
  }
  fail_unless (again && s.stats ().bytes_in > 1ull << 32);
}
GST_END_TEST

GST_START_TEST (test_peer_bandwidth_is_answered_once)
{
  Client c;
  c.connect ();
  c.got.clear ();
  for (int i = 0; i < 5; i++)
    c.send (MessageType::set_peer_bandwidth, 0, u32 (5000));
  fail_unless_equals_int (count_of (c, MessageType::window_ack_size), 1);
  c.send (MessageType::acknowledgement, 0, u32 (0xfffffff0));
  fail_unless (c.session.stats ().bytes_acked == 0xfffffff0);
}
GST_END_TEST

GST_START_TEST (test_pings_both_ways_and_undocumented_user_control)
{
  Client c;
  c.connect ();
  c.got.clear ();
  c.send (MessageType::user_control, 0, user_control (6, 1234));
  fail_unless (
      c.got.size () == 1 && std::ranges::equal (c.got[0].payload.bytes, user_control (7, 1234)));
  for (const unsigned event : {26u, 27u, 31u, 32u, 99u})
    c.send (MessageType::user_control, 0, user_control (event, 1));
  c.send (MessageType::user_control, 0, Wire{0});
  c.send (static_cast<MessageType> (0x20), 0, pattern (5)); // "go away" of OBS
  fail_unless (!c.session.ended () && c.quiet ());
  c.got.clear ();
  c.now = c.session.poll_timeout ();
  c.session.timeout (c.now);
  c.drain ();
  fail_unless (c.got.size () == 1 && c.got[0].type == MessageType::user_control);
  Wire pong (c.got[0].payload.bytes.begin (), c.got[0].payload.bytes.end ());
  pong[1] = 7;
  c.now += milliseconds (42);
  c.send (MessageType::user_control, 0, pong);
  fail_unless (c.session.stats ().round_trip == milliseconds (42));
}
GST_END_TEST

GST_START_TEST (test_silent_peer_ends)
{
  Client c;
  c.connect ();
  for (int i = 0; i < 10 && !c.session.ended (); i++) {
    c.now = c.session.poll_timeout ();
    c.session.timeout (c.now);
  }
  fail_unless (c.expect<Ended> ().reason == EndReason::idle);
  fail_unless (c.now == TimePoint (seconds (1060)));
}
GST_END_TEST

GST_START_TEST (test_client_that_asks_and_does_not_read_is_closed)
{
  Client c;
  c.connect ();
  Wire w;
  put_message (w, {0, 2, 0, 0, MessageType::user_control, 0}, user_control (6, 1));
  for (int i = 0; i < 100000 && !c.session.ended (); i++)
    c.session.input (w, c.now);
  fail_unless (c.expect<Ended> ().reason == EndReason::too_much);
  fail_unless (c.session.control_queued () < 300u << 10);
}
GST_END_TEST

GST_START_TEST (test_calls_both_ways_answers_in_any_order)
{
  Client c;
  c.connect ();
  c.said ();
  c.command (0, {"move", 7.0, Null{}, 1.0, "left"});
  c.command (0, {"zoom", 8.0, Null{}});
  c.command (0, {"tell", 0.0, Null{}});
  const auto move = c.expect<CallRequest> (), zoom = c.expect<CallRequest> (),
             tell = c.expect<CallRequest> ();
  fail_unless (move.name == "move" && move.arguments == (Values{1.0, "left"}));
  fail_unless (tell.request == 0);
  c.session.answer (zoom.request, false, {"no"});
  c.session.answer (move.request, true, {2.0});
  c.session.answer (move.request, true, {2.0}); // once only
  const std::uint32_t t = c.session.call (0, "hello", {"you"}, true);
  c.drain ();
  const auto v = c.said ();
  fail_unless (v.size () == 3 && v[2][0] == Value ("hello") && v[2][3] == Value ("you"));
  fail_unless (v[0][0] == Value ("_error") && v[0][1] == Value (8.0));
  fail_unless (v[1][0] == Value ("_result") && v[1][1] == Value (7.0));
  c.command (0, {"_result", static_cast<double> (t), Null{}, 5.0});
  const auto r = c.expect<CallResult> ();
  fail_unless (r.transaction == t && r.good && r.values.back () == Value (5.0));
  c.command (0, {"_result", static_cast<double> (t), Null{}, 5.0});
  c.command (0, {"_result", 0.0, Null{}});
  fail_unless (c.quiet ());
}
GST_END_TEST

GST_START_TEST (test_transactions_are_bounded)
{
  Client c;
  c.connect ();
  c.said ();
  for (int i = 0; i < 100; i++)
    c.command (0, {"move", 7.0, Null{}});
  int asked = 0;
  while (c.session.poll_event ())
    asked++;
  fail_unless_equals_int (asked, 64);
  fail_unless_equals_int (c.said ().size (), 36);
  for (int i = 0; i < 64; i++)
    fail_unless (c.session.call (0, "f", {}, true) != 0);
  fail_unless (c.session.call (0, "f", {}, true) == 0);
}
GST_END_TEST

GST_START_TEST (test_amf3_commands_with_and_without_format_byte)
{
  Client c;
  c.handshake ();
  Wire body{0};
  put (body,
      encode_amf0 ({"connect", 1.0, Value::object ({{"app", "live"}, {"objectEncoding", 3.0}})}));
  c.send (MessageType::command_amf3, 0, body);
  c.accept (c.expect<ConnectRequest> ().request);
  fail_unless (c.said ()[0][3]["objectEncoding"].number_or (0) == 3);
  c.send (MessageType::command_amf3, 0, encode_amf0 ({"f", 2.0, Null{}, ByteArray{{1}}}));
  fail_unless (c.expect<CallRequest> ().arguments[0] == Value (ByteArray{{1}}));
}
GST_END_TEST

GST_START_TEST (test_bad_amf_ends_the_session)
{
  const Wire bad[] = {Wire{2, 0, 9, 'x'}, Wire{4}, Wire (5000, 10)};
  for (const Wire &w : bad) {
    Client c;
    c.connect ();
    c.send (MessageType::command_amf0, 0, w);
    const auto e = c.expect<Ended> ();
    fail_unless (e.reason == EndReason::malformed || e.reason == EndReason::too_much);
    c.command (0, {"createStream", 1.0, Null{}});
    fail_unless (c.quiet ());
  }
}
GST_END_TEST

static Suite *session_suite ()
{
  Suite *s = suite_create ("rtmp-session");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_connect_windows_and_chunk_size_come_before_the_result);
  tcase_add_test (tc, test_enhanced_connect_v1_list_and_v2_maps_are_answered);
  tcase_add_test (tc, test_reconnect_request_only_where_it_is_understood);
  tcase_add_test (tc, test_connect_rejected_with_description_then_ended);
  tcase_add_test (tc, test_tc_url_in_quotes_lower_case_key_in_it_and_queries);
  tcase_add_test (tc, test_long_app_and_names_and_missing_arguments);
  tcase_add_test (tc, test_commands_in_front_of_the_verdict_wait_for_it);
  tcase_add_test (tc, test_nothing_but_connect_is_heard_first);
  tcase_add_test (tc, test_handshake_time_runs_out);
  tcase_add_test (tc, test_text_protocol_is_not_rtmp);
  tcase_add_test (tc, test_acknowledgements_and_tiny_window);
  tcase_add_test (tc, test_acknowledgement_number_starts_again_near_its_end);
  tcase_add_test (tc, test_peer_bandwidth_is_answered_once);
  tcase_add_test (tc, test_pings_both_ways_and_undocumented_user_control);
  tcase_add_test (tc, test_silent_peer_ends);
  tcase_add_test (tc, test_client_that_asks_and_does_not_read_is_closed);
  tcase_add_test (tc, test_calls_both_ways_answers_in_any_order);
  tcase_add_test (tc, test_transactions_are_bounded);
  tcase_add_test (tc, test_amf3_commands_with_and_without_format_byte);
  tcase_add_test (tc, test_bad_amf_ends_the_session);
  return s;
}
GST_CHECK_MAIN (session)
