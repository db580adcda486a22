// SPDX-License-Identifier: LGPL-2.1-or-later
#include "connection_settings.h"
#include "rtc/pads/codec_elements.h"
#include "rtc/proto/codec.h"
#include "turn/proto/uri.h"
#include <algorithm>

namespace reach::rtc {
namespace {
std::vector<std::string> words (const std::string &text)
{
  std::vector<std::string> all;
  for (std::size_t at = 0; at < text.size ();) {
    const std::size_t end = std::min (text.find_first_of (", ", at), text.size ());
    if (end > at)
      all.push_back (text.substr (at, end - at));
    at = end + 1;
  }
  return all;
}

// webrtcbin's stun://host:port is no URI of RFC 7064, but everybody writes it.
std::string without_slashes (std::string uri)
{
  const auto at = uri.find ("://");
  if (at != std::string::npos)
    uri.erase (at + 1, 2);
  return uri;
}

// Those of `names`, in that order, with what repairs them.
std::vector<Codec> chosen (const std::vector<Codec> &known, const std::string &names)
{
  std::vector<Codec> wanted;
  for (const std::string &name : words (names))
    wanted.push_back ({.name = name});
  std::vector<Codec> all;
  for (const Codec &w : wanted)
    for (const Codec &k : known)
      if (is_name (k, w.name))
        all.push_back (k);
  for (const Codec &k : known)
    if (is_auxiliary (k))
      all.push_back (k);
  return all;
}

// The first of `names` that is none of `known`; empty: there is none.
std::string unknown_of (const std::vector<Codec> &known, const std::string &names)
{
  for (const std::string &name : words (names))
    if (std::ranges::none_of (
            known, [&] (const Codec &k) { return !is_auxiliary (k) && is_name (k, name); }))
      return name;
  return {};
}

bool choose_codecs (
    GstElement *element, const char *property, const std::string &names, SharedList<Codec> &known)
{
  if (const std::string unknown = unknown_of (known, names); !unknown.empty ()) {
    std::string all;
    for (const Codec &k : known)
      if (!is_auxiliary (k) && all.find (k.name) == std::string::npos)
        all += (all.empty () ? "" : ", ") + k.name;
    GST_ELEMENT_ERROR (element, RESOURCE, SETTINGS,
        ("\"%s\" in %s is no codec that is known here: %s are.", unknown.c_str (), property,
            all.c_str ()),
        (nullptr));
    return false;
  }
  known = chosen (known, names);
  return true;
}

// One that nothing here depayloads would only come to be thrown away.
SharedList<Codec> depayloadable (const SharedList<Codec> &known)
{
  std::vector<Codec> all = known;
  const auto useless = std::erase_if (all, [] (const Codec &c) {
    return !is_auxiliary (c) && !depayload_elements (c).missing.empty ();
  });
  return useless > 0 ? SharedList<Codec> (std::move (all)) : known;
}

sdp::Fingerprint fingerprint_of (const Certificate &c)
{
  const Fingerprint f = c.fingerprint ();
  sdp::Fingerprint out{f.algorithm, {}};
  for (std::size_t i = 0; i + 1 < f.value.size (); i += 3)
    out.digest.push_back (static_cast<std::uint8_t> (
        g_ascii_xdigit_value (f.value[i]) * 16 + g_ascii_xdigit_value (f.value[i + 1])));
  return out;
}

bool configure_ice (GstElement *element, const ConnectionSettings &s, IceSettings &ice)
{
  std::vector<std::string> uris = words (s.ice_servers);
  if (!s.stun_server.empty ())
    uris.push_back (s.stun_server);
  uris.insert (uris.end (), s.turn_servers.begin (), s.turn_servers.end ());
  for (const std::string &text : uris) {
    IceServer server;
    const std::string fault = read_ice_link ({.uri = text}, server);
    if (!fault.empty ()) {
      GST_ELEMENT_ERROR (element, RESOURCE, SETTINGS,
          ("The ICE server \"%s\" cannot be used: %s.", turn::redact (text).c_str (),
              fault.c_str ()),
          (nullptr));
      return false;
    }
    ice.servers.push_back (std::move (server));
  }
  ice.servers_follow = s.signalling_uri.starts_with ("wh"); // whip, whep: it may name servers
  const bool secure =
      std::ranges::any_of (ice.servers, [] (const IceServer &x) { return x.uri.secure; });
  if (secure || ice.servers_follow) {
    TlsConfig tls;
    tls.ca_file = s.tls_ca_file;
    tls.verify = s.tls_verify;
    std::string error;
    ice.tls = TlsContext::make (tls, error);
    if (!ice.tls && secure) {
      GST_ELEMENT_ERROR (element, RESOURCE, SETTINGS,
          ("TLS to TURN servers is not possible: %s.", error.c_str ()), (nullptr));
      return false;
    }
  }
  ice.max_checks = s.max_pairs;
  ice.relay_only = s.relay_only;
  ice.tcp = s.ice_tcp;
  ice.min_port = static_cast<std::uint16_t> (s.min_port);
  ice.max_port = static_cast<std::uint16_t> (s.max_port);
  return true;
}
} // namespace

std::string read_ice_link (const IceLink &link, IceServer &server)
{
  if (!link.credential_type.empty () && link.credential_type != "password")
    return "its credentials are no password";
  const auto uri = turn::parse_uri (without_slashes (link.uri));
  if (!uri && link.uri.find ('@') != std::string::npos)
    return "it is no URI of RFC 7064 or 7065; are reserved characters of user name and password "
           "percent-coded, : as %3A, @ as %40, / as %2F";
  if (!uri)
    return "it is no URI of RFC 7064 or 7065";
  server = {*uri, link.username, link.credential};
  return Ice::check (server);
}

bool make_peer_config (
    GstElement *element, const ConnectionSettings &s, PeerThreads &threads, PeerConfig &config)
{
  if (!s.dtls && !s.datagrams) {
    GST_ELEMENT_ERROR (element, RESOURCE, SETTINGS,
        ("Without DTLS there are only datagrams: set datagrams=true, or dtls=true."), (nullptr));
    return false;
  }
  std::string error;
  if (s.certificate.empty ()) {
    config.dtls = threads.dtls (error);
  } else if (auto own = Certificate::load (s.certificate, s.key, error)) {
    config.dtls = DtlsContext::make (std::move (own), {}, error);
  }
  if (!config.dtls) {
    GST_ELEMENT_ERROR (element, RESOURCE, SETTINGS,
        ("The DTLS certificate cannot be used: %s. Look at dtls-certificate and dtls-key.",
            error.c_str ()),
        (nullptr));
    return false;
  }
  if (!configure_ice (element, s, config.ice))
    return false;
  // webrtcbin refuses m-lines without a fingerprint, and others those with port 0.
  config.jsep.bundle_only = false;
  config.jsep.fingerprints = {fingerprint_of (config.dtls->certificate ())};
  if (s.role != DtlsChoice::automatic)
    config.jsep.role = s.role == DtlsChoice::client ? DtlsRole::client : DtlsRole::server;
  if (!s.video_codecs.empty ()) {
    if (!choose_codecs (element, "video-codecs", s.video_codecs, config.jsep.video))
      return false;
  } else if (s.depayload) {
    config.jsep.video = depayloadable (config.jsep.video);
  }
  if (!s.audio_codecs.empty () &&
      !choose_codecs (element, "audio-codecs", s.audio_codecs, config.jsep.audio))
    return false;
  if (!s.dtls) // no media without keys: what the peer offers of them is refused
    config.jsep.video = config.jsep.audio = {};
  config.receiving.latency = milliseconds (s.latency);
  config.silence = milliseconds (s.silence);
  config.datagrams = s.datagrams;
  config.plain = !s.dtls;
  auto &c = config.sending.congestion;
  c.min = std::min (s.min_bitrate, s.max_bitrate);
  c.max = s.max_bitrate;
  c.start = std::clamp (double (s.start_bitrate), c.min, c.max);
  // Seconds since 1900 of now; the same moment on the cores' clock.
  const gint64 us = g_get_real_time ();
  config.sending.ntp = {
      Clock::now (), (static_cast<std::uint64_t> (us / 1'000'000 + 2208988800) << 32) +
                         static_cast<std::uint64_t> (us % 1'000'000) * 4295};
  return true;
}
} // namespace reach::rtc
