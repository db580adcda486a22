// SPDX-License-Identifier: LGPL-2.1-or-later
// Statistics in webrtcbin's shape: names, types, and ids that lead from one object to another.
#include "check.h"
#include "rtc/webrtc/stats.h"

using namespace reach;
using namespace reach::rtc;
using namespace reach::rtc::stats;

namespace {
const GstStructure *find (const StructurePtr &all, const char *id)
{
  const GValue *v = gst_structure_get_value (all.get (), id);
  fail_unless (v && GST_VALUE_HOLDS_STRUCTURE (v), "no %s", id);
  const GstStructure *s = gst_value_get_structure (v);
  fail_unless_equals_string (gst_structure_get_string (s, "id"), id);
  double timestamp = 0;
  fail_unless (gst_structure_get_double (s, "timestamp", &timestamp) && timestamp == 1234.5);
  return s;
}
void check_type (const GstStructure *s, GstWebRTCStatsType type, const char *name)
{
  gint value = 0;
  fail_unless (gst_structure_get_enum (s, "type", GST_TYPE_WEBRTC_STATS_TYPE, &value));
  fail_unless_equals_int (value, type);
  fail_unless_equals_string (gst_structure_get_name (s), name);
}
guint64 number64 (const GstStructure *s, const char *name)
{
  guint64 v = 0;
  fail_unless (gst_structure_get_uint64 (s, name, &v), "no guint64 %s", name);
  return v;
}
guint number (const GstStructure *s, const char *name)
{
  guint v = 0;
  fail_unless (gst_structure_get_uint (s, name, &v), "no guint %s", name);
  return v;
}
double real (const GstStructure *s, const char *name)
{
  double v = 0;
  fail_unless (gst_structure_get_double (s, name, &v), "no double %s", name);
  return v;
}
// To where an id points.
const GstStructure *follow (const StructurePtr &all, const GstStructure *s, const char *name)
{
  const char *id = gst_structure_get_string (s, name);
  fail_unless (id != nullptr, "no %s", name);
  return find (all, id);
}

Report example ()
{
  Report r;
  r.timestamp = 1234.5;
  r.peer_connection.data_channels_opened = 2;
  stats::Codec vp8;
  vp8.payload_type = 96;
  vp8.clock_rate = 90000;
  vp8.mime_type = "video/VP8";
  r.codecs.push_back (vp8);
  Inbound in;
  in.ssrc = 1111;
  in.kind = MediaKind::video;
  in.codec = in.transport = 0;
  in.packets_received = 1000;
  in.packets_lost = -2;
  in.jitter = 0.25;
  in.pli_count = 3;
  in.report = Inbound::Report{5.5, 1002, 99};
  r.inbound.push_back (in);
  Outbound out;
  out.ssrc = 2222;
  out.codec = out.transport = 0;
  out.bytes_sent = 77;
  r.outbound = {out, out};
  r.outbound[1].ssrc = 3333;
  RemoteInbound remote;
  remote.outbound = 1;
  remote.packets_lost = -1;
  remote.fraction_lost = 0.5;
  remote.round_trip_time = 0.02;
  r.remote_inbound = {remote};
  remote.outbound = 7; // of none that is there
  r.remote_inbound.push_back (remote);
  Transport t;
  t.dtls_state = GST_WEBRTC_DTLS_TRANSPORT_STATE_CONNECTED;
  t.selected_pair = 0;
  r.transports.push_back (t);
  CandidatePair pair;
  pair.transport = pair.local = pair.remote = 0;
  pair.nominated = true;
  r.pairs.push_back (pair);
  IceCandidate local, far;
  local.candidate.address = "192.0.2.1";
  local.candidate.port = 5000;
  far.candidate.address = "bad \xff address";
  far.candidate.type = CandidateType::relay;
  r.local_candidates.push_back (local);
  r.remote_candidates.push_back (far);
  DataChannel channel;
  channel.label = "chat";
  channel.id = 0;
  channel.state = GST_WEBRTC_DATA_CHANNEL_STATE_OPEN;
  channel.messages_sent = 9;
  r.data_channels.push_back (channel);
  return r;
}
} // namespace

GST_START_TEST (test_streams)
{
  const StructurePtr all (build (example ()));
  fail_unless_equals_string (gst_structure_get_name (all.get ()), "application/x-webrtc-stats");
  const auto *pc = find (all, "peer-connection-stats");
  check_type (pc, GST_WEBRTC_STATS_PEER_CONNECTION, "peer-connection");
  fail_unless_equals_int (number (pc, "data-channels-opened"), 2);
  const auto *in = find (all, "rtp-inbound-stream-stats_0");
  check_type (in, GST_WEBRTC_STATS_INBOUND_RTP, "inbound-rtp");
  fail_unless_equals_int (number (in, "ssrc"), 1111);
  fail_unless_equals_string (gst_structure_get_string (in, "kind"), "video");
  fail_unless_equals_uint64 (number64 (in, "packets-received"), 1000);
  fail_unless_equals_uint64 (number64 (in, "packets-lost"), 0);
  fail_unless (real (in, "jitter") == 0.25 && number (in, "pli-count") == 3);
  const auto *codec = follow (all, in, "codec-id");
  check_type (codec, GST_WEBRTC_STATS_CODEC, "codec");
  fail_unless_equals_int (number (codec, "payload-type"), 96);
  fail_unless_equals_string (gst_structure_get_string (codec, "mime-type"), "video/VP8");
  const auto *sender = follow (all, in, "remote-id");
  check_type (sender, GST_WEBRTC_STATS_REMOTE_OUTBOUND_RTP, "remote-outbound-rtp");
  fail_unless_equals_int (number (sender, "packets-sent"), 1002);
  fail_unless (follow (all, sender, "local-id") == in);

  const auto *out = find (all, "rtp-outbound-stream-stats_1");
  check_type (out, GST_WEBRTC_STATS_OUTBOUND_RTP, "outbound-rtp");
  fail_unless_equals_uint64 (number64 (out, "bytes-sent"), 77);
  const auto *remote = follow (all, out, "remote-id");
  check_type (remote, GST_WEBRTC_STATS_REMOTE_INBOUND_RTP, "remote-inbound-rtp");
  gint lost = 0;
  fail_unless (gst_structure_get_int (remote, "packets-lost", &lost) && lost == -1);
  fail_unless (real (remote, "fraction-lost") == 0.5 && real (remote, "round-trip-time") == 0.02);
  fail_unless_equals_int (number (remote, "ssrc"), 3333);
  fail_unless (follow (all, remote, "local-id") == out);
  fail_if (gst_structure_has_field (find (all, "rtp-outbound-stream-stats_0"), "remote-id"));
  fail_if (gst_structure_has_field (all.get (), "rtp-remote-inbound-stream-stats_1"));
}
GST_END_TEST

GST_START_TEST (test_transport)
{
  const StructurePtr all (build (example ()));
  const auto *t = follow (all, find (all, "rtp-inbound-stream-stats_0"), "transport-id");
  check_type (t, GST_WEBRTC_STATS_TRANSPORT, "transport");
  gint state = 0;
  fail_unless (
      gst_structure_get_enum (t, "dtls-state", GST_TYPE_WEBRTC_DTLS_TRANSPORT_STATE, &state));
  fail_unless_equals_int (state, GST_WEBRTC_DTLS_TRANSPORT_STATE_CONNECTED);
  const auto *pair = follow (all, t, "selected-candidate-pair-id");
  check_type (pair, GST_WEBRTC_STATS_CANDIDATE_PAIR, "candidate-pair");
  gboolean nominated = FALSE;
  fail_unless (gst_structure_get_boolean (pair, "nominated", &nominated) && nominated);
  fail_if (gst_structure_has_field (pair, "current-round-trip-time"));
  const auto *local = follow (all, pair, "local-candidate-id");
  check_type (local, GST_WEBRTC_STATS_LOCAL_CANDIDATE, "local-candidate");
  fail_unless_equals_string (gst_structure_get_string (local, "address"), "192.0.2.1");
  fail_unless_equals_int (number (local, "port"), 5000);
  const auto *far = follow (all, pair, "remote-candidate-id");
  check_type (far, GST_WEBRTC_STATS_REMOTE_CANDIDATE, "remote-candidate");
  fail_unless (g_utf8_validate (gst_structure_get_string (far, "address"), -1, nullptr));
  fail_unless_equals_string (gst_structure_get_string (far, "candidate-type"), "relay");
  const auto *channel = find (all, "data-channel-stats_0");
  check_type (channel, GST_WEBRTC_STATS_DATA_CHANNEL, "data-channel");
  fail_unless_equals_int (number (channel, "data-channel-identifier"), 0);
  fail_unless_equals_uint64 (number64 (channel, "messages-sent"), 9);
  // It can be told as text, as gst-launch does.
  const CharPtr text (gst_structure_to_string (all.get ()));
  fail_unless (text && g_strstr_len (text.get (), -1, "chat") != nullptr);
}
GST_END_TEST

// However many a peer makes, names are from a bounded set.
GST_START_TEST (test_bounded)
{
  Report r = example ();
  r.inbound.assign (max_objects + 100, r.inbound[0]);
  r.inbound[0].codec = max_objects + 1;
  const StructurePtr all (build (r));
  find (all, ("rtp-inbound-stream-stats_" + std::to_string (max_objects - 1)).c_str ());
  fail_if (gst_structure_has_field (
      all.get (), ("rtp-inbound-stream-stats_" + std::to_string (max_objects)).c_str ()));
  fail_if (gst_structure_has_field (find (all, "rtp-inbound-stream-stats_0"), "codec-id"));
  const StructurePtr none (build ({}));
  fail_unless_equals_int (gst_structure_n_fields (none.get ()), 1);
  const double before = now ();
  fail_unless (before > 0 && now () >= before);
}
GST_END_TEST

static Suite *webrtc_stats_suite (void)
{
  Suite *s = suite_create ("rtc-webrtc_stats");
  TCase *t = tcase_create ("core");
  suite_add_tcase (s, t);
  tcase_add_test (t, test_streams);
  tcase_add_test (t, test_transport);
  tcase_add_test (t, test_bounded);
  return s;
}
GST_CHECK_MAIN (webrtc_stats)
