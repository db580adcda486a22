// SPDX-License-Identifier: LGPL-2.1-or-later
#include "peer_properties.h"
#include "turn/proto/uri.h"
#include "webrtc/enums.h"
#include "webrtc/session_description.h"

namespace reach::rtc {
namespace {
enum Prop : guint {
  prop_signalling_uri = 1,
  prop_signalling_token,
  prop_tls_ca_file,
  prop_tls_verify,
  prop_ice_servers,
  prop_stun_server,
  prop_turn_server,
  prop_ice_transport_policy,
  prop_ice_tcp,
  prop_min_port,
  prop_max_port,
  prop_bundle_policy,
  prop_dtls_certificate,
  prop_dtls_key,
  prop_dtls_role,
  prop_latency,
  prop_depayload,
  prop_datagrams,
  prop_dtls,
  prop_max_candidate_pairs,
  prop_silence_timeout,
  prop_video_codecs,
  prop_audio_codecs,
  prop_adapt_bitrate,
  prop_min_bitrate,
  prop_max_bitrate,
  prop_start_bitrate,
  prop_estimated_bitrate,
  prop_peer_id,
  prop_connection_state,
  prop_ice_connection_state,
  prop_ice_gathering_state,
  prop_signaling_state,
  prop_local_description,
  prop_remote_description,
  prop_current_local_description,
  prop_current_remote_description,
  prop_pending_local_description,
  prop_pending_remote_description,
};

GType dtls_role_type ()
{
  static const GType type = [] {
    static const GEnumValue values[] = {
        {static_cast<int> (DtlsChoice::automatic), "What the description of the peer allows, server first", "auto"},
        {static_cast<int> (DtlsChoice::client), "Client", "client"},
        {static_cast<int> (DtlsChoice::server), "Server", "server"}, {0, nullptr, nullptr}};
    return g_enum_register_static ("GstRtcPeerDtlsRole", values);
  }();
  return type;
}

std::string *text_setting (PeerSettings &s, guint id)
{
  switch (id) {
  case prop_signalling_uri:
    return &s.signalling_uri;
  case prop_signalling_token:
    return &s.signalling_token;
  case prop_tls_ca_file:
    return &s.tls_ca_file;
  case prop_ice_servers:
    return &s.ice_servers;
  case prop_stun_server:
    return &s.stun_server;
  case prop_dtls_certificate:
    return &s.certificate;
  case prop_dtls_key:
    return &s.key;
  case prop_video_codecs:
    return &s.video_codecs;
  case prop_audio_codecs:
    return &s.audio_codecs;
  default:
    return nullptr;
  }
}

guint *number_setting (PeerSettings &s, guint id)
{
  switch (id) {
  case prop_min_port:
    return &s.min_port;
  case prop_max_port:
    return &s.max_port;
  case prop_latency:
    return &s.latency;
  case prop_max_candidate_pairs:
    return &s.max_pairs;
  case prop_silence_timeout:
    return &s.silence;
  case prop_min_bitrate:
    return &s.min_bitrate;
  case prop_max_bitrate:
    return &s.max_bitrate;
  case prop_start_bitrate:
    return &s.start_bitrate;
  default:
    return nullptr;
  }
}

bool *switch_setting (PeerSettings &s, guint id)
{
  switch (id) {
  case prop_tls_verify:
    return &s.tls_verify;
  case prop_ice_tcp:
    return &s.ice_tcp;
  case prop_depayload:
    return &s.depayload;
  case prop_datagrams:
    return &s.datagrams;
  case prop_dtls:
    return &s.dtls;
  case prop_adapt_bitrate:
    return &s.adapt;
  default:
    return nullptr;
  }
}

// Passwords in URIs stay inside.
std::string shown (guint id, const std::string &text)
{
  if (id == prop_signalling_token)
    return text.empty () ? text : "***";
  if (id != prop_ice_servers && id != prop_stun_server)
    return text;
  std::string all;
  for (std::size_t at = 0; at < text.size ();) {
    const std::size_t end = std::min (text.find (',', at), text.size ());
    all += (all.empty () ? "" : ",") + turn::redact (text.substr (at, end - at));
    at = end + 1;
  }
  return all;
}

bool set_setting (PeerSettings &s, guint id, const GValue *v)
{
  if (std::string *text = text_setting (s, id)) {
    const char *t = g_value_get_string (v);
    *text = t ? t : "";
  } else if (guint *n = number_setting (s, id)) {
    *n = g_value_get_uint (v);
  } else if (bool *b = switch_setting (s, id)) {
    *b = g_value_get_boolean (v) != FALSE;
  } else if (id == prop_turn_server) {
    const char *t = g_value_get_string (v);
    s.turn_servers.clear ();
    if (t)
      s.turn_servers.emplace_back (t);
  } else if (id == prop_ice_transport_policy) {
    s.relay_only = g_value_get_enum (v) == GST_WEBRTC_ICE_TRANSPORT_POLICY_RELAY;
  } else if (id == prop_dtls_role) {
    s.role = static_cast<DtlsChoice> (g_value_get_enum (v));
  } else if (id != prop_bundle_policy) {
    return false;
  }
  return true;
}

bool get_setting (PeerSettings &s, guint id, GValue *v)
{
  if (const std::string *text = text_setting (s, id))
    g_value_set_string (v, text->empty () ? nullptr : shown (id, *text).c_str ());
  else if (const guint *n = number_setting (s, id))
    g_value_set_uint (v, *n);
  else if (const bool *b = switch_setting (s, id))
    g_value_set_boolean (v, *b);
  else if (id == prop_turn_server)
    g_value_set_string (
        v, s.turn_servers.empty () ? nullptr : turn::redact (s.turn_servers.front ()).c_str ());
  else if (id == prop_ice_transport_policy)
    g_value_set_enum (
        v, s.relay_only ? GST_WEBRTC_ICE_TRANSPORT_POLICY_RELAY : GST_WEBRTC_ICE_TRANSPORT_POLICY_ALL);
  else if (id == prop_dtls_role)
    g_value_set_enum (v, static_cast<int> (s.role));
  else if (id == prop_bundle_policy)
    g_value_set_enum (v, GST_WEBRTC_BUNDLE_POLICY_MAX_BUNDLE);
  else
    return false;
  return true;
}

void give_description (GValue *v, DescriptionType type, const std::string &sdp)
{
  std::string why;
  g_value_take_boxed (
      v, sdp.empty () ? nullptr : description_to_gst (type, sdp, why).release ());
}

// While there is an offer that is not answered it is the pending one, and its side offered it.
DescriptionType type_of (const PeerStatus &s, bool local, bool pending)
{
  const bool offer = local ? s.signaling == SignalingState::have_local_offer ||
                                 s.signaling == SignalingState::have_remote_pranswer
                           : s.signaling == SignalingState::have_remote_offer ||
                                 s.signaling == SignalingState::have_local_pranswer;
  if (pending && offer)
    return DescriptionType::offer;
  if (pending)
    return DescriptionType::pranswer;
  return local == s.we_answered ? DescriptionType::answer : DescriptionType::offer;
}

bool get_status (const PeerStatus &s, guint id, GValue *v)
{
  switch (id) {
  case prop_estimated_bitrate:
    g_value_set_uint (v, s.bitrate);
    return true;
  case prop_peer_id:
    g_value_set_string (v, s.peer.empty () ? nullptr : s.peer.c_str ());
    return true;
  case prop_connection_state:
    g_value_set_enum (v, to_gst (s.transport, s.silent));
    return true;
  case prop_ice_connection_state:
    g_value_set_enum (v, to_gst (s.ice, s.silent));
    return true;
  case prop_ice_gathering_state:
    g_value_set_enum (v, to_gst (s.gathering));
    return true;
  case prop_signaling_state:
    g_value_set_enum (v, to_gst (s.signaling));
    return true;
  case prop_local_description:
    give_description (v, type_of (s, true, !s.pending_local.empty ()), s.local);
    return true;
  case prop_remote_description:
    give_description (v, type_of (s, false, !s.pending_remote.empty ()), s.remote);
    return true;
  case prop_current_local_description:
    give_description (v, type_of (s, true, false), s.current_local);
    return true;
  case prop_current_remote_description:
    give_description (v, type_of (s, false, false), s.current_remote);
    return true;
  case prop_pending_local_description:
    give_description (v, type_of (s, true, true), s.pending_local);
    return true;
  case prop_pending_remote_description:
    give_description (v, type_of (s, false, true), s.pending_remote);
    return true;
  default:
    return false;
  }
}

constexpr auto ready = static_cast<GParamFlags> (
    G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
constexpr auto playing = static_cast<GParamFlags> (
    G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
constexpr auto ro = static_cast<GParamFlags> (G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

void install_settings (GObjectClass *k)
{
  const auto text = [k] (guint id, const char *name, const char *blurb) {
    g_object_class_install_property (
        k, id, g_param_spec_string (name, nullptr, blurb, nullptr, ready));
  };
  const auto number = [k] (guint id, const char *name, const char *blurb, guint least, guint most,
                          guint fallback, GParamFlags flags) {
    g_object_class_install_property (
        k, id, g_param_spec_uint (name, nullptr, blurb, least, most, fallback, flags));
  };
  const auto yes_no = [k] (guint id, const char *name, const char *blurb, gboolean fallback,
                          GParamFlags flags) {
    g_object_class_install_property (
        k, id, g_param_spec_boolean (name, nullptr, blurb, fallback, flags));
  };
  text (prop_signalling_uri, "signalling-uri",
      "How the other side is found: ws(s)://HOST:PORT/CHANNEL of an rtcpoolserver, "
      "whip+http(s)://… to publish, whep+http(s)://… to play (NULL = the application carries "
      "descriptions and candidates)");
  text (prop_signalling_token, "signalling-token", "Bearer token of WHIP and WHEP servers");
  text (prop_tls_ca_file, "tls-ca-file",
      "PEM file of authorities that certificates of signalling and TURN servers are checked against "
      "(NULL = the system's)");
  yes_no (prop_tls_verify, "tls-verify", "Check certificates of signalling and TURN servers", TRUE,
      ready);
  text (prop_ice_servers, "ice-servers",
      "STUN and TURN servers with commas between: stun:HOST:PORT, "
      "turn:USER:PASSWORD@HOST:PORT?transport=tcp, turns:USER:PASSWORD@HOST:PORT; in user and password reserved characters are "
      "percent-coded");
  text (prop_stun_server, "stun-server", "One STUN server more, as webrtcbin has it");
  g_object_class_install_property (k, prop_turn_server,
      g_param_spec_string ("turn-server", nullptr,
          "One TURN server more, as webrtcbin has it; add-turn-server adds others", nullptr,
          ready));
  g_object_class_install_property (k, prop_ice_transport_policy,
      g_param_spec_enum ("ice-transport-policy", nullptr,
          "relay: only candidates of TURN servers are used, and no other address is told",
          GST_TYPE_WEBRTC_ICE_TRANSPORT_POLICY, GST_WEBRTC_ICE_TRANSPORT_POLICY_ALL, ready));
  yes_no (prop_ice_tcp, "ice-tcp", "Host candidates of TCP, too (RFC 6544)", TRUE, ready);
  number (prop_min_port, "min-port", "Lowest local port of ICE (0 = any)", 0, 65535, 0, ready);
  number (prop_max_port, "max-port", "Highest local port of ICE (0 = any)", 0, 65535, 0, ready);
  g_object_class_install_property (k, prop_bundle_policy,
      g_param_spec_enum ("bundle-policy", nullptr,
          "For programs that were written for webrtcbin: it is always max-bundle",
          GST_TYPE_WEBRTC_BUNDLE_POLICY, GST_WEBRTC_BUNDLE_POLICY_MAX_BUNDLE, ready));
  text (prop_dtls_certificate, "dtls-certificate",
      "PEM file with our certificate (NULL = one that is made for this process)");
  text (prop_dtls_key, "dtls-key",
      "PEM file with its key (NULL = it is in the certificate's file)");
  g_object_class_install_property (k, prop_dtls_role,
      g_param_spec_enum ("dtls-role", nullptr,
          "What answers choose; the server picks the SRTP profile", dtls_role_type (),
          static_cast<int> (DtlsChoice::automatic), ready));
  number (prop_latency, "latency", "Of the jitter buffer, in milliseconds", 0, 10000, 200, playing);
  yes_no (prop_datagrams, "datagrams",
      "Plain datagrams in DTLS instead of data channels: one buffer of the pads datagram and "
      "datagram_src each. Both sides have to",
      FALSE, ready);
  yes_no (prop_dtls, "dtls",
      "Encrypt; without it only datagrams pass, which anybody on the way can read and forge", TRUE,
      ready);
  number (prop_max_candidate_pairs, "max-candidate-pairs",
      "How many pairs of candidates ICE checks at most", 1, 1000, 100, ready);
  number (prop_silence_timeout, "silence-timeout",
      "Milliseconds without an authentic packet of the peer after which nothing is sent any more "
      "and ICE restarts (RFC 7675 has 30 s)",
      1000, 600000, 30000, ready);
  yes_no (prop_depayload, "depayload", "src pads give media; else RTP", TRUE, ready);
  text (prop_video_codecs, "video-codecs",
      "Names of the codecs that are offered and taken, in this order, with commas between: VP8, "
      "H264, VP9, AV1 (NULL = all)");
  text (prop_audio_codecs, "audio-codecs", "Likewise: opus, PCMU, PCMA (NULL = all)");
  yes_no (prop_adapt_bitrate, "adapt-bitrate",
      "Set the encoder in front of a video pad to what the network carries; an encoder of our own "
      "always is",
      FALSE, playing);
  number (prop_min_bitrate, "min-bitrate", "Lowest of the estimate, bit/s", 10000, 1000000000,
      100000, playing);
  number (prop_max_bitrate, "max-bitrate", "Highest of the estimate, bit/s", 10000, 1000000000,
      10000000, playing);
  number (prop_start_bitrate, "start-bitrate", "The estimate to begin with, bit/s", 10000,
      1000000000, 1000000, ready);
}

void install_status (GObjectClass *k)
{
  const auto description = [k] (guint id, const char *name, const char *blurb) {
    g_object_class_install_property (k, id,
        g_param_spec_boxed (name, nullptr, blurb, GST_TYPE_WEBRTC_SESSION_DESCRIPTION, ro));
  };
  const auto state = [k] (guint id, const char *name, const char *blurb, GType type) {
    g_object_class_install_property (
        k, id, g_param_spec_enum (name, nullptr, blurb, type, 0, ro));
  };
  g_object_class_install_property (k, prop_estimated_bitrate,
      g_param_spec_uint ("estimated-bitrate", nullptr,
          "What the network carries to the peer, bit/s (0 = not known)", 0, G_MAXUINT, 0, ro));
  g_object_class_install_property (k, prop_peer_id,
      g_param_spec_string (
          "peer-id", nullptr, "What the other side calls itself (NULL = nobody)", nullptr, ro));
  state (prop_connection_state, "connection-state", "Of ICE and DTLS together",
      GST_TYPE_WEBRTC_PEER_CONNECTION_STATE);
  state (prop_ice_connection_state, "ice-connection-state", "Of ICE",
      GST_TYPE_WEBRTC_ICE_CONNECTION_STATE);
  state (prop_ice_gathering_state, "ice-gathering-state", "Of our candidates",
      GST_TYPE_WEBRTC_ICE_GATHERING_STATE);
  state (prop_signaling_state, "signaling-state", "Of offer and answer",
      GST_TYPE_WEBRTC_SIGNALING_STATE);
  description (prop_local_description, "local-description", "The pending one, or else the current");
  description (
      prop_remote_description, "remote-description", "The pending one, or else the current");
  description (prop_current_local_description, "current-local-description", "That is in force");
  description (prop_current_remote_description, "current-remote-description", "That is in force");
  description (prop_pending_local_description, "pending-local-description",
      "That is being negotiated (NULL = none)");
  description (prop_pending_remote_description, "pending-remote-description",
      "That is being negotiated (NULL = none)");
}
} // namespace

void install_peer_properties (GObjectClass *klass)
{
  install_settings (klass);
  install_status (klass);
}

bool set_peer_property (PeerImpl &impl, guint id, const GValue *value)
{
  const bool known =
      impl.settings.update ([&] (PeerSettings &s) { return set_setting (s, id, value); });
  if (known)
    impl.apply_settings ();
  return known;
}

bool get_peer_property (PeerImpl &impl, guint id, GValue *value)
{
  if (get_setting (*impl.settings.lock (), id, value))
    return true;
  return get_status (impl.status (), id, value);
}
} // namespace reach::rtc
