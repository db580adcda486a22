// SPDX-License-Identifier: LGPL-2.1-or-later
// Signaling states, transceivers, directions, stop, and when negotiation is needed.
#include "jsep_peer.h"

using namespace reach::test;
using T = DescriptionType;
using K = MediaKind;
using D = Direction;
using F = JsepFault;

GST_START_TEST (test_first_offer)
{
  Peer a (1), b (2);
  a.track (K::audio, "mic");
  a.track (K::video, "cam");
  fine (a.n.add_data_channel ());
  a.take ();
  fail_unless (a.count ("needed") == 1 && a.log.size () == 1);
  offer (a, b);
  const sdp::Description d = *a.n.local ();
  fail_unless (d.media.size () == 3 && d.bundle ()->mids.size () == 3);
  for (std::size_t i = 0; i < 3; i++) {
    const sdp::Media &m = d.media[i];
    fail_unless_equals_string (m.mid.c_str (), std::to_string (i).c_str ());
    fail_unless (m.port == (i == 0 ? 9 : 0) && m.bundle_only == (i > 0));
    fail_unless (m.transport.fingerprints.size () == (i == 0 ? 1 : 0));
  }
  fail_unless (d.media[0].transport.setup == sdp::Setup::actpass && d.media[0].rtcp_mux);
  fail_unless (d.media[2].sctp_port == 5000 && d.media[2].max_message_size == 262144u);
  fail_unless (a.state () == SignalingState::have_local_offer &&
               b.state () == SignalingState::have_remote_offer);
  answer (b, a);
  const sdp::Description r = *b.n.local ();
  fail_unless (r.media.size () == 3 && r.bundle ()->mids == d.bundle ()->mids);
  for (const sdp::Media &m : r.media)
    fail_unless (m.port == 9 && !m.bundle_only && m.transport.setup == sdp::Setup::passive);
  b.take ();
  fail_unless (b.told ("track+:mic") && b.told ("track+:cam") && !b.told ("needed"));
  a.take ();
  fail_unless (a.told ("direction:sendonly") && a.told ("negotiated") && !a.n.needed ());
  // From now on all m-lines have a port.
  const auto again = a.n.create_offer ();
  for (const sdp::Media &m : again->media)
    fail_unless (m.port == 9 && !m.bundle_only && m.transport.ufrag == d.media[0].transport.ufrag);
  fail_unless (
      again->origin.session_id == d.origin.session_id && again->origin.version > d.origin.version);
}
GST_END_TEST

GST_START_TEST (test_without_bundle_only)
{
  JsepConfig c = peer_config (1);
  c.bundle_only = false;
  Peer a (1, c), b (2);
  a.track (K::audio, "mic");
  a.track (K::video, "cam");
  negotiate (a, b);
  for (const sdp::Media &m : a.n.local ()->media)
    fail_unless (m.port == 9 && !m.bundle_only && !m.transport.ufrag.empty ());
}
GST_END_TEST

// Which call is taken in which state.
GST_START_TEST (test_states)
{
  Peer a (1), b (2);
  a.track (K::audio, "mic");
  const sdp::Description offered = *a.n.create_offer ();
  // stable
  faulty (a.n.create_answer ().error, F::wrong_state);
  faulty (a.n.set_local (T::answer, offered), F::wrong_state);
  faulty (a.n.set_local (T::pranswer, offered), F::wrong_state);
  faulty (a.n.set_remote (T::answer, offered), F::wrong_state);
  faulty (a.n.set_remote (T::pranswer, offered), F::wrong_state);
  faulty (a.n.set_local (T::rollback), F::wrong_state);
  faulty (a.n.set_remote (T::rollback), F::wrong_state);
  // have-local-offer
  fine (a.n.set_local (T::offer, offered));
  faulty (a.n.create_answer ().error, F::wrong_state);
  faulty (a.n.set_local (T::answer, offered), F::wrong_state);
  faulty (a.n.set_remote (T::rollback), F::wrong_state);
  fine (a.n.set_local ()); // again
  // have-remote-offer
  fine (b.n.set_remote (T::offer, *a.n.local ()));
  fine (b.n.set_remote (T::offer, *a.n.local ()));
  fail_unless (b.n.transceivers ().size () == 1);
  faulty (b.n.create_offer ().error, F::wrong_state);
  faulty (b.n.set_local (T::offer, offered), F::wrong_state);
  faulty (b.n.set_remote (T::answer, offered), F::wrong_state);
  faulty (b.n.set_local (T::rollback), F::wrong_state);
  // pranswers
  const auto made = b.n.create_answer ();
  fine (b.n.set_local (T::pranswer, *made));
  fail_unless (b.state () == SignalingState::have_local_pranswer);
  faulty (b.n.set_remote (T::offer, offered), F::wrong_state);
  faulty (b.n.set_remote (T::rollback), F::wrong_state);
  faulty (b.n.set_local (T::rollback), F::wrong_state);
  fine (a.n.set_remote (T::pranswer, *made));
  fail_unless (a.state () == SignalingState::have_remote_pranswer);
  faulty (a.n.set_local (), F::wrong_state);
  faulty (a.n.create_offer ().error, F::wrong_state);
  faulty (a.n.set_remote (T::offer, offered), F::wrong_state);
  fail_unless (a.n.negotiated ()->provisional && !a.n.current_local ());
  fine (a.n.set_remote (T::pranswer, *made));
  fine (b.n.set_local (T::answer, *made));
  fine (a.n.set_remote (T::answer, *made));
  fail_unless (a.state () == SignalingState::stable && b.state () == SignalingState::stable);
  fail_unless (!a.n.negotiated ()->provisional && a.n.current_local ());
  // closed
  a.n.close ();
  a.n.close ();
  fail_unless (a.state () == SignalingState::closed);
  faulty (a.n.create_offer ().error, F::wrong_state);
  faulty (a.n.set_local (), F::wrong_state);
  faulty (a.n.set_remote (T::offer, offered), F::wrong_state);
  faulty (a.n.add_track (K::audio, "x", {}).error, F::wrong_state);
  faulty (a.n.add_transceiver (K::audio, {}).error, F::wrong_state);
  faulty (a.n.add_data_channel (), F::wrong_state);
  faulty (a.n.add_candidate ({}), F::wrong_state);
}
GST_END_TEST

// What both want, and what comes of it: 16 pairs of directions.
GST_START_TEST (test_directions)
{
  for (unsigned mine = 0; mine < 4; mine++)
    for (unsigned theirs = 0; theirs < 4; theirs++) {
      const D x = static_cast<D> (mine), y = static_cast<D> (theirs);
      Peer a (1), b (2);
      const TransceiverId ta = a.transceiver (K::video, x);
      offer (a, b);
      const TransceiverId tb = b.at (0).id;
      fail_unless (b.at (0).direction == D::recvonly && b.at (0).by_remote);
      fine (b.n.set_direction (tb, y));
      answer (b, a);
      const D both = intersect (x, reverse (y));
      fail_unless (a.n.find (ta)->current_direction == both);
      fail_unless (b.n.find (tb)->current_direction == reverse (both));
      fail_unless (a.n.find (ta)->direction == x && b.n.find (tb)->direction == y);
      fail_unless (a.n.find (ta)->receiving == receives (both));
      fail_unless (b.n.find (tb)->receiving == sends (both));
      fail_unless (a.n.negotiated ()->media[0].direction == both);
      fail_unless (b.n.negotiated ()->media[0].direction == reverse (both));
      // Who answered with all that was offered needs nothing more; nor who offered.
      fail_unless (!a.n.needed () || a.at (0).direction != both);
      fail_unless (b.n.needed () == (intersect (y, reverse (x)) != reverse (both)));
    }
}
GST_END_TEST

GST_START_TEST (test_direction_changes)
{
  Peer a (1), b (2);
  const TransceiverId t = a.track (K::video, "cam");
  negotiate (a, b);
  for (const D d : {D::inactive, D::sendrecv, D::recvonly, D::sendonly}) {
    a.take ();
    b.take ();
    fine (a.n.set_direction (t, d));
    a.take ();
    fail_unless (a.told ("needed") == a.n.needed ());
    negotiate (a, b);
    b.take ();
    fail_unless (!a.n.needed () && !b.n.needed ());
    fail_unless (b.at (0).receiving == sends (d));
    fail_unless (a.n.local ()->media[0].direction () == d);
  }
  // One way: the track goes, and comes again.
  fine (a.n.set_direction (t, D::inactive));
  negotiate (a, b);
  b.take ();
  fail_unless (b.told ("track-") && b.told ("direction:inactive"));
  fine (a.n.set_direction (t, D::sendonly));
  negotiate (a, b);
  b.take ();
  fail_unless (b.told ("track+:cam") && b.told ("direction:recvonly"));
}
GST_END_TEST

GST_START_TEST (test_streams)
{
  Peer a (1), b (2);
  const TransceiverId t = *a.n.add_track (K::video, "cam", {"x", "y"});
  negotiate (a, b);
  fail_unless ((b.at (0).remote_streams == std::vector<std::string>{"x", "y"}));
  fail_unless (b.at (0).remote_track == "cam");
  fine (a.n.set_streams (t, {"z"}));
  fail_unless (a.n.needed ());
  negotiate (a, b);
  fail_unless ((b.at (0).remote_streams == std::vector<std::string>{"z"}) && !a.n.needed ());
  fine (a.n.set_streams (t, {}));
  negotiate (a, b);
  fail_unless (b.at (0).remote_streams.empty () && b.at (0).receiving && !a.n.needed ());
  fail_unless (a.n.local ()->media[0].msids[0].stream == "-");
  fine (a.n.replace_track (t, "other")); // nobody is told
  fail_unless (!a.n.needed ());
  faulty (a.n.set_streams (t, {"a b"}), F::bad_argument);
  faulty (a.n.replace_track (t, "a b"), F::bad_argument);
  faulty (a.n.set_streams (99, {}), F::unknown);
}
GST_END_TEST

GST_START_TEST (test_add_track_reuses)
{
  Peer a (1), b (2);
  a.track (K::video, "cam");
  offer (a, b);
  // Takes the transceiver that the offer made.
  const TransceiverId mine = b.track (K::video, "back");
  fail_unless (b.n.transceivers ().size () == 1 && b.at (0).direction == D::sendrecv);
  answer (b, a);
  a.take ();
  fail_unless (a.told ("track+:back") && a.at (0).current_direction == D::sendrecv);
  fail_unless (!a.n.needed () && !b.n.needed ());
  // One that has sent is not taken again.
  fine (b.n.remove_track (mine));
  fail_unless (b.at (0).direction == D::recvonly && b.n.needed ());
  b.track (K::video, "second");
  fail_unless (b.n.transceivers ().size () == 2);
  // Nor one of another kind; one without a track is.
  const TransceiverId idle = b.transceiver (K::audio, D::recvonly);
  fail_unless (b.track (K::audio, "mic") == idle);
  fail_unless (b.n.find (idle)->direction == D::sendrecv);
  faulty (b.n.add_track (K::audio, "mic", {}).error, F::bad_argument);
  faulty (b.n.add_track (K::audio, "", {}).error, F::bad_argument);
  faulty (b.n.add_track (K::application, "x", {}).error, F::bad_argument);
}
GST_END_TEST

GST_START_TEST (test_association)
{
  // A transceiver of add_track () is taken by an offer that can receive …
  Peer a (1), b (2);
  a.track (K::video, "cam");
  b.track (K::video, "back");
  negotiate (a, b);
  fail_unless (b.n.transceivers ().size () == 1 && b.at (0).current_direction == D::sendrecv);
  fail_unless (!b.n.needed ());
  // … not by one that only sends, and none of add_transceiver ().
  for (const bool by_track : {true, false}) {
    Peer c (3), d (4);
    c.transceiver (K::video, by_track ? D::sendonly : D::sendrecv);
    if (by_track)
      d.track (K::video, "back");
    else
      d.transceiver (K::video, D::sendrecv);
    negotiate (c, d);
    fail_unless (d.n.transceivers ().size () == 2 && d.n.needed ());
    negotiate (d, c);
    fail_unless (c.n.transceivers ().size () == 2 && !c.n.needed () && !d.n.needed ());
    fail_unless (c.at (1).mid == d.at (0).mid && c.at (0).mid == d.at (1).mid);
  }
}
GST_END_TEST

GST_START_TEST (test_stop)
{
  Peer a (1), b (2);
  // Before anybody knows of it: gone.
  const TransceiverId early = a.track (K::audio, "mic");
  fine (a.n.stop (early));
  fail_unless (a.n.transceivers ().empty () && !a.n.needed ());
  faulty (a.n.stop (early), F::unknown);
  const TransceiverId t = a.track (K::audio, "mic2");
  a.track (K::video, "cam");
  negotiate (a, b);
  const std::string mid = a.at (0).mid;
  fine (a.n.stop (t));
  fine (a.n.stop (t)); // again: nothing
  faulty (a.n.set_direction (t, D::inactive), F::stopped);
  fine (a.n.remove_track (t));
  a.take ();
  fail_unless (a.told ("needed") && a.n.transceivers ().size () == 2);
  b.take ();
  offer (a, b);
  fail_unless (a.n.local ()->media[0].rejected () && a.n.local ()->media[0].mid == mid);
  b.take ();
  fail_unless (b.told ("track-") && b.told ("direction:stopped") && b.at (0).stopped);
  answer (b, a);
  a.take ();
  b.take ();
  fail_unless (a.told ("transceiver-") && b.told ("transceiver-"));
  fail_unless (a.n.transceivers ().size () == 1 && b.n.transceivers ().size () == 1);
  fail_unless (a.n.negotiated ()->media.size () == 1 && !a.n.needed () && !b.n.needed ());
  // The group goes on with the second m-line, whose transport is the same.
  fail_unless (a.n.negotiated ()->transport_mid == a.at (0).mid);
  fail_unless ((a.n.negotiated ()->changed & (changed_local_ice | changed_role)) == 0);
  // The m-line is used again, with another mid and another kind.
  a.track (K::video, "screen");
  negotiate (a, b);
  fail_unless (a.n.local ()->media.size () == 2 && a.n.local ()->media[0].kind == "video");
  fail_unless (a.at (1).mline == 0u && a.at (1).mid != mid && a.at (1).mid != a.at (0).mid);
  fail_unless (b.at (1).mid == a.at (1).mid && b.at (1).remote_track == "screen");
  // What is in use stays the group's first.
  fail_unless (a.n.local ()->bundle ()->mids[0] == a.at (0).mid);
}
GST_END_TEST

GST_START_TEST (test_stop_by_answer)
{
  Peer a (1), b (2);
  a.track (K::audio, "mic");
  a.track (K::video, "cam");
  offer (a, b);
  fine (b.n.stop (b.at (0).id));
  answer (b, a);
  fail_unless (b.n.local ()->media[0].rejected () && !b.n.local ()->media[1].rejected ());
  a.take ();
  fail_unless (a.told ("transceiver-") && a.n.transceivers ().size () == 1);
  fail_unless (b.n.transceivers ().size () == 1 && !a.n.needed () && !b.n.needed ());
  // Stopping both closes the transport; a new m-line opens another.
  const std::string ufrag = b.n.negotiated ()->local.ufrag;
  fine (a.n.stop (a.at (0).id));
  negotiate (a, b);
  fail_unless (a.n.negotiated ()->media.empty () && !a.n.local ()->bundle ());
  b.track (K::audio, "again");
  negotiate (b, a);
  fail_unless (a.n.negotiated ()->media.size () == 1 && a.n.local ()->media.size () == 2);
}
GST_END_TEST

GST_START_TEST (test_stop_while_pending)
{
  Peer a (1), b (2);
  const TransceiverId t = a.track (K::audio, "mic");
  // An offer that was created with it is of no use any more.
  const auto made = a.n.create_offer ();
  fine (a.n.stop (t));
  faulty (a.n.set_local (T::offer, *made), F::modified);
  // One that is pending is answered first, then it goes.
  const TransceiverId u = a.track (K::audio, "mic2");
  offer (a, b);
  fine (a.n.stop (u));
  answer (b, a);
  fail_unless (a.n.needed () && b.at (0).receiving);
  negotiate (a, b);
  fail_unless (a.n.transceivers ().empty () && b.n.transceivers ().empty ());
}
GST_END_TEST

GST_START_TEST (test_needed_once)
{
  Peer a (1), b (2);
  a.take ();
  fail_unless (!a.n.needed () && a.log.empty ());
  a.track (K::audio, "1");
  a.track (K::audio, "2");
  fine (a.n.add_data_channel ());
  fail_unless (a.take ().size () == 1);
  a.track (K::audio, "3"); // it was told
  fail_unless (a.take ().empty ());
  offer (a, b);
  a.take ();
  // While an offer is pending nothing is told; back in stable it is.
  a.track (K::audio, "4");
  fail_unless (!a.told ("needed") && a.take ().empty ());
  answer (b, a);
  a.take ();
  fail_unless (a.count ("needed") == 1 && a.n.needed ());
  negotiate (a, b);
  fail_unless (!a.n.needed ());
  // What is settled before the event is taken is not told.
  a.track (K::audio, "5");
  negotiate (a, b);
  a.take ();
  fail_unless (!a.told ("needed"));
  // One that is taken back in time neither.
  const TransceiverId t = a.at (0).id;
  fine (a.n.set_direction (t, D::inactive));
  fine (a.n.set_direction (t, D::sendrecv));
  fail_unless (a.take ().empty ());
}
GST_END_TEST

GST_START_TEST (test_data)
{
  Peer a (1), b (2);
  fine (a.n.add_data_channel ());
  negotiate (a, b);
  fail_unless (a.n.negotiated ()->data && b.n.negotiated ()->data);
  fail_unless (b.n.negotiated ()->data->remote_port == 5000 &&
               b.n.negotiated ()->data->remote_max_message_size == 262144);
  // It is there for both.
  fine (b.n.add_data_channel ());
  fail_unless (!b.n.needed ());
  b.track (K::video, "cam");
  negotiate (b, a);
  fail_unless (b.n.local ()->media[0].kind == "application" && !b.n.local ()->media[0].rejected ());
  // A peer that takes none.
  Peer c (3);
  fine (c.n.add_data_channel ());
  fine (c.n.set_local ());
  sdp::Description refusal = *c.n.local ();
  refusal.groups.clear ();
  refusal.media[0].port = 0;
  fine (c.n.set_remote (T::answer, refusal));
  c.take ();
  fail_unless (c.told ("data-refused") && !c.n.needed () && !c.n.negotiated ()->data);
}
GST_END_TEST

GST_START_TEST (test_limits)
{
  JsepConfig config = peer_config (1);
  config.max_transceivers = 2;
  Peer a (1, config), b (2);
  a.track (K::audio, "1");
  a.track (K::audio, "2");
  faulty (a.n.add_track (K::audio, "3", {}).error, F::too_many);
  faulty (a.n.add_transceiver (K::audio, {}).error, F::too_many);
  for (const char *id : {"1", "2", "3"})
    b.track (K::video, id);
  fine (b.n.set_local ());
  faulty (a.n.set_remote (T::offer, *b.n.local ()), F::too_many);
  fail_unless (a.state () == SignalingState::stable && a.n.transceivers ().size () == 2);
  faulty (a.n.add_transceiver (K::other, {}).error, F::bad_argument);
  faulty (a.n.add_transceiver (K::video, {.encodings = {{"a", true, ""}, {"a", true, ""}}}).error,
      F::bad_argument);
}
GST_END_TEST

static Suite *jsep_suite ()
{
  Suite *s = suite_create ("rtc-jsep-states");
  TCase *tc = tcase_create ("states");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_first_offer);
  tcase_add_test (tc, test_without_bundle_only);
  tcase_add_test (tc, test_states);
  tcase_add_test (tc, test_directions);
  tcase_add_test (tc, test_direction_changes);
  tcase_add_test (tc, test_streams);
  tcase_add_test (tc, test_add_track_reuses);
  tcase_add_test (tc, test_association);
  tcase_add_test (tc, test_stop);
  tcase_add_test (tc, test_stop_by_answer);
  tcase_add_test (tc, test_stop_while_pending);
  tcase_add_test (tc, test_needed_once);
  tcase_add_test (tc, test_data);
  tcase_add_test (tc, test_limits);
  return s;
}

GST_CHECK_MAIN (jsep)
