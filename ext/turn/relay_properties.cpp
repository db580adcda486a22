// SPDX-License-Identifier: LGPL-2.1-or-later
#include "relay_option_tables.h"

namespace reach::turn {
namespace {
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
  g_object_class_install_property (k, prop_relay_transport,
      g_param_spec_enum ("relay-transport", "Relay transport",
          "How peers are reached; tcp needs transport=tcp or tls, and buffers become a stream of "
          "bytes",
          relay_transport_type (), static_cast<int> (stun::Relay::udp), rw));
  g_object_class_install_property (k, prop_ip_family,
      g_param_spec_enum ("ip-family", "Address family", "Of the relayed address", family_type (),
          static_cast<int> (Families::server_default), rw));
  g_object_class_install_property (k, prop_server_family,
      g_param_spec_enum ("server-family", "Server's address family",
          "Of the server's addresses only those of this family", server_family_type (),
          static_cast<int> (stun::Family::none), rw));
  g_object_class_install_property (k, prop_mode,
      g_param_spec_enum ("mode", "Mode", "How data travel between us and the server", mode_type (),
          static_cast<int> (Mode::automatic), rw));
  g_object_class_install_property (k, prop_auth_mode,
      g_param_spec_enum ("auth-mode", "Authentication", "How we prove who we are", auth_type (),
          static_cast<int> (AuthMode::automatic), rw));
  g_object_class_install_property (k, prop_stun_auth_mode,
      g_param_spec_enum ("stun-auth-mode", "STUN authentication",
          "The same in Binding requests: none, short-term or long-term", auth_type (),
          static_cast<int> (AuthMode::none), rw));
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
          "state, server, local, relayed, mapped, lifetime-left, updated, refresh-in (seconds), "
          "mobile, "
          "reservation-token, "
          "permissions (host, lifetime-left), channels (number, peer, lifetime-left)",
          GST_TYPE_STRUCTURE, ro));
  g_object_class_install_property (k, prop_nat_mapping,
      g_param_spec_enum ("nat-mapping", "NAT mapping",
          "Which addresses we have for others, as discover-nat has found (RFC 5780)", nat_type (),
          static_cast<int> (NatBehaviour::unknown), ro));
  g_object_class_install_property (k, prop_nat_filtering,
      g_param_spec_enum ("nat-filtering", "NAT filtering",
          "Whose packets come in, as discover-nat has found (RFC 5780)", nat_type (),
          static_cast<int> (NatBehaviour::unknown), ro));
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

guint seconds_until (TimePoint t)
{
  const auto left = t == TimePoint::max () ? Duration{} : t - Clock::now ();
  return static_cast<guint> (
      std::max<long> (0, std::chrono::duration_cast<seconds> (left).count ()));
}

guint seconds_since (TimePoint t)
{
  const auto past = std::chrono::duration_cast<seconds> (Clock::now () - t);
  return static_cast<guint> (std::max<long> (0, past.count ()));
}

// Lists of structures.
void put_peers (GstStructure *out, const Client::PeerList &peers)
{
  const auto append = [] (GValue &list, GstStructure *s, TimePoint expires) {
    gst_structure_set (s, "lifetime-left", G_TYPE_UINT, seconds_until (expires), nullptr);
    GValue v = G_VALUE_INIT;
    g_value_init (&v, GST_TYPE_STRUCTURE);
    g_value_take_boxed (&v, s);
    gst_value_list_append_and_take_value (&list, &v);
  };
  GValue permissions = G_VALUE_INIT, channels = G_VALUE_INIT;
  g_value_init (&permissions, GST_TYPE_LIST);
  g_value_init (&channels, GST_TYPE_LIST);
  for (const auto &p : peers.permissions)
    append (permissions,
        gst_structure_new (
            "permission", "host", G_TYPE_STRING, to_string (p.host).c_str (), nullptr),
        p.expires);
  for (const auto &c : peers.channels)
    append (channels,
        gst_structure_new ("channel", "number", G_TYPE_UINT, guint{c.number}, "peer", G_TYPE_STRING,
            to_string (c.peer).c_str (), nullptr),
        c.expires);
  gst_structure_take_value (out, "permissions", &permissions);
  gst_structure_take_value (out, "channels", &channels);
}

GstStructure *allocation_of (const Session::Status &s)
{
  constexpr const char *states[] = {
      "idle", "connecting", "allocating", "waiting", "allocated", "moving", "closing"};
  const bool there = s.state == Client::State::allocated;
  GstStructure *out = gst_structure_new ("turn-allocation", "state", G_TYPE_STRING,
      states[static_cast<unsigned> (s.state)], "lifetime-left", G_TYPE_UINT,
      there ? seconds_until (s.expires) : 0, nullptr);
  if (s.server)
    gst_structure_set (out, "server", G_TYPE_STRING, to_string (s.server).c_str (), nullptr);
  if (!s.relayed.empty ())
    gst_structure_set (out, "relayed", G_TYPE_STRING, relayed_of (s).c_str (), nullptr);
  if (s.mapped)
    gst_structure_set (out, "mapped", G_TYPE_STRING, to_string (s.mapped).c_str (), nullptr);
  if (s.local)
    gst_structure_set (out, "local", G_TYPE_STRING, to_string (s.local).c_str (), nullptr);
  if (there)
    gst_structure_set (out, "updated", G_TYPE_UINT, seconds_since (s.updated), nullptr);
  if (there && s.refresh_at != TimePoint::max ())
    gst_structure_set (out, "refresh-in", G_TYPE_UINT, seconds_until (s.refresh_at), nullptr);
  if (there)
    gst_structure_set (out, "mobile", G_TYPE_BOOLEAN, gboolean{s.mobile}, nullptr);
  if (there && s.reservation)
    gst_structure_set (
        out, "reservation-token", G_TYPE_STRING, hex_of (*s.reservation).c_str (), nullptr);
  if (there && s.peers)
    put_peers (out, *s.peers);
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
  case prop_nat_mapping:
    g_value_set_enum (v, static_cast<int> (s.nat.mapping));
    return true;
  case prop_nat_filtering:
    g_value_set_enum (v, static_cast<int> (s.nat.filtering));
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
  case prop_relay_transport:
    s.relay_transport = static_cast<stun::Relay> (g_value_get_enum (v));
    return true;
  case prop_ip_family:
    s.family = static_cast<Families> (g_value_get_enum (v));
    return true;
  case prop_server_family:
    s.server_family = static_cast<stun::Family> (g_value_get_enum (v));
    return true;
  case prop_mode:
    s.mode = static_cast<Mode> (g_value_get_enum (v));
    return true;
  case prop_auth_mode:
    s.auth = static_cast<AuthMode> (g_value_get_enum (v));
    return true;
  case prop_stun_auth_mode:
    s.stun_auth = static_cast<AuthMode> (g_value_get_enum (v));
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
          "of them; all of them may send to the relayed address (NULL = a sink sends each buffer "
          "to the address in its GstNetAddressMeta)",
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
  case prop_relay_transport:
    g_value_set_enum (v, static_cast<int> (s.relay_transport));
    return true;
  case prop_ip_family:
    g_value_set_enum (v, static_cast<int> (s.family));
    return true;
  case prop_server_family:
    g_value_set_enum (v, static_cast<int> (s.server_family));
    return true;
  case prop_mode:
    g_value_set_enum (v, static_cast<int> (s.mode));
    return true;
  case prop_auth_mode:
    g_value_set_enum (v, static_cast<int> (s.auth));
    return true;
  case prop_stun_auth_mode:
    g_value_set_enum (v, static_cast<int> (s.stun_auth));
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
