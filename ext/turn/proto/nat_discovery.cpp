// SPDX-License-Identifier: LGPL-2.1-or-later
#include "nat_discovery.h"
#include "change_request.h"

namespace reach::turn {
using namespace stun;

namespace {
Address with_port (Address a, std::uint16_t port)
{
  a.port = port;
  return a;
}
} // namespace

NatDiscovery::NatDiscovery (Config config) : config_ (std::move (config))
{
  report_.local = config_.local;
}

void NatDiscovery::start (TimePoint now)
{
  if (step_ == Step::idle)
    ask (Step::reach, config_.server, 0, now);
}

NatDiscovery::Transmit NatDiscovery::poll_transmit ()
{
  if (out_.empty ())
    return {};
  Transmit t = std::move (out_.front ());
  out_.pop_front ();
  return t;
}

void NatDiscovery::ask (Step step, const Address &to, std::uint32_t change, TimePoint now)
{
  step_ = step;
  to_ = to;
  answers_ = with_port (
      change & change_ip ? report_.other : to, change & change_port ? report_.other.port : to.port);
  config_.crypto.random (id_);
  std::array<std::uint8_t, 1024> buffer;
  Builder b (buffer, Method::binding, Class::request, id_);
  if (!config_.software.empty ())
    b.text (Attr::software, config_.software);
  if (change != 0)
    b.u32 (Attr::change_request, change);
  if (config_.fingerprint)
    b.fingerprint ();
  wire_.assign (b.message ().begin (), b.message ().end ());
  if (wire_.empty ())
    return give_up (NatTrouble::bad_response);
  out_.push_back ({to_, wire_});
  sent_ = 1;
  wait_ = config_.retransmission.rto;
  const bool once = !filters () && config_.retransmission.requests <= 1;
  due_ = now + (once ? config_.retransmission.last_wait * wait_ : wait_);
}

// As of any request (RFC 8489, 6.2.1), but those whose answers a NAT may keep for good.
void NatDiscovery::timeout (TimePoint now)
{
  if (step_ == Step::idle || step_ == Step::done || due_ > now)
    return;
  const unsigned limit =
      filters () ? config_.filter_requests : std::max (config_.retransmission.requests, 1u);
  if (sent_ >= limit)
    return unanswered (now);
  out_.push_back ({to_, wire_});
  sent_++;
  wait_ *= 2;
  const bool last = sent_ == limit && !filters ();
  due_ = now + (last ? config_.retransmission.last_wait * config_.retransmission.rto : wait_);
}

void NatDiscovery::input (Bytes datagram, const Address &from, TimePoint now)
{
  const auto m = Message::parse (datagram);
  if (step_ == Step::idle || step_ == Step::done || !m || m->method () != Method::binding ||
      m->transaction () != id_ || (m->kind () != Class::success && m->kind () != Class::error))
    return;
  // A refusal comes from where it was asked, an answer from where it was told to.
  if (m->kind () == Class::error) {
    const auto e = m->error ();
    if (e && from == to_)
      refused (e->code, now);
  } else if (from == answers_) {
    answered (*m, from, now);
  } else if (filters () && from == to_) {
    report_.trouble = NatTrouble::bad_response; // it does not do what it was asked for
    begin_mapping (now);
  }
}

void NatDiscovery::answered (const Message &m, const Address &from, TimePoint now)
{
  const auto mapped = m.mapped ();
  std::uint16_t unknown[1];
  if (!mapped || m.unknown_required (unknown) > 0)
    return give_up (NatTrouble::bad_response);
  switch (step_) {
  case Step::reach:
    report_.mapped = *mapped;
    return reached (m, now);
  case Step::filter_all:
    report_.filtering = NatBehaviour::endpoint_independent;
    return begin_mapping (now);
  case Step::filter_port:
    report_.filtering = NatBehaviour::address_dependent;
    return begin_mapping (now);
  case Step::map_host:
    if (*mapped != report_.mapped) {
      mapped_host_ = *mapped;
      return ask (Step::map_port, report_.other, 0, now);
    }
    report_.mapping = NatBehaviour::endpoint_independent;
    break;
  default:
    report_.mapping = *mapped == mapped_host_ ? NatBehaviour::address_dependent
                                              : NatBehaviour::address_and_port_dependent;
  }
  step_ = Step::done;
}

// The other address has to be another one, and none that reaches further inside than the server's:
// whoever answers must not make us ask around in our own network.
void NatDiscovery::reached (const Message &m, TimePoint now)
{
  if (report_.local && report_.mapped == report_.local)
    report_.mapping = NatBehaviour::direct;
  const auto other = m.address (Attr::other_address);
  const Address &server = config_.server;
  const bool good = other && other->port != 0 && other->family == server.family &&
                    other->port != server.port && other->host () != server.host () &&
                    scope_of (*other) != Scope::unusable && scope_of (*other) >= scope_of (server);
  if (!good)
    return give_up (NatTrouble::not_there);
  report_.other = *other;
  ask (Step::filter_all, server, change_ip | change_port, now);
}

void NatDiscovery::refused (unsigned code, TimePoint now)
{
  report_.code = code;
  report_.trouble = NatTrouble::refused;
  if (filters ())
    return begin_mapping (now);
  step_ = Step::done;
}

void NatDiscovery::unanswered (TimePoint now)
{
  switch (step_) {
  case Step::filter_all:
    return ask (Step::filter_port, config_.server, change_port, now);
  case Step::filter_port:
    report_.filtering = NatBehaviour::address_and_port_dependent;
    return begin_mapping (now);
  default:
    return give_up (NatTrouble::no_answer);
  }
}

void NatDiscovery::begin_mapping (TimePoint now)
{
  if (report_.mapping == NatBehaviour::direct)
    step_ = Step::done;
  else
    ask (Step::map_host, with_port (report_.other, config_.server.port), 0, now);
}

void NatDiscovery::give_up (NatTrouble why, unsigned code)
{
  report_.trouble = why;
  report_.code = code;
  step_ = Step::done;
}
} // namespace reach::turn
