// SPDX-License-Identifier: LGPL-2.1-or-later
#include "relay_report.h"
#include "relay.h"
#include "relay_settings.h"
#include "turn/proto/describe.h"

namespace reach::turn {
namespace {
void put (GstStructure *s, const char *field, const std::string &text)
{
  if (g_utf8_validate (text.c_str (), static_cast<gssize> (text.size ()), nullptr))
    gst_structure_set (s, field, G_TYPE_STRING, text.c_str (), nullptr);
}

void put (GstStructure *s, const char *field, unsigned n)
{
  gst_structure_set (s, field, G_TYPE_UINT, n, nullptr);
}

// As a text, and its parts as `…-ip` and `…-port`.
void put (GstStructure *s, const std::string &field, const stun::Address &a)
{
  if (!a)
    return;
  put (s, field.c_str (), to_string (a));
  const std::string host = to_string (a.host ());
  const bool v6 = a.family == stun::Family::ipv6;
  put (s, (field + "-ip").c_str (),
      v6 && host.starts_with ('[') ? host.substr (1, host.size () - 2) : host);
  put (s, (field + "-port").c_str (), a.port);
}

void put (GstStructure *s, const std::vector<stun::Address> &peers)
{
  std::string text;
  for (const stun::Address &a : peers)
    text += (text.empty () ? "" : ",") + to_string (a);
  put (s, "peers", text);
}

void append_attribute (GValue *list, const stun::Attribute &a)
{
  GBytes *bytes = g_bytes_new (a.value.data (), a.value.size ());
  GstStructure *s = gst_structure_new (
      "attribute", "type", G_TYPE_UINT, unsigned{a.type}, "value", G_TYPE_BYTES, bytes, nullptr);
  g_bytes_unref (bytes);
  GValue v = G_VALUE_INIT;
  g_value_init (&v, GST_TYPE_STRUCTURE);
  g_value_take_boxed (&v, s);
  gst_value_list_append_and_take_value (list, &v);
}

// The decoded message.
void put (GstStructure *s, const Message &m)
{
  if (m.empty ())
    return;
  constexpr const char *classes[] = {"request", "indication", "success", "error"};
  const std::string id = hex_of (m.transaction ());
  GValue list = G_VALUE_INIT;
  g_value_init (&list, GST_TYPE_LIST);
  for (auto c = m.attributes (); auto a = c.next ();)
    append_attribute (&list, *a);
  StructurePtr inner (gst_structure_new ("stun-message", "class", G_TYPE_STRING,
      classes[static_cast<unsigned> (m.kind ())], "method", G_TYPE_STRING,
      method_name (m.method ()), "transaction-id", G_TYPE_STRING, id.c_str (), nullptr));
  put (inner.get (), "software", std::string (m.text (stun::Attr::software)));
  gst_structure_take_value (inner.get (), "attributes", &list);
  gst_structure_set (s, "message", GST_TYPE_STRUCTURE, inner.get (), nullptr);
}

Report begin (guint signal)
{
  return {signal, StructurePtr (gst_structure_new_empty (signal_message_name (signal)))};
}

void put_error (GstStructure *s, stun::Method method, unsigned code, std::string_view reason)
{
  put (s, "method", method_name (method));
  put (s, "code", code);
  put (s, "reason", std::string (reason));
}

std::optional<Report> make (const Allocated &e)
{
  Report r = begin (sig_allocated);
  GstStructure *s = r.details.get ();
  put (s, "relayed", e.relayed.front ());
  if (e.relayed.size () > 1)
    put (s, "relayed2", e.relayed[1]);
  put (s, "mapped", e.mapped);
  put (s, "lifetime", e.lifetime);
  gst_structure_set (s, "mobile", G_TYPE_BOOLEAN, gboolean{e.mobile}, nullptr);
  if (e.reservation)
    put (s, "reservation-token", hex_of (*e.reservation));
  if (e.refused_family)
    put (s, "refused-family-code", e.refused_family->error.code);
  put (s, e.message);
  return r;
}

std::optional<Report> make (const Refreshed &e)
{
  Report r = begin (sig_refreshed);
  put (r.details.get (), "lifetime", e.lifetime);
  gst_structure_set (r.details.get (), "moved", G_TYPE_BOOLEAN, gboolean{e.moved}, nullptr);
  put (r.details.get (), e.message);
  return r;
}

std::optional<Report> make (const PermissionsCreated &e)
{
  Report r = begin (sig_permission_created);
  put (r.details.get (), e.peers);
  put (r.details.get (), e.message);
  return r;
}

std::optional<Report> make (const ChannelBound &e)
{
  Report r = begin (sig_channel_bound);
  put (r.details.get (), "channel", e.number);
  put (r.details.get (), "peer", e.peer);
  put (r.details.get (), e.message);
  return r;
}

std::optional<Report> make (const PeerRefused &e)
{
  Report r = begin (sig_response_error);
  put_error (r.details.get (), e.method, e.code, e.reason);
  put (r.details.get (), e.peers);
  put (r.details.get (), e.message);
  return r;
}

std::optional<Report> make (const BindingSuccess &e)
{
  Report r = begin (sig_binding_success);
  put (r.details.get (), "mapped", e.mapped);
  if (e.origin)
    put (r.details.get (), "origin", *e.origin);
  if (e.other)
    put (r.details.get (), "other", *e.other);
  put (r.details.get (), e.message);
  return r;
}

std::optional<Report> make (const ResponseError &e)
{
  Report r = begin (sig_response_error);
  put_error (r.details.get (), e.method, e.code, e.reason);
  put (r.details.get (), e.message);
  return r;
}

std::optional<Report> make (const Redirected &e)
{
  Report r = begin (sig_response_error);
  put_error (r.details.get (), stun::Method::allocate, stun::code::try_alternate, "");
  put (r.details.get (), "alternate-server", e.server);
  put (r.details.get (), e.message);
  return r;
}

std::optional<Report> make (const TimedOut &e)
{
  Report r = begin (sig_response_error);
  put_error (r.details.get (), e.method, 0, "no answer");
  put (r.details.get (), e.peers);
  return r;
}

std::optional<Report> make (const AllocationLost &e)
{
  Report r = begin (sig_allocation_lost);
  put (r.details.get (), "why", why_name (e.why));
  put (r.details.get (), "code", e.code);
  const bool again = e.retry != Duration::max ();
  gst_structure_set (r.details.get (), "retry-in", G_TYPE_UINT64,
      again ? static_cast<guint64> (std::chrono::duration_cast<nanoseconds> (e.retry).count ())
            : GST_CLOCK_TIME_NONE,
      nullptr);
  return r;
}

std::optional<Report> make (const IcmpError &e)
{
  Report r = begin (sig_icmp);
  put (r.details.get (), "peer", e.peer);
  put (r.details.get (), "type", e.icmp.type);
  put (r.details.get (), "code", e.icmp.code);
  put (r.details.get (), "data", e.icmp.data);
  return r;
}

std::optional<Report> make (const UnknownBytes &e)
{
  Report r = begin (sig_unknown_message);
  GBytes *bytes = g_bytes_new (e.bytes.data (), std::min<std::size_t> (e.bytes.size (), 2048));
  gst_structure_set (r.details.get (), "bytes", G_TYPE_BYTES, bytes, nullptr);
  g_bytes_unref (bytes);
  return r;
}

template <typename T> std::optional<Report> make (const T &)
{
  return {};
}
} // namespace

std::optional<Report> report_of (const Event &e)
{
  return std::visit ([] (const auto &x) { return make (x); }, e);
}

StructurePtr report_of_stream (
    guint signal, const stun::Address &peer, bool incoming, const std::string &why)
{
  Report r = begin (signal);
  put (r.details.get (), "peer", peer);
  if (signal == sig_peer_connected)
    gst_structure_set (r.details.get (), "incoming", G_TYPE_BOOLEAN, gboolean{incoming}, nullptr);
  else
    put (r.details.get (), "reason", why);
  return std::move (r.details);
}

// In the order of NatBehaviour; the nicks of the properties' type, too.
const char *nat_name (NatBehaviour b)
{
  constexpr const char *names[] = {"unknown", "direct", "endpoint-independent", "address-dependent",
      "address-and-port-dependent"};
  return names[static_cast<unsigned> (b)];
}

StructurePtr report_of_nat (guint signal, const NatReport &r)
{
  constexpr const char *troubles[] = {
      nullptr, "no-answer", "refused", "no-other-address", "bad-response"};
  Report out = begin (signal);
  GstStructure *s = out.details.get ();
  put (s, "mapping", nat_name (r.mapping));
  put (s, "filtering", nat_name (r.filtering));
  put (s, "local", r.local);
  put (s, "mapped", r.mapped);
  put (s, "other", r.other);
  if (r.trouble != NatTrouble::none)
    put (s, "why", troubles[static_cast<unsigned> (r.trouble)]);
  put (s, "code", r.code);
  return std::move (out.details);
}

bool is_success (const Event &e)
{
  return std::visit (
      [] (const auto &x) {
        if constexpr (requires { x.message; })
          return !x.message.empty () && x.message.kind () == stun::Class::success;
        else
          return false;
      },
      e);
}

const char *why_name (Why w)
{
  constexpr const char *names[] = {"refused", "timeout", "disconnected", "expired", "bad-response",
      "bad-credentials", "wrong-credentials", "no-credentials", "bid-down", "bad-redirect",
      "stale-nonces", "integrity"};
  return names[static_cast<unsigned> (w)];
}

const char *method_name (stun::Method m)
{
  return stun::name_of (m);
}
} // namespace reach::turn
