// SPDX-License-Identifier: LGPL-2.1-or-later
// rtcpeer as WHIP and WHEP client of a server whose WebRTC stack is werift's.
#include "rtc_whip.h"
#include "../bus_error.h"
#include "../tls_files.h"

using namespace reach;
using namespace reach::test;

// What one publishes the others play; each session is ended when its client goes.
GST_START_TEST (test_publish_and_play)
{
  if (!WhipServer::there ())
    return;
  WhipServer server;
  Caller player (peer (server.uri ("whep")));
  player.play (); // there is nothing yet: 409, until there is
  Caller camera (publisher (server));
  camera.play ();
  fail_unless (camera.wait_connected ());
  flows (server);
  for (const char *media : {"video/x-raw", "audio/x-raw"})
    fail_unless (player.wait_media (media, 15, 2 * long_enough), "no %s", media);
  Caller second (peer (server.uri ("whep")));
  second.play ();
  fail_unless (second.wait_media ("video/x-raw", 15, 2 * long_enough));
  fail_unless (server.sees ("\"sessions\":3"));
  second.end ();
  fail_unless (server.sees ("\"sessions\":2"));
  player.end ();
  camera.end ();
  fail_unless (server.sees ("\"sessions\":0"));
  fail_unless (server.number ("deletes") >= 3); // more where media came late: a session anew
  fail_unless (server.sees ("\"faults\":[]"));
}
GST_END_TEST

// The server does not like the offer and makes one.
GST_START_TEST (test_counter_offer)
{
  if (!WhipServer::there ())
    return;
  WhipServer server ("{\"counterOffer\":true}");
  Caller camera (publisher (server));
  camera.play ();
  flows (server);
  Caller player (peer (server.uri ("whep")));
  player.play ();
  for (const char *media : {"video/x-raw", "audio/x-raw"})
    fail_unless (player.wait_media (media, 15), "no %s", media);
  fail_unless (server.sees ("\"answers\":1"));
  fail_unless_equals_int (player.tracks.get ().size (), 2);
  player.end ();
  fail_unless (server.sees ("\"sessions\":1") && server.sees ("\"faults\":[]"));
}
GST_END_TEST

GST_START_TEST (test_token)
{
  if (!WhipServer::there ())
    return;
  WhipServer server ("{\"token\":\"open-sesame\"}");
  for (const char *token : {"", "signalling-token=wrong"}) {
    Caller camera (publisher (server, token));
    camera.play ();
    const auto error = wait_message (camera.pipeline, GST_MESSAGE_ERROR);
    fail_unless (error != nullptr);
    const auto e = error_of (error.get ());
    fail_unless (strstr (e->message, "401") != nullptr, "%s", e->message);
  }
  Caller camera (publisher (server, "signalling-token=open-sesame"));
  camera.play ();
  flows (server);
  camera.end ();
  fail_unless (server.sees ("\"deletes\":1")); // by the token, too
}
GST_END_TEST

GST_START_TEST (test_tls)
{
  if (!WhipServer::there ())
    return;
  TlsFiles files;
  const auto id = files.issue ("localhost");
  WhipServer server (
      "{\"certificate\":\"" + id.certificate + "\",\"key\":\"" + id.key + "\",\"absolute\":true}");
  { // of an authority that nobody knows: it is told, and looked for again
    Caller camera (publisher (server));
    camera.play ();
    fail_unless (wait_message (camera.pipeline, GST_MESSAGE_WARNING) != nullptr);
    fail_unless (server.sees ("\"posts\":0"));
  }
  Caller camera (publisher (server, "tls-ca-file=" + files.ca ()));
  camera.play ();
  flows (server);
  camera.end ();
  fail_unless (server.sees ("\"deletes\":1"));
}
GST_END_TEST

// Busy, elsewhere, and without PATCH: what servers may be, one after the other.
GST_START_TEST (test_ways_of_servers)
{
  if (!WhipServer::there ())
    return;
  for (const char *options : {"{\"busy\":2}", "{\"redirect\":307}", "{\"redirect\":308}",
           "{\"trickle\":false,\"restart\":false}", "{\"absolute\":true}"}) {
    WhipServer server (options);
    Caller camera (publisher (server));
    camera.play ();
    flows (server);
    camera.end ();
    fail_unless (server.sees ("\"deletes\":1"), "%s", options);
  }
}
GST_END_TEST

GST_START_TEST (test_refusals)
{
  if (!WhipServer::there ())
    return;
  struct Case {
    const char *options, *name, *text;
  };
  for (const Case &c :
      {Case{"{}", "nowhere", "404"}, Case{"{\"codecs\":[\"H264\"]}", "cam", "406"}}) {
    WhipServer server (c.options);
    Caller camera (
        peer (server.uri ("whip", c.name), "video-codecs=VP8") + vp8 + " ! peer.video_0");
    camera.play ();
    const auto error = wait_message (camera.pipeline, GST_MESSAGE_ERROR);
    fail_unless (error != nullptr);
    const auto e = error_of (error.get ());
    fail_unless (strstr (e->message, c.text) != nullptr, "%s", e->message);
  }
}
GST_END_TEST

// A redirect to another server: the token stays.
GST_START_TEST (test_token_stays)
{
  if (!WhipServer::there ())
    return;
  WhipServer other, server ("{\"redirect\":307,\"redirectTo\":\"" + other.origin () + "\"}");
  Caller camera (publisher (server, "signalling-token=secret"));
  camera.play ();
  flows (other);
  camera.end ();
  fail_unless (other.sees ("\"sessions\":0"));
  fail_unless (server.sees ("\"tokens\":[\"Bearer secret\""));
  fail_unless (other.sees ("\"tokens\":[\"\",\"\""));
  fail_unless (other.seen ().find ("Bearer") == std::string::npos);
}
GST_END_TEST

// The server is silent and cannot restart ICE, or would have to take a pad more: a new session.
GST_START_TEST (test_begins_anew)
{
  if (!WhipServer::there ())
    return;
  WhipServer server;
  Caller camera (peer (server.uri ("whip"), "silence-timeout=1000") + vp8 + " ! peer.video_0");
  camera.play ();
  fail_unless (server.sees ("\"posts\":1") && camera.wait_connected ());
  server.close_connections ();
  fail_unless (server.sees ("\"posts\":2") && server.sees ("\"deletes\":1"));
  fail_unless (camera.wait_connected ());
  GstElement *sound = gst_parse_bin_from_description (opus.c_str (), TRUE, nullptr);
  gst_bin_add (GST_BIN (camera.pipeline), sound);
  fail_unless (gst_element_link_pads (sound, "src", camera.peer, "audio_0"));
  gst_element_sync_state_with_parent (sound);
  fail_unless (server.sees ("\"posts\":3") && server.sees ("\"deletes\":2"));
  flows (server);
}
GST_END_TEST

static Suite *rtc_whip_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtc_whip");
  TCase *tc = tcase_create ("werift");
  suite_add_tcase (s, tc);
  tcase_set_timeout (tc, 90);
  tcase_add_test (tc, test_publish_and_play);
  tcase_add_test (tc, test_counter_offer);
  tcase_add_test (tc, test_token);
  tcase_add_test (tc, test_tls);
  tcase_add_test (tc, test_ways_of_servers);
  tcase_add_test (tc, test_refusals);
  tcase_add_test (tc, test_token_stays);
  tcase_add_test (tc, test_begins_anew);
  return s;
}

GST_CHECK_MAIN (rtc_whip)
