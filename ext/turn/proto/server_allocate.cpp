// SPDX-License-Identifier: LGPL-2.1-or-later
// Allocate (RFC 8656, 7.2).
#include "server.h"

namespace reach::turn::server {
using stun::Attr;
using stun::Builder;
using stun::Class;
namespace code = stun::code;

namespace {
constexpr std::string_view bad = "Bad Request", no_capacity = "Insufficient Capacity";

Family family_in (const Message &m, Attr a)
{
  return static_cast<Family> (m.u8 (a).value_or (0));
}

// Who an allocation is counted for.
std::string account_of (const Identity &i, const Client &c)
{
  if (i.token)
    return "t:" + i.user + ":" + to_string (c.address.host ());
  return i.user.empty () ? to_string (c.address.host ()) : "u:" + i.user;
}
} // namespace

std::uint32_t Core::random (std::uint32_t below)
{
  std::array<std::uint8_t, 4> b{};
  config_.crypto.random (b);
  return static_cast<std::uint32_t> (
      (std::uint64_t{load_be<std::uint32_t> (b.data ())} * below) >> 32);
}

std::uint32_t Core::lifetime_of (const Request &r) const
{
  const auto s = [] (Duration d) {
    return static_cast<std::uint32_t> (std::chrono::duration_cast<seconds> (d).count ());
  };
  const std::uint32_t n = std::clamp (r.message.u32 (Attr::lifetime).value_or (0),
      s (config_.default_lifetime), s (config_.max_lifetime));
  const Duration left = r.identity.token ? r.identity.until - r.now : Duration::max ();
  return left < seconds (n) ? s (left) + 1 : n; // not longer than a token
}

std::optional<Core::Refusal> Core::check_reservation (const Request &r) const
{
  const Message &m = r.message;
  const auto even = m.find (Attr::even_port);
  if (even && even->empty ())
    return Refusal{code::bad_request, bad};
  const auto token = m.find (Attr::reservation_token);
  if (token &&
      (token->size () != sizeof (Token) || even || m.has (Attr::requested_address_family) ||
          m.has (Attr::additional_address_family)))
    return Refusal{code::bad_request, bad};
  return {};
}

std::optional<Core::Refusal> Core::check_families (const Request &r) const
{
  const Message &m = r.message;
  const bool requested = m.has (Attr::requested_address_family);
  if (m.has (Attr::additional_address_family)) {
    const auto even = m.find (Attr::even_port);
    if (requested || family_in (m, Attr::additional_address_family) != Family::ipv6 ||
        (even && ((*even)[0] & 0x80)))
      return Refusal{code::bad_request, bad};
    return {};
  }
  if (m.has (Attr::reservation_token))
    return {};
  const Family f = requested ? family_in (m, Attr::requested_address_family) : Family::ipv4;
  if ((f != Family::ipv4 && f != Family::ipv6) || !config_.relay[index_of (f)])
    return Refusal{code::family_not_supported, "Address Family not Supported"};
  return {};
}

std::optional<Core::Refusal> Core::check_allocate (const Request &r) const
{
  const auto transport = r.message.u8 (Attr::requested_transport);
  if (!transport)
    return Refusal{code::bad_request, bad};
  if (const auto t = r.message.find (Attr::mobility_ticket); t && !t->empty () && config_.mobility)
    return Refusal{code::bad_request, bad}; // RFC 8016, 3.1
  const auto relaying = static_cast<Relaying> (*transport);
  if (relaying != Relaying::udp && (relaying != Relaying::tcp || !config_.relay_tcp))
    return Refusal{code::transport_not_supported, "Unsupported Transport Protocol"};
  if (relaying == Relaying::tcp &&
      (!is_stream (paths_[r.client.path]->transport) || r.message.has (Attr::dont_fragment) ||
          r.message.has (Attr::even_port) || r.message.has (Attr::reservation_token)))
    return Refusal{code::bad_request, bad}; // RFC 6062, 5.1
  if (auto refusal = check_reservation (r))
    return refusal;
  return check_families (r);
}

void Core::allocate (Request &r)
{
  if (const Allocation *a = r.allocation) {
    if (a->transaction == r.message.transaction () && a->identity.same_client (r.identity))
      return allocated (r, *a); // the answer was lost
    return refuse (r, code::allocation_mismatch, "Allocation Mismatch");
  }
  if (const auto refusal = check_allocate (r))
    return refuse (r, refusal->code, refusal->reason);
  const Address &other = config_.alternate_server[index_of (r.client.address.family)];
  if (other)
    return redirect (r, other);
  const Transport transport = paths_[r.client.path]->transport;
  if (!r.decision.allowed && config_.ask_allocation && config_.ask_allocation ()) {
    const std::uint64_t id = ++last_id_;
    return ask (r, AllocateRequest{id, r.identity.user, r.client, transport}, id);
  }
  if (r.decision.allowed == false)
    return refuse (r, code::forbidden, "Forbidden");

  auto a = std::make_unique<Allocation> ();
  Commons::Full full{};
  a->account = commons_.enter (account_of (r.identity, r.client), config_.limits, full);
  if (!a->account)
    return full == Commons::Full::user ? refuse (r, code::quota_reached, "Allocation Quota Reached")
                                       : refuse (r, code::insufficient_capacity, no_capacity);
  a->serial = ++last_allocation_;
  a->client = r.client;
  a->transport = transport;
  a->transaction = r.message.transaction ();
  a->relaying = static_cast<Relaying> (*r.message.u8 (Attr::requested_transport));
  if (const auto refusal = take_ports (r, *a)) {
    for (const Family f : {Family::ipv4, Family::ipv6})
      remove_relay (*a, f);
    commons_.leave (a->account);
    return refuse (r, refusal->code, refusal->reason);
  }
  a->identity = r.identity;
  a->granted = lifetime_of (r);
  if (config_.mobility && r.message.has (Attr::mobility_ticket))
    make_mobile (*a);
  schedule (*a, r.now + seconds (a->granted));
  stats_.created++;
  events_.push_back (AllocationCreated{
      a->serial, a->identity.user, a->client, transport, a->relayed (), a->granted, a->relaying});
  allocated (r, *a);
  by_client_.put (r.client, std::move (a));
}

std::optional<Core::Refusal> Core::take_ports (const Request &r, Allocation &a)
{
  const Message &m = r.message;
  if (const auto token = m.find (Attr::reservation_token)) {
    Token t{};
    std::ranges::copy (*token, t.begin ());
    return take_reserved (r, a, t);
  }
  const auto even = m.find (Attr::even_port);
  const bool reserve_next = even && ((*even)[0] & 0x80);
  const Refusal full{code::insufficient_capacity, no_capacity};
  if (!m.has (Attr::additional_address_family)) {
    const Family f = m.has (Attr::requested_address_family)
                         ? family_in (m, Attr::requested_address_family)
                         : Family::ipv4;
    return take_port (a, f, even.has_value (), reserve_next, r.now) ? std::nullopt
                                                                    : std::optional (full);
  }
  // Both: one of them will do (RFC 8656, 7.2).
  for (const Family f : {Family::ipv4, Family::ipv6}) {
    const bool supported = static_cast<bool> (config_.relay[index_of (f)]);
    if (!supported || !take_port (a, f, even.has_value (), false, r.now))
      a.refused_family = {f, supported ? code::insufficient_capacity : code::family_not_supported};
  }
  return a.relayed ().empty () ? std::optional (full) : std::nullopt;
}

std::optional<Core::Refusal> Core::take_reserved (const Request &r, Allocation &a, const Token &t)
{
  const auto found = commons_.claim (t, &a.account->name);
  if (!found)
    return Refusal{code::insufficient_capacity, no_capacity};
  attach (a, found->family, found->port, found->socket);
  return {};
}

// Half of the tries anywhere, so that nobody can tell the next port; then one after the other, so
// that the last free one of a short range is found.
bool Core::take_port (Allocation &a, Family f, bool even, bool reserve_next, TimePoint now)
{
  const unsigned step = even ? 2 : 1;
  const unsigned low = config_.min_port + (even ? config_.min_port & 1u : 0u);
  if (low > config_.max_port)
    return false;
  const unsigned count = (config_.max_port - low) / step + 1;
  const unsigned tries = config_.limits.port_tries, anywhere = tries / 2;
  const unsigned start = random (count);
  for (unsigned i = 0; i < tries && i < anywhere + count; i++) {
    const unsigned at = i < anywhere ? random (count) : (start + i) % count;
    const auto port = static_cast<std::uint16_t> (low + step * at);
    const auto s = ports_.bind (f, port, a.relaying);
    if (!s)
      continue;
    const Next next = reserve_next ? reserve (a, f, port, now) : Next::reserved;
    if (next == Next::reserved) {
      attach (a, f, port, *s);
      return true;
    }
    ports_.drop (*s);
    if (next == Next::full)
      return false;
  }
  return false;
}

Core::Next Core::reserve (Allocation &a, Family f, std::uint16_t port, TimePoint now)
{
  if (port >= config_.max_port)
    return Next::taken;
  const auto next = static_cast<std::uint16_t> (port + 1);
  const auto s = ports_.bind (f, next, Relaying::udp);
  if (!s)
    return Next::taken;
  config_.crypto.random (a.reservation);
  if (!commons_.keep (a.reservation, {*s, f, next, a.account->name}, config_.limits)) {
    ports_.drop (*s);
    return Next::full;
  }
  a.reserved = true;
  reservations_.emplace (now + config_.reservation_lifetime, a.reservation);
  return Next::reserved;
}

void Core::attach (Allocation &a, Family f, std::uint16_t port, Socket s)
{
  if (free_relays_.empty ()) {
    free_relays_.push_back (static_cast<RelayId> (by_relay_.size ()));
    by_relay_.push_back (nullptr);
  }
  const RelayId id = free_relays_.back ();
  free_relays_.pop_back ();
  by_relay_[id] = &a;
  Allocation::Relay &r = a.relays[index_of (f)];
  r = {id, config_.relay[index_of (f)]};
  r.address.port = port;
  ports_.open (s, id);
}

void Core::allocated (const Request &r, const Allocation &a)
{
  Builder b = begin (r, Class::success);
  for (const Allocation::Relay &relay : a.relays)
    if (relay.address)
      b.xor_address (Attr::xor_relayed_address, relay.address);
  b.u32 (Attr::lifetime, a.granted);
  if (a.reserved)
    b.add (Attr::reservation_token, a.reservation);
  b.xor_address (Attr::xor_mapped_address, r.client.address);
  add_ticket (b, r, a);
  if (a.refused_family)
    b.address_error (a.refused_family->first, a.refused_family->second,
        a.refused_family->second == code::family_not_supported ? "Address Family not Supported"
                                                               : no_capacity);
  if (!config_.software.empty ())
    b.text (Attr::software, config_.software);
  finish (r, b);
}

void Core::redirect (const Request &r, const Address &to)
{
  stats_.errors++;
  Builder b = begin (r, Class::error);
  b.error (code::try_alternate, "Try Alternate");
  b.address (Attr::alternate_server, to);
  finish (r, b);
}
} // namespace reach::turn::server
