// SPDX-License-Identifier: LGPL-2.1-or-later
#include "relay.h"

namespace reach::turn {
namespace {
constexpr auto rw =
    static_cast<GParamFlags> (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
constexpr auto rw_playing = static_cast<GParamFlags> (
    G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
constexpr auto wo =
    static_cast<GParamFlags> (G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
constexpr auto ro = static_cast<GParamFlags> (G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

enum Property : guint {
  prop_uri = 1,
  prop_transport,
  prop_ip_family,
  prop_mode,
  prop_auto_refresh,
  prop_port,
  prop_lifetime,
  prop_rto,
  prop_max_retries,
  prop_fingerprint,
  prop_even_port,
  prop_dont_fragment,
  prop_auto_permission,
  prop_tls_verify,
  prop_host,
  prop_username,
  prop_password,
  prop_auth_secret,
  prop_software,
  prop_tls_certificate,
  prop_tls_key,
  prop_tls_ca_file,
  prop_tls_fingerprint,
  prop_tls_server_name,
  prop_allocation_name,
  prop_peers,
  prop_relayed_address,
  prop_mapped_address,
  prop_allocation,
  prop_stats
};

GType transport_type ()
{
  static const GEnumValue values[] = {{static_cast<int> (Transport::udp), "UDP", "udp"},
      {static_cast<int> (Transport::tcp), "TCP", "tcp"},
      {static_cast<int> (Transport::tls), "TLS over TCP", "tls"},
      {static_cast<int> (Transport::dtls), "DTLS over UDP", "dtls"}, {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static ("GstTurnTransport", values);
  return type;
}

GType family_type ()
{
  static const GEnumValue values[] = {
      {static_cast<int> (Families::server_default), "What the server gives", "any"},
      {static_cast<int> (Families::ipv4), "IPv4", "ipv4"},
      {static_cast<int> (Families::ipv6), "IPv6", "ipv6"},
      {static_cast<int> (Families::both), "One address of each", "both"}, {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static ("GstTurnIpFamily", values);
  return type;
}

GType mode_type ()
{
  static const GEnumValue values[] = {
      {static_cast<int> (Mode::automatic), "Channels, indications where there are none", "auto"},
      {static_cast<int> (Mode::indication), "Send and Data indications", "indication"},
      {static_cast<int> (Mode::channel), "Channels alone", "channel"}, {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static ("GstTurnMode", values);
  return type;
}

GType refresh_type ()
{
  static const GFlagsValue values[] = {{refresh_allocation, "The allocation", "allocation"},
      {refresh_permissions, "Permissions", "permissions"},
      {refresh_channels, "Channels", "channels"}, {0, nullptr, nullptr}};
  static const GType type = g_flags_register_static ("GstTurnRefresh", values);
  return type;
}

struct Text {
  guint id;
  std::string RelaySettings::*member;
  const char *name, *nick, *blurb;
  GParamFlags flags = rw;
};
const Text texts[] = {
    {prop_host, &RelaySettings::host, "host", "Host", "The server's name or address"},
    {prop_username, &RelaySettings::username, "username", "User name",
        "Who we are (NULL = nobody, for servers that do not ask); with auth-secret a part of the "
        "name that is made"},
    {prop_password, &RelaySettings::password, "password", "Password", "Of the user", wo},
    {prop_auth_secret, &RelaySettings::auth_secret, "auth-secret", "Shared secret",
        "The server's static-auth-secret: names and passwords that are good for a day are made of "
        "it, and made anew in time",
        wo},
    {prop_software, &RelaySettings::software, "software", "Software",
        "What to tell the server of this program (NULL = nothing)"},
    {prop_tls_certificate, &RelaySettings::tls_certificate, "tls-certificate", "TLS certificate",
        "PEM file with a certificate of ours, for servers that ask for one"},
    {prop_tls_key, &RelaySettings::tls_key, "tls-key", "TLS key",
        "PEM file with the key of tls-certificate, without a password (NULL = it is in the "
        "certificate's file)"},
    {prop_tls_ca_file, &RelaySettings::tls_ca_file, "tls-ca-file", "TLS authorities",
        "PEM file with the certificates to trust (NULL = the system's)"},
    {prop_tls_fingerprint, &RelaySettings::tls_fingerprint, "tls-fingerprint", "TLS fingerprint",
        "SHA-256 fingerprints, with commas between them: the server's certificate must be one of "
        "these, and nothing else about it is checked (NULL = any that verifies)"},
    {prop_tls_server_name, &RelaySettings::tls_name, "tls-server-name", "TLS server name",
        "The name that has to be in the server's certificate (NULL = host)"},
};

struct Number {
  guint id;
  unsigned RelaySettings::*member;
  const char *name, *nick, *blurb;
  unsigned least, most, normal;
};
const Number numbers[] = {
    {prop_port, &RelaySettings::port, "port", "Port",
        "The server's port (0 = 3478, with TLS and DTLS 5349)", 0, 65535, 0},
    {prop_lifetime, &RelaySettings::lifetime, "lifetime", "Lifetime",
        "Of the allocation between two refreshes, to ask for, in seconds (0 = the server's)", 0,
        86400, 0},
    {prop_rto, &RelaySettings::rto, "rto", "Retransmission timeout",
        "Milliseconds until a request on UDP or DTLS is sent again; doubled each time", 50, 60000,
        500},
    {prop_max_retries, &RelaySettings::max_retries, "max-retries", "Retransmissions",
        "How often it is sent again", 0, 20, 6},
};

struct Switch {
  guint id;
  bool RelaySettings::*member;
  const char *name, *nick, *blurb;
  bool normal;
};
const Switch switches[] = {
    {prop_fingerprint, &RelaySettings::fingerprint, "fingerprint", "FINGERPRINT",
        "End requests with this attribute", true},
    {prop_even_port, &RelaySettings::even_port, "even-port", "Even port",
        "Ask for a relayed address with an even port", false},
    {prop_dont_fragment, &RelaySettings::dont_fragment, "dont-fragment", "Don't fragment",
        "Ask the server to set the DF bit of what it sends to peers (indications alone)", false},
    {prop_auto_permission, &RelaySettings::auto_permission, "auto-permission",
        "Automatic permissions",
        "Ask for the channel or permission that sending lacks; else nothing is sent without one",
        true},
    {prop_tls_verify, &RelaySettings::tls_verify, "tls-verify", "TLS verify",
        "Refuse a server whose certificate does not verify or is not for host", true},
};

const char *or_null (const std::string &s)
{
  return s.empty () ? nullptr : s.c_str ();
}

std::string text_of (const GValue *v)
{
  const char *s = g_value_get_string (v);
  return s ? s : "";
}

void install_enums (GObjectClass *k)
{
  g_object_class_install_property (k, prop_transport,
      g_param_spec_enum ("transport", "Transport", "How the server is reached", transport_type (),
          static_cast<int> (Transport::udp), rw));
  g_object_class_install_property (k, prop_ip_family,
      g_param_spec_enum ("ip-family", "Address family", "Of the relayed address", family_type (),
          static_cast<int> (Families::server_default), rw));
  g_object_class_install_property (k, prop_mode,
      g_param_spec_enum ("mode", "Mode", "How data travel between us and the server", mode_type (),
          static_cast<int> (Mode::automatic), rw));
  g_object_class_install_property (k, prop_auto_refresh,
      g_param_spec_flags ("auto-refresh", "Automatic refreshes",
          "What is kept alive; the rest ends by itself", refresh_type (),
          refresh_allocation | refresh_permissions | refresh_channels, rw));
}

void install_status (GObjectClass *k)
{
  g_object_class_install_property (k, prop_relayed_address,
      g_param_spec_string ("relayed-address", "Relayed address",
          "Where peers send to, of two with a comma between (NULL = there is none now)", nullptr,
          ro));
  g_object_class_install_property (k, prop_mapped_address,
      g_param_spec_string ("mapped-address", "Mapped address",
          "Ours, as the server sees it (NULL = not known)", nullptr, ro));
  g_object_class_install_property (k, prop_allocation,
      g_param_spec_boxed ("allocation", "Allocation",
          "state, server, relayed, mapped and lifetime-left, which is in seconds",
          GST_TYPE_STRUCTURE, ro));
  g_object_class_install_property (k, prop_stats,
      g_param_spec_boxed ("stats", "Statistics", "Counters", GST_TYPE_STRUCTURE, ro));
}

template <typename T> const T *find (std::span<const T> all, guint id)
{
  for (const T &t : all)
    if (t.id == id)
      return &t;
  return nullptr;
}

std::string relayed_of (const Session::Status &s)
{
  std::string text;
  for (const stun::Address &a : s.relayed)
    text += (text.empty () ? "" : ",") + to_string (a);
  return text;
}

GstStructure *allocation_of (const Session::Status &s)
{
  constexpr const char *states[] = {
      "idle", "connecting", "allocating", "waiting", "allocated", "moving", "closing"};
  const bool there = s.state == Client::State::allocated;
  const auto left =
      there && s.expires != TimePoint::max () ? s.expires - Clock::now () : Duration{};
  GstStructure *out = gst_structure_new ("turn-allocation", "state", G_TYPE_STRING,
      states[static_cast<unsigned> (s.state)], "lifetime-left", G_TYPE_UINT,
      static_cast<guint> (std::max<long> (0, std::chrono::duration_cast<seconds> (left).count ())),
      nullptr);
  if (s.server)
    gst_structure_set (out, "server", G_TYPE_STRING, to_string (s.server).c_str (), nullptr);
  if (!s.relayed.empty ())
    gst_structure_set (out, "relayed", G_TYPE_STRING, relayed_of (s).c_str (), nullptr);
  if (s.mapped)
    gst_structure_set (out, "mapped", G_TYPE_STRING, to_string (s.mapped).c_str (), nullptr);
  return out;
}

bool get_status (Relay &r, guint id, GValue *v)
{
  Session::Status s;
  if (const auto session = r.session ())
    s = session->status ();
  switch (id) {
  case prop_relayed_address:
    g_value_set_string (v, or_null (relayed_of (s)));
    return true;
  case prop_mapped_address:
    g_value_set_string (v, s.mapped ? to_string (s.mapped).c_str () : nullptr);
    return true;
  case prop_allocation:
    g_value_take_boxed (v, allocation_of (s));
    return true;
  case prop_stats:
    g_value_take_boxed (v, r.stats ("turn-stats"));
    return true;
  default:
    return false;
  }
}

bool set_value (RelaySettings &s, guint id, const GValue *v)
{
  if (const auto *t = find<Text> (texts, id)) {
    s.*t->member = text_of (v);
    return true;
  }
  if (const auto *n = find<Number> (numbers, id)) {
    s.*n->member = g_value_get_uint (v);
    return true;
  }
  if (const auto *b = find<Switch> (switches, id)) {
    s.*b->member = g_value_get_boolean (v);
    return true;
  }
  switch (id) {
  case prop_transport:
    s.transport = static_cast<Transport> (g_value_get_enum (v));
    return true;
  case prop_ip_family:
    s.family = static_cast<Families> (g_value_get_enum (v));
    return true;
  case prop_mode:
    s.mode = static_cast<Mode> (g_value_get_enum (v));
    return true;
  case prop_auto_refresh:
    s.refresh = g_value_get_flags (v);
    return true;
  default:
    return false;
  }
}
} // namespace

void install_relay_properties (GObjectClass *k)
{
  g_object_class_install_property (k, prop_uri,
      g_param_spec_string ("uri", "URI",
          "turn:USER:PASSWORD@HOST:PORT?transport=udp|tcp, turns: for TLS (tcp) and DTLS (udp). "
          "Sets host, port, transport, username and password. Reads back without the password",
          nullptr, rw));
  install_enums (k);
  for (const Text &t : texts)
    g_object_class_install_property (
        k, t.id, g_param_spec_string (t.name, t.nick, t.blurb, nullptr, t.flags));
  for (const Number &n : numbers)
    g_object_class_install_property (
        k, n.id, g_param_spec_uint (n.name, n.nick, n.blurb, n.least, n.most, n.normal, rw));
  for (const Switch &b : switches)
    g_object_class_install_property (
        k, b.id, g_param_spec_boolean (b.name, b.nick, b.blurb, b.normal, rw));
  g_object_class_install_property (k, prop_allocation_name,
      g_param_spec_string ("allocation-name", "Allocation name",
          "Elements of one process with the same name use one allocation; all but the first may "
          "leave the server out (NULL = one of its own)",
          nullptr, rw));
  g_object_class_install_property (k, prop_peers,
      g_param_spec_string ("peers", "Peers",
          "Addresses with commas between: 192.0.2.1:5004,[2001:db8::1]:5004. A sink sends to each "
          "of them; all of them may send to the relayed address",
          nullptr, rw_playing));
  install_status (k);
}

bool set_relay_property (Relay &r, guint id, const GValue *v)
{
  if (id == prop_uri) {
    GError *e = nullptr;
    set_relay_uri (r, g_value_get_string (v), &e);
    if (const ErrorPtr error (e); error)
      GST_ERROR_OBJECT (r.element (), "%s", error->message);
    return true;
  }
  if (id == prop_allocation_name) {
    r.own.lock ()->allocation_name = text_of (v);
    return true;
  }
  if (id == prop_peers) {
    r.own.lock ()->peers = text_of (v);
    r.peers_changed ();
    return true;
  }
  return set_value (*r.settings.lock (), id, v);
}

bool get_relay_property (Relay &r, guint id, GValue *v)
{
  if (get_status (r, id, v))
    return true;
  const RelaySettings s = *r.settings.lock ();
  if (const auto *t = find<Text> (texts, id)) {
    g_value_set_string (v, or_null (s.*t->member));
    return true;
  }
  if (const auto *n = find<Number> (numbers, id)) {
    g_value_set_uint (v, s.*n->member);
    return true;
  }
  if (const auto *b = find<Switch> (switches, id)) {
    g_value_set_boolean (v, s.*b->member);
    return true;
  }
  switch (id) {
  case prop_uri:
    g_value_set_string (v, or_null (relay_uri (r)));
    return true;
  case prop_transport:
    g_value_set_enum (v, static_cast<int> (s.transport));
    return true;
  case prop_ip_family:
    g_value_set_enum (v, static_cast<int> (s.family));
    return true;
  case prop_mode:
    g_value_set_enum (v, static_cast<int> (s.mode));
    return true;
  case prop_auto_refresh:
    g_value_set_flags (v, s.refresh);
    return true;
  case prop_allocation_name:
    g_value_set_string (v, or_null (r.own.lock ()->allocation_name));
    return true;
  case prop_peers:
    g_value_set_string (v, or_null (r.own.lock ()->peers));
    return true;
  default:
    return false;
  }
}

bool set_relay_uri (Relay &r, const char *text, GError **error)
{
  const auto u = parse_uri (text ? text : "");
  if (!u) {
    g_set_error (error, GST_URI_ERROR, GST_URI_ERROR_BAD_URI,
        "\"%s\" is not turn:USER:PASSWORD@HOST:PORT?transport=udp or alike",
        redact (text ? text : "").c_str ());
    return false;
  }
  apply (*r.settings.lock (), *u);
  return true;
}

std::string relay_uri (Relay &r)
{
  const RelaySettings s = *r.settings.lock ();
  return s.host.empty () ? "" : to_string (uri_of (s), false);
}
} // namespace reach::turn
