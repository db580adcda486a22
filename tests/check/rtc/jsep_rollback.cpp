// SPDX-License-Identifier: LGPL-2.1-or-later
// Rollback, explicit and implicit, and what of a description it takes back.
#include "jsep_peer.h"

using namespace reach::test;
using T = DescriptionType;
using K = MediaKind;
using D = Direction;
using S = SignalingState;

GST_START_TEST (test_local)
{
  Peer a (1), b (2);
  const TransceiverId t = a.track (K::audio, "mic");
  fine (a.n.add_data_channel ());
  fine (a.n.set_local ());
  fail_unless (a.at (0).mid == "0");
  a.take ();
  fine (a.n.set_local (T::rollback));
  a.take ();
  fail_unless (a.state () == S::stable && !a.n.local () && !a.n.current_local ());
  fail_unless (a.told ("state:stable") && a.told ("needed"));
  fail_unless (a.n.transceivers ().size () == 1 && a.at (0).mid.empty () && !a.at (0).mline);
  fail_unless (a.at (0).id == t && a.at (0).track == "mic");
  // Its ICE credentials are gone too.
  fail_unless (a.told ("local-ice"));
  negotiate (a, b);
  fail_unless (a.at (0).mid == "0" && a.n.negotiated ()->data && !a.n.needed ());
}
GST_END_TEST

GST_START_TEST (test_remote)
{
  Peer a (1), b (2);
  a.track (K::audio, "mic");
  a.track (K::video, "cam");
  offer (a, b);
  b.take ();
  fail_unless (b.n.transceivers ().size () == 2 && b.told ("track+:mic"));
  fine (b.n.set_remote (T::rollback));
  b.take ();
  fail_unless (b.state () == S::stable && !b.n.remote () && b.n.transceivers ().empty ());
  fail_unless (b.count ("track-") == 2 && b.count ("transceiver-") == 2 && !b.told ("needed"));
  fine (b.n.set_remote (T::offer, *a.n.local ()));
  answer (b, a);
  fail_unless (b.n.transceivers ().size () == 2 && b.at (1).mid == a.at (1).mid);
}
GST_END_TEST

// A transceiver of a remote offer stays when add_track () has used it, and only then.
GST_START_TEST (test_remote_with_track)
{
  for (const bool reused : {true, false}) {
    Peer a (1), b (2);
    a.track (K::video, "cam");
    offer (a, b);
    if (reused)
      b.track (K::video, "back");
    else
      fine (b.n.set_direction (b.at (0).id, D::sendrecv));
    b.take ();
    fine (b.n.set_remote (T::rollback));
    b.take ();
    fail_unless (b.n.transceivers ().size () == (reused ? 1 : 0));
    fail_unless (b.told ("track-") && b.n.needed () == reused);
    if (reused)
      fail_unless (b.at (0).mid.empty () && !b.at (0).receiving && b.at (0).track == "back");
    // The next offer takes it again.
    fine (b.n.set_remote (T::offer, *a.n.local ()));
    answer (b, a);
    fail_unless (b.n.transceivers ().size () == 1 && a.at (0).receiving == reused);
  }
}
GST_END_TEST

// One that was there before, by add_track (), loses its mid and what it received.
GST_START_TEST (test_disassociates)
{
  Peer a (1), b (2);
  a.track (K::video, "cam");
  const TransceiverId t = b.track (K::video, "back");
  offer (a, b);
  fail_unless (b.at (0).mid == "0" && b.at (0).receiving);
  fine (b.n.set_remote (T::rollback));
  b.take ();
  fail_unless (b.n.transceivers ().size () == 1 && b.at (0).id == t && b.at (0).mid.empty ());
  fail_unless (!b.at (0).receiving && b.at (0).direction == D::sendrecv && b.n.needed ());
  // Its own offer may use the mid.
  fine (b.n.set_local ());
  fail_unless (b.at (0).mid == "0");
}
GST_END_TEST

GST_START_TEST (test_implicit)
{
  Peer a (1), b (2);
  a.track (K::audio, "mic");
  b.track (K::video, "cam");
  fine (a.n.set_local ());
  fine (b.n.set_local ());
  fail_unless (a.at (0).mid == "0" && b.at (0).mid == "0");
  // b is polite.
  b.take ();
  fine (b.n.set_remote (T::offer, *a.n.local ()));
  b.take ();
  fail_unless (b.state () == S::have_remote_offer && b.n.transceivers ().size () == 2);
  fail_unless (b.log.size () > 2 && b.told ("state:stable") && b.told ("state:have-remote-offer"));
  fail_unless (b.at (0).mid.empty () && b.at (1).mid == "0" && b.at (1).remote_track == "mic");
  answer (b, a);
  b.take ();
  fail_unless (b.told ("needed") && b.n.needed ());
  negotiate (b, a);
  fail_unless (a.n.transceivers ().size () == 2 && !a.n.needed () && !b.n.needed ());
  fail_unless (a.at (1).remote_track == "cam" && a.at (1).mid == b.at (0).mid);
  // The same when both have the same kind: one m-line serves both.
  Peer c (3), d (4);
  c.track (K::video, "c");
  d.track (K::video, "d");
  fine (d.n.set_local ());
  offer (c, d);
  answer (d, c);
  fail_unless (c.n.transceivers ().size () == 1 && d.n.transceivers ().size () == 1);
  fail_unless (!d.n.needed () && c.at (0).remote_track == "d" && d.at (0).remote_track == "c");
}
GST_END_TEST

// What is refused does not roll back.
GST_START_TEST (test_bad_offer_keeps)
{
  Peer a (1), b (2);
  a.track (K::audio, "mic");
  b.track (K::audio, "mic");
  fine (a.n.set_local ());
  fine (b.n.set_local ());
  sdp::Description bad = *a.n.local ();
  bad.media[0].transport.fingerprints.clear ();
  b.take ();
  faulty (b.n.set_remote (T::offer, bad), JsepFault::no_fingerprint);
  fail_unless (b.state () == S::have_local_offer && b.take ().empty () && b.at (0).mid == "0");
}
GST_END_TEST

// What the application did while the offer was pending is not taken back.
GST_START_TEST (test_keeps_the_applications)
{
  Peer a (1), b (2);
  const TransceiverId t = a.track (K::audio, "mic");
  negotiate (a, b);
  fine (a.n.set_direction (t, D::sendonly));
  fine (a.n.set_local ());
  fine (a.n.set_direction (t, D::inactive));
  fine (a.n.set_streams (t, {"new"}));
  const TransceiverId u = a.track (K::video, "cam");
  const TransceiverId v = a.track (K::video, "gone");
  fine (a.n.stop (v));
  fine (a.n.set_local (T::rollback));
  fail_unless (a.n.find (t)->direction == D::inactive && a.n.find (t)->streams[0] == "new");
  fail_unless (a.n.find (t)->mid == "0" && a.n.find (t)->current_direction == D::sendonly);
  fail_unless (a.n.find (u)->mid.empty () && !a.n.find (v) && a.n.needed ());
  negotiate (a, b);
  fail_unless (a.n.find (u)->mid == "1" && b.n.transceivers ().size () == 2);
}
GST_END_TEST

// Between negotiations: what is in force stays so.
GST_START_TEST (test_renegotiation)
{
  Peer a (1), b (2);
  a.track (K::video, "cam");
  negotiate (a, b);
  const sdp::Description remote = *b.n.current_remote ();
  const TransceiverId t = b.at (0).id;
  a.track (K::audio, "mic");
  fine (a.n.set_direction (a.at (0).id, D::recvonly));
  offer (a, b);
  b.take ();
  fail_unless (b.told ("track-") && b.told ("track+:mic"));
  fine (b.n.set_remote (T::rollback));
  b.take ();
  // The track that the offer ended is there again.
  fail_unless (b.told ("track+:cam") && b.count ("track-") == 1);
  fail_unless (b.n.transceivers ().size () == 1 && b.at (0).id == t && b.at (0).receiving);
  fail_unless (*b.n.remote () == remote && b.n.negotiated ()->media.size () == 1);
  fail_unless (b.told ("remote"));
  // An m-line that was rejected by the offer: stopped is stopped, and told.
  fine (a.n.set_local (T::rollback));
  fine (a.n.stop (a.at (0).id));
  offer (a, b);
  fail_unless (b.at (0).stopped);
  fine (b.n.set_remote (T::rollback));
  fail_unless (b.at (0).stopped && b.at (0).mid == "0" && b.n.needed ());
  fine (a.n.set_local (T::rollback));
  negotiate (b, a);
  fail_unless (b.n.transceivers ().empty () && !b.n.needed ());
  negotiate (a, b);
  fail_unless (b.n.remote ()->media.size () == 1 && b.at (0).remote_track == "mic");
  fail_unless (b.at (0).mid != "0" && !a.n.needed () && a.n.transceivers ().size () == 1);
}
GST_END_TEST

GST_START_TEST (test_data)
{
  Peer a (1), b (2);
  fine (a.n.add_data_channel ());
  b.track (K::audio, "mic");
  offer (a, b);
  fine (b.n.set_remote (T::rollback));
  negotiate (b, a); // a is in have-local-offer: rolls back
  fail_unless (!a.n.negotiated ()->data && a.n.needed ());
  negotiate (a, b);
  fail_unless (a.n.negotiated ()->data->mid == b.n.negotiated ()->data->mid);
  fail_unless (a.n.negotiated ()->data->mline == 1);
}
GST_END_TEST

// The second offer of have-remote-offer takes the place of the first.
GST_START_TEST (test_second_offer)
{
  Peer a (1), b (2);
  a.track (K::audio, "mic");
  offer (a, b);
  fine (a.n.set_local (T::rollback));
  a.track (K::video, "cam");
  fine (a.n.stop (a.at (0).id));
  b.take ();
  fine (a.n.set_local ());
  fine (b.n.set_remote (T::offer, *a.n.local ()));
  b.take ();
  fail_unless (!b.told ("state:stable") && b.n.transceivers ().size () == 1);
  fail_unless (b.told ("track-") && b.told ("track+:cam") && b.at (0).kind == K::video);
  answer (b, a);
  fail_unless (!a.n.needed () && a.at (0).mid == b.at (0).mid);
}
GST_END_TEST

// An offer from before is of no use after a remote one.
GST_START_TEST (test_stale_offer)
{
  Peer a (1), b (2);
  a.track (K::audio, "mic");
  b.track (K::audio, "mic2");
  const sdp::Description old = *a.n.create_offer ();
  negotiate (b, a);
  faulty (a.n.set_local (T::offer, old), JsepFault::modified);
  fine (a.n.set_local ());
  fine (a.n.set_local (T::rollback));
  faulty (a.n.set_local (T::offer, *a.n.local ()), JsepFault::modified);
}
GST_END_TEST

static Suite *jsep_suite ()
{
  Suite *s = suite_create ("rtc-jsep-rollback");
  TCase *tc = tcase_create ("rollback");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_local);
  tcase_add_test (tc, test_remote);
  tcase_add_test (tc, test_remote_with_track);
  tcase_add_test (tc, test_disassociates);
  tcase_add_test (tc, test_implicit);
  tcase_add_test (tc, test_bad_offer_keeps);
  tcase_add_test (tc, test_keeps_the_applications);
  tcase_add_test (tc, test_renegotiation);
  tcase_add_test (tc, test_data);
  tcase_add_test (tc, test_second_offer);
  tcase_add_test (tc, test_stale_offer);
  return s;
}

GST_CHECK_MAIN (jsep)
