// SPDX-License-Identifier: LGPL-2.1-or-later
#include "connection_properties.h"
#include "turn/proto/uri.h"
#include "webrtc/gst_webrtc.h"
#include <algorithm>

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
};

GType dtls_role_type ()
{
  static const GType type = [] {
    static const GEnumValue values[] = {
        {static_cast<int> (DtlsChoice::automatic),
            "What the description of the peer allows, server first", "auto"},
        {static_cast<int> (DtlsChoice::client), "Client", "client"},
        {static_cast<int> (DtlsChoice::server), "Server", "server"}, {0, nullptr, nullptr}};
    return g_enum_register_static ("GstRtcPeerDtlsRole", values);
  }();
  return type;
}

std::string *text_setting (ConnectionSettings &s, guint id)
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

guint *number_setting (ConnectionSettings &s, guint id)
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

bool *switch_setting (ConnectionSettings &s, guint id)
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

bool set_setting (ConnectionSettings &s, guint id, const GValue *v)
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

bool get_setting (ConnectionSettings &s, guint id, GValue *v)
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
    g_value_set_enum (v,
        s.relay_only ? GST_WEBRTC_ICE_TRANSPORT_POLICY_RELAY : GST_WEBRTC_ICE_TRANSPORT_POLICY_ALL);
  else if (id == prop_dtls_role)
    g_value_set_enum (v, static_cast<int> (s.role));
  else if (id == prop_bundle_policy)
    g_value_set_enum (v, GST_WEBRTC_BUNDLE_POLICY_MAX_BUNDLE);
  else
    return false;
  return true;
}

constexpr auto ready =
    static_cast<GParamFlags> (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
constexpr auto playing = static_cast<GParamFlags> (
    G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);

// Short forms of what is installed again and again.
class Installer {
public:
  explicit Installer (GObjectClass *k) : k_ (k) {}
  void text (guint id, const char *name, const char *blurb) const
  {
    g_object_class_install_property (
        k_, id, g_param_spec_string (name, nullptr, blurb, nullptr, ready));
  }
  void number (guint id, const char *name, const char *blurb, guint least, guint most,
      guint fallback, GParamFlags flags) const
  {
    g_object_class_install_property (
        k_, id, g_param_spec_uint (name, nullptr, blurb, least, most, fallback, flags));
  }
  void yes_no (
      guint id, const char *name, const char *blurb, gboolean fallback, GParamFlags flags) const
  {
    g_object_class_install_property (
        k_, id, g_param_spec_boolean (name, nullptr, blurb, fallback, flags));
  }

private:
  GObjectClass *k_;
};

void install_paths (GObjectClass *k, const char *signalling_uri)
{
  const Installer i (k);
  i.text (prop_signalling_uri, "signalling-uri", signalling_uri);
  i.text (prop_signalling_token, "signalling-token", "Bearer token of WHIP, WHEP and pool servers");
  i.text (prop_tls_ca_file, "tls-ca-file",
      "PEM file of authorities that certificates of signalling and TURN servers are checked "
      "against "
      "(NULL = the system's)");
  i.yes_no (prop_tls_verify, "tls-verify", "Check certificates of signalling and TURN servers",
      TRUE, ready);
  i.text (prop_ice_servers, "ice-servers",
      "STUN and TURN servers with commas between: stun:HOST:PORT, "
      "turn:USER:PASSWORD@HOST:PORT?transport=tcp, turns:USER:PASSWORD@HOST:PORT; in user and "
      "password reserved characters are "
      "percent-coded");
  i.text (prop_stun_server, "stun-server", "One STUN server more, as webrtcbin has it");
  g_object_class_install_property (k, prop_turn_server,
      g_param_spec_string ("turn-server", nullptr,
          "One TURN server more, as webrtcbin has it; add-turn-server adds others", nullptr,
          ready));
  g_object_class_install_property (k, prop_ice_transport_policy,
      g_param_spec_enum ("ice-transport-policy", nullptr,
          "relay: only candidates of TURN servers are used, and no other address is told",
          GST_TYPE_WEBRTC_ICE_TRANSPORT_POLICY, GST_WEBRTC_ICE_TRANSPORT_POLICY_ALL, ready));
  i.yes_no (prop_ice_tcp, "ice-tcp", "Host candidates of TCP, too (RFC 6544)", TRUE, ready);
  i.number (prop_min_port, "min-port", "Lowest local port of ICE (0 = any)", 0, 65535, 0, ready);
  i.number (prop_max_port, "max-port", "Highest local port of ICE (0 = any)", 0, 65535, 0, ready);
  g_object_class_install_property (k, prop_bundle_policy,
      g_param_spec_enum ("bundle-policy", nullptr,
          "For programs that were written for webrtcbin: it is always max-bundle",
          GST_TYPE_WEBRTC_BUNDLE_POLICY, GST_WEBRTC_BUNDLE_POLICY_MAX_BUNDLE, ready));
}

void install_dtls (GObjectClass *k)
{
  const Installer i (k);
  i.text (prop_dtls_certificate, "dtls-certificate",
      "PEM file with our certificate (NULL = one that is made for this process)");
  i.text (
      prop_dtls_key, "dtls-key", "PEM file with its key (NULL = it is in the certificate's file)");
  g_object_class_install_property (k, prop_dtls_role,
      g_param_spec_enum ("dtls-role", nullptr,
          "What answers choose; the server picks the SRTP profile", dtls_role_type (),
          static_cast<int> (DtlsChoice::automatic), ready));
}

void install_media (GObjectClass *k)
{
  const Installer i (k);
  i.number (
      prop_latency, "latency", "Of the jitter buffer, in milliseconds", 0, 10000, 200, playing);
  i.yes_no (prop_datagrams, "datagrams",
      "Plain datagrams in DTLS instead of data channels: one buffer of the pads datagram and "
      "datagram_src each. Both sides have to",
      FALSE, ready);
  i.yes_no (prop_dtls, "dtls",
      "Encrypt; without it only datagrams pass, which anybody on the way can read and forge", TRUE,
      ready);
  i.number (prop_max_candidate_pairs, "max-candidate-pairs",
      "How many pairs of candidates ICE checks at most", 1, 1000, 100, ready);
  i.number (prop_silence_timeout, "silence-timeout",
      "Milliseconds without an authentic packet of the peer after which nothing is sent any more "
      "and ICE restarts (RFC 7675 has 30 s)",
      1000, 600000, 30000, ready);
  i.yes_no (prop_depayload, "depayload", "src pads give media; else RTP", TRUE, ready);
  i.text (prop_video_codecs, "video-codecs",
      "Names of the codecs that are offered and taken, in this order, with commas between: VP8, "
      "H264, VP9, AV1 (NULL = all that src pads can give)");
  i.text (prop_audio_codecs, "audio-codecs", "Likewise: opus, PCMU, PCMA (NULL = all)");
  i.yes_no (prop_adapt_bitrate, "adapt-bitrate",
      "Set the encoder in front of a video pad to what the network carries; an encoder of our own "
      "always is",
      FALSE, playing);
  i.number (prop_min_bitrate, "min-bitrate", "Lowest of the estimate, bit/s", 10000, 1000000000,
      100000, playing);
  i.number (prop_max_bitrate, "max-bitrate", "Highest of the estimate, bit/s", 10000, 1000000000,
      10000000, playing);
  i.number (prop_start_bitrate, "start-bitrate", "The estimate to begin with, bit/s", 10000,
      1000000000, 1000000, ready);
}
} // namespace

void install_connection_properties (GObjectClass *klass, const char *signalling_uri)
{
  install_paths (klass, signalling_uri);
  install_dtls (klass);
  install_media (klass);
}

bool set_connection_property (ConnectionSettings &s, guint id, const GValue *value)
{
  return set_setting (s, id, value);
}

bool get_connection_property (const ConnectionSettings &s, guint id, GValue *value)
{
  ConnectionSettings copy = s;
  return get_setting (copy, id, value);
}
} // namespace reach::rtc
